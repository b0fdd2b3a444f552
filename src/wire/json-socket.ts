/** A WebSocket (RFC 6455) on which both sides send JSON, one text message each. */
import type { Socket } from "node:net";
import type { ErrorEvent, WebSocket } from "undici";
import { PowerError } from "../power/errors.ts";
import { unlessAborted } from "./abort.ts";
import { type TlsOptions, trustingConnector } from "./http.ts";
import { classify } from "./http-failure.ts";

export interface JsonSocketOptions {
  /** With http or https. */
  readonly url: string;
  readonly tls?: TlsOptions | undefined;
  /** Counts until it is open. */
  readonly signal: AbortSignal;
  /** A message came; the first ones may come before `open` resolves. */
  readonly heard: (message: unknown, socket: JsonSocket) => void;
  /** No more will come. Called at most once, and never after `close`. */
  readonly lost: (error: PowerError) => void;
}

/** What became of the connection before there was a WebSocket on it. */
interface Progress {
  socket?: Socket;
  failure?: unknown;
}

export class JsonSocket {
  readonly #webSocket: WebSocket;
  readonly #drop: () => void;

  private constructor(webSocket: WebSocket, drop: () => void) {
    this.#webSocket = webSocket;
    this.#drop = drop;
  }

  /**
   * Throws PowerError: unreachable, timeout, auth, wrong_device; unsupported where a server answers that opens no
   * WebSocket.
   */
  static async open({ url, tls, signal, heard, lost }: JsonSocketOptions): Promise<JsonSocket> {
    signal.throwIfAborted();
    const { Agent, WebSocket } = await import("undici");
    const { host, pathname } = new URL(url);
    const progress: Progress = {};
    const connector = await trustingConnector(tls);
    const agent = new Agent({
      connect: (options, callback) =>
        connector(options, (...result) => {
          const [failure, socket] = result;
          if (failure) progress.failure = failure;
          else progress.socket = socket;
          callback(...result);
        }),
    });
    const webSocket = new WebSocket(url.replace(/^http/, "ws"), { dispatcher: agent });
    const over = new AbortController();
    const drop = () => {
      over.abort();
      // Whatever was sent still goes out; nobody waits for an answer to it.
      progress.socket?.destroySoon();
      void agent.destroy();
    };
    const lose = (error: PowerError) => {
      if (over.signal.aborted) return;
      drop();
      lost(error);
    };
    const socket = new JsonSocket(webSocket, drop);
    const during = { signal: over.signal };
    webSocket.addEventListener(
      "message",
      ({ data }: { readonly data: unknown }) => {
        const message = parsed(data);
        if (message) heard(message.json, socket);
        else lose(new PowerError("protocol", `${host} sent a message that is no JSON`));
      },
      during,
    );
    const opened = new Promise<void>((resolve, reject) => {
      webSocket.addEventListener("open", () => resolve(), during);
      webSocket.addEventListener(
        "error",
        ({ message, error }: ErrorEvent) => reject(error ?? new Error(message)),
        during,
      );
    });
    try {
      await unlessAborted(opened, signal);
    } catch (error) {
      drop();
      const connected = progress.socket !== undefined;
      if (!connected || signal.aborted)
        throw classify(progress.failure ?? error, { host, signal, connected, acts: false });
      throw new PowerError("unsupported", `${host} opens no WebSocket at ${pathname}`, {
        cause: error,
        hint: "Does a proxy in between pass WebSockets on?",
      });
    }
    webSocket.addEventListener("close", () => lose(new PowerError("unreachable", `${host} hung up`)), during);
    return socket;
  }

  send(message: object): void {
    this.#webSocket.send(JSON.stringify(message));
  }

  close(): void {
    this.#webSocket.close();
    this.#drop();
  }
}

/** Undefined where it is no JSON. */
function parsed(data: unknown): { readonly json: unknown } | undefined {
  try {
    return typeof data === "string" ? { json: JSON.parse(data) } : undefined;
  } catch {
    return undefined;
  }
}
