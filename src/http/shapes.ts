/** The API's JSON, as types; the command line reads the same. Times are ms since 1970, durations ms. */
import { z } from "zod";
import type { HubView, MachineView } from "../power/api.ts";
import { VERBS } from "../power/driver.ts";
import { ERROR_TABLE } from "../power/errors.ts";
import type { Lock, Pin } from "../power/journal.ts";
import type { OrderRecord } from "../power/order.ts";
import type { Reading } from "../power/reading.ts";
import { allOutlets } from "../power/spec.ts";
import type { Sighting } from "./sightings.ts";

export interface MachineShape {
  readonly name: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly enabled: boolean;
  readonly protect: string;
  /** Names of the drivers it uses. */
  readonly drivers: readonly string[];
  readonly verbs: readonly string[];
  /** `on`, `off`, `unknown`; `error` where the newest attempt to read failed. */
  readonly state: "on" | "off" | "unknown" | "error";
  readonly reading?: Reading;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
  /** While it stands nothing but queries is taken. */
  readonly lock?: Lock;
  readonly order?: OrderRecord;
  readonly lastOrder?: OrderRecord;
  /** MAAS's last request for it. */
  readonly polled?: Sighting;
}

export function machineShape(view: MachineView, polled: Sighting | undefined): MachineShape {
  const { spec, reading, error, order, lastOrder, verbs, lock } = view;
  return {
    name: spec.facts.name,
    ...(spec.description !== undefined && { description: spec.description }),
    tags: spec.tags,
    enabled: spec.enabled,
    protect: spec.protect,
    drivers: [...new Set(allOutlets(spec).map((outlet) => outlet.hub.driver.name))],
    verbs,
    state: error ? "error" : (reading?.state ?? "unknown"),
    ...(reading && { reading }),
    ...(error && { error: { code: error.code, message: error.message, hint: error.hint } }),
    ...(lock && { lock }),
    ...(order && { order }),
    ...(lastOrder && { lastOrder }),
    ...(polled && { polled }),
  };
}

export interface HubShape {
  readonly name: string;
  readonly driver: string;
  readonly machines: readonly string[];
  readonly connected: boolean;
  readonly queued: number;
  readonly running: number;
  readonly failing?: { readonly since: number; readonly code: string; readonly message: string; readonly hint: string };
  readonly lastExchange?: { readonly at: number; readonly durationMs: number };
  /** The device found behind it at first contact. */
  readonly pin?: Pin;
}

/** For a caller who sees some of its machines: a failure's own words may name the others, so only its kind is told. */
export function hubShape(view: HubView, sees: (machine: string) => boolean): HubShape {
  const { spec, machines, connected, queued, running, failing, lastExchange, pin } = view;
  const visible = machines.filter(sees);
  const whole = visible.length === machines.length;
  return {
    name: spec.name,
    driver: spec.driver.name,
    machines: visible,
    connected,
    queued,
    running,
    ...(failing && {
      failing: {
        since: failing.since,
        code: failing.error.code,
        message: whole ? failing.error.message : `it fails: ${failing.error.code}`,
        hint: whole ? failing.error.hint : ERROR_TABLE[failing.error.code].hint,
      },
    }),
    ...(lastExchange && { lastExchange }),
    ...(pin && { pin }),
  };
}

export interface DaemonStatus {
  readonly version: string;
  readonly startedAt: number;
  readonly pid: number;
  readonly configuration: string | null;
  /** Since when the configuration that runs does (ms since 1970). */
  readonly configuredAt: number;
  readonly listening: readonly string[];
  /** How MAAS reaches the daemon. */
  readonly url: string;
  /** How many the caller sees. */
  readonly machines: number;
  readonly warnings: readonly {
    readonly code: string;
    readonly message: string;
    readonly file: string;
    readonly line: number;
  }[];
  /** What is wrong now: the journal, the credentials. */
  readonly problems: readonly string[];
}

export const LOCK_REQUEST = z.strictObject({ reason: z.string().min(1).max(1_000) });

export const ORDER_REQUEST = z.strictObject({
  machine: z.string().min(1).max(256),
  verb: z.enum(VERBS),
  how: z.enum(["soft", "hard"]).optional(),
  reason: z.string().max(1_000).optional(),
  force: z.boolean().default(false),
  /** False: answered as soon as it is accepted. */
  wait: z.boolean().default(true),
  /** Longest to wait for its end (ms); it goes on all the same. */
  timeout_ms: z.int().min(0).max(3_600_000).default(600_000),
});

const LIMIT = z.coerce.number().int().min(1).max(10_000).default(100);

export const MACHINES_QUERY = z.strictObject({
  tag: z.string().optional(),
  state: z.enum(["on", "off", "unknown", "error"]).optional(),
  search: z.string().optional(),
});
export const ORDERS_QUERY = z.strictObject({
  machine: z.string().optional(),
  actor: z.string().optional(),
  since: z.coerce.number().optional(),
  limit: LIMIT,
});
export const EVENTS_QUERY = z.strictObject({
  machine: z.string().optional(),
  since: z.coerce.number().optional(),
  after: z.coerce.number().int().optional(),
  limit: LIMIT,
});
export const STREAM_QUERY = z.strictObject({ machine: z.string().optional() });
