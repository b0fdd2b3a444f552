/**
 * The routes of maaspower, for those who come from it and have not changed MAAS's settings yet (`compat: maaspower`).
 * Its answers were read in its source (github.com/gilesknap/maaspower, src/maaspower/webhook.py and devices/):
 *
 *     POST /maaspower/nuc1/on       200, no body                 with `allow_get` by GET too; past `hold` 202
 *     GET  /maaspower/nuc1/query    200 status : running         or stopped; by POST too
 *     GET  /maaspower/plug1/query   200 on                       or off: of machines under `plain`, as of its Kasa and Cisco devices
 *
 * Its faults are not kept: a failure has the status and body that it has under `/maas`, and a name is matched in full.
 */
import type { ServerResponse } from "node:http";
import { matchesAny } from "../power/names.ts";
import type { PowerState } from "../power/reading.ts";
import { answerWebhook, type Dialect, type Exchange, type Front, STATUS_WORD, standsUnder } from "./webhook.ts";

const PREFIX = "/maaspower";

export interface MaaspowerRoutes {
  /** May a GET switch? */
  readonly allowGet: boolean;
  /** Machines by the names that MAAS has for them, where those are not their own. */
  readonly names: ReadonlyMap<string, string>;
  /** Patterns of machines whose state is told by the bare word `on` or `off`. */
  readonly plain: readonly string[];
}

export function isMaaspowerPath(path: string): boolean {
  return standsUnder(PREFIX, path);
}

/** Answers a request under `/maaspower`, whatever it is. */
export function answerMaaspower(front: Front, routes: MaaspowerRoutes, exchange: Exchange): void {
  answerWebhook(front, dialectOf(routes), exchange);
}

const dialects = new WeakMap<MaaspowerRoutes, Dialect>();

/** One for the same settings, for as long as these run. */
function dialectOf(routes: MaaspowerRoutes): Dialect {
  const known = dialects.get(routes);
  if (known) return known;
  const dialect = makeDialect(routes);
  dialects.set(routes, dialect);
  return dialect;
}

const EITHER = ["GET", "POST"];
const POST = ["POST"];

function makeDialect({ allowGet, names, plain }: MaaspowerRoutes): Dialect {
  return {
    prefix: PREFIX,
    actions: ["query", "on", "off"],
    methods: (action) => (allowGet || action === "query" ? EITHER : POST),
    methodHint: "MAAS switches with POST. For a script that uses GET: `compat: { maaspower: { allow_get: true } }`.",
    machineNamed: (name) => names.get(name),
    answerState: (response, machine, { state }) =>
      answerText(response, 200, stateText(state, matchesAny(plain, machine))),
    answerOrder: (response, outcome) => answerText(response, outcome === "done" ? 200 : 202, ""),
    route: "maaspower",
  };
}

function stateText(state: PowerState, plain: boolean): string {
  return plain ? state : `status : ${STATUS_WORD[state]}`;
}

function answerText(response: ServerResponse, status: number, body: string): void {
  if (response.headersSent || response.destroyed) return;
  response
    .writeHead(status, {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Length": body.length,
      "Cache-Control": "no-store",
    })
    .end(body);
}
