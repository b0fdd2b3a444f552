/**
 * MAAS's webhook driver: one request for one action, and what it makes of the answer.
 *
 * A connection for every request. 400 and above is a PowerActionError, which the loop around this tries again, but for
 * 404: then the request is sent once more with a slash behind it, that answer is thrown away, and the first one counts.
 * GET follows redirects; POST follows a 303 only, as a GET. Whatever else goes wrong is raised as it is.
 */
import { connect, type Socket } from "node:net";
import { searches } from "./python-regex.ts";
import { type Method, requestBytes, type Target, targetOf, type WebhookSettings } from "./request.ts";
import { ResponseFailed, readResponse, type WebhookResponse } from "./response.ts";

/** What MAAS's loop around the driver tries again. */
export class PowerError extends Error {
  override readonly name: string = "PowerError";
}

class PowerActionError extends PowerError {
  override readonly name = "PowerActionError";
}

/** Told of every connection, so that a test knows what is on its way. */
export interface Line {
  opened(socket: Socket): void;
  closed(socket: Socket): void;
}

/** What was sent, and what came back. */
export interface SentRequest {
  readonly request: string;
  /** Undefined while there is no answer, and where there never was one. */
  status: number | undefined;
}

const DEFAULT_ON_REGEX = String.raw`status.*\:.*running`;
const DEFAULT_OFF_REGEX = String.raw`status.*\:.*stopped`;
const MOST_REDIRECTS = 20;

export class Webhook {
  readonly settings: WebhookSettings;
  readonly #line: Line | undefined;
  /** Every request in its order. */
  readonly sent: SentRequest[] = [];

  constructor(settings: WebhookSettings, line?: Line) {
    this.settings = settings;
    this.#line = line;
  }

  async powerOn(signal: AbortSignal): Promise<void> {
    await this.#request("POST", this.settings.onUri, signal);
  }

  async powerOff(signal: AbortSignal): Promise<void> {
    await this.#request("POST", this.settings.offUri, signal);
  }

  async powerQuery(signal: AbortSignal): Promise<"on" | "off" | "unknown"> {
    const { queryUri, onRegex = DEFAULT_ON_REGEX, offRegex = DEFAULT_OFF_REGEX } = this.settings;
    const body = await this.#request("GET", queryUri, signal);
    // Python's `bytes.decode()`: it keeps a byte order mark, and raises where the bytes are no UTF-8.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    if (searches(onRegex, text)) return "on";
    return searches(offRegex, text) ? "off" : "unknown";
  }

  async #request(method: Method, uri: string, signal: AbortSignal): Promise<Buffer> {
    const { status, body } = await this.#follow(method, uri, signal);
    if (status === 404) void this.#follow(method, `${uri}/`, signal).catch(() => undefined);
    else if (status >= 400) throw new PowerActionError(`Request failed with response status code: ${status}.`);
    return body;
  }

  async #follow(method: Method, uri: string, signal: AbortSignal): Promise<WebhookResponse> {
    let next = { method, uri, authorized: true };
    for (let redirects = 0; ; redirects++) {
      const response = await this.#exchange(next, signal);
      const { status, headers } = response;
      const redirect = status === 303 || [301, 302, 307, 308].includes(status);
      if (!redirect) return response;
      if (status !== 303 && next.method !== "GET")
        throw new ResponseFailed(`PageRedirect: ${status} to ${headers.get("location")}`);
      if (redirects === MOST_REDIRECTS) throw new ResponseFailed("InfiniteRedirection");
      const location = headers.get("location");
      if (location === undefined) throw new ResponseFailed("RedirectWithNoLocation");
      const there = new URL(location, next.uri);
      const authorized = next.authorized && there.origin === new URL(next.uri).origin;
      next = { method: "GET", uri: there.href, authorized };
    }
  }

  async #exchange(
    { method, uri, authorized }: { readonly method: Method; readonly uri: string; readonly authorized: boolean },
    signal: AbortSignal,
  ): Promise<WebhookResponse> {
    const target = targetOf(uri);
    const bytes = requestBytes(method, target, { settings: this.settings, authorized });
    const sent: SentRequest = { request: `${method} ${target.path}`, status: undefined };
    this.sent.push(sent);
    const response = await this.#converse(target, bytes, signal);
    sent.status = response.status;
    return response;
  }

  #converse(target: Target, bytes: Buffer, signal: AbortSignal): Promise<WebhookResponse> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const socket = connect(target.port, target.host);
      this.#line?.opened(socket);
      let received = Buffer.alloc(0);
      const end = (settle: () => void) => {
        signal.removeEventListener("abort", onAbort);
        this.#line?.closed(socket);
        socket.destroy();
        settle();
      };
      const onAbort = () => end(() => reject(signal.reason));
      const read = (ended: boolean) => {
        try {
          const response = readResponse(received, ended);
          if (response) end(() => resolve(response));
        } catch (error) {
          end(() => reject(error));
        }
      };
      signal.addEventListener("abort", onAbort, { once: true });
      socket.on("connect", () => socket.write(bytes));
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        read(false);
      });
      socket.on("end", () => read(true));
      socket.on("error", (error) => end(() => reject(error)));
    });
  }
}
