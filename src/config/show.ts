/** The resolved configuration as data, with secrets as `•••`, and where each value stands. */
import { formatDuration } from "../wire/duration.ts";
import { withHidden } from "./access.ts";
import type { Configuration } from "./load.ts";
import { addressText } from "./server.ts";
import { lineOf } from "./source.ts";
import { type Entry, isSecret, MASK, type Value, valueAt } from "./value.ts";

export interface ShowOptions {
  /** Each value as `{ value, from: "file:line" }`; `from: "default"` where nothing is written. */
  readonly origin: boolean;
}

export function showConfiguration(configuration: Configuration, options: ShowOptions): Record<string, unknown> {
  const { top, hubs, machines } = configuration.resolved;
  const { server, store } = configuration;
  const access = top.get("access");
  const drivers = top.get("drivers");
  const limits = top.get("limits");
  const each = (named: ReadonlyMap<string, ReadonlyMap<string, Entry>>) =>
    Object.fromEntries([...named].map(([name, entries]) => [name, showEntries(entries, options)]));
  const setting = (path: readonly [string, ...PropertyKey[]], resolved: string) => {
    const [section, ...within] = path;
    const written = valueAt(top.get(section)?.value, within);
    const shown = written?.kind === "scalar" && isSecret(written) ? MASK : resolved;
    return options.origin ? { value: shown, from: written ? lineOf(written.at) : "default" } : shown;
  };
  const listWritten = valueAt(top.get("server")?.value, ["listen"])?.kind === "list";
  return {
    server: {
      listen: server.listen.map((address, index) =>
        setting(["server", "listen", ...(listWritten ? [index] : [])], addressText(address)),
      ),
      ...(server.url !== undefined && { url: setting(["server", "url"], server.url) }),
      hold: setting(["server", "hold"], formatDuration(server.hold)),
      shutdown_grace: setting(["server", "shutdown_grace"], formatDuration(server.shutdownGrace)),
    },
    ...(access && { access: show(withHidden(access.value), options) }),
    store: {
      path: setting(["store", "path"], store.path),
      keep: setting(["store", "keep"], formatDuration(store.keep)),
    },
    ...(drivers && { drivers: show(drivers.value, options) }),
    ...(limits && { limits: show(limits.value, options) }),
    hubs: each(hubs),
    machines: each(machines),
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
