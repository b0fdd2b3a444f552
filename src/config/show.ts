/** The resolved configuration as data, with secrets as `•••`, and where each value stands. */
import type { Configuration } from "./load.ts";
import type { Entry, Value } from "./value.ts";

const MASK = "•••";
const SECRET_KEYS = new Set(["token", "token_sha256", "password_hash"]);

export interface ShowOptions {
  /** Add `file:line` behind each value. */
  readonly origin: boolean;
}

export function showConfiguration(configuration: Configuration, options: ShowOptions): Record<string, unknown> {
  const { top, hubs, machines } = configuration.resolved;
  const { server, store } = configuration;
  const listen = server.listen.map((address) =>
    address.kind === "tcp"
      ? `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`
      : address.kind === "unix"
        ? `unix:${address.path}`
        : "systemd",
  );
  const shown: Record<string, unknown> = { server: { listen, ...(server.url !== undefined && { url: server.url }) } };
  const access = top.get("access");
  if (access) shown["access"] = show(access.value, options);
  shown["store"] = { path: store.path };
  shown["hubs"] = Object.fromEntries([...hubs].map(([name, entries]) => [name, showEntries(entries, options)]));
  shown["machines"] = Object.fromEntries([...machines].map(([name, entries]) => [name, showEntries(entries, options)]));
  return shown;
}

function showEntries(entries: ReadonlyMap<string, Entry>, options: ShowOptions): Record<string, unknown> {
  return Object.fromEntries(
    [...entries].map(([key, { value }]) => [
      key,
      SECRET_KEYS.has(key) && value.kind === "scalar" ? withOrigin(MASK, value, options) : show(value, options),
    ]),
  );
}

function show(value: Value, options: ShowOptions): unknown {
  switch (value.kind) {
    case "scalar":
      return withOrigin(value.secret ? MASK : value.value, value, options);
    case "list":
      return value.items.map((item) => show(item, options));
    case "map":
      return showEntries(value.entries, options);
    default:
      return value satisfies never;
  }
}

function withOrigin(shown: unknown, { at }: Value, { origin }: ShowOptions): unknown {
  if (!origin) return shown;
  return { value: shown, from: `${at.source.file}:${at.source.position(at.start).line}` };
}
