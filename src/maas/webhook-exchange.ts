/**
 * MAAS's exchange with a webhook, replayed and explained: `maasochist test NAME --as-maas`.
 * What MAAS makes of an answer follows its `webhook` power driver; see docs/maas.md.
 */
import { isIP } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "../power/errors.ts";
import { hostOf, type RawAnswer, rawExchange } from "./raw-exchange.ts";

/** MAAS's own time limit for a poll (ms). */
const POLL_TIMEOUT_MS = 15_000;
/** MAAS's own time limit for an action (ms). */
const ACTION_TIMEOUT_MS = 300_000;
/** What MAAS waits behind an action before it asks for the state, round by round (ms). */
const WAITS_MS = [1_000, 2_000, 2_000, 4_000, 6_000, 8_000, 12_000];
/** The defaults of the regexes in MAAS's form. */
const ON_REGEX = /status.*:.*running/;
const OFF_REGEX = /status.*:.*stopped/;
/** MAAS's own is `MAAS 3.7.3`; the daemon must not take this for a sign of life of MAAS. */
const USER_AGENT = "maasochist test, as MAAS 3.7.3";

export interface ReplayOptions {
  /** `http://192.168.1.10:6227`. */
  readonly url: string;
  readonly machine: string;
  readonly token: string;
  /** Also switch the machine on, as MAAS does it. */
  readonly act: boolean;
  readonly signal: AbortSignal;
}

export interface ReplayStep {
  /** The request and its answer, or what was looked at. */
  readonly what: string;
  /** `advice`: it works, but not as well as it could. */
  readonly outcome: "ok" | "advice" | "failed";
  /** What MAAS makes of it, and what to do where that is not well. */
  readonly explanation: string;
}

/** The steps as they are made; ends with the first that failed. Throws only when the signal aborts. */
export async function* replayAsMaas(options: ReplayOptions): AsyncGenerator<ReplayStep> {
  const url = new URL(options.url);
  yield addressStep(url);
  const query = `/maas/${options.machine}/query`;
  for (const path of [query, `${query}/`]) {
    const { step } = await queryStep(url, path, options);
    yield path === query
      ? step
      : { ...step, explanation: `${step.explanation} MAAS asks this way as well after a 404.` };
    if (step.outcome === "failed") return;
  }
  if (options.act) yield* switchOn(url, query, options);
}

/** The loop of MAAS's driver: post, wait, ask, up to seven times. */
async function* switchOn(url: URL, query: string, options: ReplayOptions): AsyncGenerator<ReplayStep> {
  for (const [index, wait] of WAITS_MS.entries()) {
    const posted = await postStep(url, `/maas/${options.machine}/on`, options);
    yield posted.step;
    if (posted.answer === undefined) return;
    await pause(wait, undefined, { signal: options.signal });
    if (posted.step.outcome === "failed") continue;
    const asked = await queryStep(url, query, options);
    if (asked.state === "on") {
      yield { ...asked.step, explanation: `MAAS reads on after ${index + 1} of 7 rounds: the action has succeeded.` };
      return;
    }
    yield asked.step;
    if (asked.answer === undefined) return;
  }
  yield {
    what: "after 7 rounds",
    outcome: "failed",
    explanation: "MAAS gives the action up, and since 3.6 begins it anew twice. See `maasochist orders` for why.",
  };
}

function addressStep(url: URL): ReplayStep {
  const host = hostOf(url);
  const what = `address ${host}`;
  if (isIP(host) === 0) {
    return {
      what,
      outcome: "advice",
      explanation:
        "A host name: MAAS's actions work, but it never polls in the background. Give `server.url` a literal IP in a rack's subnet.",
    };
  }
  if (host === "::1" || host.startsWith("127.")) {
    return {
      what,
      outcome: "advice",
      explanation:
        "A loopback address: only a rack controller on this very host reaches it, and MAAS does not poll it in the background. Listen on this host's address in a rack's subnet, and set `server.url`.",
    };
  }
  return {
    what,
    outcome: "ok",
    explanation: "A literal IP address: MAAS polls it in the background if it is in a subnet of a rack controller.",
  };
}

interface Made {
  readonly step: ReplayStep;
  /** Undefined: there was none, and MAAS ends the action at once. */
  readonly answer?: RawAnswer;
  readonly state?: "on" | "off" | "unknown";
}

async function queryStep(url: URL, path: string, options: ReplayOptions): Promise<Made> {
  const what = `GET ${path}`;
  const answer = await ask(url, { ...options, method: "GET", path, timeoutMs: POLL_TIMEOUT_MS });
  if (typeof answer === "string") return { step: failed(what, answer) };
  const outcome = described(what, answer);
  const wrong = wrongStatus(answer);
  if (wrong !== undefined) return { step: failed(outcome, wrong), answer };
  const state = ON_REGEX.test(answer.body) ? "on" : OFF_REGEX.test(answer.body) ? "off" : "unknown";
  const step: ReplayStep =
    state === "unknown"
      ? failed(
          outcome,
          "Neither of MAAS's default regexes matches: MAAS reads unknown, and a power on fails. See `maasochist status` for why.",
        )
      : { what: outcome, outcome: "ok", explanation: `MAAS reads ${state}.` };
  return { step, answer, state };
}

async function postStep(url: URL, path: string, options: ReplayOptions): Promise<Made> {
  const what = `POST ${path}`;
  const answer = await ask(url, { ...options, method: "POST", path, timeoutMs: ACTION_TIMEOUT_MS });
  if (typeof answer === "string") return { step: failed(what, answer) };
  const outcome = described(what, answer);
  const wrong = wrongStatus(answer);
  if (wrong !== undefined) return { step: failed(outcome, wrong), answer };
  const explanation =
    answer.status === 202
      ? "Taken, and still under way: MAAS asks for the state next, and repeats the POST until it shows."
      : "MAAS takes the order as done, and asks for the state next.";
  return { step: { what: outcome, outcome: "ok", explanation }, answer };
}

function failed(what: string, explanation: string): ReplayStep {
  return { what, outcome: "failed", explanation };
}

function described(what: string, { status, body, ms }: RawAnswer): string {
  const line = body.replaceAll(/\s+/g, " ").trim();
  return `${what} → ${status} ${line.length > 120 ? `${line.slice(0, 120)}…` : line} (${Math.round(ms)} ms)`;
}

/** Why MAAS would not take the answer, or undefined where it would. */
function wrongStatus({ status, headers }: RawAnswer): string | undefined {
  if (status === 404)
    return "404: MAAS takes this for success, whatever the machine does. The address leads to something else than this daemon.";
  if (status >= 300 && status < 400)
    return `A redirect to ${headers.get("location") ?? "nowhere"}: MAAS follows it for a query but not for a POST. Give MAAS the final address.`;
  if (status === 401) return "401: the token is not known. MAAS repeats the same request 7 times.";
  if (status === 403) return "403: the token may not do this from here. See its role, machines and `from`.";
  if (status >= 400) return `${status}: MAAS counts a failure and repeats the request up to 7 times within 35 s.`;
  if (status < 200) return "This is no HTTP. The address leads to something else than this daemon.";
  return undefined;
}

interface Request extends ReplayOptions {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly timeoutMs: number;
}

/** Sends the request as MAAS does. Answers why MAAS gets no answer where it gets none. */
async function ask(base: URL, { method, path, token, timeoutMs, signal }: Request): Promise<RawAnswer | string> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    return await rawExchange({
      method,
      url: new URL(`${base.pathname.replace(/\/+$/, "")}${path}`, base),
      headers: [`Authorization: Bearer ${token}`],
      agent: USER_AGENT,
      signal: AbortSignal.any([signal, late]),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted) return `No answer within ${timeoutMs / 1_000} s: MAAS has given up by then.`;
    const refused = error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
    const why = refused ? `nothing listens on ${base.host}` : `${base.host} cannot be reached (${messageOf(error)})`;
    return `MAAS fails the action at once and repeats nothing, for ${why}. Does \`server.url\` fit \`server.listen\`?`;
  }
}
