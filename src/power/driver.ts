/**
 * The driver contract. A driver opens, commands and reads; it never retries, waits for proof, logs or sleeps
 * for show: the controller does that once, for all drivers.
 */
import type { z } from "zod";
import type { Clock } from "./clock.ts";
import type { PowerError } from "./errors.ts";

export type Verb = "on" | "off" | "cycle" | "reset";
export const VERBS = ["on", "off", "cycle", "reset"] as const satisfies readonly Verb[];

export type How = "soft" | "hard";

/** What `off` takes away from the machine. */
export const CUTS = ["mains", "port", "button", "bmc", "vm", "os", "nothing", "unknown"] as const;
export type Cut = (typeof CUTS)[number];

/** What a driver function may use besides its settings. */
export interface Context {
  /** Aborts when the exchange's time is over or nobody wants it any more. Pass it to every call that waits. */
  readonly signal: AbortSignal;
  /** The machine this is for. */
  readonly machine: MachineFacts;
  /** What the controller last proved or ordered for this machine; for drivers that cannot measure. */
  readonly last: { readonly state: "on" | "off"; readonly at: number } | undefined;
}

/** What `queryAll` may use besides the settings. */
export interface BatchContext {
  readonly signal: AbortSignal;
  /** Do orders decide by the answers? Then what the device only remembers of earlier is not good enough. */
  readonly forOrders?: boolean;
}

/** What `connect` may use besides the hub's settings. */
export interface ConnectContext {
  readonly signal: AbortSignal;
  /** Identity of the hub, the same over reconnects. */
  readonly key: string;
  readonly clock: Clock;
}

/** What is known of a machine beside its power: what placeholders and `from:` fields are filled with. */
export interface MachineFacts {
  readonly name: string;
  readonly mac?: string;
  readonly address?: string;
}

/** What `query` may answer where on or off alone does not tell it all. */
export interface Answer {
  readonly state: "on" | "off" | "unknown";
  /** Why it is unknown or assumed, for people. */
  readonly reason?: string;
  /** When the value was true (ms since 1970), where it is older than the question. */
  readonly at?: number;
  /** The device says it is on its way there. */
  readonly towards?: "on" | "off";
  /** What was seen, short: `relay closed`. Absent: made from driver and state. */
  readonly evidence?: string;
  /** Nothing was measured: the state follows from what was ordered. */
  readonly assumed?: boolean;
  /** Watts drawn, where the same exchange tells them; then `watts` is not asked as well. */
  readonly watts?: number;
}

/** What a driver answers to `query`, and for each outlet of `queryAll`. */
export type QueryAnswer = "on" | "off" | Answer;

/** Where a driver's `watch` tells what it hears. */
export interface WatchListener<Outlet> {
  /** The device told the state of one of the outlets, unasked. */
  state(outlet: Outlet, answer: QueryAnswer): void;
  /** It will tell no more: from now on what it told is stale. Called at most once. */
  lost(error: PowerError): void;
}

/** What `identify` tells of the device behind a hub. */
export interface Identity {
  /** Unique to the one device: serial number, MAC address. */
  readonly id: string;
  readonly model?: string;
  readonly firmware?: string;
}

/** A command that the device works off later: polled by the controller, one exchange at a time. */
export interface Followed {
  follow(signal: AbortSignal): Promise<"pending" | "done">;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a command that just ends returns nothing
export type CommandResult = Promise<Followed | void>;
export type Command<Connection, Outlet> = (hub: Connection, outlet: Outlet, ctx: Context) => CommandResult;

/** One outlet of a hub, as `list` finds it. */
export interface ListedOutlet {
  /** The value for the key `outlet`. */
  readonly outlet: string;
  readonly label?: string;
  readonly state?: "on" | "off" | "unknown";
  /** MAC addresses seen there, lower case with colons. */
  readonly macs?: readonly string[];
}

/**
 * What a setting of the device's own does against whoever switches it from afar. `timer`: it undoes what was ordered.
 * `held`: it does not obey. `interlock`: to feed one machine takes the current from another. `mains`: what it does when
 * mains return. `retained`: an old command comes again.
 */
export const TRAPS = ["timer", "held", "interlock", "mains", "retained"] as const;

export interface Trap {
  readonly kind: (typeof TRAPS)[number];
  /** What it does, the outlet being the subject: `opens by itself 60 s after each on`. */
  readonly problem: string;
  /** How to end it, as a sentence. */
  readonly mend: string;
}

/** How a hub wants to be treated; every duration in milliseconds. */
export interface Pace {
  /** Exchanges at once. */
  readonly concurrency: number;
  /** Least time between two exchanges' starts. */
  readonly interval: number;
  /** How long a command takes to show in a reading. */
  readonly settle: number;
  /** A connection nobody used for so long is closed. */
  readonly idle: number;
  /** Longest an exchange may take. */
  readonly timeout: number;
}

export const DEFAULT_PACE: Pace = { concurrency: 1, interval: 0, settle: 0, idle: 60_000, timeout: 5_000 };

export interface DriverDefinition<
  Connection,
  HubSchema extends z.ZodObject | undefined,
  OutletSchema extends z.ZodObject,
> {
  /** As written in `driver:`; lower case with dashes. */
  readonly name: string;
  readonly title: string;
  /** Heading under which the README lists it. */
  readonly family: string;
  /** One sentence: what it switches, over what. */
  readonly summary: string;
  /** Where the protocol facts come from. */
  readonly sources: readonly string[];
  /** Prose for the driver's page: what to know before use, one paragraph each. */
  readonly notes?: readonly string[];
  /** Complete, working machine entries for the driver's page; every one is loaded by a test. */
  readonly examples: readonly { readonly title: string; readonly yaml: string }[];
  readonly cuts: Cut | ((outlet: z.output<OutletSchema>) => Cut);
  /** Is a command a press that toggles, so that it must not be repeated? Absent: never. */
  readonly momentary?: boolean | ((outlet: z.output<OutletSchema>) => boolean);
  /** False where a command that may have acted must not be repeated within an order. Absent: true. */
  readonly repeatable?: boolean;
  /** Settings of the shared thing; absent (`none`) where there is none: then each machine has a lane of its own. */
  readonly hub?: HubSchema;
  /** Settings of what one machine uses. */
  readonly outlet: OutletSchema;
  /** Rules over hub and outlet settings together; answers what is wrong, each with the key it concerns. */
  readonly check?: (
    outlet: z.output<OutletSchema>,
    hub: SettingsOf<HubSchema>,
  ) => readonly {
    readonly key: string;
    readonly problem: string;
    readonly severity: "error" | "warning";
    readonly code?: string;
  }[];
  /** Keys that in the per-verb form (`off: { driver: … }`) hold the value of that verb alone. */
  readonly perVerb?: readonly string[];
  readonly pace?: Partial<Pace>;
  /** Once per hub, when first needed. A failure is not remembered. */
  readonly connect?: (hub: SettingsOf<HubSchema>, ctx: ConnectContext) => Connection | Promise<Connection>;
  /** Closes what `connect` opened. */
  readonly disconnect?: (connection: Connection) => void | Promise<void>;
  /** Which device answers; pinned on first contact. Undefined where this one cannot tell. */
  readonly identify?: (hub: Connection, ctx: { readonly signal: AbortSignal }) => Promise<Identity | undefined>;
  readonly on?: Command<Connection, z.output<OutletSchema>>;
  readonly off?:
    | Command<Connection, z.output<OutletSchema>>
    | {
        readonly soft?: Command<Connection, z.output<OutletSchema>>;
        readonly hard?: Command<Connection, z.output<OutletSchema>>;
      };
  readonly cycle?: Command<Connection, z.output<OutletSchema>>;
  readonly reset?: Command<Connection, z.output<OutletSchema>>;
  readonly query?: (hub: Connection, outlet: z.output<OutletSchema>, ctx: Context) => Promise<QueryAnswer>;
  /** The same for many outlets in one exchange: an answer or a failure for each, in their order. Needs `query` beside it. */
  readonly queryAll?: (
    hub: Connection,
    outlets: readonly z.output<OutletSchema>[],
    ctx: BatchContext,
  ) => Promise<readonly (QueryAnswer | PowerError)[]>;
  /**
   * Tells states as the device tells them, from now until the disposer it answers is called. Answers undefined where
   * this one tells nothing unasked. Needs `query` beside it.
   */
  readonly watch?: (
    hub: Connection,
    outlets: readonly z.output<OutletSchema>[],
    listener: WatchListener<z.output<OutletSchema>>,
    ctx: { readonly signal: AbortSignal },
  ) => Promise<(() => void | Promise<void>) | undefined>;
  /** Watts that the machine draws now. */
  readonly watts?: (hub: Connection, outlet: z.output<OutletSchema>, ctx: Context) => Promise<number>;
  /** Its `query` only tells what was ordered. */
  readonly assumes?: true;
  /** Does `query` with these settings tell on or unknown, and never off? Absent: it tells both. */
  readonly onlyOn?: (outlet: z.output<OutletSchema>) => boolean;
  /** Where the settings decide which verbs there are: the functions that do not count for these settings. */
  readonly without?: (outlet: z.output<OutletSchema>) => readonly (Verb | "query" | "watts" | "soft" | "hard")[];
  readonly list?: (hub: Connection, ctx: { readonly signal: AbortSignal }) => Promise<readonly ListedOutlet[]>;
  /** Which of the device's own settings work against us, for each of the outlets, in their order. Reads, and no more. */
  readonly examine?: (
    hub: Connection,
    outlets: readonly z.output<OutletSchema>[],
    ctx: { readonly signal: AbortSignal },
  ) => Promise<readonly (readonly Trap[])[]>;
}

export type SettingsOf<Schema> = Schema extends z.ZodObject ? z.output<Schema> : undefined;

/** A driver whose types are closed over: what rooms other than `drivers` handle. */
// biome-ignore lint/suspicious/noExplicitAny: settings were checked by the driver's own schema before they come back to it
export type Driver = DriverDefinition<any, any, any>;

/** Declares a driver; gives its functions the types of its settings. */
export function defineDriver<
  Connection = undefined,
  HubSchema extends z.ZodObject | undefined = undefined,
  OutletSchema extends z.ZodObject = z.ZodObject,
>(definition: DriverDefinition<Connection, HubSchema, OutletSchema>): Driver {
  return definition;
}

export type Capability = Verb | "query" | "watts" | "soft" | "hard";

/** Sets that were made, by what is in them: thousands of outlets can do the same few things. */
const known = new Map<string, ReadonlySet<Capability>>();

/** What a driver can do with these outlet settings. */
export function capabilities(driver: Driver, outlet: unknown): ReadonlySet<Capability> {
  const can = new Set<Capability>();
  for (const verb of VERBS) if (driver[verb]) can.add(verb);
  if (driver.query) can.add("query");
  if (driver.watts) can.add("watts");
  if (typeof driver.off === "function") can.add("hard");
  else if (driver.off) for (const how of ["soft", "hard"] as const) if (driver.off[how]) can.add(how);
  for (const missing of driver.without?.(outlet) ?? []) can.delete(missing);
  if (!can.has("off")) {
    can.delete("soft");
    can.delete("hard");
  }
  const content = [...can].join();
  const same = known.get(content) ?? can;
  known.set(content, same);
  return same;
}

export function cutsOf(driver: Driver, outlet: unknown): Cut {
  return typeof driver.cuts === "function" ? driver.cuts(outlet) : driver.cuts;
}

export function isMomentary(driver: Driver, outlet: unknown): boolean {
  return typeof driver.momentary === "function" ? driver.momentary(outlet) : (driver.momentary ?? false);
}
