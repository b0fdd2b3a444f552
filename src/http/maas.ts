/**
 * MAAS's dialect, and nothing else: the answers that MAAS's built-in `webhook` power driver understands.
 * What is promised here and why stands in docs/maas.md. It runs on bare node:http, since MAAS opens a connection for
 * every request and polls every machine: the path from socket to reading stays thin.
 *
 *     POST /maas/nuc1/on      200 {"result":"done"}          proven; 202 {"result":"under way"} past `hold`
 *     GET  /maas/nuc1/query   200 {"status":"running"}       or stopped, unknown: one line, matched by MAAS's default regexes
 *     failures                ≥ 400 {"error":{"code":…}}     never 404: MAAS takes a 404 for success
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { rightFor } from "../power/access.ts";
import type { Power } from "../power/api.ts";
import type { Clock } from "../power/clock.ts";
import { VERBS, type Verb } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { nearest } from "../power/names.ts";
import type { Reading } from "../power/reading.ts";
import { AccessError } from "./access-error.ts";
import { answerJson, answerOf, isFault } from "./answer.ts";
import { refuseForeignPage } from "./foreign-page.ts";
import { actorOf, type Principal } from "./principal.ts";
import type { Sightings } from "./sightings.ts";
import { decoded } from "./target.ts";

export interface MaasServices {
  readonly power: Power;
  readonly clock: Clock;
  readonly authenticate: (request: IncomingMessage) => Principal | Promise<Principal>;
  readonly sightings: Sightings;
  /** Longest a POST is held before it is answered "under way" (ms). */
  readonly hold: number;
  /** Aborts when the daemon stops: held callers are answered then. */
  readonly stopping: AbortSignal;
}

interface Front extends MaasServices {
  readonly onFault: (error: unknown) => void;
}

const PREFIX = "/maas";

const STATUS_WORD = { on: "running", off: "stopped", unknown: "unknown" } as const;

/** Made once. A text and no bytes: node:http sends it in one piece with the headers. */
const QUERY_ANSWERS = {
  on: queryAnswer("on"),
  off: queryAnswer("off"),
  unknown: queryAnswer("unknown"),
};

function queryAnswer(state: keyof typeof STATUS_WORD): { readonly headers: string[]; readonly body: string } {
  const body = `{"status":"${STATUS_WORD[state]}"}`;
  return {
    headers: ["Content-Type", "application/json", "Content-Length", String(body.length), "Cache-Control", "no-store"],
    body,
  };
}

export function isMaasPath(path: string): boolean {
  if (!path.startsWith(PREFIX)) return false;
  const next = path[PREFIX.length];
  return next === undefined || next === "/" || next === "?" || next === "#";
}

/** Is it meant to be under `/maas`, and written in another way: `/MAAS/nuc1/on`, `/maas%2Fnuc1/on`? */
export function isNearlyMaasPath(path: string): boolean {
  const [first = ""] = decoded(path.slice(1).split(/[/?#]/, 1)[0] ?? "").split("/", 1);
  return `/${first.toLowerCase()}` === PREFIX;
}

/** Answers a request under `/maas`, whatever it is. */
export function answerMaas(front: Front, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const fail = (thrown: unknown) => refuse(front, response, { thrown });
  try {
    const principal = front.authenticate(request);
    const answered =
      principal instanceof Promise
        ? principal.then((known) => route(front, { request, response, principal: known }))
        : route(front, { request, response, principal });
    answered?.catch(fail);
  } catch (error) {
    fail(error);
  }
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly principal: Principal;
}

/** Undefined where it is answered already, as most queries are. Throws, or rejects with, what is to be told. */
function route(services: Front, call: Call): Promise<void> | undefined {
  const { request, principal } = call;
  const [machine, action, ...rest] = segments(request.url ?? "");
  if (machine === undefined || action === undefined || rest.length > 0) {
    throw new PowerError("not_found", "a webhook's path is /maas/MACHINE/on, off or query", {
      hint: "Correct the URI in MAAS's power configuration; `maasochist test NAME --as-maas` shows the right ones.",
    });
  }
  if (!services.power.has(machine) || !principal.sees(machine))
    throw unknownMachine(services.power, principal, machine);
  const verb = action === "query" ? "query" : VERBS.find((known) => known === action);
  if (!verb) {
    const near = nearest(action, ["query", ...VERBS]);
    throw new PowerError(
      "not_found",
      `there is no action "${action}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
      {
        hint: "The actions are on, off, query, cycle and reset.",
      },
    );
  }
  if (!principal.may(rightFor(verb))) {
    throw new AccessError("forbidden", `${principal.actor.name} may not ${verb} ${machine}`);
  }
  const method = verb === "query" ? "GET" : "POST";
  if (request.method !== method) {
    answerJson(call.response, {
      status: 405,
      headers: { Allow: method },
      error: {
        code: "method",
        message: `${verb} is asked with ${method}`,
        hint: "Let MAAS's webhook driver ask; it uses the right method.",
      },
    });
    return undefined;
  }
  if (verb !== "query") refuseForeignPage(request);
  services.sightings.saw(machine, {
    at: services.clock.now(),
    address: principal.address,
    agent: request.headers["user-agent"],
    systemId: header(request, "system_id"),
  });
  if (verb !== "query") return order(services, call, { machine, verb });
  const fresh = services.power.freshReading(machine);
  if (!fresh) return query(services, call, machine);
  answerState(call.response, fresh);
  return undefined;
}

async function query(front: Front, { response }: Call, machine: string): Promise<void> {
  try {
    answerState(response, await front.power.query(machine));
  } catch (error) {
    // Whatever failed, MAAS is to ask again: anything below 500 it might take for an answer.
    refuse(front, response, { thrown: error, status: 503 });
  }
}

function answerState(response: ServerResponse, reading: Reading): void {
  const { headers, body } = QUERY_ANSWERS[reading.state];
  response.writeHead(200, headers).end(body);
}

async function order(
  services: MaasServices,
  call: Call,
  wish: { readonly machine: string; readonly verb: Verb },
): Promise<void> {
  const { power, clock, hold, stopping } = services;
  const { request, response, principal } = call;
  if (stopping.aborted) throw stopped();
  const ticket = power.order({ ...wish, actor: actorOf(principal, request) });
  ticket.done.catch(() => undefined);

  const answered = new AbortController();
  const giveUp = () => answered.abort();
  // A caller that hangs up has no more use for an answer; its order goes on.
  response.once("close", giveUp);
  stopping.addEventListener("abort", giveUp, { once: true });
  try {
    const held = clock.sleep(hold, answered.signal).then(
      () => "under way" as const,
      () => "given up" as const,
    );
    const outcome = await Promise.race([ticket.done.then(() => "done" as const), held]);
    if (outcome === "given up") {
      if (stopping.aborted) throw stopped();
      return;
    }
    answerJson(response, { status: outcome === "done" ? 200 : 202, body: { result: outcome } });
  } finally {
    stopping.removeEventListener("abort", giveUp);
    answered.abort();
  }
}

function stopped(): PowerError {
  return new PowerError("busy", "the daemon is stopping", { hint: "It is asked again in a moment." });
}

/**
 * MAAS's regexes look for a state anywhere in a body: the word they begin with never stands in that of a failure, which
 * may tell in a device's own words what it answered.
 */
function refuse(
  front: Front,
  response: ServerResponse,
  { thrown, status }: { readonly thrown: unknown; readonly status?: number },
): void {
  if (isFault(thrown)) front.onFault(thrown);
  const answer = answerOf(thrown);
  const clean = (text: string) => text.replaceAll(/status/gi, "state");
  answerJson(response, {
    ...answer,
    status: status ?? answer.status,
    error: { ...answer.error, message: clean(answer.error.message), hint: clean(answer.error.hint) },
  });
}

/** The path's parts behind the prefix; doubled and trailing slashes count for nothing, as does a query string. */
function segments(url: string): string[] {
  const path = url.slice(PREFIX.length).split(/[?#]/, 1)[0] ?? "";
  return path
    .split("/")
    .filter((part) => part !== "")
    .map(decoded);
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" && value.length <= 64 ? value : undefined;
}

/** 422, never 404; the near name only of those the caller may see. */
function unknownMachine(power: Power, principal: Principal, name: string): PowerError {
  const near = nearest(
    name,
    power.names.filter((known) => principal.sees(known)),
  );
  const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
  return new PowerError(
    "not_found",
    `there is no machine "${shown}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
  );
}
