/**
 * One HTTP exchange as MAAS's webhook driver makes it: on a connection of its own that the server closes, over TLS without
 * a server name (SNI), with any certificate. What the answer was made of is kept as it came.
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type PeerCertificate, type TLSSocket } from "node:tls";

export interface RawRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  /** Header lines beside those that every request of MAAS has. */
  readonly headers: readonly string[];
  /** MAAS's own is `MAAS 3.7.3`. */
  readonly agent: string;
  /** The address of this host to come from. */
  readonly from?: string | undefined;
  /** Authorities that count, as PEM; absent: those of Node.js. */
  readonly authorities?: readonly string[] | undefined;
  readonly signal: AbortSignal;
}

export interface RawAnswer {
  /** 0: what came is no HTTP/1. */
  readonly status: number;
  /** `1.1`; empty where the answer is no HTTP/1. */
  readonly httpVersion: string;
  /** By lower-case name, the last one of several. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Until the last byte (ms). */
  readonly ms: number;
  /** From the first byte to the last (ms). */
  readonly streamedMs: number;
  /** From which address of this host. */
  readonly from: string;
  readonly certificate?: Certificate | undefined;
}

export interface Certificate {
  /** Ms since 1970. */
  readonly validTo: number;
  /** Why its chain is not trusted; undefined where it is. Its names do not count, as with MAAS. */
  readonly refusal: string | undefined;
}

/** Throws the system's error, or the signal's reason, where no answer comes. */
export async function rawExchange(request: RawRequest): Promise<RawAnswer> {
  const { method, url, headers, agent, signal } = request;
  const length = method === "POST" ? ["Content-Length: 0"] : [];
  const lines = [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    "Connection: close",
    ...length,
    `User-Agent: ${agent}`,
    "Accept: application/json",
    ...headers,
    `Host: ${url.host}`,
  ];
  const begun = performance.now();
  let firstAt: number | undefined;
  const secure = url.protocol === "https:";
  let from = "";
  const [text, certificate] = await new Promise<[string, Certificate | undefined]>((resolve, reject) => {
    const socket = open(request);
    const chunks: Buffer[] = [];
    let found: Certificate | undefined;
    const onAbort = () => socket.destroy(asError(signal.reason));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once(secure ? "secureConnect" : "connect", () => {
      from = socket.localAddress ?? "";
      if (isTls(socket)) found = certificateOf(socket);
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    });
    socket.on("data", (chunk: Buffer) => {
      firstAt ??= performance.now();
      chunks.push(chunk);
    });
    socket.once("error", reject);
    socket.once("close", () => {
      signal.removeEventListener("abort", onAbort);
      resolve([Buffer.concat(chunks).toString(), found]);
    });
  });
  const endedAt = performance.now();
  return {
    ...parsed(text),
    from,
    ms: endedAt - begun,
    streamedMs: endedAt - (firstAt ?? endedAt),
    ...(certificate && { certificate }),
  };
}

/** The host of an address, an IPv6 one without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function open({ url, from, authorities }: RawRequest): Socket | TLSSocket {
  const host = hostOf(url);
  const local = from !== undefined && isIP(from) === isIP(host) ? { localAddress: from } : {};
  const secure = url.protocol === "https:";
  const target = { host, port: Number(url.port || (secure ? 443 : 80)), ...local };
  if (!secure) return connectTcp(target);
  return connectTls({
    ...target,
    servername: "",
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...(authorities && { ca: [...authorities] }),
  });
}

function isTls(socket: Socket | TLSSocket): socket is TLSSocket {
  return "getPeerCertificate" in socket;
}

function certificateOf(socket: TLSSocket): Certificate {
  const { valid_to: validTo }: Partial<PeerCertificate> = socket.getPeerCertificate();
  // An error by its type, a code in fact.
  const refusal: unknown = socket.authorizationError;
  return {
    validTo: Date.parse(validTo ?? ""),
    refusal: socket.authorized ? undefined : refusal instanceof Error ? refusal.message : String(refusal),
  };
}

function parsed(text: string): Pick<RawAnswer, "status" | "httpVersion" | "headers" | "body"> {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, Math.max(0, end)).split("\r\n");
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const [, httpVersion = "", status = "0"] = /^HTTP\/(1\.[01]) (\d{3})\b/.exec(first) ?? [];
  const body = end < 0 ? "" : text.slice(end + 4);
  const chunked = /\bchunked\b/i.test(headers.get("transfer-encoding") ?? "");
  return { status: Number(status), httpVersion, headers, body: chunked ? withoutChunks(body) : body };
}

/** RFC 9112, 7.1; what is cut short ends where it does. */
function withoutChunks(body: string): string {
  const bytes = Buffer.from(body);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const line = bytes.indexOf("\r\n", at);
    const size = line < 0 ? 0 : Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (!(size > 0)) break;
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
  return Buffer.concat(parts).toString();
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
