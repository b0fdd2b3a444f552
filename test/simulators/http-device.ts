/**
 * A relay with an HTTP interface of its own: `POST /on`, `POST /off`, `POST /cycle`, and `GET /` for `{"ison":true}`.
 *
 * It asks for credentials as servers do: Basic by RFC 7617, Bearer by RFC 6750, digest by RFC 7616 (with `qop`, MD5 and
 * SHA-256, `-sess`, stale nonces) and by RFC 2069 (without `qop`).
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

export interface DigestOptions {
  readonly realm?: string;
  /** One challenge each, in this order. */
  readonly algorithms?: readonly string[];
  /** Absent: `auth`; null: none, as in RFC 2069. */
  readonly qop?: string | null;
  /** So many requests a nonce is good for. */
  readonly nonceUses?: number;
}

export type Guard =
  | { readonly kind: "basic"; readonly expected: string }
  | { readonly kind: "bearer"; readonly expected: string }
  | ({ readonly kind: "digest"; readonly user: string; readonly password: string } & DigestOptions);

export interface HttpDeviceOptions {
  readonly guard?: Guard;
  /** Paths that it answers to anybody. */
  readonly open?: readonly string[];
  /** One that it keeps when it goes away and comes back; absent: any. */
  readonly port?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly address?: string;
}

type Handler = (request: Received, response: ServerResponse) => void;

export class HttpDevice implements AsyncDisposable {
  readonly #server: Server;
  readonly #options: HttpDeviceOptions;
  readonly #nonces = new Map<string, number>();
  state: "on" | "off" = "off";
  /** Everything that arrived, let in or not. */
  readonly requests: Received[] = [];
  /** Connections that were opened, whether or not a request came on them. */
  connections = 0;
  /** Answers in place of the relay. */
  handler: Handler | undefined;

  private constructor(server: Server, options: HttpDeviceOptions) {
    this.#server = server;
    this.#options = options;
    server.on("connection", () => {
      this.connections += 1;
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => void this.#receive(request, response));
  }

  static async start(options: HttpDeviceOptions = {}): Promise<HttpDevice> {
    const server = options.tls ? createTlsServer(options.tls) : createServer();
    const device = new HttpDevice(server, options);
    await device.revive();
    return device;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** It is gone: connections are refused. */
  async die(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async revive(): Promise<void> {
    const { port = 0, address = "127.0.0.1" } = this.#options;
    this.#server.listen(port, address);
    await once(this.#server, "listening");
  }

  url(path = "/"): string {
    const { tls, address = "127.0.0.1" } = this.#options;
    const host = address.includes(":") ? `[${address}]` : address;
    return `${tls ? "https" : "http"}://${host}:${this.port}${path}`;
  }

  /** What the driver is told of it. */
  get requestSettings() {
    const to = (path: string) => ({ url: this.url(path) });
    return { on: to("/on"), off: to("/off"), cycle: to("/cycle"), query: to("/") };
  }

  async #receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers, rawHeaders } = incoming;
    const request = { method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString() };
    this.requests.push(request);
    const challenges = this.#challenges(request);
    if (challenges.length > 0) response.writeHead(401, { "www-authenticate": challenges }).end("who are you?");
    else (this.handler ?? this.#relay)(request, response);
  }

  readonly #relay: Handler = ({ method, url }, response) => {
    const { pathname } = new URL(url, "http://device");
    if (method === "GET" && pathname === "/") {
      response.setHeader("content-type", "application/json").end(JSON.stringify({ ison: this.state === "on" }));
    } else if (method === "POST" && /^\/(?:on|off|cycle)$/.test(pathname)) {
      this.state = pathname === "/off" ? "off" : "on";
      response.end("{}");
    } else response.writeHead(404).end("no such path");
  };

  /** What to ask the caller for; nothing where it may pass. */
  #challenges(request: Received): string[] {
    const { guard, open = [] } = this.#options;
    if (!guard || open.includes(request.url)) return [];
    const { authorization } = request.headers;
    if (guard.kind === "basic") return authorization === `Basic ${guard.expected}` ? [] : ['Basic realm="relay"'];
    if (guard.kind === "bearer") return authorization === `Bearer ${guard.expected}` ? [] : ["Bearer"];
    return this.#digestChallenges(request, guard);
  }

  #digestChallenges({ method, url, headers }: Received, guard: Extract<Guard, { kind: "digest" }>): string[] {
    const { realm = "relay", algorithms = ["MD5"], qop = "auth", nonceUses = Number.POSITIVE_INFINITY } = guard;
    const given = parametersOf(headers.authorization ?? "");
    const uses = this.#nonces.get(given.get("nonce") ?? "");
    const algorithm = given.get("algorithm") ?? "MD5";
    let stale = false;
    if (uses !== undefined && algorithms.includes(algorithm) && given.get("uri") === url) {
      const right = given.get("response") === digestResponse(given, { ...guard, realm, method, algorithm });
      // RFC 7616, 3.4: the count is of requests with this nonce, this one included.
      const counted = qop === null || given.get("nc") === (uses + 1).toString(16).padStart(8, "0");
      stale = right && counted && uses >= nonceUses;
      if (right && counted && !stale) {
        this.#nonces.set(given.get("nonce") ?? "", uses + 1);
        return [];
      }
    }
    return algorithms.map((offered) => {
      const nonce = randomBytes(8).toString("base64");
      this.#nonces.set(nonce, 0);
      const parts = [
        `realm=${quoted(realm)}`,
        `nonce=${quoted(nonce)}`,
        'opaque="a, b"',
        ...(qop === null ? [] : [`qop=${quoted(qop)}`, `algorithm=${offered}`]),
        ...(stale ? ["stale=true"] : []),
      ];
      return `Digest ${parts.join(", ")}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.die();
  }
}

/** RFC 7616, 3.4.1 to 3.4.3. */
function digestResponse(
  given: ReadonlyMap<string, string>,
  known: { readonly user: string; readonly password: string; readonly realm: string } & Record<
    "method" | "algorithm",
    string
  >,
): string {
  const { user, password, realm, method, algorithm } = known;
  const hash = (text: string) =>
    createHash(algorithm.startsWith("SHA-256") ? "sha256" : "md5")
      .update(text)
      .digest("hex");
  const [nonce, cnonce, nc, qop] = ["nonce", "cnonce", "nc", "qop"].map((name) => given.get(name) ?? "");
  const unsessioned = hash(`${user}:${realm}:${password}`);
  const a1 = algorithm.endsWith("-sess") ? hash(`${unsessioned}:${nonce}:${cnonce}`) : unsessioned;
  const a2 = hash(`${method}:${given.get("uri")}`);
  if (given.get("realm") !== realm || given.get("opaque") !== "a, b") return "";
  return qop === "" ? hash(`${a1}:${nonce}:${a2}`) : hash(`${a1}:${nonce}:${nc}:${cnonce}:${qop}:${a2}`);
}

function parametersOf(authorization: string): ReadonlyMap<string, string> {
  if (!authorization.startsWith("Digest ")) return new Map();
  const found = authorization.matchAll(/([\w*]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))/g);
  return new Map([...found].map(([, name = "", text, bare]) => [name, text?.replaceAll(/\\(.)/g, "$1") ?? bare ?? ""]));
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
