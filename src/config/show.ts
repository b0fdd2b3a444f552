/** The resolved configuration as data, with secrets as `•••`, and where each value stands. */
import { formatDuration } from "../wire/duration.ts";
import type { Configuration } from "./load.ts";
import { lineOf } from "./problem.ts";
import { addressText, withHidden } from "./server.ts";
import type { Entry, Value } from "./value.ts";

const MASK = "•••";

export interface ShowOptions {
  /** Each value as `{ value, from: "file:line" }`. */
  readonly origin: boolean;
}

export function showConfiguration(configuration: Configuration, options: ShowOptions): Record<string, unknown> {
  const { top, hubs, machines } = configuration.resolved;
  const { server, store } = configuration;
  const access = top.get("access");
  const each = (named: ReadonlyMap<string, ReadonlyMap<string, Entry>>) =>
    Object.fromEntries([...named].map(([name, entries]) => [name, showEntries(entries, options)]));
  return {
    server: { listen: server.listen.map(addressText), ...(server.url !== undefined && { url: server.url }) },
    ...(access && { access: show(withHidden(access.value), options) }),
    store: { path: store.path, keep: formatDuration(store.keep) },
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
      const shown = value.secret ? MASK : value.value;
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
