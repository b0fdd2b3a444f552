/**
 * A web server in front of the daemon, as people set up nginx, haproxy and the like, with what each of them does to
 * requests and answers. It passes on what it gets, on a real socket.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface WebFrontOptions {
  /** A certificate and its key, as PEM; absent: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** It has no certificate for a caller that names no server. */
  readonly namedOnly?: boolean;
}

/** What it does instead of passing a request on; undefined where it does pass it on. */
export type Instead = (request: IncomingMessage, response: ServerResponse) => boolean;

export class WebFront implements AsyncDisposable {
  readonly #server: Server;
  readonly #scheme: string;
  /** Where to, such as `http://127.0.0.1:6227`. */
  target = "";
  /** Headers that it does not pass on. */
  drops: readonly string[] = [];
  /** Headers that it adds. */
  adds: Readonly<Record<string, string>> = {};
  /** Holds an answer back until it is whole. */
  buffers = false;
  /** Sends answers in chunks, without their length. */
  chunks = false;
  instead: Instead | undefined;
  /** Requests that arrived: `GET /healthz`. */
  readonly requests: string[] = [];

  private constructor({ tls, namedOnly = false }: WebFrontOptions) {
    const answer = (received: IncomingMessage, response: ServerResponse) => this.#answer(received, response);
    this.#scheme = tls ? "https" : "http";
    this.#server = tls
      ? createSecureServer(
          namedOnly ? { SNICallback: (_name, done) => done(new Error("no such name")) } : { ...tls },
          answer,
        )
      : createServer(answer);
    this.#server.on("tlsClientError", () => undefined);
  }

  static async start(options: WebFrontOptions = {}): Promise<WebFront> {
    const proxy = new WebFront(options);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #answer(received: IncomingMessage, response: ServerResponse): void {
    const { method = "", url = "", headers } = received;
    this.requests.push(`${method} ${url}`);
    if (this.instead?.(received, response)) return;
    const passed = Object.entries({ ...headers, ...this.adds }).filter(([name]) => !this.drops.includes(name));
    const sent = request(new URL(url, this.target), { method, headers: Object.fromEntries(passed) }, (answer) => {
      const { "content-length": length, ...rest } = answer.headers;
      const kept = this.chunks || length === undefined ? rest : { ...rest, "content-length": length };
      const begin = () => response.writeHead(answer.statusCode ?? 502, kept);
      if (this.buffers) {
        void answer.toArray().then((parts) => begin().end(Buffer.concat(parts as Buffer[])));
        return;
      }
      begin().flushHeaders();
      answer.pipe(response);
    });
    sent.on("error", () => response.writeHead(502, { "content-type": "text/html" }).end("<html>Bad Gateway</html>"));
    received.pipe(sent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

/** Sends everybody to https, as the usual first lines of a web server's configuration do. */
export function toHttps({ url = "" }: IncomingMessage, response: ServerResponse): boolean {
  response.writeHead(301, { location: `https://lab.example${url}`, "content-length": 0 }).end();
  return true;
}

/** Answers a page of its own. */
export function page(_request: IncomingMessage, response: ServerResponse): boolean {
  response.writeHead(200, { "content-type": "text/html" }).end("<html>\n<title>Welcome to nginx!</title></html>");
  return true;
}
