/**
 * Any device with an HTTP interface, described in the configuration:
 *
 *     request: { on: { url: "http://192.168.1.40/relay/0?turn=on" } }      2xx: obeyed
 *     request: { query: { url: "http://192.168.1.40/relay/0" } }           the state by `expression`, `on_regex` or `status`
 *
 * Digest follows RFC 7616.
 */
import { z } from "zod";
import { type Context, CUTS, defineDriver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "../wire/clip.ts";
import { choice, flag, secret, text } from "../wire/fields.ts";
import { HttpClient, type HttpResponse, refuseStatus } from "../wire/http.ts";
import { regexProblem } from "../wire/regex.ts";
import { evaluateState, matchState } from "../wire/state-match.ts";

const VERBS = ["on", "off", "cycle", "reset", "query"] as const;
type RequestVerb = (typeof VERBS)[number];

const REQUEST = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: "is not an http or https URL" }).describe("URL, with query"),
  method: z
    .string()
    .regex(/^[A-Z]+$/, "is not a method")
    .optional()
    .describe("Default POST, GET for query"),
  headers: z.record(z.string(), z.string()).optional().describe("More headers"),
  body: z.string().optional().describe("Body as it is sent"),
});

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
    .describe("Headers of every request; put secrets into `token` or `password`"),
  user: text("User for Basic or digest").optional(),
  password: secret("Password for Basic or digest").optional(),
  auth: choice(["basic", "digest"], "How user and password are sent").default("basic"),
  token: secret("Sent as Authorization: Bearer").optional(),
  ca: text("Authorities to trust instead of the system's: PEM text, so `!file ca.pem`").optional(),
  pin_sha256: z
    .string()
    .regex(/^([0-9a-fA-F]{2}:?){32}$/, "must be 32 bytes in hex")
    .optional()
    .describe("SHA-256 fingerprint of the one certificate to accept"),
  insecure: flag("Accept any certificate").default(false),
  expression: text("JSONata over the JSON answer; gives true, false, on, off or unknown").optional(),
  on_regex: text("Searched in the answer, first: the machine is on").optional(),
  off_regex: text("Searched in the answer: the machine is off").optional(),
  status: z
    .strictObject({ on: z.int(), off: z.int() })
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
  sources: ["https://www.rfc-editor.org/rfc/rfc7616", "https://docs.jsonata.org/overview"],
  notes: [
    "Any 2xx answer means that a command was taken. Redirects are not followed: give the final URL. A command is never repeated within one order when it may have acted.",
    "The state comes from one of `expression` (JSONata over JSON), `on_regex` and `off_regex` (on first), or `status`. An answer that fits none is a failure, never a state.",
    "What `off` takes away is known to you alone: say it with `cuts`. With `cuts: mains` the device becomes the machine's supply.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: 'machines:\n  relay:\n    driver: http\n    cuts: mains\n    request:\n      on: { url: "http://192.168.1.40/relay/0?turn=on", method: GET }\n      off: { url: "http://192.168.1.40/relay/0?turn=off", method: GET }\n      query: { url: "http://192.168.1.40/relay/0" }\n    expression: ison\n    query: { driver: reachable, address: 192.168.1.60 }\n',
    },
    {
      title: "Digest, own certificate authority, JSON body",
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
  query: async (_none, outlet, ctx) => {
    const { response, url } = await send(outlet, "query", ctx);
    const { status } = outlet;
    if (status?.on === response.status) return { state: "on", evidence: `answered ${response.status}` };
    if (status?.off === response.status) return { state: "off", evidence: `answered ${response.status}` };
    refuseStatus(response, { url, acted: false });
    return { state: await stateOf(outlet, response), evidence: `answered ${clip(response.text).slice(0, 80)}` };
  },
});

async function command(outlet: Settings, verb: RequestVerb, ctx: Context): Promise<void> {
  const { response, url } = await send(outlet, verb, ctx);
  refuseStatus(response, { url, acted: true });
}

async function send(
  outlet: Settings,
  verb: RequestVerb,
  { signal }: Context,
): Promise<{ readonly response: HttpResponse; readonly url: string }> {
  const request = outlet.request[verb];
  if (!request) throw new PowerError("unsupported", `there is no \`request\` for ${verb}`);
  const { user, password, token, auth, ca, pin_sha256: pin, insecure } = outlet;
  const client = new HttpClient({
    auth: token
      ? { kind: "bearer", token }
      : user !== undefined && password
        ? { kind: auth, user, password }
        : undefined,
    tls: { ca, pin, insecure },
  });
  try {
    const { url, method = verb === "query" ? "GET" : "POST", headers, body } = request;
    // A GET that switches acts as much as a POST does.
    return {
      url,
      response: await client.request({
        method,
        url,
        headers: { ...outlet.headers, ...headers },
        body,
        acts: verb !== "query",
        signal,
      }),
    };
  } finally {
    await client.close();
  }
}

async function stateOf(
  { expression, on_regex: on, off_regex: off }: Settings,
  { text }: HttpResponse,
): Promise<"on" | "off" | "unknown"> {
  if (expression !== undefined) return evaluateState(text, expression);
  const state = matchState(text, { on, off });
  if (state) return state;
  throw new PowerError("protocol", `nothing in the answer tells a state: ${clip(text) || "it is empty"}`, {
    hint: "Correct `expression`, `on_regex` and `off_regex`, or `status`.",
  });
}

function check(outlet: Settings) {
  const findings: { key: string; problem: string; severity: "error" | "warning" }[] = [];
  const { request, expression, on_regex, off_regex, status, user, password, token } = outlet;
  if (request.query && expression === undefined && on_regex === undefined && off_regex === undefined && !status) {
    findings.push({
      key: "request",
      problem: "a query needs `expression`, `on_regex` and `off_regex`, or `status` to tell the state",
      severity: "error",
    });
  }
  if ((user === undefined) !== (password === undefined))
    findings.push({
      key: user === undefined ? "password" : "user",
      problem: "`user` and `password` go together",
      severity: "error",
    });
  if (token && user !== undefined)
    findings.push({ key: "token", problem: "either `token`, or `user` and `password`", severity: "error" });
  for (const [key, expressionText] of [
    ["on_regex", on_regex],
    ["off_regex", off_regex],
  ] as const) {
    const problem = regexProblem(expressionText);
    if (problem !== undefined) findings.push({ key, problem, severity: "error" });
  }
  return findings;
}
