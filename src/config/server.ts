/** `server:` and `store:`. */
import { join, resolve } from "node:path";
import { z } from "zod";
import { formatDuration } from "../wire/duration.ts";
import { checkNetworks } from "./access.ts";
import { checked } from "./check-value.ts";
import { buildListeners, type ListenerSettings, tlsSettings } from "./listen.ts";
import { shapeOf } from "./member-fields.ts";
import type { Problems } from "./problem.ts";
import { SERVER, STORE } from "./schema.ts";
import { checkUrl } from "./server-url.ts";
import { plain, spanAt, type Value, valueAt } from "./value.ts";

export interface ServerSettings {
  readonly listen: readonly ListenerSettings[];
  /** How MAAS reaches the daemon; empty: it is to be guessed. */
  readonly urls: readonly string[];
  /** Longest a webhook's POST is held (ms). */
  readonly hold: number;
  /** Time that orders under way get when the daemon stops (ms). */
  readonly shutdownGrace: number;
  /** Networks (CIDR) and addresses of proxies in front, and `unix`: what they say of a caller is believed. */
  readonly trustedProxies: readonly string[];
  /** The path that the daemon stands under, without a slash at its end: `/power`, or nothing. */
  readonly basePath: string;
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

export function buildServer(given: Value | undefined, folder: string, problems: Problems): ServerSettings {
  // Listeners are checked one by one, each at its own place.
  const settings = settingsOf(SERVER.extend({ listen: z.unknown().optional() }), given, { name: "server", problems });
  const { hold, shutdown_grace: shutdownGrace, trusted_proxies: trustedProxies, base_path: base = "" } = settings;
  const written = settings.url ?? [];
  const proxies = valueAt(given, ["trusted_proxies"]);
  checkNetworks(proxies, problems, "unix");
  const listen = buildListeners(given, {
    folder,
    problems,
    tls: settings.tls && tlsSettings(settings.tls, folder),
    trustedProxies,
  });
  const urls = typeof written === "string" ? [written] : written;
  for (const [index, url] of urls.entries()) {
    const value = valueAt(given, typeof written === "string" ? ["url"] : ["url", index]);
    if (value) checkUrl(url, { listen, proxied: trustedProxies.length > 0, base, value, problems });
  }
  if (given && listen.length > 0 && listen.every(({ serve }) => !serve.includes("maas"))) {
    problems.warning(spanAt(given, ["listen"]), {
      code: "no-webhooks",
      message: "nothing serves MAAS's webhooks",
      hint: "Let one of the listeners `serve: [maas]`.",
    });
  }
  const holdValue = valueAt(given, ["hold"]);
  if (holdValue && hold >= MAAS_ACTION_LIMIT_MS) {
    problems.warning(holdValue.at, {
      code: "wait-outlasts-maas",
      message: `a webhook is held for ${formatDuration(hold)}, and MAAS gives an action up after ${formatDuration(MAAS_ACTION_LIMIT_MS)}`,
      hint: "Hold it for less: past `hold` MAAS is told that the order is under way, and asks for the state.",
    });
  }
  return {
    listen,
    urls: urls.map((url) => url.replace(/\/+$/, "")),
    hold,
    shutdownGrace,
    trustedProxies,
    basePath: base,
  };
}

/** What of a section fits, with defaults for the rest, so that one mistake hides no other. */
export function settingsOf<Schema extends z.ZodObject>(
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
