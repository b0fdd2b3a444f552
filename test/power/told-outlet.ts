/** Outlets that answer what a test says, for what simulated machines never say. */
import { z } from "zod";
import { type Command, type Context, type Driver, defineDriver, type QueryAnswer } from "../../src/power/driver.ts";
import type { HubSpec, OutletSpec } from "../../src/power/spec.ts";
import type { Lab } from "./lab.ts";

interface Told extends Partial<Pick<Driver, "momentary" | "identify" | "queryAll" | "watch" | "repeatable">> {
  /** Absent: it cannot be read. */
  readonly answers?: (ctx: Context) => QueryAnswer | Promise<QueryAnswer>;
  /** Absent: it has no meter. */
  readonly draws?: (ctx: Context) => number | Promise<number>;
  /** Absent: it cannot be switched. */
  readonly obeys?: Command<unknown, unknown>;
  readonly pace?: Partial<HubSpec["pace"]>;
}

/** The one outlet of a hub of its own, which is its label as well. */
export function toldOutlet(lab: Lab, hub: string, told: Told): OutletSpec {
  const { answers, draws, obeys, pace, ...more } = told;
  const driver = defineDriver({
    name: `told-${hub}`,
    title: "Told",
    family: "Tests",
    summary: "Answers what a test says.",
    sources: [],
    examples: [],
    cuts: "mains",
    hub: z.object({}),
    outlet: z.object({}),
    ...(answers && { query: async (_hub, _outlet, ctx) => answers(ctx) }),
    ...(draws && { watts: async (_hub, _outlet, ctx) => draws(ctx) }),
    ...(obeys && { on: obeys, off: obeys }),
    ...more,
  });
  return { ...lab.outlet(hub, {}, driver), hub: lab.hubSpec(hub, driver, pace) };
}

/** What an outlet answers: a state, a failure, or nothing, where it cannot be read. */
export type Says = QueryAnswer | "unknown" | Error | undefined;

/** An outlet that always says the same, and draws the same where it has a meter. */
export function saying(lab: Lab, hub: string, says: Says, draws?: number | Error): OutletSpec {
  const answers = (): QueryAnswer => {
    if (says instanceof Error || says === undefined) throw says ?? new Error("it cannot be read");
    return says === "unknown" ? { state: says } : says;
  };
  const watts = (): number => {
    if (draws instanceof Error || draws === undefined) throw draws ?? new Error("it has no meter");
    return draws;
  };
  return toldOutlet(lab, hub, { ...(says !== undefined && { answers }), ...(draws !== undefined && { draws: watts }) });
}
