/** What can happen to the fleet, as fast-check commands. */
import fc from "fast-check";
import type { How } from "../../../src/power/driver.ts";
import type { Actor, OrderRequest } from "../../../src/power/order.ts";
import { ANNA, BERT, MAAS, RACK2 } from "../lab.ts";
import { HUBS, KEYS, type Shape } from "./plan.ts";
import { SITE_FAULTS } from "./site.ts";
import type { World } from "./world.ts";

/** What a sequence of steps must remember of itself. */
export interface Memory {
  /** The last request of each automation. */
  readonly requests: Map<string, OrderRequest>;
}

export type Step = fc.AsyncCommand<Memory, World>;

const MACHINES = ["bmc", "late", "desk", "metered", "plain", "twin", "host", "witness"] as const;

function step(name: string, run: (world: World, memory: Memory) => void | Promise<void>): Step {
  return {
    check: () => true,
    run: async (memory, world) => {
      await run(world, memory);
      // What was begun by it begins now.
      await world.wait(1);
      world.check();
    },
    toString: () => name,
  };
}

function give(world: World, memory: Memory, request: OrderRequest): void {
  if (request.actor.role === "maas") memory.requests.set(request.actor.id, request);
  world.order(request);
}

const machine = fc.constantFrom(...MACHINES);
const hub = fc.constantFrom(...(Object.keys(HUBS) as (keyof typeof HUBS)[]).filter((name) => name !== "omega"));
const key = fc.constantFrom(...KEYS);
const automation = fc.constantFrom<Actor>(MAAS, RACK2);
const person = fc.constantFrom<Actor>(ANNA, BERT);
const verb = fc.constantFrom("on", "on", "on", "off", "off", "off", "cycle", "reset");
const how = fc.constantFrom<How | undefined>(undefined, undefined, undefined, "soft", "hard");

const orders = fc
  .tuple(machine, verb, fc.oneof(automation, person), how)
  .map(([machine, verb, actor, how]) =>
    step(`${actor.name} ${verb} ${machine}${how && actor.role !== "maas" ? ` ${how}` : ""}`, (world, memory) =>
      give(world, memory, { machine, verb, actor, ...(how && actor.role !== "maas" && { how }) }),
    ),
  );

const repeats = automation.map((actor) =>
  step(`${actor.name} repeats itself`, (world, memory) => {
    const request = memory.requests.get(actor.id);
    if (request) give(world, memory, request);
  }),
);

/** As MAAS does: it asks, waits, and asks again. */
const insistence = fc.tuple(automation, fc.integer({ min: 2, max: 6 })).map(([actor, times]) =>
  step(`${actor.name} insists ${times} times`, async (world, memory) => {
    const request = memory.requests.get(actor.id);
    for (let time = 0; request && time < times; time++) {
      world.order(request);
      await world.wait(4_000);
    }
  }),
);

const waits = fc
  .oneof(
    fc.integer({ min: 1, max: 30 }).map((tenths) => tenths * 100),
    fc.integer({ min: 3, max: 30 }).map((seconds) => seconds * 1_000),
    fc.constantFrom(500, 1_000, 5_000, 19_900, 20_100, 60_000, 150_000),
  )
  .map((ms) => step(`wait ${ms / 1_000} s`, (world) => world.wait(ms)));

const faults = fc
  .tuple(key, fc.option(fc.constantFrom(...SITE_FAULTS), { freq: 3, nil: undefined }))
  .map(([key, fault]) => step(`${key} ${fault ?? "healthy"}`, (world) => world.fault(key, fault)));

const reaches = fc
  .tuple(hub, fc.boolean())
  .map(([hub, up]) => step(`hub ${hub} ${up ? "up" : "down"}`, (world) => world.reach(hub, up)));

const swaps = fc
  .tuple(fc.constantFrom("alpha", "gamma"), fc.constantFrom("simulated-1", "simulated-1", "stranger"))
  .map(([hub, identity]) => step(`${identity} at ${hub}`, (world) => world.swap(hub, identity)));

const hands = fc.oneof(
  key.map((key) => step(`${key} halts`, (world) => world.byHand(key, "halt"))),
  fc
    .tuple(key, fc.constantFrom("on" as const, "off" as const))
    .map(([key, action]) => step(`somebody switches ${key} ${action}`, (world) => world.byHand(key, action))),
);

const cancels = machine.map((machine) =>
  step(`bert cancels the order of ${machine}`, (world) => {
    const { order } = world.lab.power.machine(machine);
    world.tell(`bert cancels ${order?.id ?? "nothing"}`);
    if (order) world.lab.power.cancel(order.id, BERT);
  }),
);

const locks = fc.tuple(machine, fc.constantFrom(true, false, false)).map(([machine, locked]) =>
  step(`anna ${locked ? "locks" : "unlocks"} ${machine}`, (world) => {
    world.tell(`anna ${locked ? "locks" : "unlocks"} ${machine}`);
    if (locked) world.lab.power.lock(machine, { reason: "by hand", actor: ANNA });
    else world.lab.power.unlock(machine, ANNA);
  }),
);

const queries = machine.map((machine) => step(`query ${machine}`, (world) => world.query(machine)));
const crashes = fc.constant(step("kill -9", (world) => world.crash()));
const changes = machine.map((machine) => step(`reconfigure ${machine}`, (world) => world.reconfigure(machine)));

/** By how often each happens. */
const SHARES: readonly (readonly [number, fc.Arbitrary<Step>])[] = [
  [7, orders],
  [3, repeats],
  [1, insistence],
  [6, waits],
  [4, faults],
  [2, reaches],
  [1, swaps],
  [2, hands],
  [1, cancels],
  [1, locks],
  [3, queries],
  [1, crashes],
  [1, changes],
];

export const steps: readonly fc.Arbitrary<Step>[] = SHARES.flatMap(([share, of]) =>
  Array.from({ length: share }, () => of),
);

export const shapes: fc.Arbitrary<Shape> = fc.record({
  afterAc: fc.constantFrom("starts", "stays_off"),
  cut: fc.constantFrom("last_resort", "always", "never"),
  settle: fc.constantFrom(0, 1_500),
  initial: fc
    .array(fc.constantFrom("off", "on", "halted"), { minLength: KEYS.length, maxLength: KEYS.length })
    .map((states) => Object.fromEntries(KEYS.map((key, index) => [key, states[index] ?? "off"]))),
});

/** What everybody wants when all is well again. */
export const wishes: fc.Arbitrary<ReadonlyMap<string, "on" | "off">> = fc
  .array(fc.constantFrom<"on" | "off">("on", "off"), { minLength: MACHINES.length, maxLength: MACHINES.length })
  .map((verbs) => new Map(MACHINES.map((machine, index) => [machine, verbs[index] ?? "on"])));
