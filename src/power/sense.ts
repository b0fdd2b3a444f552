/**
 * What a machine is doing, from its supply, its query and its meter (docs/limits.md tells it to users):
 *
 * - Supply proven open: off, whatever else says.
 * - Fed, or no supply: what the query answers; else the supply's watts against `above`; else, fed without a meter: on, assumed.
 * - One outlet open and another unreadable, and nothing else to ask: a failure, never off.
 * - Nothing to ask at all: unknown.
 */
import { PowerError } from "./errors.ts";
import type { Asking, Outlet } from "./outlet.ts";
import type { PowerState, Reading } from "./reading.ts";

export type Query =
  | { readonly kind: "one"; readonly outlet: Outlet }
  | { readonly kind: "first" | "all" | "any"; readonly of: readonly Query[] };

export interface Senses {
  readonly supplies: readonly Outlet[];
  readonly query: Query | undefined;
  /** Watts from which on the supply's meter says that the machine runs. */
  readonly above: number | undefined;
}

interface Supplied {
  /** True: at least one outlet is closed. False: all are proven open. Undefined: not to be told. */
  readonly fed: boolean | undefined;
  readonly assumed: boolean;
  readonly startedAt: number;
  readonly evidence: readonly string[];
  readonly failure: PowerError | undefined;
}

/**
 * A reading of what is there now, in as few exchanges as it takes.
 * Throws PowerError where a device failed and nothing else is definite.
 */
export async function sense(senses: Senses, asking: Asking, now: () => number): Promise<Reading> {
  const begun = now();
  if (senses.supplies.length === 0) {
    return senses.query
      ? await senseQuery(senses.query, asking)
      : unknown(begun, [], "nothing in the configuration can measure this machine");
  }

  const supply = await senseSupply(senses.supplies, asking, begun);
  const { fed, evidence } = supply;
  const withSupply = (reading: Reading): Reading => ({
    ...reading,
    startedAt: Math.min(supply.startedAt, reading.startedAt),
    evidence: [...evidence, ...reading.evidence],
    ...(fed !== undefined && { fed }),
  });

  if (fed === false) return withSupply(sure("off", supply.assumed, supply.startedAt));
  if (senses.query) return withSupply(await senseQuery(senses.query, asking));
  if (fed === undefined) {
    if (supply.failure) throw supply.failure;
    return withSupply(unknown(supply.startedAt, [], "nothing tells whether the supply is closed"));
  }
  const meters = senses.supplies.filter((outlet) => outlet.can.has("watts"));
  if (senses.above !== undefined && meters.length > 0)
    return withSupply(await senseWatts(meters, senses.above, asking));
  return withSupply({
    ...sure("on", true, supply.startedAt),
    reason: "it is fed, and nothing measures whether it runs",
  });
}

async function senseSupply(outlets: readonly Outlet[], asking: Asking, begun: number): Promise<Supplied> {
  const results = await Promise.allSettled(outlets.map((outlet) => readSupply(outlet, asking, begun)));
  const readings = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failures = results.flatMap((result) => (result.status === "rejected" ? [PowerError.from(result.reason)] : []));
  const closed = readings.some((reading) => reading.state === "on");
  const allOpen = readings.length === outlets.length && readings.every((reading) => reading.state === "off");
  return {
    fed: closed ? true : allOpen ? false : undefined,
    assumed: readings.some((reading) => reading.confidence === "assumed"),
    startedAt: Math.min(...readings.map((reading) => reading.startedAt), Infinity),
    evidence: [...readings.flatMap((reading) => reading.evidence), ...failures.map((failure) => failure.message)],
    failure: failures[0],
  };
}

/** One outlet of a supply; where the driver cannot read it, what was ordered last. */
async function readSupply(outlet: Outlet, asking: Asking, begun: number): Promise<Reading> {
  const word = { on: "closed", off: "open", unknown: "not to be told" };
  if (!outlet.can.has("query")) {
    const state = asking.last?.state ?? "unknown";
    return { ...sure(state, true, begun), evidence: [`${outlet.label} assumed ${word[state]}`] };
  }
  const { value, startedAt } = await outlet.read(asking);
  return {
    ...sure(value.state, value.assumed ?? false, startedAt),
    evidence: [`${outlet.label} ${value.evidence ?? word[value.state]}`],
  };
}

async function senseQuery(query: Query, asking: Asking): Promise<Reading> {
  switch (query.kind) {
    case "one": {
      const { outlet } = query;
      const { value, startedAt } = await outlet.read(asking);
      return {
        ...sure(value.state, value.assumed ?? false, startedAt),
        evidence: [value.evidence ?? `${outlet.label} says ${value.state}`],
        ...(value.reason !== undefined && { reason: value.reason }),
        ...(value.towards !== undefined && { towards: value.towards }),
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
  for (const source of sources) {
    try {
      const reading = await senseQuery(source, asking);
      if (reading.state !== "unknown") return reading;
      undecided ??= reading;
    } catch (error) {
      failure ??= PowerError.from(error);
    }
  }
  if (undecided) return undecided;
  throw failure ?? new PowerError("config", "the list of queries is empty");
}

/** One source that says `decisive` decides; the opposite needs all of them. Definite answers win over failures. */
async function senseTogether(sources: readonly Query[], decisive: "on" | "off", asking: Asking): Promise<Reading> {
  const results = await Promise.allSettled(sources.map((source) => senseQuery(source, asking)));
  const readings = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const evidence = readings.flatMap((reading) => reading.evidence);
  const decided = readings.find((reading) => reading.state === decisive);
  if (decided) return { ...decided, evidence };
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  const undecided = readings.find((reading) => reading.state === "unknown");
  if (undecided) return { ...undecided, evidence };
  const startedAt = Math.min(...readings.map((reading) => reading.startedAt));
  const assumed = readings.some((reading) => reading.confidence === "assumed");
  return { ...sure(decisive === "on" ? "off" : "on", assumed, startedAt), evidence };
}

async function senseWatts(meters: readonly Outlet[], above: number, asking: Asking): Promise<Reading> {
  const exchanges = await Promise.all(meters.map((meter) => meter.watts(asking)));
  const total = exchanges.reduce((sum, exchange) => sum + exchange.value, 0);
  const runs = total >= above;
  return {
    ...sure(runs ? "on" : "off", false, Math.min(...exchanges.map((exchange) => exchange.startedAt))),
    evidence: [runs ? `${format(total)} W` : `${format(total)} W, below ${above} W: halted`],
  };
}

function sure(state: PowerState, assumed: boolean, startedAt: number): Reading {
  return { state, confidence: assumed ? "assumed" : "measured", startedAt, evidence: [] };
}

function unknown(startedAt: number, evidence: readonly string[], reason: string): Reading {
  return { state: "unknown", confidence: "assumed", startedAt, evidence, reason };
}

function format(watts: number): string {
  return String(Math.round(watts * 10) / 10);
}
