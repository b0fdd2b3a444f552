/** `server:`, `access:` and `store:`. */
import { createHash } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { dirname, join, resolve } from "node:path";
import type { z } from "zod";
import type { AccessRules, Grant } from "../power/access.ts";
import { checked } from "./check-value.ts";
import type { Problems, Span } from "./problem.ts";
import { ACCESS, SERVER, STORE, TOKEN, USER } from "./schema.ts";
import { hidden, type MapValue, scalarText, spanAt, type Value } from "./value.ts";

export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string }
  /** The sockets that systemd hands over. */
  | { readonly kind: "systemd" };

export interface ServerSettings {
  readonly listen: readonly ListenAddress[];
  readonly url: string | undefined;
}

export interface StoreSettings {
  /** Absolute. */
  readonly path: string;
  /** How long orders and events are kept (ms). */
  readonly keep: number;
}

const DEFAULT_LISTEN: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: 6227 };
const SHORTEST_TOKEN = 16;

export function buildServer(value: Value | undefined, folder: string, problems: Problems): ServerSettings {
  const settings = value && checked(SERVER, value, problems);
  if (!value || !settings) return { listen: [DEFAULT_LISTEN], url: undefined };
  const at = spanAt(value, ["listen"]);
  const texts = typeof settings.listen === "string" ? [settings.listen] : settings.listen;
  const listen = texts.flatMap(
    (text, index) => listenAddress(text, { at: spanAt(value, ["listen", index]), folder, problems }) ?? [],
  );
  const { url } = settings;
  if (url !== undefined) checkUrl(url, { listen, at: spanAt(value, ["url"]), problems });
  if (new Set(listen.map((address) => JSON.stringify(address))).size < listen.length) {
    problems.error(at, { code: "bad-value", message: "one address is listened on twice" });
  }
  return { listen, url: url?.replace(/\/+$/, "") };
}

function listenAddress(
  text: string,
  { at, folder, problems }: { readonly at: Span; readonly folder: string; readonly problems: Problems },
): ListenAddress | undefined {
  if (text === "systemd") return { kind: "systemd" };
  if (text.startsWith("unix:")) return { kind: "unix", path: resolve(folder, text.slice("unix:".length)) };
  const match = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]]*)):(\d+)$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3]);
  if (match && host !== "" && port <= 65_535) return { kind: "tcp", host, port };
  problems.error(at, {
    code: "bad-listen",
    message: `"${text}" is no address to listen on`,
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

function checkUrl(
  text: string,
  {
    listen,
    at,
    problems,
  }: { readonly listen: readonly ListenAddress[]; readonly at: Span; readonly problems: Problems },
): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    !url ||
    (url.protocol !== "http:" && url.protocol !== "https:") ||
    url.username !== "" ||
    url.search !== "" ||
    url.hash !== ""
  ) {
    problems.error(at, { code: "bad-url", message: `"${text}" is no address such as http://192.168.1.10:6227` });
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
  if (isIP(host) === 0 || host === "127.0.0.1" || host === "::1") {
    problems.warning(at, {
      code: "url-not-polled",
      message: `MAAS does not poll "${host}" in the background: it needs a literal IP address in a subnet of a rack controller`,
      hint: "Use this host's address in the rack's subnet.",
    });
  }
  const tcp = listen.filter((address) => address.kind === "tcp");
  if (tcp.length === 0 || tcp.length < listen.length) return;
  const fits = tcp.some(
    (address) =>
      // With port 0 the system chooses one, so nothing can be said of it.
      (address.port === port || address.port === 0) &&
      (isIP(host) === 0 || address.host === host || address.host === "0.0.0.0" || address.host === "::"),
  );
  if (!fits)
    problems.warning(at, {
      code: "url-listen",
      message: `nothing listens on ${url.hostname}:${port}, where the url sends MAAS`,
      hint: `\`listen:\` has ${tcp.map(addressText).join(", ")}.`,
    });
}

export function buildStore(
  value: Value | undefined,
  folder: string,
  options: { readonly env: NodeJS.ProcessEnv; readonly problems: Problems },
): StoreSettings {
  const settings = (value && checked(STORE, value, options.problems)) ?? STORE.parse({});
  const stateFolder = options.env["STATE_DIRECTORY"]?.split(":")[0];
  return {
    path: settings.path === undefined ? join(stateFolder ?? folder, "maasochist.db") : resolve(folder, settings.path),
    keep: settings.keep,
  };
}

export function buildAccess(given: Value | undefined, problems: Problems): AccessRules {
  const value = given && withHidden(given);
  if (!value || !checked(ACCESS, value, problems)) return { tokens: [], users: [] };
  const tokens = each(TOKEN, value, { key: "tokens", problems }).flatMap(({ rule, at }) => {
    const { token, token_sha256: hash } = rule;
    if ((token === undefined) === (hash === undefined)) {
      problems.error(at, {
        code: "bad-value",
        message: `token "${rule.name}" needs \`token\` or \`token_sha256\`, and not both`,
        hint: "`maasochist token add NAME` makes one.",
      });
      return [];
    }
    return [{ ...grantOf(rule), sha256: hash ?? sha256(token ?? "") }];
  });
  const users = each(USER, value, { key: "users", problems }).map(({ rule }) => ({
    ...grantOf(rule),
    passwordHash: rule.password_hash,
  }));
  return { tokens, users };
}

interface EachOptions {
  readonly key: "tokens" | "users";
  readonly problems: Problems;
}

/** The rules of a list, each checked by itself so that one mistake hides no other. */
function each<Rule extends Grant>(
  schema: z.ZodType<Rule>,
  access: Value,
  { key, problems }: EachOptions,
): { readonly rule: Rule; readonly at: Span }[] {
  const list = access.kind === "map" ? access.entries.get(key)?.value : undefined;
  const names = new Set<string>();
  return (list?.kind === "list" ? list.items : []).flatMap((item) => {
    const rule = checked(schema, item, problems);
    checkGrant(item, names, problems);
    return rule ? [{ rule, at: item.at }] : [];
  });
}

function grantOf({ name, role, machines, from }: Grant): Grant {
  return { name, role, machines, from };
}

/** What a schema cannot tell, of a rule that may have other mistakes as well. */
function checkGrant(rule: Value, names: Set<string>, problems: Problems): void {
  if (rule.kind !== "map") return;
  const value = (key: string) => rule.entries.get(key)?.value;
  const name = scalarText(value("name"));
  if (name !== undefined && names.has(name)) {
    problems.error(spanAt(rule, ["name"]), { code: "twice", message: `"${name}" is given twice` });
  }
  if (name !== undefined) names.add(name);
  const token = value("token");
  const text = scalarText(token);
  if (token && text !== undefined) checkToken(text, token.at, problems);
  const from = value("from");
  for (const network of from?.kind === "list" ? from.items : []) {
    const written = scalarText(network);
    if (written === undefined || isNetwork(written)) continue;
    problems.error(network.at, {
      code: "bad-network",
      message: `"${written}" is no network`,
      hint: "Write 192.168.1.0/24, fd00::/8, or one address.",
    });
  }
}

const SECRET_KEYS: ReadonlySet<string> = new Set(["token", "token_sha256", "password_hash"]);

/** `access:` with its credentials marked as secrets, however they are written. */
export function withHidden(value: Value): Value {
  if (value.kind === "list") return { ...value, items: value.items.map(withHidden) };
  if (value.kind === "scalar") return value;
  const entries = [...value.entries].map(
    ([key, entry]) =>
      [key, { ...entry, value: SECRET_KEYS.has(key) ? hidden(entry.value) : withHidden(entry.value) }] as const,
  );
  return { ...value, entries: new Map(entries) };
}

function checkToken(token: string, at: Span, problems: Problems): void {
  if (token.length < SHORTEST_TOKEN) {
    problems.error(at, {
      code: "token-short",
      message: `the token has fewer than ${SHORTEST_TOKEN} characters`,
      hint: "`maasochist token add NAME` makes a good one.",
    });
  } else if (!/^[A-Za-z0-9_]+$/.test(token)) {
    problems.warning(at, {
      code: "token-charset",
      message: "MAAS passes the token on a command line, where some of its characters are trouble",
      hint: "Use letters, digits and _ alone.",
    });
  }
}

function isNetwork(text: string): boolean {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  if (!/^\d+$/.test(prefix)) return false;
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 4 ? "ipv4" : "ipv6");
    return true;
  } catch {
    return false;
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The folder that paths in a configuration are relative to. */
export function folderOf(file: string): string {
  return dirname(resolve(file));
}

export function mapOf(value: Value | undefined, name: string, problems: Problems): MapValue | undefined {
  if (!value) return undefined;
  if (value.kind === "map") return value;
  problems.error(value.at, { code: "bad-value", message: `\`${name}:\` must be a map of names` });
  return undefined;
}
