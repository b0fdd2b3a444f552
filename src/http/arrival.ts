/**
 * Where a request comes from. Of a connection that a trusted proxy made, the proxy tells: `X-Forwarded-For` names the hops
 * before it, each appended by the next, so it is read from the right as far as the hops are trusted, and what stands left
 * of the first that is not may be anybody's invention. Of everybody else such headers count for nothing.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { plainAddress, withinNetworks } from "./networks.ts";

/** Stands among the trusted proxies for those that come through a UNIX socket. */
const THROUGH_UNIX = "unix";

/** What is told of a hop is no address: it is in no network. */
const NOBODY_KNOWS = "unknown";

interface Arrival {
  readonly address: string;
  readonly secure: boolean;
  readonly host: string | undefined;
}

const forwarded = new WeakMap<IncomingMessage, Arrival>();

/** The caller's own address; empty over a local socket. To ask the system for it costs more than a poll's answer. */
export function addressOf(request: IncomingMessage): string {
  return forwarded.get(request)?.address ?? plainAddress(request.socket.remoteAddress ?? "");
}

/** Did the caller come by TLS, to us or to the proxy in front? */
export function isSecure(request: IncomingMessage): boolean {
  return forwarded.get(request)?.secure ?? isEncrypted(request);
}

/** The host and port that the caller asked for. */
export function hostOf(request: IncomingMessage): string | undefined {
  return forwarded.get(request)?.host ?? request.headers.host;
}

export class Proxies {
  /** Is any trusted at all? */
  readonly any: boolean;
  readonly #within: (address: string) => boolean;
  readonly #unix: boolean;

  /** Networks (CIDR), addresses, and `unix`. */
  constructor(trusted: readonly string[]) {
    this.any = trusted.length > 0;
    this.#unix = trusted.includes(THROUGH_UNIX);
    const networks = trusted.filter((network) => network !== THROUGH_UNIX);
    const within = withinNetworks(networks);
    this.#within = (address) => networks.length > 0 && within(address);
  }

  trusts(address: string): boolean {
    return address === "" ? this.#unix : this.#within(address);
  }

  /** Takes over what trusted proxies say of a request. Did it come through one? */
  read(request: IncomingMessage): boolean {
    if (!this.any || !this.trusts(plainAddress(request.socket.remoteAddress ?? ""))) return false;
    const hops = listOf(request, "x-forwarded-for");
    const address = this.#caller(hops);
    if (address === undefined) return false;
    const scheme = listOf(request, "x-forwarded-proto").at(-1)?.toLowerCase();
    forwarded.set(request, {
      address,
      secure: scheme === undefined ? isEncrypted(request) : scheme === "https",
      host: listOf(request, "x-forwarded-host").at(-1) ?? request.headers.host,
    });
    return true;
  }

  /** The last hop that is not trusted; where all are, the first. Undefined where none is named. */
  #caller(hops: readonly string[]): string | undefined {
    let found: string | undefined;
    for (const hop of hops.toReversed()) {
      found = addressIn(hop);
      if (!this.#within(found)) return found;
    }
    return found;
  }
}

function isEncrypted({ socket }: IncomingMessage): boolean {
  return "encrypted" in socket && socket.encrypted === true;
}

function listOf({ headers }: IncomingMessage, name: string): string[] {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(",") : (value ?? ""))
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** Some proxies write a port behind it: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressIn(hop: string): string {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1] ?? hop;
  return isIP(bare) === 0 ? NOBODY_KNOWS : plainAddress(bare);
}
