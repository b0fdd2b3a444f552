import { describe, expect, test } from "vitest";
import type { MachineMemory } from "../../src/power/journal.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { Lab, RACK2 } from "./lab.ts";

const TEN_MINUTES = 10 * 60_000;

interface Life {
  /** What the last order was before the daemon went down, where it differs from a cycle that was about to switch off. */
  readonly order?: Partial<OrderRecord>;
  /** How long ago it was accepted (ms). */
  readonly ago?: number;
  readonly spec?: Partial<MachineSpec>;
  readonly memory?: MachineMemory;
}

/** The daemon starts after an earlier life in which the machine had an order. */
function restarted(lab: Lab, { order, ago = 1_000, spec, memory }: Life): OrderRecord {
  lab.addMachine("nuc1", { boot: "2s" }, spec);
  const record: OrderRecord = {
    id: "old-1",
    machine: "nuc1",
    verb: "cycle",
    actor: RACK2,
    forced: false,
    acceptedAt: lab.clock.now() - ago,
    state: "cut_short",
    steps: [],
    repeats: 0,
    joined: [],
    turning: true,
    ...order,
  };
  lab.notebook.orders.set(record.id, record);
  if (memory) lab.notebook.set("nuc1", memory);
  return record;
}

describe("a daemon that starts", () => {
  test("knows the last order of each machine", async () => {
    await using lab = new Lab();
    const record = restarted(lab, { order: { state: "done" } });
    lab.addMachine("nuc2");
    expect(lab.power.machine("nuc1").lastOrder).toBe(record);
    expect(lab.power.machine("nuc2").lastOrder).toBeUndefined();
  });

  test("completes the cycle that was cut short, in the name of who gave it", async () => {
    await using lab = new Lab();
    restarted(lab, {});
    const [completing] = lab.power.orders();
    expect(completing).toMatchObject({
      machine: "nuc1",
      verb: "on",
      actor: RACK2,
      reason: "completes the cycle that a restart cut short",
      completes: "old-1",
      turning: true,
      acceptedAt: lab.clock.now(),
    });
    await lab.wait(10_000);
    expect(completing?.state).toBe("done");
    expect([lab.commands("nuc1"), lab.device("nuc1").running]).toEqual([["on"], true]);
  });

  test("completes a reset as well", async () => {
    await using lab = new Lab();
    restarted(lab, { order: { verb: "reset" } });
    expect(lab.power.orders().map(({ reason }) => reason)).toEqual(["completes the reset that a restart cut short"]);
  });

  test.each<readonly [string, number, Life]>([
    ["a cycle that was accepted ten minutes ago", 1, { ago: TEN_MINUTES }],
    ["one that was accepted longer ago", 0, { ago: TEN_MINUTES + 1 }],
    ["one that had not come to its off", 0, { order: { turning: false } }],
    ["one that ended", 0, { order: { state: "done" } }],
    ["one that failed", 0, { order: { state: "failed" } }],
    ["one of a machine that is not to be switched", 0, { spec: { enabled: false } }],
    ["one of a machine that somebody locked", 0, { memory: { lock: { by: "anna", reason: "mine", at: 0 } } }],
  ])("goes on with %s: %i", async (_, orders, life) => {
    await using lab = new Lab();
    restarted(lab, life);
    expect(lab.power.orders()).toHaveLength(orders);
    await lab.wait(10_000);
    expect(lab.commands("nuc1")).toHaveLength(orders);
  });

  test("goes on with the machines after one of which nothing is to be completed", async () => {
    await using lab = new Lab();
    lab.addMachine("first");
    restarted(lab, {});
    expect(lab.power.orders().map(({ machine }) => machine)).toEqual(["nuc1"]);
  });
});
