/** `server: { listen: … }`: where the daemon listens, what it serves there, to whom, and with which certificate. */
import { isIP } from "node:net";
import { resolve } from "node:path";
import type { z } from "zod";
import { checkNetworks } from "./access.ts";
import { checked, refuse } from "./check-value.ts";
import type { Problems } from "./problem.ts";
import { LISTENER, SERVED, type TLS } from "./schema.ts";
import { lineOf } from "./source.ts";
import { quoted, scalarText, spanAt, type Value, valueAt } from "./value.ts";

export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  /** The sockets that systemd hands over. */
  | { readonly kind: "systemd" };

export interface ListenerSettings {
  readonly address: ListenAddress;
  /** Undefined: it speaks HTTP without TLS. */
  readonly tls: TlsSettings | undefined;
  readonly serve: readonly (typeof SERVED)[number][];
  /** Networks (CIDR) or addresses that callers must come from; empty: any. */
  readonly from: readonly string[];
}

export interface TlsSettings {
  /** Absolute paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  /** Callers need a certificate that is signed by one of these. */
  readonly clientCa: string | undefined;
  readonly minVersion: "1.2" | "1.3";
}

const DEFAULT: ListenerSettings = {
  address: { kind: "tcp", host: "127.0.0.1", port: 6227 },
  tls: undefined,
  serve: SERVED,
  from: [],
};

interface BuildOptions {
  readonly folder: string;
  readonly problems: Problems;
  /** Of the server as a whole. */
  readonly tls: TlsSettings | undefined;
  readonly trustedProxies: readonly string[];
}

/** Of the value of `server:`. Where nothing is written this host alone is listened on. */
export function buildListeners(server: Value | undefined, options: BuildOptions): ListenerSettings[] {
  const written = valueAt(server, ["listen"]);
  if (!written) return [{ ...DEFAULT, tls: options.tls }];
  const items = written.kind === "list" ? written.items : [written];
  if (items.length === 0) refuse(written, '"listen" must not be empty', options.problems);
  const built = items.flatMap((value) => {
    const settings = listener(value, options);
    return settings ? [{ settings, value }] : [];
  });
  refuseOverlaps(built, options.problems);
  return built.map(({ settings }) => settings);
}

function listener(value: Value, options: BuildOptions): ListenerSettings | undefined {
  const { folder, problems, trustedProxies } = options;
  if (value.kind !== "map") {
    const text = scalarText(value);
    if (text === undefined) {
      refuse(value, `"listen" takes addresses, and maps with \`address\`, not ${quoted(value)}`, problems);
      return undefined;
    }
    const address = listenAddress(text, value, options);
    const tls = address?.kind === "unix" ? undefined : options.tls;
    return address && complete({ ...DEFAULT, address, tls }, value, problems);
  }
  const settings = checked(LISTENER, value, problems, { name: "listen" });
  const from = valueAt(value, ["from"]);
  checkNetworks(from, problems);
  const text = valueAt(value, ["address"]);
  const written = scalarText(text);
  const address = text && written !== undefined ? listenAddress(written, text, options) : undefined;
  if (!settings || !address) return undefined;
  if (from && address.kind === "unix" && !trustedProxies.includes("unix")) {
    problems.error(from.at, {
      code: "bad-listen",
      message: "who comes through a UNIX socket has no address that `from` could look at",
      hint: "Take it out; or, where a proxy stands behind it, name it: `trusted_proxies: [unix]`.",
    });
  }
  const inherited = address.kind === "unix" ? undefined : options.tls;
  const tls = settings.tls === undefined ? inherited : settings.tls && tlsSettings(settings.tls, folder);
  const { serve, from: networks } = settings;
  return complete({ address, tls: tls === false ? undefined : tls, serve, from: networks }, value, problems);
}

function complete(settings: ListenerSettings, value: Value, problems: Problems): ListenerSettings {
  if (settings.tls?.clientCa !== undefined && settings.serve.includes("maas")) {
    problems.warning(spanAt(value, ["tls", "client_ca"]), {
      code: "maas-certificate",
      message: `MAAS has no certificate to show, and ${addressText(settings.address)} asks for one`,
      hint: "Serve its webhooks at another address: `serve: [api, page]` here, `serve: [maas]` there.",
    });
  }
  return settings;
}

/** Paths of files are meant from the configuration's folder. */
export function tlsSettings(written: z.output<typeof TLS>, folder: string): TlsSettings {
  const { cert, key, client_ca: clientCa, min_version: minVersion } = written;
  return {
    cert: resolve(folder, cert),
    key: resolve(folder, key),
    clientCa: clientCa === undefined ? undefined : resolve(folder, clientCa),
    minVersion,
  };
}

function listenAddress(text: string, value: Value, { folder, problems }: BuildOptions): ListenAddress | undefined {
  if (text === "systemd") return { kind: "systemd" };
  const path = /^unix:(.+)$/.exec(text)?.[1];
  if (path !== undefined) return { kind: "unix", path: resolve(folder, path) };
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3]);
  if (match && port <= 65_535 && (match[1] === undefined || isIP(host) === 6)) return { kind: "tcp", host, port };
  problems.error(value.at, {
    code: "bad-listen",
    message: `${quoted(value)} is no address to listen on`,
    hint: "Write 192.168.1.10:6227, 0.0.0.0:6227, [::]:6227, unix:/run/x.sock or systemd.",
  });
  return undefined;
}

interface Built {
  readonly settings: ListenerSettings;
  readonly value: Value;
}

function refuseOverlaps(built: readonly Built[], problems: Problems): void {
  for (const [index, { settings, value }] of built.entries()) {
    const other = built.slice(0, index).find((earlier) => overlap(settings.address, earlier.settings.address));
    if (!other) continue;
    const [mine, theirs] = [settings.address, other.settings.address].map(addressText);
    problems.error(spanAt(value, ["address"]), {
      code: "bad-listen",
      message:
        mine === theirs
          ? `${mine} is listened on twice`
          : `${mine} and ${theirs} (${lineOf(other.value.at)}) are one place to listen on`,
    });
  }
}

function overlap(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind !== "tcp" || b.kind !== "tcp") return addressText(a) === addressText(b);
  // With port 0 the system chooses one for each.
  if (a.port !== b.port || a.port === 0) return false;
  return reaches(a.host, b.host) || reaches(b.host, a.host);
}

/** Does whoever is listened for at that host's address include callers of the other? Of names nothing is known. */
function reaches(listened: string, host: string): boolean {
  if (listened === "::") return true;
  if (listened === "0.0.0.0") return isIP(host) !== 6;
  return canonical(listened) === canonical(host);
}

function canonical(host: string): string {
  if (host === "localhost") return "127.0.0.1";
  return isIP(host) === 6 ? new URL(`http://[${host.replace(/%.*/, "")}]`).hostname : host;
}

/** May a caller of that host come in at what is listened on? */
export function mayReach(listened: string, host: string): boolean {
  return isIP(host) === 0 || isIP(listened) === 0 || reaches(listened, host);
}

/** As it is written under `listen:`. */
export function addressText(address: ListenAddress): string {
  switch (address.kind) {
    case "tcp":
      return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
    case "unix":
      return `unix:${address.path}`;
    case "systemd":
      return "systemd";
    default:
      return address satisfies never;
  }
}
