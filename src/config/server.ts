/** `server:` and `store:`. */
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import type { z } from "zod";
import { formatDuration } from "../wire/duration.ts";
import { checked } from "./check-value.ts";
import { shapeOf } from "./member-fields.ts";
import type { Problems } from "./problem.ts";
import { SERVER, STORE } from "./schema.ts";
import { isSecret, MASK, plain, quoted, spanAt, type Value, valueAt } from "./value.ts";

export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  /** The sockets that systemd hands over. */
  | { readonly kind: "systemd" };

export interface ServerSettings {
  readonly listen: readonly ListenAddress[];
  readonly url: string | undefined;
  /** Longest a webhook's POST is held (ms). */
  readonly hold: number;
  /** Time that orders under way get when the daemon stops (ms). */
  readonly shutdownGrace: number;
}

export interface StoreSettings {
  /** Absolute. */
  readonly path: string;
  /** How long orders and events are kept (ms). */
  readonly keep: number;
}

/** MAAS gives an action up after this time (ms). */
export const MAAS_ACTION_LIMIT_MS = 300_000;

/** Where the system's configuration stands, and where its journal does. */
export const SYSTEM_FOLDER = "/etc/maasochist";
const SYSTEM_STATE_FOLDER = "/var/lib/maasochist";

const DEFAULT_LISTEN: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: 6227 };

export function buildServer(given: Value | undefined, folder: string, problems: Problems): ServerSettings {
  const {
    listen: written,
    url,
    hold,
    shutdown_grace: shutdownGrace,
  } = settingsOf(SERVER, given, { name: "server", problems });
  const texts = typeof written === "string" ? [written] : written;
  const inList = valueAt(given, ["listen"])?.kind === "list";
  const listen = texts.flatMap((text, index) => {
    const value = valueAt(given, inList ? ["listen", index] : ["listen"]);
    return value ? (listenAddress(text, { value, folder, problems }) ?? []) : [DEFAULT_LISTEN];
  });
  const at = given && spanAt(given, ["listen"]);
  if (at && new Set(listen.map(addressText)).size < listen.length) {
    problems.error(at, { code: "bad-value", message: "one address is listened on twice" });
  }
  const urlValue = valueAt(given, ["url"]);
  if (url !== undefined && urlValue) checkUrl(url, { listen, value: urlValue, problems });
  const holdValue = valueAt(given, ["hold"]);
  if (holdValue && hold >= MAAS_ACTION_LIMIT_MS) {
    problems.warning(holdValue.at, {
      code: "wait-outlasts-maas",
      message: `a webhook is held for ${formatDuration(hold)}, and MAAS gives an action up after ${formatDuration(MAAS_ACTION_LIMIT_MS)}`,
      hint: "Hold it for less: past `hold` MAAS is told that the order is under way, and asks for the state.",
    });
  }
  return { listen, url: url?.replace(/\/+$/, ""), hold, shutdownGrace };
}

/** What of a section fits, with defaults for the rest, so that one mistake hides no other. */
function settingsOf<Schema extends z.ZodObject>(
  schema: Schema,
  given: Value | undefined,
  { name, problems }: { readonly name: string; readonly problems: Problems },
): z.output<Schema> {
  const settings = given && checked(schema, given, problems, { name });
  if (settings) return settings;
  const fitting = Object.entries(shapeOf(schema)).flatMap(([key, field]) => {
    const value = valueAt(given, [key]);
    const data = value && plain(value);
    return value && field.safeParse(data).success ? [[key, data] as const] : [];
  });
  return schema.parse(Object.fromEntries(fitting));
}

interface AddressOptions {
  readonly value: Value;
  readonly folder: string;
  readonly problems: Problems;
}

function listenAddress(text: string, { value, folder, problems }: AddressOptions): ListenAddress | undefined {
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

interface UrlOptions {
  readonly listen: readonly ListenAddress[];
  readonly value: Value;
  readonly problems: Problems;
}

function checkUrl(text: string, { listen, value, problems }: UrlOptions): void {
  const { at } = value;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Before an @ may stand a password.
  if (text.includes("@")) at.source.hide(at);
  if (
    !url ||
    !/^https?:\/\//i.test(text) ||
    url.username !== "" ||
    url.password !== "" ||
    url.search !== "" ||
    url.hash !== ""
  ) {
    problems.error(at, {
      code: "bad-url",
      message: `${quoted(value)} is no address such as http://192.168.1.10:6227`,
      hint: "Scheme, host and port, without user, query and fragment: MAAS is given paths below it.",
    });
    return;
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  if (url.protocol === "https:") {
    problems.warning(at, {
      code: "url-listen",
      message: "the url is https, and this version listens without TLS",
      hint: "Use http, or a proxy in front that speaks TLS and does not redirect.",
    });
    return;
  }
  if (isIP(host) === 0 || host.startsWith("127.") || host === "::1") {
    problems.warning(at, {
      code: "url-not-polled",
      message: `MAAS does not poll ${shown(value, host)} in the background: it needs a literal IP address in a subnet of a rack controller`,
      hint: "Use this host's address in the rack's subnet.",
    });
  }
  const tcp = listen.filter((address) => address.kind === "tcp");
  if (tcp.length === 0 || tcp.length < listen.length) return;
  // With port 0 the system chooses one, so nothing can be said of it.
  if (tcp.some((address) => (address.port === port || address.port === 0) && reaches(address.host, host))) return;
  problems.warning(at, {
    code: "url-listen",
    message: `nothing listens on ${shown(value, `${url.hostname}:${port}`)}, where the url sends MAAS`,
    hint: `\`listen:\` has ${tcp.map(addressText).join(", ")}.`,
  });
}

/** What was made of a value, unless it is a secret. */
function shown(value: Value, made: string): string {
  return value.kind === "scalar" && isSecret(value) ? MASK : made;
}

/** May a caller of that host come in at what is listened on? Of names nothing is known. */
function reaches(listened: string, host: string): boolean {
  const family = isIP(host);
  if (family === 0 || isIP(listened) === 0 || listened === "::") return true;
  return listened === "0.0.0.0" ? family === 4 : canonical(listened) === canonical(host);
}

function canonical(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address.replace(/%.*/, "")}]`).hostname : address;
}

/**
 * A journal stands beside its configuration; that of the system's configuration where services keep their state. Taken
 * from the place of the file alone, never from the environment, so that the service and whoever runs the command line
 * come to the same files.
 */
export function buildStore(given: Value | undefined, folder: string, problems: Problems): StoreSettings {
  const { path, keep } = settingsOf(STORE, given, { name: "store", problems });
  const kept = folder === SYSTEM_FOLDER ? SYSTEM_STATE_FOLDER : folder;
  return { path: path === undefined ? join(kept, "maasochist.db") : resolve(folder, path), keep };
}
