/** HTTP for drivers: one small client on undici, with its failures already classified. */
import { createHash } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { Client, Dispatcher } from "undici";
import { messageOf, PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { abortCode, unlessAborted } from "./abort.ts";
import { clip } from "./clip.ts";
import { answerChallenge, type Challenge, strongestChallenge } from "./digest.ts";

const MOST_BODY_BYTES = 1_048_576;
/** Shorter than an exchange may take, so that a device that is gone is told from one that does not answer. */
const CONNECT_TIMEOUT_MS = 3_000;
/** A host with several addresses: how long one is tried before the next. */
const NEXT_ADDRESS_MS = 500;
/** How often one request may be sent where digest wants it: without, with, and with a nonce that is not stale. */
const MOST_SENDS = 3;

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

/** Each exchange opens a connection of its own: one that the device closed meanwhile would lose a command. */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #open = new Set<Client>();
  #challenge: { readonly challenge: Challenge; count: number } | undefined;

  constructor(options: HttpClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Sends one request and reads the whole answer, whatever its status; redirects are not followed.
   * Throws PowerError: unreachable, timeout, protocol, auth, wrong_device, config; `mayHaveActed` for a request that acts,
   * once there was a connection to send it on.
   */
  async request(request: HttpRequest): Promise<HttpResponse> {
    let response = await this.#send(request);
    for (let sends = 1; sends < MOST_SENDS; sends++) {
      // A request that is refused for want of a digest has not acted.
      const challenge = this.#challengeOf(response);
      if (!challenge || (sends > 1 && !challenge.stale)) break;
      this.#challenge = { challenge, count: 0 };
      response = await this.#send(request);
    }
    return response;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((client) => client.destroy()));
  }

  #challengeOf({ status, headers }: HttpResponse): Challenge | undefined {
    if (status !== 401 || this.#options.auth?.kind !== "digest") return undefined;
    return strongestChallenge([headers["www-authenticate"] ?? []].flat());
  }

  async #send(request: HttpRequest): Promise<HttpResponse> {
    const { method, body, signal } = request;
    const acts = request.acts ?? (method !== "GET" && method !== "HEAD");
    signal.throwIfAborted();
    const url = new URL(request.url);
    const progress = { connected: false };
    const client = await this.#client(url, progress);
    const exchange = async () => {
      const response = await client.request({
        method: method as Dispatcher.HttpMethod,
        path: url.pathname + url.search,
        headers: mergeHeaders(request.headers, this.#authorization(method, url)),
        ...(body !== undefined && { body }),
      });
      return { status: response.statusCode, headers: response.headers, text: await readBody(response.body) };
    };
    try {
      // The library heeds a signal only once it is connected.
      return await unlessAborted(exchange(), signal);
    } catch (error) {
      throw classify(error, { host: url.host, signal, connected: progress.connected, acts });
    } finally {
      this.#open.delete(client);
      void client.destroy();
    }
  }

  #authorization(method: string, { pathname, search }: URL): Record<string, string> {
    const { auth } = this.#options;
    switch (auth?.kind) {
      case undefined:
        return {};
      case "bearer":
        return { authorization: `Bearer ${auth.token.reveal()}` };
      case "basic":
        return { authorization: basic(auth.user, auth.password) };
      case "digest": {
        if (!this.#challenge) return {};
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

  async #client({ origin, protocol }: URL, progress: { connected: boolean }): Promise<Client> {
    const { buildConnector, Client } = await import("undici");
    const { ca, pin, insecure } = this.#options.tls ?? {};
    const connector = buildConnector({
      timeout: CONNECT_TIMEOUT_MS,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
      rejectUnauthorized: !(insecure === true || pin !== undefined),
      ...(ca !== undefined && { ca }),
    });
    const client = new Client(origin, {
      pipelining: 0,
      // The signal limits them.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        connector(options, (...[error, socket]) => {
          if (error) {
            callback(error, null);
            return;
          }
          const mismatch = pin !== undefined && protocol === "https:" ? pinMismatch(socket, pin) : undefined;
          if (mismatch) {
            socket.destroy();
            callback(mismatch, null);
            return;
          }
          progress.connected = true;
          callback(null, socket);
        });
      },
    });
    this.#open.add(client);
    return client;
  }
}

/** The value of `Authorization` for Basic, RFC 7617. */
export function basic(user: string, password: Secret): string {
  return `Basic ${Buffer.from(`${user}:${password.reveal()}`).toString("base64")}`;
}

/** Headers of several sources; a later one takes the place of an earlier one of its name, whatever the case. */
export function mergeHeaders(
  ...sources: readonly (Readonly<Record<string, string>> | undefined)[]
): Record<string, string> {
  const headers = sources.flatMap((source) => Object.entries(source ?? {}));
  return Object.fromEntries(new Map(headers.map((header) => [header[0].toLowerCase(), header])).values());
}

/** Throws nothing: a certificate that cannot be seen is no match. */
function pinMismatch(socket: object, pin: string): PowerError | undefined {
  const raw = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined;
  const seen = raw && createHash("sha256").update(raw).digest("hex");
  if (seen !== undefined && seen === pin.replaceAll(":", "").toLowerCase()) return undefined;
  return new PowerError(
    "wrong_device",
    `its certificate has the fingerprint ${seen ?? "of none"}, not the pinned one`,
    {
      hint: "If the device was given a new certificate, correct `pin_sha256`.",
    },
  );
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MOST_BODY_BYTES) throw new PowerError("protocol", "its answer is longer than 1 MiB");
    chunks.push(chunk);
  }
  // Without a byte order mark; bytes that are no UTF-8 become U+FFFD.
  return new TextDecoder().decode(Buffer.concat(chunks));
}

interface Sending {
  readonly host: string;
  readonly signal: AbortSignal;
  /** Was there a connection to send it on? */
  readonly connected: boolean;
  readonly acts: boolean;
}

function classify(error: unknown, { host, signal, connected, acts }: Sending): PowerError {
  const mayHaveActed = acts && connected;
  if (signal.aborted) {
    const what = connected ? "did not answer" : "could not be connected to";
    return new PowerError(abortCode(signal), `${host} ${what} in time`, { cause: error, mayHaveActed });
  }
  if (error instanceof PowerError) {
    const { code, message, hint } = error;
    return new PowerError(code, `${host}: ${message}`, { cause: error, hint, mayHaveActed });
  }
  const code = codeOf(error);
  if (code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED" || code.startsWith("UND_ERR_REQ_")) {
    // The library's words may quote a header, in which a secret may stand.
    return new PowerError("config", `this request to ${host} cannot be sent (${code})`, {
      hint: "Correct `method` and `headers`; length, connection and encoding of a request are not for headers to say.",
    });
  }
  return connected ? broken(error, { host, code, mayHaveActed }) : notConnected(error, { host, code });
}

function notConnected(error: unknown, { host, code }: { readonly host: string; readonly code: string }): PowerError {
  if (/^(?:CERT_|CRL_|DEPTH_ZERO|HOSTNAME_|INVALID_CA|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT)/.test(code)) {
    return new PowerError("auth", `the certificate of ${host} is not trusted (${code})`, {
      cause: error,
      hint: "Give its authority with `ca: !file …`, pin it with `pin_sha256`, or set `insecure: true`.",
    });
  }
  if (/^(?:ERR_SSL|ERR_TLS|ERR_OSSL|EPROTO)/.test(code)) {
    return new PowerError("protocol", `${host} does not speak TLS as it should (${code})`, {
      cause: error,
      hint: "Does the URL have the right port, and is it https that is spoken there?",
    });
  }
  const why: Readonly<Record<string, string>> = {
    ECONNREFUSED: "refuses the connection",
    ENOTFOUND: "has no address",
    EAI_AGAIN: "has no address: the name service does not answer",
    UND_ERR_CONNECT_TIMEOUT: `cannot be connected to within ${CONNECT_TIMEOUT_MS / 1_000} s`,
  };
  return new PowerError("unreachable", `${host} ${why[code] ?? `cannot be reached (${code || messageOf(error)})`}`, {
    cause: error,
  });
}

function broken(
  error: unknown,
  { host, code, mayHaveActed }: { readonly host: string; readonly code: string; readonly mayHaveActed: boolean },
): PowerError {
  const notHttp =
    nameOf(error) === "HTTPParserError" || code === "UND_ERR_HEADERS_OVERFLOW" || code.startsWith("UND_ERR_RES_");
  return notHttp
    ? new PowerError("protocol", `${host} does not answer in HTTP as it should: ${clip(messageOf(error))}`, {
        // The original holds what came, which may repeat what was sent.
        cause: new Error(messageOf(error)),
        mayHaveActed,
      })
    : new PowerError("unreachable", `the connection to ${host} broke (${code || messageOf(error)})`, {
        cause: error,
        mayHaveActed,
      });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}

export interface Refusing {
  readonly url: string;
  /** Was the request a command? */
  readonly acted: boolean;
  /** Texts to mask where the answer is quoted. */
  readonly secrets?: readonly string[];
}

/** Throws what a status means for power control; returns for 2xx. */
export function refuseStatus({ status, text, headers }: HttpResponse, { url, acted, secrets }: Refusing): void {
  if (status >= 200 && status < 300) return;
  const { host } = new URL(url);
  const said = clip(text, secrets);
  const message = `${host} answered ${status}${said === "" ? "" : `: ${said}`}`;
  if (status >= 300 && status < 400) {
    // Many devices obey first, and then send the browser back to their page.
    throw new PowerError("protocol", `${host} answered ${status}, a redirect${target(headers, url)}`, {
      mayHaveActed: acted,
      hint: "Redirects are not followed: give the final URL.",
    });
  }
  if (status === 401) {
    const asked = [headers["www-authenticate"] ?? []].flat().map((offer) => offer.split(" ", 1)[0]);
    throw new PowerError("auth", message, {
      ...(asked.length > 0 && {
        hint: `The device asks for ${clip(asked.join(", "))}. Check user, password and token, and how they are sent.`,
      }),
    });
  }
  if (status === 403) throw new PowerError("auth", message);
  if (status === 404) throw new PowerError("not_found", message, { status: 502, hint: "Check the path of the URL." });
  if (status === 409 || status === 423 || status === 429 || status === 503) throw new PowerError("busy", message);
  throw new PowerError("refused", message, { mayHaveActed: acted && status >= 500 });
}

/** Without the query, which may repeat a secret of ours. */
function target(headers: HttpResponse["headers"], url: string): string {
  const [location] = [headers["location"] ?? []].flat();
  if (location === undefined || !URL.canParse(location, url)) return "";
  const { origin, pathname } = new URL(location, url);
  return ` to ${clip(origin + pathname)}`;
}
