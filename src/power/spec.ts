/**
 * What the configuration says about machines, resolved: plain data, made by the config room, read by the controller.
 * Every duration is in milliseconds.
 */
import type { Sought } from "./address.ts";
import { type Driver, type How, type MachineFacts, type Pace, VERBS, type Verb } from "./driver.ts";

/** The one thing a driver talks to; shared by all outlets that name the same `key`. */
export interface HubSpec {
  /** Identity: driver and address. Two specs with one key are one hub. */
  readonly key: string;
  /** As people call it: the configured name, or the address of an inline hub. */
  readonly name: string;
  /** Where it is, as people wrote it; absent where that is a secret, or nowhere. */
  readonly address?: string;
  readonly driver: Driver;
  /** Output of the driver's hub schema; undefined where the driver has no hub. */
  readonly settings: unknown;
  /** Which of them is found before each exchange. */
  readonly sought?: Sought;
  readonly pace: Pace;
}

/** One thing that one machine uses of a hub. */
export interface OutletSpec {
  readonly hub: HubSpec;
  /** Output of the driver's outlet schema. */
  readonly settings: unknown;
  /** Which of them is found before each exchange. */
  readonly sought?: Sought;
  /** For evidence and messages: `shelly1 outlet 0`. */
  readonly label: string;
}

/** The value of the key `outlet` in a driver's settings, where there is one. */
export function outletName(settings: unknown): string | undefined {
  if (typeof settings !== "object" || settings === null || !("outlet" in settings)) return undefined;
  const { outlet } = settings;
  return typeof outlet === "string" || typeof outlet === "number" ? String(outlet) : undefined;
}

/** One way to obey. */
export interface StageSpec {
  readonly outlet: OutletSpec;
  /** For `off` by a driver that has both ways; absent: the order's `how` chooses. */
  readonly how?: How;
  /** How long after the accepted command the goal may take to show. */
  readonly wait: number;
}

export interface SupplySpec {
  readonly outlet: OutletSpec;
}

/** Where the state of a fed machine is read. */
export type QuerySpec =
  | { readonly kind: "one"; readonly outlet: OutletSpec }
  | { readonly kind: "first" | "all" | "any"; readonly of: readonly QuerySpec[] };

export interface MachineSpec {
  readonly facts: MachineFacts;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly enabled: boolean;
  /** From whom `off`, `cycle` and `reset` are refused. */
  readonly protect: "nobody" | "people" | "all";
  readonly whenAlreadyOn: "leave" | "cycle";
  readonly supplies: readonly SupplySpec[];
  /** Does the machine start by itself when its supply closes? */
  readonly afterAc: "starts" | "stays_off";
  readonly stages: Readonly<Record<Verb, readonly StageSpec[]>>;
  readonly query?: QuerySpec;
  /** Watts from which on the supply's meter says that the machine runs. */
  readonly above?: number;
  /** How long the meter must stay on the other side of `above` before the state follows it. */
  readonly aboveFor: number;
  readonly verify: number;
  readonly minOff: number;
  readonly fresh: number;
  readonly settle: number;
  /** When may `off` open the supply of a machine that has other ways? */
  readonly cut: "last_resort" | "always" | "never";
  /** Absent: hard for automation, soft then hard for people. */
  readonly how?: How | "soft_then_hard";
  readonly poll: number;
}

/** Every outlet that the machine uses, in the order of supply, verbs and query. */
export function allOutlets(spec: MachineSpec): readonly OutletSpec[] {
  const asked = (query: QuerySpec): readonly OutletSpec[] =>
    query.kind === "one" ? [query.outlet] : query.of.flatMap(asked);
  return [
    ...spec.supplies.map((supply) => supply.outlet),
    ...VERBS.flatMap((verb) => spec.stages[verb].map((stage) => stage.outlet)),
    ...(spec.query ? asked(spec.query) : []),
  ];
}

/** How many machines may be starting at once: breakers and supplies bear the inrush of a few, not of a rack. */
export interface LimitSpec {
  /** As written: `tag nuc`, `hub rack-pdu`. */
  readonly label: string;
  /** The machines it holds for, by tag or by a hub that one of their outlets is on. */
  readonly tag?: string;
  readonly hub?: string;
  /** How many may be starting at once. */
  readonly starting: number;
  /** Least time between two starts. */
  readonly pause: number;
}
