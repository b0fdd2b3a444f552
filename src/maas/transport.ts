/**
 * Requests to MAAS's API over HTTP, repeated while MAAS is busy or restarts.
 *
 *     GET  /MAAS/api/2.0/machines/?hostname=nuc1
 *     PUT  /MAAS/api/2.0/machines/k3hxa7/     power_type=webhook&power_parameters_power_on_uri=…
 *     503, 409 with Retry-After: 10           the same again after that time, with a new nonce
 *
 * Source: canonical/maas src/maasserver/api, middleware.py. A region that has answered before and now refuses connections,
 * or whose web server answers 502 in its place, is restarting: it is waited for. One that never answered is not: its
 * address is wrong. A POST that may have arrived is never sent twice.
 */
import { Agent, type Dispatcher, request } from "undici";
import { type Clock, systemClock } from "../power/clock.ts";
import type { Secret } from "../power/secret.ts";
import { authorization } from "./api-key.ts";
import { MaasError } from "./maas-error.ts";
import { codeOf, isPage, jsonIn, type MaasAnswer, refusalOf, silenceOf } from "./refusal.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 60_000;
const PATIENCE_MS = 120_000;
/** Between attempts where MAAS says no time (ms); the last one from then on. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000];
/** What a wait counts at least (ms). */
const LEAST_COUNTED_MS = 1_000;
/** A machine has some 50 KiB in a list. */
const MOST_BYTES = 256 * 1_024 * 1_024;

const sleep: Clock["sleep"] = (ms, signal) => systemClock.sleep(ms, signal);

/** A form's fields; a list is the same key several times. */
export type Form = Readonly<Record<string, string | readonly string[]>>;

/** Why a request is not answered yet. */
export interface MaasWait {
  readonly message: string;
  /** Until the next attempt. */
  readonly waitMs: number;
}

export interface TransportOptions {
  /** As `maasBase` gives it. */
  readonly url: string;
  /** `consumer:token:secret`. Absent: only what MAAS tells anybody can be asked. */
  readonly key?: Secret;
  /** PEM text of an authority to trust instead of the system's. */
  readonly ca?: string;
  /** Accepts any certificate. */
  readonly insecure?: boolean;
  /** In place of connections of its own. */
  readonly dispatcher?: Dispatcher;
  /** Wall time (ms since 1970): what is signed. Absent: the system's. */
  readonly now?: () => number;
  readonly sleep?: Clock["sleep"];
  /** Longest that a busy or restarting MAAS is waited for in one request (ms). */
  readonly patienceMs?: number;
  /** Told whenever it waits. */
  readonly onWait?: (wait: MaasWait) => void;
}

export interface MaasRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** Below `/api/2.0/`, with the slash at its end. */
  readonly path: string;
  readonly query?: Form;
  readonly form?: Form;
  /** What it is for, in messages. */
  readonly what: string;
  /** Texts of the form that must not come back in a message. */
  readonly secrets?: readonly string[];
  readonly timeoutMs?: number;
  readonly patienceMs?: number;
  readonly signal?: AbortSignal | undefined;
}

interface Received extends MaasAnswer {
  readonly retryAfter: string | undefined;
}

interface Failed {
  readonly failure: MaasError;
  readonly again: boolean;
  /** When MAAS wants to be asked again (ms from now). */
  readonly after?: number | undefined;
}

export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions;
  readonly #dispatcher: Dispatcher;
  #hasAnswered = false;
  #skewMs: number | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    const { ca, insecure } = options;
    const tls = { ...(ca !== undefined && { ca }), ...(insecure && { rejectUnauthorized: false }) };
    this.#dispatcher = options.dispatcher ?? new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS, ...tls } });
  }

  /** How far MAAS's clock is ahead of ours (ms), by its last answer. */
  get skewMs(): number | undefined {
    return this.#skewMs;
  }

  /** The JSON of a good answer. Throws MaasError; the signal's own reason when it aborts. */
  async json(asked: MaasRequest): Promise<unknown> {
    const { text } = await this.#good(asked);
    const data = jsonIn(text);
    if (data === undefined) throw new MaasError("not_maas", `${asked.what}: the answer is no JSON`);
    return data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#options.dispatcher) await this.#dispatcher.destroy();
  }

  async #good(asked: MaasRequest): Promise<MaasAnswer> {
    const { onWait, patienceMs = PATIENCE_MS } = this.#options;
    let patience = asked.patienceMs ?? patienceMs;
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#attempt(asked);
      if (!("failure" in outcome)) return outcome;
      const { failure, again, after } = outcome;
      const waitMs = after ?? PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 0;
      // A server that says "at once" is not asked for ever.
      patience -= Math.max(waitMs, LEAST_COUNTED_MS);
      if (!again || patience < 0) throw failure;
      onWait?.({ message: failure.message, waitMs });
      await (this.#options.sleep ?? sleep)(waitMs, asked.signal);
    }
  }

  async #attempt(asked: MaasRequest): Promise<MaasAnswer | Failed> {
    const { method, what, secrets = [] } = asked;
    const repeatable = method !== "POST";
    let answer: Received;
    try {
      answer = await this.#send(asked);
    } catch (error) {
      asked.signal?.throwIfAborted();
      if (error instanceof MaasError) return { failure: error, again: false };
      const failure = silenceOf(error, new URL(this.#options.url).host);
      const mayHaveArrived = codeOf(error) !== "ECONNREFUSED";
      const restarts = failure.code === "unreachable" && this.#hasAnswered;
      return { failure, again: restarts && (repeatable || !mayHaveArrived) };
    }
    const { status, retryAfter } = answer;
    if (status >= 200 && status < 300) {
      this.#hasAnswered = true;
      return answer;
    }
    const failure = refusalOf({ ...answer, text: without(answer.text, secrets) }, what);
    if ((status === 503 || status === 409) && retryAfter !== undefined) {
      this.#hasAnswered = true;
      return { failure, again: true, after: afterMs(retryAfter, this.#now()) };
    }
    // The web server in front of a region that restarts.
    const restarts = (status === 502 || status === 503) && isPage(answer) && this.#hasAnswered;
    return { failure, again: restarts && (repeatable || status === 503) };
  }

  async #send(asked: MaasRequest): Promise<Received> {
    const { method, path, query, form, signal, timeoutMs = ANSWER_TIMEOUT_MS, what } = asked;
    const { url, key } = this.#options;
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const response = await request(`${url}/api/2.0/${path}${query ? `?${encoded(query)}` : ""}`, {
        dispatcher: this.#dispatcher,
        method,
        signal: signal ? AbortSignal.any([signal, late]) : late,
        headers: {
          accept: "application/json",
          "user-agent": "maasochist",
          ...(key && { authorization: authorization(key, this.#now()) }),
          ...(form && { "content-type": "application/x-www-form-urlencoded" }),
        },
        ...(form && { body: encoded(form) }),
        // The signal bounds the whole.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      const { statusCode: status, headers } = response;
      const text = await textOf(response.body, what);
      this.#skewMs = skewOf(single(headers["date"]), this.#now());
      return {
        status,
        type: single(headers["content-type"]) ?? "",
        text,
        location: single(headers["location"]),
        skewMs: this.#skewMs,
        retryAfter: single(headers["retry-after"]),
      };
    } catch (error) {
      if (late.aborted && !signal?.aborted)
        throw new MaasError("timeout", `${what}: MAAS did not answer within ${timeoutMs / 1_000} s`, { cause: error });
      throw error;
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

function encoded(form: Form): string {
  const pairs = Object.entries(form).flatMap(([key, value]) =>
    (typeof value === "string" ? [value] : value).map((each): [string, string] => [key, each]),
  );
  return new URLSearchParams(pairs).toString();
}

async function textOf(body: AsyncIterable<Buffer>, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new MaasError("protocol", `${what}: MAAS answers with more than 256 MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === "string" ? header : header?.[0];
}

/** `Date` has whole seconds: half of one is the best guess. */
function skewOf(date: string | undefined, now: number): number | undefined {
  const theirs = Date.parse(date ?? "");
  return Number.isNaN(theirs) ? undefined : theirs + 500 - now;
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function afterMs(text: string, now: number): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function without(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => (secret === "" ? rest : rest.replaceAll(secret, "•••")), text);
}
