/** `server:`, `access:` and `store:`. */
import { createHash } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { dirname, join, resolve } from "node:path";
import type { AccessRules, Grant } from "../power/access.ts";
import { checked } from "./check-value.ts";
import type { Problems, Span } from "./problem.ts";
import { ACCESS, SERVER, STORE } from "./schema.ts";
import { type MapValue, spanAt, type Value } from "./value.ts";

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
  if (!value) return { listen: [DEFAULT_LISTEN], url: undefined };
  const settings = checked(SERVER, value, problems);
  if (!settings) return { listen: [DEFAULT_LISTEN], url: undefined };
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
  if (match && host !== "" && port >= 1 && port <= 65_535) return { kind: "tcp", host, port };
  problems.error(at, {
    code: "bad-listen",
    message: `"${text}" is no address to listen on`,
    hint: "Write 192.168.1.10:6227, 0.0.0.0:6227, [::]:6227, unix:/run/x.sock or systemd.",
  });
  return undefined;
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
      address.port === port &&
      (isIP(host) === 0 || address.host === host || address.host === "0.0.0.0" || address.host === "::"),
  );
  if (!fits)
    problems.warning(at, {
      code: "url-listen",
      message: `nothing listens on ${host}:${port}, where the url sends MAAS`,
      hint: `\`listen:\` has ${tcp.map((address) => `${address.host}:${address.port}`).join(", ")}.`,
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

export function buildAccess(value: Value | undefined, problems: Problems): AccessRules {
  const settings = value && checked(ACCESS, value, problems);
  if (!value || !settings) return { tokens: [], users: [] };
  const names = new Set<string>();
  const grant = (given: Grant, path: readonly PropertyKey[]): Grant => {
    const { name, role, machines, from } = given;
    if (names.has(String([path[0], name])))
      problems.error(spanAt(value, [...path, "name"]), { code: "twice", message: `"${name}" is given twice` });
    names.add(String([path[0], name]));
    for (const [index, network] of from.entries()) {
      if (!isNetwork(network))
        problems.error(spanAt(value, [...path, "from", index]), {
          code: "bad-network",
          message: `"${network}" is no network`,
          hint: "Write 192.168.1.0/24, fd00::/8, or one address.",
        });
    }
    return { name, role, machines, from };
  };
  const tokens = settings.tokens.flatMap((rule, index) => {
    const path = ["tokens", index];
    const rest = grant(rule, path);
    if ((rule.token === undefined) === (rule.token_sha256 === undefined)) {
      problems.error(spanAt(value, path), {
        code: "bad-value",
        message: `token "${rule.name}" needs \`token\` or \`token_sha256\`, and not both`,
        hint: "`maasochist token add NAME` makes one.",
      });
      return [];
    }
    if (rule.token !== undefined) checkToken(rule.token, spanAt(value, [...path, "token"]), problems);
    return [{ ...rest, sha256: rule.token_sha256 ?? sha256(rule.token ?? "") }];
  });
  const users = settings.users.map((rule, index) => ({
    ...grant(rule, ["users", index]),
    passwordHash: rule.password_hash,
  }));
  return { tokens, users };
}

function checkToken(token: string, at: Span, problems: Problems): void {
  if (token.length < SHORTEST_TOKEN) {
    problems.error(at, {
      code: "token-short",
      message: `the token has fewer than ${SHORTEST_TOKEN} characters`,
      hint: "`maasochist token add NAME` makes a good one.",
    });
  } else if (!/^[A-Za-z0-9_][A-Za-z0-9_-]*$/.test(token)) {
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
  if (value.kind === "scalar" && value.value === null) return undefined;
  problems.error(value.at, { code: "bad-value", message: `\`${name}:\` must be a map of names` });
  return undefined;
}
