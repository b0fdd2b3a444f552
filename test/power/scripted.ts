/** Drivers whose doings tests decide, and what tests read of an order. */
import { z } from "zod";
import simulated from "../../src/drivers/simulated.ts";
import { type Driver, defineDriver, type QueryAnswer } from "../../src/power/driver.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import type { OutletSpec } from "../../src/power/spec.ts";
import type { Lab } from "./lab.ts";

/** The simulation on that hub, with other functions. Name the hub to the lab by it before anything else does. */
export function variant(lab: Lab, hub: string, more: Partial<Driver>): Driver {
  return { ...simulated, name: "variant", connect: () => lab.hub(hub), ...more };
}

/** The simulation on that hub as a plug that can be commanded but not read. */
export function unreadable(lab: Lab, hub: string): Driver {
  const { query: _query, queryAll: _queryAll, watts: _watts, watch: _watch, ...deaf } = variant(lab, hub, {});
  return deaf;
}

/** Something that tells the state of a machine, as the test says. */
export function telling(lab: Lab, hub: string, query: () => QueryAnswer): OutletSpec {
  const driver = defineDriver({
    name: "telling",
    title: "Telling",
    family: "Tests",
    summary: "Tells what the test says.",
    sources: [],
    examples: [],
    cuts: "nothing",
    outlet: z.object({}),
    query: async () => query(),
  });
  return lab.outlet(hub, {}, driver);
}

/** The steps of an order, one a line: `1.5 s read off: not running`, counted from when it was accepted. */
export function story({ steps, acceptedAt }: OrderRecord): string[] {
  return steps.map(({ at, what, text }) => `${(at - acceptedAt) / 1_000} s ${what} ${text}`);
}

/** The steps that are no reads. */
export function deeds(order: OrderRecord): string[] {
  return story(order).filter((step) => !/^[\d.]+ s read /.test(step));
}

/** When the order read (s from when it was accepted). */
export function readTimes({ steps, acceptedAt }: OrderRecord): number[] {
  return steps.flatMap(({ at, what }) => (what === "read" ? [(at - acceptedAt) / 1_000] : []));
}

export function lastOrder(lab: Lab, machine: string): OrderRecord {
  const { lastOrder: order } = lab.power.machine(machine);
  if (!order) throw new Error(`no order for ${machine} has ended`);
  return order;
}
