/**
 * What a machine is doing, from its supply, its query and its meter (docs/limits.md tells it to users):
 *
 * - Supply proven open: off, whatever else says.
 * - Fed, or no supply: what the query answers; else the supply's watts against `above`; else, fed without a meter: on, assumed.
 * - One outlet open and another unreadable: never off. Unless the query measures that it runs, it is a failure.
 * - Nothing to ask at all: unknown.
 */
import { PowerError } from "./errors.ts";
import type { Meter } from "./meter.ts";
import type { Asking, Outlet } from "./outlet.ts";
import type { PowerState, Reading, SupplyReading, SupplySeen } from "./reading.ts";

export type Query =
  | { readonly kind: "one"; readonly outlet: Outlet }
  | { readonly kind: "first" | "all" | "any"; readonly of: readonly Query[] };

export interface Senses {
  readonly supplies: readonly Outlet[];
  readonly query: Query | undefined;
  /** Judges the watts of the supplies, where the machine is told by them. */
  readonly meter: Meter | undefined;
}

interface Supplied {
  /** True: at least one outlet is closed. False: all are open. Undefined: not to be told. */
  readonly fed: boolean | undefined;
  readonly assumed: boolean;
  /** When the first outlet that answered was asked; Infinity where none did. */
  readonly startedAt: number;
  readonly evidence: readonly string[];
  readonly outlets: readonly SupplyReading[];
  /** Watts of all outlets together, where each told them along with its state. */
  readonly watts: number | undefined;
  readonly failure: PowerError | undefined;
}

/**
 * A reading of what is there now, in as few exchanges as it takes. Where more is asked than the supply, `seen` is told of
 * that as soon as it is known. Throws PowerError where a device failed and nothing else is definite.
 */
export async function sense(
  senses: Senses,
  asking: Asking,
  now: () => number,
  seen?: (supply: SupplySeen) => void,
): Promise<Reading> {
  const begun = now();
  const { supplies, query, meter } = senses;
  if (supplies.length === 0) {
    return query
      ? await senseQuery(query, asking)
      : unknown(begun, "nothing in the configuration can measure this machine");
  }
  const supply = await senseSupply(supplies, asking, begun);
  const { fed, outlets, failure } = supply;
  const several = outlets.length > 1 && { outlets };
  const withSupply = (reading: Reading): Reading => ({
    ...reading,
    startedAt: Math.min(supply.startedAt, reading.startedAt),
    evidence: [...supply.evidence, ...reading.evidence],
    ...(fed !== undefined && { fed }),
    ...several,
  });

  if (fed === false && (!supply.assumed || !query)) {
    meter?.cut();
    return withSupply(sure("off", supply.assumed, supply.startedAt));
  }
  if (fed !== undefined) seen?.({ fed, startedAt: supply.startedAt, ...several });
  if (query) {
    const reading = await senseQuery(query, asking);
    const runs = reading.state === "on" && reading.confidence === "measured";
    if (failure && !runs && outlets.some((outlet) => outlet.state === "open")) throw failure;
    return withSupply(reading);
  }
  if (failure && fed === undefined) throw failure;
  if (fed === undefined) return withSupply(unknown(supply.startedAt, "nothing tells whether the supply is closed"));
  const meters = supplies.filter((outlet) => outlet.can.has("watts"));
  if (meter && (meters.length > 0 || supply.watts !== undefined))
    return withSupply(await senseWatts(meter, { supply, meters, asking }));
  return withSupply({
    ...sure("on", true, supply.startedAt),
    reason: "it is fed, and nothing measures whether it runs",
  });
}

async function senseSupply(supplies: readonly Outlet[], asking: Asking, begun: number): Promise<Supplied> {
  const results = await Promise.allSettled(supplies.map((outlet) => readSupply(outlet, asking, begun)));
  const readings = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failures = results.flatMap((result) => (result.status === "rejected" ? [PowerError.from(result.reason)] : []));
  const closed = readings.some((reading) => reading.state === "on");
  const allOpen = readings.length === supplies.length && readings.every((reading) => reading.state === "off");
  const told = readings.flatMap((reading) => reading.watts ?? []);
  return {
    fed: closed ? true : allOpen ? false : undefined,
    assumed: readings.some((reading) => reading.confidence === "assumed"),
    startedAt: Math.min(...readings.map((reading) => reading.startedAt), Infinity),
    evidence: [...readings.flatMap((reading) => reading.evidence), ...failures.map((failure) => failure.message)],
    outlets: results.map((result, index) => ({
      label: supplies[index]?.label ?? "",
      state: result.status === "rejected" ? "unknown" : SUPPLY_STATE[result.value.state],
    })),
    watts: told.length > 0 && told.length === readings.length ? told.reduce((sum, watts) => sum + watts, 0) : undefined,
    failure: failures[0],
  };
}

const SUPPLY_STATE = { on: "closed", off: "open", unknown: "unknown" } as const;
const SUPPLY_WORD = { on: "closed", off: "open", unknown: "not to be told" } as const;

/** One outlet of a supply; where the driver cannot read it, what was ordered last. */
async function readSupply(outlet: Outlet, asking: Asking, begun: number): Promise<Reading> {
  if (!outlet.can.has("query")) {
    const state = asking.fed === undefined ? "unknown" : asking.fed ? "on" : "off";
    return { ...sure(state, true, begun), evidence: [`${outlet.label} assumed ${SUPPLY_WORD[state]}`] };
  }
  const { value, startedAt } = await outlet.read(asking);
  return {
    ...sure(value.state, value.assumed ?? false, startedAt),
    evidence: [`${outlet.label} ${value.evidence ?? SUPPLY_WORD[value.state]}`],
    ...(value.watts !== undefined && { watts: value.watts }),
  };
}

async function senseQuery(query: Query, asking: Asking): Promise<Reading> {
  switch (query.kind) {
    case "one": {
      const { outlet } = query;
      const { value, startedAt } = await outlet.read(asking);
      const { reason, towards, watts } = value;
      return {
        ...sure(value.state, value.assumed ?? false, startedAt),
        evidence: [value.evidence ?? `${outlet.label} says ${value.state}`],
        ...(reason !== undefined && { reason }),
        ...(towards !== undefined && { towards }),
        ...(watts !== undefined && { watts }),
      };
    }
    case "first":
      return senseFirst(query.of, asking);
    case "all":
      return senseTogether(query.of, "off", asking);
    case "any":
      return senseTogether(query.of, "on", asking);
    default:
      return query satisfies never;
  }
}

/** The first definite answer; failures are skipped, and thrown only where nothing answered. */
async function senseFirst(sources: readonly Query[], asking: Asking): Promise<Reading> {
  let undecided: Reading | undefined;
  let failure: PowerError | undefined;
  const skipped: string[] = [];
  for (const source of sources) {
    try {
      const reading = await senseQuery(source, asking);
      const evidence = [...skipped, ...reading.evidence];
      if (reading.state !== "unknown") return { ...reading, evidence };
      undecided ??= reading;
      skipped.push(...reading.evidence);
    } catch (error) {
      failure ??= PowerError.from(error);
      skipped.push(PowerError.from(error).message);
    }
  }
  if (undecided) return { ...undecided, evidence: skipped };
  throw failure ?? new PowerError("config", "the list of queries is empty");
}

/** One source that says `decisive` decides; the opposite needs all of them. Definite answers win over failures. */
async function senseTogether(sources: readonly Query[], decisive: "on" | "off", asking: Asking): Promise<Reading> {
  const results = await Promise.allSettled(sources.map((source) => senseQuery(source, asking)));
  const readings = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const evidence = readings.flatMap((reading) => reading.evidence);
  const decided = readings.filter((reading) => reading.state === decisive);
  const surest = decided.find((reading) => reading.confidence === "measured") ?? decided[0];
  if (surest) return { ...surest, evidence };
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  const undecided = readings.find((reading) => reading.state === "unknown");
  if (undecided) return { ...undecided, evidence };
  const startedAt = Math.min(...readings.map((reading) => reading.startedAt));
  const assumed = readings.some((reading) => reading.confidence === "assumed");
  return { ...sure(decisive === "on" ? "off" : "on", assumed, startedAt), evidence };
}

interface Metered {
  readonly supply: Supplied;
  readonly meters: readonly Outlet[];
  readonly asking: Asking;
}

async function senseWatts(meter: Meter, { supply, meters, asking }: Metered): Promise<Reading> {
  let { watts, startedAt } = supply;
  if (watts === undefined) {
    const exchanges = await Promise.all(meters.map((outlet) => outlet.watts(asking)));
    watts = exchanges.reduce((sum, exchange) => sum + exchange.value, 0);
    startedAt = Math.min(...exchanges.map((exchange) => exchange.startedAt));
  }
  const { state, evidence } = meter.read(watts, startedAt);
  return { ...sure(state, false, startedAt), evidence: [evidence], watts };
}

function sure(state: PowerState, assumed: boolean, startedAt: number): Reading {
  return { state, confidence: assumed ? "assumed" : "measured", startedAt, evidence: [] };
}

function unknown(startedAt: number, reason: string): Reading {
  return { state: "unknown", confidence: "assumed", startedAt, evidence: [], reason };
}
