/** HTTP for drivers: one small client on undici, with its failures already classified. */
import { createHash, X509Certificate } from "node:crypto";
import type { Agent, Dispatcher } from "undici";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { clip } from "./clip.ts";
import { answerChallenge, type Challenge, strongestChallenge } from "./digest.ts";

const MOST_BODY_BYTES = 1_048_576;
const CONNECT_TIMEOUT_MS = 5_000;

export type HttpAuth =
  | { readonly kind: "basic" | "digest"; readonly user: string; readonly password: Secret }
  | { readonly kind: "bearer"; readonly token: Secret };

export interface TlsOptions {
  /** PEM text of authorities to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** SHA-256 of the one certificate to accept, hex. */
  readonly pin?: string | undefined;
  /** Accept any certificate. */
  readonly insecure?: boolean | undefined;
}

export interface HttpClientOptions {
  readonly auth?: HttpAuth | undefined;
  readonly tls?: TlsOptions | undefined;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Does it change something? Absent: by its method. */
  readonly acts?: boolean;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export class HttpClient {
  readonly #options: HttpClientOptions;
  #agent: Promise<Agent> | undefined;
  #challenge: { readonly challenge: Challenge; count: number } | undefined;

  constructor(options: HttpClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Sends one request and reads the whole answer, whatever its status; redirects are not followed.
   * Throws PowerError: unreachable, timeout, protocol; `mayHaveActed` for a request that acts, once it was sent.
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    const { auth } = this.#options;
    const response = await this.#send(request);
    if (response.status !== 401 || auth?.kind !== "digest") return response;
    const challenge = strongestChallenge([response.headers["www-authenticate"] ?? []].flat());
    if (!challenge) return response;
    // A request that was refused for want of a digest has not acted: it is sent once more.
    this.#challenge = { challenge, count: 0 };
    return this.#send(request);
  }

  async #send(request: HttpRequest): Promise<HttpResponse> {
    const { method, url, body, signal } = request;
    const acts = request.acts ?? (method !== "GET" && method !== "HEAD");
    const sent = { began: false };
    try {
      const { request: send } = await import("undici");
      const dispatcher = await this.#dispatcher();
      const headers = { ...request.headers, ...this.#authorization(request) };
      const options: Parameters<typeof send>[1] = {
        method: method as Dispatcher.HttpMethod,
        headers,
        dispatcher,
        signal,
        ...(body !== undefined && { body }),
      };
      sent.began = true;
      const response = await send(url, options);
      const text = await readBody(response.body);
      return { status: response.statusCode, headers: response.headers, text };
    } catch (error) {
      throw classify(error, { url, signal, acted: acts && sent.began });
    }
  }

  #authorization({ method, url }: HttpRequest): Record<string, string> {
    const { auth } = this.#options;
    switch (auth?.kind) {
      case undefined:
        return {};
      case "bearer":
        return { authorization: `Bearer ${auth.token.reveal()}` };
      case "basic":
        return { authorization: `Basic ${Buffer.from(`${auth.user}:${auth.password.reveal()}`).toString("base64")}` };
      case "digest": {
        if (!this.#challenge) return {};
        const { pathname, search } = new URL(url);
        this.#challenge.count += 1;
        const { challenge, count } = this.#challenge;
        return {
          authorization: answerChallenge(challenge, {
            user: auth.user,
            password: auth.password.reveal(),
            method,
            uri: pathname + search,
            count,
          }),
        };
      }
      default:
        return auth satisfies never;
    }
  }

  #dispatcher(): Promise<Agent> {
    this.#agent ??= this.#open();
    return this.#agent;
  }

  async #open(): Promise<Agent> {
    const { Agent, buildConnector } = await import("undici");
    const { ca, pin, insecure } = this.#options.tls ?? {};
    const connector = buildConnector({
      timeout: CONNECT_TIMEOUT_MS,
      rejectUnauthorized: !(insecure === true || pin !== undefined),
      ...(ca !== undefined && { ca }),
    });
    return new Agent({
      // A connection that the device closed meanwhile would lose a command: each exchange opens its own.
      pipelining: 0,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        connector(options, (error, socket) => {
          if (error) {
            callback(error, null);
            return;
          }
          const mismatch = pin === undefined ? undefined : pinMismatch(socket, pin);
          if (mismatch) {
            socket.destroy();
            callback(mismatch, null);
          } else callback(null, socket);
        });
      },
    });
  }

  async close(): Promise<void> {
    const agent = await this.#agent?.catch(() => undefined);
    this.#agent = undefined;
    await agent?.destroy();
  }
}

function pinMismatch(socket: object, pin: string): Error | undefined {
  const raw =
    "getPeerCertificate" in socket && typeof socket.getPeerCertificate === "function"
      ? (socket.getPeerCertificate() as { raw?: Buffer }).raw
      : undefined;
  if (!raw) return undefined;
  const seen = createHash("sha256").update(new X509Certificate(raw).raw).digest("hex");
  if (seen === normalisedPin(pin)) return undefined;
  return new PowerError("wrong_device", `its certificate has the fingerprint ${seen}, not the pinned one`, {
    hint: "If the device was given a new certificate, correct `pin_sha256`.",
  });
}

function normalisedPin(pin: string): string {
  return pin.replaceAll(":", "").toLowerCase();
}

async function readBody(body: AsyncIterable<Buffer> & { destroy(): unknown }): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MOST_BODY_BYTES) {
      body.destroy();
      throw new PowerError("protocol", "the answer is longer than 1 MiB");
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

interface Sending {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly acted: boolean;
}

/** Failures before anything could be sent; the device has not acted. */
const BEFORE_SENDING = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "EHOSTDOWN",
]);

function classify(error: unknown, { url, signal, acted }: Sending): PowerError {
  if (error instanceof PowerError) return acted && error.code !== "wrong_device" ? error.acted() : error;
  const { host } = new URL(url);
  if (signal.aborted)
    return new PowerError("timeout", `${host} did not answer in time`, { cause: error, mayHaveActed: acted });
  const code = codeOf(error);
  if (BEFORE_SENDING.has(code)) {
    const why =
      code === "ECONNREFUSED"
        ? "refuses the connection"
        : code === "ENOTFOUND" || code === "EAI_AGAIN"
          ? "has no address"
          : "cannot be reached";
    return new PowerError(code === "UND_ERR_CONNECT_TIMEOUT" ? "timeout" : "unreachable", `${host} ${why}`, {
      cause: error,
    });
  }
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code)) {
    return new PowerError("auth", `the certificate of ${host} is not trusted (${code})`, {
      cause: error,
      hint: "Give its authority with `ca: !file …`, pin it with `pin_sha256`, or set `insecure: true`.",
    });
  }
  if (code.startsWith("HPE_") || code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH") {
    return new PowerError("protocol", `${host} does not answer in HTTP`, { cause: error, mayHaveActed: acted });
  }
  return new PowerError("unreachable", `the connection to ${host} broke${code === "" ? "" : ` (${code})`}`, {
    cause: error,
    mayHaveActed: acted,
  });
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}

/** Throws what a status means for power control; returns for 2xx. `acted`: the request was a command. */
export function refuseStatus(
  { status, text, headers }: HttpResponse,
  { url, acted }: { readonly url: string; readonly acted: boolean },
): void {
  if (status >= 200 && status < 300) return;
  const { host } = new URL(url);
  const said = clip(text);
  const message = `${host} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status >= 300 && status < 400) {
    const location = [headers["location"]].flat()[0];
    throw new PowerError("protocol", `${host} redirects${location === undefined ? "" : ` to ${location}`}`, {
      hint: "Give the final URL: redirects are not followed.",
    });
  }
  if (status === 401 || status === 403) throw new PowerError("auth", message);
  if (status === 404) throw new PowerError("not_found", message, { status: 502, hint: "Check the path of the URL." });
  if (status === 409 || status === 423 || status === 429 || status === 503) throw new PowerError("busy", message);
  throw new PowerError("refused", message, { mayHaveActed: acted && status >= 500 });
}
