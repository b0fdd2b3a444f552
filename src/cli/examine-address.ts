/**
 * `doctor` on the address that MAAS uses. It asks there as MAAS does, for a machine that cannot be, with a token that is
 * refused; and asks the daemon, over its local socket, how that arrived.
 */
import { isIP } from "node:net";
import { type Arrival, BODY_DELAY_MS } from "../http/probes.ts";
import { hostOf, type RawAnswer, type RawRequest, rawExchange } from "../maas/raw-exchange.ts";
import { messageOf } from "../power/errors.ts";
import { formatDuration } from "../wire/duration.ts";
import type { Client } from "./client.ts";
import { isLoopback, ownAddresses } from "./examine-daemon.ts";
import { certificateFindings, trustedAuthorities } from "./examine-tls.ts";
import { type Finding, finding } from "./findings.ts";

const ANSWER_TIMEOUT_MS = 5_000;
/** The daemon must not take this for a sign of life of MAAS. */
const USER_AGENT = "maasochist doctor, as MAAS 3.7.3";
const SYSTEM_ID = "doctor";

export interface AddressOptions {
  /** As MAAS is given it. */
  readonly url: string;
  /** Absent: none answers, and nothing can be asked. */
  readonly client: Client | undefined;
  /** How long the daemon holds a request (ms). */
  readonly hold: number | undefined;
  readonly env: NodeJS.ProcessEnv;
}

export async function* examineAddress(options: AddressOptions): AsyncGenerator<Finding> {
  const { url, client } = options;
  const why = unusable(url);
  if (why !== undefined) {
    yield finding("url-unusable", { url, why });
    return;
  }
  const host = hostOf(new URL(url));
  if (isLoopback(host)) yield finding("url-loopback", { url });
  else if (isIP(host) === 0) yield finding("url-host-name", { url });
  if (client) yield* new Asking({ ...options, client }).all();
}

/** Why MAAS cannot use a URI, which it takes as it stands; undefined where it can. */
export function unusable(uri: string): string | undefined {
  if (/\s/.test(uri)) return "it has a space in it";
  if (/[^\x21-\x7e]/.test(uri)) return "it has characters in it that are not ASCII";
  if (!/^https?:\/\//i.test(uri) || !URL.canParse(uri)) return "it is no http or https address";
  if (/^https?:\/\/[^/?#]*@/i.test(uri)) return "there is a user in it";
  return undefined;
}

/** Ends the examination: nothing further can be learned at this address. */
class Stopped extends Error {
  override readonly name = "Stopped";
  readonly finding: Finding;

  constructor(found: Finding) {
    super(found.message);
    this.finding = found;
  }
}

class Asking {
  readonly #url: string;
  readonly #base: URL;
  readonly #options: AddressOptions & { readonly client: Client };
  readonly #from: string | undefined;
  readonly #authorities: readonly string[] | undefined;

  constructor(options: AddressOptions & { readonly client: Client }) {
    this.#options = options;
    this.#url = options.url;
    this.#base = new URL(options.url);
    const host = hostOf(this.#base);
    // As a caller from elsewhere, as near as this host can be to one.
    this.#from = isLoopback(host) ? undefined : ownAddresses().find((own) => isIP(own) === isIP(host));
    this.#authorities = trustedAuthorities(options.env);
  }

  async *all(): AsyncGenerator<Finding> {
    const { client } = this.#options;
    try {
      const health = await this.#ask("GET", "/healthz");
      if (health.status !== 200 || health.body.trim() !== '{"ok":true}') throw this.#foreign(health);
      if (health.certificate) yield* certificateFindings(this.#url, health.certificate);
      const probe = await client.expectProbe();
      const query = await this.#ask("GET", `/maas/_${probe}/query`);
      await this.#ask("GET", `/maas/_${probe}/query/`);
      if ((await client.arrivals(probe)).length === 0) throw this.#stranger(query);
      const order = await this.#ask("POST", `/maas/_${probe}/on`);
      const arrivals = await client.arrivals(probe);
      const posted = arrivals.find(({ method }) => method === "POST");
      if (!posted) throw this.#foreign(order);
      yield* this.#onTheWay(query, arrivals[0] ?? posted);
      const how = query.from === "" || isLoopback(query.from) ? "" : `, also from ${query.from}`;
      yield finding("url", { url: this.#url, how });
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
      yield error.finding;
    }
  }

  /** Throws Stopped where nothing answers, or the answer is a redirect. */
  async #ask(method: RawRequest["method"], path: string): Promise<RawAnswer> {
    const url = new URL(`${this.#base.pathname.replace(/\/+$/, "")}${path}`, this.#base);
    const [, probe = ""] = /\/_(\w+)\//.exec(path) ?? [];
    const answer = await this.#exchange({
      method,
      url,
      headers: [`System_id: ${SYSTEM_ID}`, ...(probe === "" ? [] : [`Authorization: Bearer ${tokenOf(probe)}`])],
      agent: USER_AGENT,
      from: this.#from,
      authorities: this.#authorities,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    if (answer.status < 300 || answer.status >= 400) return answer;
    const location = answer.headers.get("location") ?? "nowhere";
    throw new Stopped(finding("url-redirects", { method, url: url.href, location }));
  }

  async #exchange(request: RawRequest): Promise<RawAnswer> {
    try {
      return await rawExchange(request);
    } catch (error) {
      const why = request.signal.aborted ? `no answer within ${ANSWER_TIMEOUT_MS / 1_000} s` : whyNot(error);
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      if (this.#base.protocol === "https:" && /^(?:EPROTO|ERR_SSL|ERR_TLS|ECONNRESET)/.test(code))
        throw new Stopped(finding("tls-fails", { url: this.#url, why }));
      const from = request.from === undefined ? "" : ` from ${request.from}`;
      throw new Stopped(finding("url-unreachable", { url: this.#url, from, why }));
    }
  }

  /** It answers as a MAASochist does, and nothing arrived here; or it is something else. */
  #stranger(answer: RawAnswer): Stopped {
    const { client } = this.#options;
    const ours = answer.status === 401 || answer.status === 429;
    return ours && /^\{"error":\{"code":"(?:unauthenticated|throttled)"/.test(answer.body)
      ? new Stopped(finding("url-other-daemon", { url: this.#url, socket: client.socket }))
      : this.#foreign(answer);
  }

  #foreign({ status, headers, body }: RawAnswer): Stopped {
    const line = body.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
    const words = `${line.slice(0, 60)}${line.length > 60 ? "…" : ""}`;
    const answer =
      status === 0 ? "what is no HTTP" : `${status}, ${headers.get("content-type") ?? "of no type"} ${words}`;
    return new Stopped(finding("url-not-daemon", { url: this.#url, answer: answer.trim() }));
  }

  /** What became of request and answer in between. */
  *#onTheWay(answer: RawAnswer, arrival: Arrival): Generator<Finding> {
    const url = this.#url;
    const proxied = arrival.forwarded || arrival.httpVersion !== "1.1" || arrival.address !== answer.from;
    if (proxied) {
      const hold = formatDuration(this.#options.hold ?? 0);
      yield finding("proxy-between", { url, address: arrival.address, hold });
    }
    if (arrival.authorization?.startsWith("Bearer mso_doctor_") !== true) yield finding("proxy-drops-token", { url });
    if (arrival.systemId !== SYSTEM_ID) yield finding("proxy-drops-system-id", { url });
    const framing = framingOf(answer);
    if (framing !== undefined) yield finding("answer-framing", { framing });
    if (answer.ms >= BODY_DELAY_MS && answer.streamedMs < BODY_DELAY_MS / 2)
      yield finding("proxy-buffers", { url, ms: `${Math.round(answer.ms)} ms` });
  }
}

/** Nobody has it, and it cannot be guessed. */
function tokenOf(probe: string): string {
  return `mso_doctor_${probe}`;
}

/** Undefined where it is as it should be. */
function framingOf({ httpVersion, headers, body }: RawAnswer): string | undefined {
  if (httpVersion !== "1.1") return `HTTP/${httpVersion}`;
  const length = headers.get("content-length");
  if (headers.has("transfer-encoding")) return `Transfer-Encoding: ${headers.get("transfer-encoding") ?? ""}`;
  if (length === undefined) return "an answer without a length";
  return Number(length) === Buffer.byteLength(body) ? undefined : "an answer cut short";
}

function whyNot(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ECONNREFUSED" ? "nothing listens there" : messageOf(error);
}
