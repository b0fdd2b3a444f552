/** The resolved configuration as data, with secrets as `•••`, and where each value stands. */
import { formatDuration } from "../wire/duration.ts";
import { withHidden } from "./access.ts";
import { addressText } from "./listen.ts";
import type { Configuration } from "./load.ts";
import { lineOf } from "./source.ts";
import { type Entry, isSecret, MASK, type Value, valueAt } from "./value.ts";

export interface ShowOptions {
  /** Each value as `{ value, from: "file:line" }`; `from: "default"` where nothing is written. */
  readonly origin: boolean;
}

export interface ShownMachine {
  readonly shown: Record<string, unknown>;
  readonly origin: { readonly file: string; readonly line: number };
}

export function showConfiguration(configuration: Configuration, options: ShowOptions): Record<string, unknown> {
  const { top, hubs, machines } = configuration.resolved;
  const { server, store } = configuration;
  const access = top.get("access");
  const metrics = top.get("metrics");
  const log = top.get("log");
  const drivers = top.get("drivers");
  const limits = top.get("limits");
  const maas = top.get("maas");
  const compat = top.get("compat");
  const each = (named: ReadonlyMap<string, ReadonlyMap<string, Entry>>) =>
    Object.fromEntries([...named].map(([name, entries]) => [name, showEntries(entries, options)]));
  const setting = (path: readonly [string, ...PropertyKey[]], resolved: string) => {
    const [section, ...within] = path;
    const written = valueAt(top.get(section)?.value, within);
    const shown = written?.kind === "scalar" && isSecret(written) ? MASK : resolved;
    return options.origin ? { value: shown, from: written ? lineOf(written.at) : "default" } : shown;
  };
  const [tls, proxies] = ["tls", "trusted_proxies"].map((key) => valueAt(top.get("server")?.value, [key]));
  const listWritten = valueAt(top.get("server")?.value, ["listen"])?.kind === "list";
  const urls = () => {
    const inList = valueAt(top.get("server")?.value, ["url"])?.kind === "list";
    const shown = server.urls.map((url, index) => setting(["server", "url", ...(inList ? [index] : [])], url));
    return inList ? shown : shown[0];
  };
  return {
    server: {
      listen: server.listen.map(({ address }, index) => {
        const path = ["server", "listen", ...(listWritten ? [index] : [])] as const;
        const written = valueAt(top.get("server")?.value, path.slice(1));
        if (written?.kind !== "map") return setting([...path], addressText(address));
        return {
          ...showEntries(written.entries, options),
          address: setting([...path, "address"], addressText(address)),
        };
      }),
      ...(tls && { tls: show(tls, options) }),
      ...(proxies && { trusted_proxies: show(proxies, options) }),
      ...(server.basePath !== "" && { base_path: setting(["server", "base_path"], server.basePath) }),
      ...(server.urls.length > 0 && { url: urls() }),
      hold: setting(["server", "hold"], formatDuration(server.hold)),
      shutdown_grace: setting(["server", "shutdown_grace"], formatDuration(server.shutdownGrace)),
    },
    ...(access && { access: show(withHidden(access.value), options) }),
    store: {
      path: setting(["store", "path"], store.path),
      keep: setting(["store", "keep"], formatDuration(store.keep)),
    },
    ...(metrics && { metrics: show(metrics.value, options) }),
    ...(log && { log: show(log.value, options) }),
    ...(maas && { maas: show(withHidden(maas.value), options) }),
    ...(drivers && { drivers: show(drivers.value, options) }),
    ...(limits && { limits: show(limits.value, options) }),
    ...(compat && { compat: show(compat.value, options) }),
    hubs: each(hubs),
    machines: each(machines),
  };
}

/** One machine of it, and where that is configured; undefined where there is none of that name. */
export function showMachine({ resolved }: Configuration, name: string): ShownMachine | undefined {
  const entries = resolved.machines.get(name);
  const place = resolved.places.get(name);
  if (!entries || !place) return undefined;
  const { source, start } = place;
  return {
    shown: { [name]: showEntries(entries, { origin: false }) },
    origin: { file: source.file, line: source.position(start).line },
  };
}

function showEntries(entries: ReadonlyMap<string, Entry>, options: ShowOptions): Record<string, unknown> {
  return Object.fromEntries([...entries].map(([key, { value }]) => [key, show(value, options)]));
}

function show(value: Value, options: ShowOptions): unknown {
  switch (value.kind) {
    case "scalar": {
      const shown = isSecret(value) ? MASK : value.value;
      return options.origin ? { value: shown, from: lineOf(value.at) } : shown;
    }
    case "list":
      return value.items.map((item) => show(item, options));
    case "map":
      return showEntries(value.entries, options);
    default:
      return value satisfies never;
  }
}
