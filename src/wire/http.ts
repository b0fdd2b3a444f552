/** HTTP for drivers: one small client on undici, with its failures already classified. */
import { createHash } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { buildConnector, Client, Dispatcher } from "undici";
import { messageOf, PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { unlessAborted } from "./abort.ts";
import { clip } from "./clip.ts";
import { answerChallenge, type Challenge, strongestChallenge } from "./digest.ts";
import { CONNECT_TIMEOUT_MS, classify } from "./http-failure.ts";

const MOST_BODY_BYTES = 1_048_576;
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
  /** Body that is no text, in place of `body`. */
  readonly bytes?: Uint8Array | undefined;
  /** Does it change something? Absent: by its method. */
  readonly acts?: boolean;
  /** Longest answer in bytes, where 1 MiB is not enough. */
  readonly mostBytes?: number;
  readonly signal: AbortSignal;
}

export interface HttpHead {
  readonly status: number;
  /** The words behind the status, in which some servers say what is wrong. */
  readonly reason: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface HttpResponse extends HttpHead {
  readonly text: string;
  /** The answer as it came. */
  readonly bytes: Buffer;
}

/** An answer that goes on. */
export interface HttpStream extends HttpHead {
  /** Bytes as they come. Throws PowerError when the connection breaks. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Ends it. */
  readonly close: () => void;
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
  request(request: HttpRequest): Promise<HttpResponse> {
    return this.#authorized(async () => {
      const begun = await this.#begin(request);
      try {
        const bytes = await unlessAborted(readBody(begun.body, request.mostBytes), request.signal);
        // Without a byte order mark; bytes that are no UTF-8 become U+FFFD.
        const text = new TextDecoder().decode(bytes);
        return { status: begun.status, reason: begun.reason, headers: begun.headers, text, bytes };
      } catch (error) {
        throw begun.failed(error);
      } finally {
        begun.close();
      }
    });
  }

  /**
   * Sends one request whose answer goes on, and resolves once its head is there; the signal counts until then.
   * Throws as `request` does.
   */
  stream(request: HttpRequest): Promise<HttpStream> {
    return this.#authorized(async () => {
      const { status, reason, headers, body, close } = await this.#begin(request);
      return { status, reason, headers, chunks: unbroken(body, new URL(request.url).host), close };
    });
  }

  async #authorized<T extends HttpHead & { readonly close?: () => void }>(send: () => Promise<T>): Promise<T> {
    let response = await send();
    for (let sends = 1; sends < MOST_SENDS; sends++) {
      // A request that is refused for want of a digest has not acted.
      const challenge = this.#challengeOf(response);
      if (!challenge || (sends > 1 && !challenge.stale)) break;
      response.close?.();
      this.#challenge = { challenge, count: 0 };
      response = await send();
    }
    return response;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((client) => client.destroy()));
  }

  #challengeOf({ status, headers }: HttpHead): Challenge | undefined {
    if (status !== 401 || this.#options.auth?.kind !== "digest") return undefined;
    return strongestChallenge([headers["www-authenticate"] ?? []].flat());
  }

  async #begin(request: HttpRequest): Promise<Begun> {
    const { method, signal } = request;
    const body = request.bytes ?? request.body;
    const acts = request.acts ?? (method !== "GET" && method !== "HEAD");
    signal.throwIfAborted();
    const url = new URL(request.url);
    const progress = { connected: false };
    const client = await this.#client(url, progress);
    const failed = (error: unknown) => classify(error, { host: url.host, signal, connected: progress.connected, acts });
    const close = () => {
      this.#open.delete(client);
      void client.destroy();
    };
    try {
      const sent = client.request({
        method: method as Dispatcher.HttpMethod,
        path: url.pathname + url.search,
        headers: mergeHeaders(request.headers, this.#authorization(method, url)),
        ...(body !== undefined && { body }),
      });
      // The library heeds a signal only once it is connected.
      const response = await unlessAborted(sent, signal);
      const { statusCode: status, statusText: reason, headers } = response;
      return { status, reason, headers, body: response.body, failed, close };
    } catch (error) {
      close();
      throw failed(error);
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

  async #client({ origin }: URL, progress: { connected: boolean }): Promise<Client> {
    const { Client } = await import("undici");
    const connect = await trustingConnector(this.#options.tls, () => {
      progress.connected = true;
    });
    // The signal limits both times.
    const client = new Client(origin, { pipelining: 0, headersTimeout: 0, bodyTimeout: 0, connect });
    this.#open.add(client);
    return client;
  }
}

/** Opens sockets to whom these options trust; `connected` is called when one is there to send on. */
export async function trustingConnector(
  { ca, pin, insecure }: TlsOptions = {},
  connected: () => void = () => undefined,
): Promise<buildConnector.connector> {
  const { buildConnector } = await import("undici");
  const connector = buildConnector({
    timeout: CONNECT_TIMEOUT_MS,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
    rejectUnauthorized: !(insecure === true || pin !== undefined),
    ...(ca !== undefined && { ca }),
  });
  return (options, callback) => {
    connector(options, (...[error, socket]) => {
      if (error) {
        callback(error, null);
        return;
      }
      const mismatch = pin !== undefined && options.protocol === "https:" ? pinMismatch(socket, pin) : undefined;
      if (mismatch) {
        socket.destroy();
        callback(mismatch, null);
        return;
      }
      connected();
      callback(null, socket);
    });
  };
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
export function pinMismatch(socket: object, pin: string): PowerError | undefined {
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

/** The head of an answer, and what comes behind it. */
interface Begun extends HttpHead {
  readonly body: AsyncIterable<Buffer>;
  /** What this failure of the body means. */
  readonly failed: (error: unknown) => PowerError;
  readonly close: () => void;
}

/** However an answer that goes on comes to an end before its own, the connection broke. */
async function* unbroken(body: AsyncIterable<Buffer>, host: string): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    // The original holds what came.
    const cause = new Error(messageOf(error));
    throw new PowerError("unreachable", `the connection to ${host} broke`, { cause });
  }
}

async function readBody(body: AsyncIterable<Buffer>, most = MOST_BODY_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > most) throw new PowerError("protocol", `its answer is longer than ${most / 1_048_576} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export interface Refusing {
  readonly url: string;
  /** Was the request a command? */
  readonly acted: boolean;
  /** Texts to mask where the answer is quoted. */
  readonly secrets?: readonly string[];
}

/** Throws what a status means for power control; returns for 2xx. */
export function refuseStatus(
  { status, text, headers }: Pick<HttpResponse, "status" | "text" | "headers">,
  { url, acted, secrets }: Refusing,
): void {
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
