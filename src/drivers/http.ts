/**
 * Any device with an HTTP interface, described in the configuration:
 *
 *     request: { on: { url: "http://192.168.1.40/relay/0?turn=on" } }      2xx: obeyed
 *     request: { query: { url: "http://192.168.1.40/relay/0" } }           the state by `expression`, regular expressions or `status`
 *
 * Digest follows RFC 7616, Basic RFC 7617.
 */
import { METHODS } from "node:http";
import { z } from "zod";
import { type Answer, type Context, CUTS, defineDriver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "../wire/clip.ts";
import { expressionProblem } from "../wire/expression.ts";
import { choice, flag, text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { type HttpResponse, mergeHeaders, refuseStatus } from "../wire/http.ts";
import {
  accessFindings,
  accessSecrets,
  headerFindings,
  httpAccessFields,
  httpClient,
  requestSecrets,
} from "../wire/http-access.ts";
import { evaluateState, matchState, stateRegexFields, stateRegexFindings } from "../wire/state-match.ts";

const VERBS = ["on", "off", "cycle", "reset", "query"] as const;
type RequestVerb = (typeof VERBS)[number];

const REQUEST = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: "is not an http or https URL" }).describe("URL, with query"),
  method: z
    .string()
    .refine((method) => METHODS.includes(method) && method !== "CONNECT", "is no method of HTTP; write it in capitals")
    .optional()
    .describe("Default POST, GET for query"),
  headers: z.record(z.string(), z.string()).optional().describe("More headers"),
  body: z.string().optional().describe("Body as it is sent"),
});
type Request = z.output<typeof REQUEST>;

const OUTLET = z.object({
  request: z
    .strictObject(
      Object.fromEntries(VERBS.map((verb) => [verb, REQUEST.optional()])) as Record<
        RequestVerb,
        z.ZodOptional<typeof REQUEST>
      >,
    )
    .describe("Request for each verb: { url, method, headers, body }"),
  headers: z
    .record(z.string(), z.string())
    .default({})
    .describe("Headers of every request; their values are masked where an answer repeats them"),
  ...httpAccessFields,
  expression: text("JSONata over the JSON answer; gives true, false, 1, 0, on, off or unknown").optional(),
  ...stateRegexFields,
  status: z
    .strictObject({ on: z.int().min(200).max(599), off: z.int().min(200).max(599) })
    .optional()
    .describe("State by status, such as { on: 200, off: 204 }"),
  momentary: flag("The requests press a button that toggles").default(false),
  cuts: choice(CUTS, "What its off takes away; mains or port make it a supply").default("unknown"),
});
type Settings = z.output<typeof OUTLET>;

export default defineDriver({
  name: "http",
  title: "Any HTTP interface",
  family: "Anything else",
  summary: "Switches and reads anything that has an HTTP interface, by requests that you describe.",
  sources: [
    "https://www.rfc-editor.org/rfc/rfc9110",
    "https://www.rfc-editor.org/rfc/rfc7616",
    "https://docs.jsonata.org/overview",
  ],
  notes: [
    "Any 2xx answer means that a command was taken. Redirects are not followed: give the final URL. A command is never repeated within one order when it may have acted.",
    "The state comes from one of `expression` (JSONata over JSON), `on_regex` with `off_regex` (on first), or `status`. An answer that fits none is a failure, never a state; an `expression` that finds nothing reads unknown. An evaluation ends after 1.5 s and 64 MB, an answer after 1 MiB.",
    "`{name}`, `{mac}`, `{address}` and, in a range, `{n}` stand for the machine's own values everywhere in `url`, `headers` and `body`; other braces stay as they are. An IPv6 address is written in brackets: `http://[fd00::40]/relay`.",
    "A device with a certificate of its own is best pinned: `pin_sha256` is what `openssl x509 -noout -fingerprint -sha256 -in cert.pem` prints. With another certificate nothing is sent.",
    "What `off` takes away is known to you alone: say it with `cuts`. With `cuts: mains` the device becomes the machine's supply.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: 'machines:\n  relay:\n    driver: http\n    cuts: mains\n    request:\n      on: { url: "http://192.168.1.40/relay/0?turn=on", method: GET }\n      off: { url: "http://192.168.1.40/relay/0?turn=off", method: GET }\n      query: { url: "http://192.168.1.40/relay/0" }\n    expression: ison\n    query: { driver: reachable, host: 192.168.1.60 }\n',
    },
    {
      title: "Digest, pinned certificate, JSON body",
      yaml: 'machines:\n  board:\n    driver: http\n    user: admin\n    password: !secret board\n    auth: digest\n    pin_sha256: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"\n    cuts: bmc\n    request:\n      on: { url: "https://192.168.1.41/api/power", headers: { content-type: application/json }, body: \'{"power":true}\' }\n      off: { url: "https://192.168.1.41/api/power", headers: { content-type: application/json }, body: \'{"power":false}\' }\n      query: { url: "https://192.168.1.41/api/power" }\n    expression: "power.state = \'running\'"\n',
    },
  ],
  cuts: ({ cuts }) => cuts,
  momentary: ({ momentary }) => momentary,
  repeatable: false,
  outlet: OUTLET,
  perVerb: ["request"],
  without: ({ request }) => [...VERBS.filter((verb) => request[verb] === undefined), "soft"],
  check,
  on: (_none, outlet, ctx) => command(outlet, "on", ctx),
  off: (_none, outlet, ctx) => command(outlet, "off", ctx),
  cycle: (_none, outlet, ctx) => command(outlet, "cycle", ctx),
  reset: (_none, outlet, ctx) => command(outlet, "reset", ctx),
  query,
});

async function command(outlet: Settings, verb: RequestVerb, ctx: Context): Promise<void> {
  const request = requestOf(outlet, verb);
  const response = await send(outlet, request, { verb, ctx });
  refuseStatus(response, { url: request.url, acted: true, secrets: secretsOf(outlet, request) });
}

async function query(_none: undefined, outlet: Settings, ctx: Context): Promise<Answer> {
  const request = requestOf(outlet, "query");
  const response = await send(outlet, request, { verb: "query", ctx });
  const secrets = secretsOf(outlet, request);
  const { status, expression, on_regex: on, off_regex: off } = outlet;
  if (status?.on === response.status) return { state: "on", evidence: `answered ${response.status}` };
  if (status?.off === response.status) return { state: "off", evidence: `answered ${response.status}` };
  refuseStatus(response, { url: request.url, acted: false, secrets });
  const { text } = response;
  const evidence = `answered ${clip(text, secrets, 80) || "nothing"}`;
  if (expression !== undefined) {
    const state = await evaluateState(text, expression, { signal: ctx.signal, secrets });
    return { state, evidence, ...(state === "unknown" && { reason: "`expression` gives unknown, or finds nothing" }) };
  }
  const state = matchState(text, { on, off });
  if (state) return { state, evidence };
  const said = status
    ? `answered ${response.status}, which is neither status`
    : `tells no state: ${clip(text, secrets)}`;
  throw new PowerError("protocol", `the answer of ${new URL(request.url).host} ${said}`, {
    hint: "Correct `expression`, `on_regex` and `off_regex`, or `status`.",
  });
}

function requestOf(outlet: Settings, verb: RequestVerb): Request {
  const request = outlet.request[verb];
  if (!request) throw new PowerError("unsupported", `there is no \`request\` for ${verb}`);
  return request;
}

async function send(
  outlet: Settings,
  { url, method, headers, body }: Request,
  { verb, ctx }: { readonly verb: RequestVerb; readonly ctx: Context },
): Promise<HttpResponse> {
  return httpClient(outlet).request({
    method: method ?? (verb === "query" ? "GET" : "POST"),
    url,
    headers: mergeHeaders(outlet.headers, headers),
    body,
    // A GET that switches acts as much as a POST does.
    acts: verb !== "query",
    signal: ctx.signal,
  });
}

function secretsOf(outlet: Settings, { url, headers, body }: Request): string[] {
  return [...accessSecrets(outlet), ...requestSecrets({ url, headers: mergeHeaders(outlet.headers, headers), body })];
}

function check(outlet: Settings): Finding[] {
  const { request, expression, on_regex, off_regex, status } = outlet;
  const requests = VERBS.flatMap((verb) => request[verb] ?? []);
  const findings = [
    ...accessFindings(
      outlet,
      requests.map(({ url }) => url),
    ),
    ...stateRegexFindings(outlet),
    ...requests.flatMap(({ headers }) => headerFindings("request", headers)),
    ...headerFindings("headers", outlet.headers),
  ];
  if (requests.some(({ url }) => new URL(url).username !== "" || new URL(url).password !== ""))
    findings.push(mistake("request", "a URL holds user or password: write them as `user` and `password`"));
  const regex = on_regex ?? off_regex;
  const ways = [expression, regex, status].filter((way) => way !== undefined).length;
  if (request.query && ways === 0)
    findings.push(
      mistake("request", "a query needs `expression`, `on_regex` and `off_regex`, or `status` to tell the state"),
    );
  if (ways > 1)
    findings.push(
      mistake(
        expression !== undefined ? "expression" : "status",
        "only one of `expression`, regular expressions and `status` can tell the state",
      ),
    );
  const problem = expression === undefined ? undefined : expressionProblem(expression);
  if (problem !== undefined) findings.push(mistake("expression", problem));
  if (status && status.on === status.off) findings.push(mistake("status", "on and off have the same status"));
  return findings;
}
