/**
 * The exchange behind a webhook, whatever its dialect: who calls, for what, held until it is proven, told how it ended.
 * The head of docs/maas.md tells why each step is as it is. It runs on bare node:http, since MAAS opens a connection for
 * every request and polls every machine: the path from socket to reading stays thin.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { rightFor } from "../power/access.ts";
import type { Power } from "../power/api.ts";
import type { Clock } from "../power/clock.ts";
import type { Verb } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { nearest } from "../power/names.ts";
import type { Reading } from "../power/reading.ts";
import { AccessError } from "./access-error.ts";
import { answerJson, answerOf, isFault } from "./answer.ts";
import { addressOf } from "./arrival.ts";
import { refuseForeignPage } from "./foreign-page.ts";
import { actorOf, type Principal } from "./principal.ts";
import type { Answered } from "./request-log.ts";
import type { OldRoute, Sightings, Told } from "./sightings.ts";
import type { WebhookRoute } from "./tallies.ts";
import { decoded } from "./target.ts";
import { turn } from "./turn.ts";

export interface WebhookServices {
  readonly power: Power;
  readonly clock: Clock;
  readonly authenticate: (request: IncomingMessage) => Principal | Promise<Principal>;
  readonly sightings: Sightings;
  /** Longest a POST is held before it is answered "under way" (ms). */
  readonly hold: number;
  /** Aborts when the daemon stops: held callers are answered then. */
  readonly stopping: AbortSignal;
  /** Told of every answer. */
  readonly answered: (route: WebhookRoute, answered: Answered) => void;
}

export interface Front extends WebhookServices {
  readonly onFault: (error: unknown) => void;
}

/** A state in MAAS's own word. */
export const STATUS_WORD = { on: "running", off: "stopped", unknown: "unknown" } as const;

export type Action = Verb | "query";
export type Outcome = "done" | "under way";

/** How one kind of caller asks, and wants to be answered. */
export interface Dialect {
  /** What stands before the machine in a path: `/maas`. */
  readonly prefix: string;
  readonly actions: readonly Action[];
  /** Methods by which an action is asked. */
  readonly methods: (action: Action) => readonly string[];
  /** What the caller is told of another method. */
  readonly methodHint: string;
  /** A machine's own name, where callers have another one for it. */
  readonly machineNamed?: (name: string) => string | undefined;
  readonly answerState: (response: ServerResponse, machine: string, reading: Reading) => void;
  readonly answerOrder: (response: ServerResponse, outcome: Outcome) => void;
  /** Marks sightings, where it is not MAAS's own dialect. */
  readonly route?: OldRoute;
}

/** Answers a request below the dialect's prefix, whatever it is. */
export function answerWebhook(front: Front, dialect: Dialect, exchange: Exchange): void {
  const { request, response } = exchange;
  request.resume();
  const fail = (thrown: unknown) => {
    if (thrown instanceof AccessError) noteRefusal(front, dialect, { request, code: thrown.kind });
    refuse(front, dialect, exchange, { thrown });
  };
  try {
    const principal = front.authenticate(request);
    const answered =
      principal instanceof Promise
        ? principal.then((known) => route(front, dialect, { request, response, principal: known }))
        : route(front, dialect, { request, response, principal });
    answered?.catch(fail);
  } catch (error) {
    fail(error);
  }
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Call extends Exchange {
  readonly principal: Principal;
}

/** Does the path stand below the prefix, or is it the prefix? */
export function standsUnder(prefix: string, path: string): boolean {
  if (!path.startsWith(prefix)) return false;
  const next = path[prefix.length];
  return next === undefined || next === "/" || next === "?" || next === "#";
}

/** Undefined where it is answered already, as most queries are. Throws, or rejects with, what is to be told. */
function route(front: Front, dialect: Dialect, call: Call): Promise<void> | undefined {
  const { request, response, principal } = call;
  const { machine, action } = wishOf(front, dialect, call);
  if (!principal.may(rightFor(action))) {
    throw new AccessError("forbidden", `${principal.actor.name} may not ${action} ${machine}`);
  }
  const methods = dialect.methods(action);
  if (!methods.includes(request.method ?? "")) {
    answerJson(response, {
      status: 405,
      headers: { Allow: methods.join(", ") },
      error: {
        code: "method",
        message: `${action} is asked with ${methods.join(" or ")}`,
        hint: dialect.methodHint,
      },
    });
    front.answered(action, { request, status: 405, actor: principal.actor.id, code: "method" });
    return undefined;
  }
  if (action !== "query") refuseForeignPage(request);
  const isMaas = front.sightings.saw(machine, {
    at: front.clock.now(),
    address: principal.address,
    agent: request.headers["user-agent"],
    systemId: header(request, "system_id"),
    ...(dialect.route && { route: dialect.route }),
  });
  if (action !== "query") return order(front, dialect, call, { machine, verb: action });
  const told = (answer: Told) => {
    if (isMaas) front.sightings.told(machine, { answer, at: front.clock.now() });
  };
  const fresh = front.power.freshReading(machine);
  if (!fresh) return query(front, dialect, call, { machine, told });
  told(STATUS_WORD[fresh.state]);
  dialect.answerState(response, machine, fresh);
  front.answered("query", { request, status: 200, actor: principal.actor.id });
  return undefined;
}

/** What `maasochist maas verify` tells, where MAAS comes with a token that is not known. */
function noteRefusal(
  { power, clock, sightings }: Front,
  { prefix, machineNamed }: Dialect,
  { request, code }: { readonly request: IncomingMessage; readonly code: string },
): void {
  const [written = ""] = segments(prefix, request.url ?? "");
  const machine = machineNamed?.(written) ?? written;
  if (!power.has(machine)) return;
  const address = addressOf(request);
  sightings.refused(machine, { at: clock.now(), address, agent: request.headers["user-agent"], code });
}

/** Machine and action that the path names. Throws PowerError where there is none such. */
function wishOf(
  { power }: Front,
  { prefix, actions, machineNamed }: Dialect,
  { request, principal }: Call,
): { readonly machine: string; readonly action: Action } {
  const [written, act, ...rest] = segments(prefix, request.url ?? "");
  if (written === undefined || act === undefined || rest.length > 0) {
    throw new PowerError("not_found", `a webhook's path is ${prefix}/MACHINE/on, off or query`, {
      hint: "Correct the URI in MAAS's power configuration; `maasochist test NAME --as-maas` shows the right ones.",
    });
  }
  const machine = machineNamed?.(written) ?? written;
  if (!power.has(machine) || !principal.sees(machine)) throw unknownMachine(power, principal, written);
  const action = actions.find((known) => known === act);
  if (action) return { machine, action };
  const near = nearest(act, actions);
  throw new PowerError(
    "not_found",
    `there is no action "${act}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
    { hint: `The actions are ${actions.join(", ")}.` },
  );
}

async function query(
  front: Front,
  dialect: Dialect,
  call: Call,
  { machine, told }: { readonly machine: string; readonly told: (answer: Told) => void },
): Promise<void> {
  try {
    const reading = await front.power.query(machine);
    told(STATUS_WORD[reading.state]);
    dialect.answerState(call.response, machine, reading);
    front.answered("query", { request: call.request, status: 200, actor: call.principal.actor.id });
  } catch (error) {
    told("failure");
    // Whatever failed, MAAS is to ask again: anything below 500 it might take for an answer.
    refuse(front, dialect, call, { thrown: error, status: 503 });
  }
}

async function order(
  { power, clock, hold, stopping, answered: tellAnswered }: Front,
  dialect: Dialect,
  { request, response, principal }: Call,
  wish: { readonly machine: string; readonly verb: Verb },
): Promise<void> {
  await turn();
  if (stopping.aborted) throw stopped();
  const ticket = power.order({ ...wish, actor: actorOf(principal, request) });
  ticket.done.catch(() => undefined);

  const answered = new AbortController();
  const giveUp = () => answered.abort();
  // A caller that hangs up has no more use for an answer; its order goes on.
  response.once("close", giveUp);
  if (response.closed) giveUp();
  stopping.addEventListener("abort", giveUp, { once: true });
  try {
    const held = clock.sleep(hold, answered.signal).then(
      () => "under way" as const,
      () => "given up" as const,
    );
    const outcome = await Promise.race([ticket.done.then(() => "done" as const), held]);
    await power.kept();
    if (outcome !== "given up") {
      dialect.answerOrder(response, outcome);
      const status = response.statusCode;
      tellAnswered(wish.verb, { request, status, actor: principal.actor.id, order: ticket.order.id });
    } else if (stopping.aborted) throw stopped();
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
  dialect: Dialect,
  { request, response, principal }: Exchange & Partial<Pick<Call, "principal">>,
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
  front.answered(routeOf(dialect, request), {
    request,
    status: status ?? answer.status,
    actor: principal?.actor.id,
    code: answer.error.code,
  });
}

/** What a request that failed was for, as far as its path tells. */
function routeOf({ prefix, actions }: Dialect, request: IncomingMessage): WebhookRoute {
  const [, action] = segments(prefix, request.url ?? "");
  return actions.find((known) => known === action) ?? "other";
}

const UNUSUAL = /[%?#]|\/$/;

/** The path's parts behind the prefix; doubled and trailing slashes count for nothing, as does a query string. */
function segments(prefix: string, url: string): string[] {
  const from = prefix.length + 1;
  const slash = url.indexOf("/", from);
  // As MAAS asks, ten thousand times in a row: nothing is doubled, encoded or appended.
  if (slash > from && url.indexOf("/", slash + 1) < 0 && !UNUSUAL.test(url))
    return [url.slice(from, slash), url.slice(slash + 1)];
  const path = url.slice(prefix.length).split(/[?#]/, 1)[0] ?? "";
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
