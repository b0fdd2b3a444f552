import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import type { Answer, Driver, Pace } from "../../src/power/driver.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { Lab, MAAS } from "./lab.ts";

/** A machine at a hub that has its own pace, and whose answers may tell more than the simulated device does. */
function addTold(
  lab: Lab,
  spec: Partial<MachineSpec>,
  more: (at: number) => Partial<Answer>,
  pace: Partial<Pace> = {},
) {
  const { watch: _watch, queryAll: _queryAll, ...quiet } = simulated;
  const driver: Driver = {
    ...quiet,
    query: async (hub, outlet, { signal }) => ({ ...(await hub.read(outlet, signal)), ...more(lab.clock.now()) }),
  };
  const known = lab.outlet("nuc1", { boot: "0s" });
  const outlet = { ...known, hub: { ...known.hub, driver, pace: { ...known.hub.pace, ...pace } } };
  const stage = { outlet, wait: spec.verify ?? 120_000 };
  lab.add("nuc1", {
    query: { kind: "one", outlet },
    ...spec,
    stages: { on: [stage], off: [stage], cycle: [], reset: [] },
  });
}

/** When it was read, in ms from when the order was taken; commands as `command`. */
function times({ steps, acceptedAt }: OrderRecord) {
  return steps.map(({ at, what }) => (what === "read" ? at - acceptedAt : what));
}

describe("the proof", () => {
  test("is looked for at once, four times after 1 s, twice after 2 s, then every 4 s, and at the very end", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" }, { verify: 20_000 });
    await lab.failure("nuc1", "on");
    const order = lab.power.machine("nuc1").lastOrder;
    const reads = [0, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000, 20_000];
    expect(order && times(order)).toEqual([0, "command", ...reads]);
  });

  test("is a reading that begins no sooner than the command's end", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "0s" });
    const order = await lab.order("nuc1", "on");
    expect(times(order)).toEqual([0, "command", 0]);
    expect(order.proof?.startedAt).toBe(order.acceptedAt);
  });

  test.each([
    ["the machine's settle", { machine: 3_000, hub: 0 }, 3_000],
    ["the hub's settle", { machine: 0, hub: 5_000 }, 5_000],
    ["the longer settle, the machine's", { machine: 3_000, hub: 2_000 }, 3_000],
    ["the longer settle, the hub's", { machine: 3_000, hub: 5_000 }, 5_000],
  ] as const)("is not looked for before %s is over", async (_what, settle, first) => {
    await using lab = new Lab();
    addTold(lab, { settle: settle.machine }, () => ({}), { settle: settle.hub });
    const order = await lab.order("nuc1", "on");
    expect(times(order)).toEqual([0, "command", first]);
    expect(order.proof).toMatchObject({ state: "on", startedAt: order.acceptedAt + first });
  });

  test("waits for its settle in vain when that is longer than the time to verify, and reads once", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" }, { verify: 2_000, settle: 3_000 });
    await lab.failure("nuc1", "on");
    const order = lab.power.machine("nuc1").lastOrder;
    expect(order && times(order)).toEqual([0, "command", 3_000]);
  });

  test("is no value that is older than the command, however new the answer", async () => {
    await using lab = new Lab();
    const begun = lab.clock.now();
    // The device tells what it retained: until 2.5 s have passed that is from before the command.
    addTold(lab, {}, (at) => (at < begun + 2_500 ? { at: begun - 1 } : { at }));
    const order = await lab.order("nuc1", "on");
    expect(order.steps.map(({ text }) => text)).toEqual([
      "off: not running",
      "on by nuc1",
      "on: running",
      "on: running",
      "on: running",
      "on: running",
    ]);
    expect(times(order)).toEqual([0, "command", 0, 1_000, 2_000, 3_000]);
    expect(order.proof?.startedAt).toBe(begun + 3_000);
  });

  test("is the last word of a machine that only told what was old: then nothing is proven", async () => {
    await using lab = new Lab();
    const begun = lab.clock.now();
    addTold(lab, { verify: 3_000 }, () => ({ at: begun - 1 }));
    expect((await lab.failure("nuc1", "on")).code).toBe("unproven");
  });

  test("of a machine that nothing measures is assumed, and says why", async () => {
    await using lab = new Lab();
    lab.add("blind", {
      stages: { on: [{ outlet: lab.outlet("wake"), wait: 60_000 }], off: [], cycle: [], reset: [] },
    });
    const order = await lab.order("blind", "on");
    expect(order).toMatchObject({ state: "done", grade: "assumed", endedAt: order.acceptedAt });
    expect(order.proof).toEqual({
      state: "on",
      confidence: "assumed",
      startedAt: order.acceptedAt,
      evidence: [],
      reason: "nothing measures this machine",
    });
    const nothing = "unknown: nothing in the configuration can measure this machine";
    expect(order.steps.map(({ text }) => text)).toEqual([nothing, "on by wake", nothing]);
  });
});

describe("what is not proven in time", () => {
  test("tells what the machine reads instead, and by what", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" }, { verify: 10_000 });
    lab.addPlug("pi1", { restores: false }, { above: 6, verify: 1_500 });
    expect(await lab.failure("nuc1", "on")).toMatchObject({
      code: "unproven",
      message: "nuc1 still reads off after 10 s (not running), not on",
      mayHaveActed: true,
    });
    const { message } = await lab.failure("pi1", "on");
    expect(message).toBe("pi1 still reads off after 1.5 s (pi1 closed, 0.9 W, below 6 W: halted), not on");
    const seen = lab.power.machine("pi1").lastOrder?.steps.at(-1);
    expect(seen?.text).toBe("off: pi1 closed, 0.9 W, below 6 W: halted");
  });

  test("tells why the machine could not be read, and keeps the cause", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "30s" }, { verify: 10_000 });
    const { order, done } = lab.power.order({
      machine: "nuc1",
      verb: "on",
      actor: MAAS,
    });
    await lab.wait(500);
    lab.hub("nuc1").reachable = false;
    const cause = { code: "unreachable", message: "the simulated hub does not answer" };
    await expect(lab.run(done)).rejects.toMatchObject({
      code: "unproven",
      status: 504,
      message: `nuc1 could not be read for 10 s, so on is not proven: ${cause.message}`,
      mayHaveActed: true,
      cause,
    });
    const at = order.acceptedAt + 1_000;
    expect(order.steps[3]).toEqual({ at, what: "read", text: "no reading", durationMs: 0, error: cause });
  });

  test("is judged by the last reading, though one before it had failed", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "30s" }, { verify: 10_000 });
    const { order } = lab.power.order({
      machine: "nuc1",
      verb: "on",
      actor: MAAS,
    });
    await lab.wait(500);
    lab.device("nuc1").fault = "unreachable";
    await lab.wait(1_000);
    lab.device("nuc1").fault = undefined;
    await lab.wait(10_000);
    expect(order.error?.message).toBe("nuc1 still reads off after 10 s (not running), not on");
    expect(order.steps.filter(({ error }) => error)).toHaveLength(1);
  });

  test("counts as if it had acted, though nothing was commanded: it was on its way, and a repeat commands nothing", async () => {
    await using lab = new Lab();
    addTold(lab, { verify: 5_000 }, () => ({ towards: "on" }));
    const failure = await lab.failure("nuc1", "on");
    expect(failure).toMatchObject({ code: "unproven", mayHaveActed: true });
    expect(await lab.failure("nuc1", "on")).toBe(failure);
    expect(lab.commands("nuc1")).toEqual([]);
  });

  test("counts so too when a machine on its way could not be read any more", async () => {
    await using lab = new Lab();
    addTold(lab, { verify: 5_000 }, () => ({ towards: "on" }));
    const { done } = lab.power.order({
      machine: "nuc1",
      verb: "on",
      actor: MAAS,
    });
    await lab.wait(500);
    lab.device("nuc1").fault = "unreachable";
    await expect(lab.run(done)).rejects.toMatchObject({ code: "unproven", mayHaveActed: true });
    expect(lab.commands("nuc1")).toEqual([]);
  });
});

describe("a device that says it is on its way to the goal", () => {
  test("is waited for and not commanded", async () => {
    await using lab = new Lab();
    const begun = lab.clock.now();
    addTold(lab, {}, (at) => (at < begun + 7_000 ? { towards: "on" } : { state: "on" }));
    const order = await lab.order("nuc1", "on");
    expect(order).toMatchObject({ state: "done", grade: "measured", endedAt: begun + 8_000 });
    expect(order.steps.filter(({ what }) => what === "note").map(({ text }) => text)).toEqual([
      "the device says it is on its way",
    ]);
    expect(lab.commands("nuc1")).toEqual([]);
  });
});
