/**
 * Requests that `doctor` sends to where MAAS sends its own, and how they arrive here: what a proxy in between made of
 * them. A probe is a word that nobody can guess, and stands in the place of a machine's name that no machine can have;
 * so nothing can be switched by it, whoever answers.
 *
 *     GET /maas/_PROBE/query   401, as for every refused credential; the first body comes a moment behind its headers
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { AccessError } from "./access-error.ts";
import { answerOf, errorBody } from "./answer.ts";
import { plainAddress } from "./networks.ts";

export interface Arrival {
  readonly method: string;
  /** `1.1`. */
  readonly httpVersion: string;
  /** Whose address the daemon saw. */
  readonly address: string;
  /** As they arrived; absent: they did not. */
  readonly authorization?: string;
  readonly systemId?: string;
  /** Does a header tell of a proxy? */
  readonly forwarded: boolean;
}

/** Probes that may be under way at once; the oldest is forgotten first. */
const MOST_KEPT = 16;
const MOST_ARRIVALS = 16;
/** How far the body of an answer is behind its headers (ms): long enough to be told from a busy network. */
export const BODY_DELAY_MS = 400;
/** Headers by which proxies say that they are there. */
const FORWARDING = ["forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip"];

export class Probes {
  readonly #arrivals = new Map<string, Arrival[]>();

  /** A new probe to look out for. */
  expect(): string {
    const probe = randomBytes(16).toString("hex");
    this.#arrivals.set(probe, []);
    const [oldest] = this.#arrivals.keys();
    if (this.#arrivals.size > MOST_KEPT && oldest !== undefined) this.#arrivals.delete(oldest);
    return probe;
  }

  /** Undefined for a probe that is not known. */
  arrivals(probe: string): readonly Arrival[] | undefined {
    return this.#arrivals.get(probe);
  }

  /** Answers the request if it carries a probe. Did it? */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#arrivals.size === 0) return false;
    const [, probe = ""] = /\/_([0-9a-f]{32})\//.exec(request.url ?? "") ?? [];
    const arrivals = this.#arrivals.get(probe);
    if (!arrivals) return false;
    const isFirst = arrivals.length === 0;
    if (arrivals.length < MOST_ARRIVALS) arrivals.push(arrivalOf(request));
    request.resume();
    const { status, headers, error } = answerOf(new AccessError("unauthenticated", "this is a probe of `doctor`"));
    const body = errorBody(error);
    response.writeHead(status, {
      "Content-Type": "application/json",
      "Content-Length": body.length,
      "Cache-Control": "no-store",
      ...headers,
    });
    response.flushHeaders();
    setTimeout(() => response.end(body), isFirst ? BODY_DELAY_MS : 0);
    return true;
  }
}

function arrivalOf({ method = "", httpVersion, headers, socket }: IncomingMessage): Arrival {
  const { authorization } = headers;
  const systemId = headers["system_id"];
  return {
    method,
    httpVersion,
    address: plainAddress(socket.remoteAddress ?? ""),
    ...(authorization !== undefined && { authorization }),
    ...(typeof systemId === "string" && { systemId }),
    forwarded: FORWARDING.some((name) => headers[name] !== undefined),
  };
}
