/**
 * MAAS's dialect, and nothing else: the answers that MAAS's built-in `webhook` power driver understands.
 * What is promised here and why stands in docs/maas.md.
 *
 *     POST /maas/nuc1/on      200 {"result":"done"}          proven; 202 {"result":"under way"} past `hold`
 *     GET  /maas/nuc1/query   200 {"status":"running"}       or stopped, unknown: one line, matched by MAAS's default regexes
 *     failures                ≥ 400 {"error":{"code":…}}     never 404: MAAS takes a 404 for success
 */
import { VERBS } from "../power/driver.ts";
import { answerJson } from "./answer.ts";
import { decoded } from "./target.ts";
import { answerWebhook, type Dialect, type Exchange, type Front, STATUS_WORD, standsUnder } from "./webhook.ts";

const PREFIX = "/maas";

/** Made once. A text and no bytes: node:http sends it in one piece with the headers. */
const QUERY_ANSWERS = {
  on: queryAnswer("on"),
  off: queryAnswer("off"),
  unknown: queryAnswer("unknown"),
};

/** The body that MAAS's regexes are applied to. */
export function queryBody(state: keyof typeof STATUS_WORD): string {
  return `{"status":"${STATUS_WORD[state]}"}`;
}

function queryAnswer(state: keyof typeof STATUS_WORD): { readonly headers: string[]; readonly body: string } {
  const body = queryBody(state);
  return {
    headers: ["Content-Type", "application/json", "Content-Length", String(body.length), "Cache-Control", "no-store"],
    body,
  };
}

const GET = ["GET"];
const POST = ["POST"];

const MAAS: Dialect = {
  prefix: PREFIX,
  actions: ["query", ...VERBS],
  methods: (action) => (action === "query" ? GET : POST),
  methodHint: "Let MAAS's webhook driver ask; it uses the right method.",
  answerState: (response, _machine, { state }) => {
    const { headers, body } = QUERY_ANSWERS[state];
    response.writeHead(200, headers).end(body);
  },
  answerOrder: (response, outcome) =>
    answerJson(response, { status: outcome === "done" ? 200 : 202, body: { result: outcome } }),
};

export function isMaasPath(path: string): boolean {
  return standsUnder(PREFIX, path);
}

/** Is it meant to be under `/maas`, and written in another way: `/MAAS/nuc1/on`, `/maas%2Fnuc1/on`? */
export function isNearlyMaasPath(path: string): boolean {
  const [first = ""] = decoded(path.slice(1).split(/[/?#]/, 1)[0] ?? "").split("/", 1);
  return `/${first.toLowerCase()}` === PREFIX;
}

/** Answers a request under `/maas`, whatever it is. */
export function answerMaas(front: Front, exchange: Exchange): void {
  answerWebhook(front, MAAS, exchange);
}
