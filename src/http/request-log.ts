/**
 * What is told of requests in the log. All of them at `debug`; at `info` those that the door of MAAS's webhooks refused, for
 * MAAS itself hardly tells why its power control fails. Those come at most 20 in 10 s, whatever is thrown at the door.
 */
import type { IncomingMessage } from "node:http";
import { addressOf } from "./arrival.ts";

/** So many refusals are told one by one within this time (ms); of the others, how many there were. */
const MOST_TOLD = 20;
const WITHIN_MS = 10_000;

/** The two levels that it writes; what is written is plain data without secrets. */
export interface RequestLogSink {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  /** Is `debug` written at all? */
  readonly debugs: boolean;
}

export interface Answered {
  readonly request: IncomingMessage;
  readonly status: number;
  /** The caller's, where it was let in. */
  readonly actor?: string | undefined;
  /** The order that it gave or joined. */
  readonly order?: string | undefined;
  /** Of the failure. */
  readonly code?: string | undefined;
  /** How long it took (ms), where that is known. */
  readonly ms?: number | undefined;
  /** Where the answer carries an id of the request, that one. */
  readonly id?: string | undefined;
}

const LONGEST_PATH = 200;

/** What routes learned of a request, for its line. */
const learnt = new WeakMap<IncomingMessage, { actor?: string; order?: string }>();

/** Who gave a request, or which order it gave, as soon as that is known. */
export function learn(request: IncomingMessage, facts: { readonly actor?: string; readonly order?: string }): void {
  learnt.set(request, { ...learnt.get(request), ...facts });
}

/** An id that somebody in front gave it. */
const GIVEN_ID = /^[\w.:-]{1,64}$/;

/** Tells lives of the daemon apart. */
const life = Date.now().toString(36).slice(-5);
let requests = 0;

/** The id that a request came with, or a new one. */
export function requestId({ headers }: IncomingMessage): string {
  const given = headers["x-request-id"];
  if (typeof given === "string" && GIVEN_ID.test(given)) return given;
  requests += 1;
  return `${life}-${requests.toString(36)}`;
}

export class RequestLog {
  readonly #sink: RequestLogSink;
  readonly #now: () => number;
  #since = -Infinity;
  #told = 0;

  constructor(sink: RequestLogSink, now: () => number) {
    this.#sink = sink;
    this.#now = now;
  }

  /** A webhook was answered. Costs nothing where it is not told. */
  webhook(answered: Answered): void {
    const { status } = answered;
    const isRefusal = status >= 400 && status < 500;
    if (this.#sink.debugs) this.#sink.debug(factsOf(answered), "webhook answered");
    else if (isRefusal && this.#mayTell()) this.#sink.info(factsOf(answered), "webhook refused");
  }

  /** Another request was answered. */
  request(answered: Answered): void {
    if (this.#sink.debugs) this.#sink.debug(factsOf(answered), "request answered");
  }

  #mayTell(): boolean {
    const now = this.#now();
    if (now - this.#since >= WITHIN_MS) {
      const untold = this.#told - MOST_TOLD;
      if (untold > 0) this.#sink.info({ refused: untold }, "more webhooks were refused than are told one by one");
      this.#since = now;
      this.#told = 0;
    }
    this.#told += 1;
    return this.#told <= MOST_TOLD;
  }
}

function factsOf({ request, status, code, ms, id = requestId(request), ...told }: Answered): object {
  const { actor, order } = { ...learnt.get(request), ...told };
  return {
    request: id,
    method: request.method,
    // A query string may hold anything.
    path: request.url?.split("?", 1)[0]?.slice(0, LONGEST_PATH),
    status,
    from: addressOf(request),
    ...(actor !== undefined && { actor }),
    ...(order !== undefined && { order }),
    ...(code !== undefined && { code }),
    ...(ms !== undefined && { ms: Math.round(ms) }),
  };
}
