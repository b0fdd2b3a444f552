import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import type { Driver, Verb } from "../../src/power/driver.ts";
import { ANNA, Lab, MAAS } from "./lab.ts";

const EARLIER = "an earlier command may still show";

function give(lab: Lab, verb: Verb, more: { readonly how?: "soft" | "hard" } = {}) {
  return lab.power.order({ machine: "nuc1", verb, actor: ANNA, ...more });
}

/** What reached the device, each with when it did, in ms from then. */
function since(lab: Lab, then: number, hub = "nuc1") {
  return lab.device(hub).commands.map(({ command, at }) => `${command} ${at - then}`);
}

/** A machine whose device says until then that it is on its way off, and then is. */
function addLeaving(lab: Lab, until: number) {
  const { watch: _watch, queryAll: _queryAll, ...quiet } = simulated;
  const driver: Driver = {
    ...quiet,
    query: async (hub, outlet, { signal }) => {
      const told = await hub.read(outlet, signal);
      if (lab.clock.now() < until) return { ...told, towards: "off" };
      if (lab.commands("nuc1").length === 0) return "off";
      return told;
    },
  };
  const known = lab.outlet("nuc1", { initial: "on", boot: "0s" });
  const outlet = { ...known, hub: { ...known.hub, driver } };
  lab.add("nuc1", {
    query: { kind: "one", outlet },
    verify: 10_000,
    stages: { on: [{ outlet, wait: 10_000 }], off: [], cycle: [], reset: [] },
  });
}

describe("an on, where an earlier off may still show", () => {
  test("waits while the machine is on, says so once, and commands as soon as it is off", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", shutdown: "20s", boot: "0s" });
    const begun = lab.clock.now();
    give(lab, "off", { how: "soft" });
    await lab.wait(3_000);
    const on = await lab.run(give(lab, "on").done);
    expect(on.steps.filter(({ what }) => what === "wait")).toEqual([
      { at: begun + 3_000, what: "wait", text: EARLIER },
    ]);
    const reads = on.steps.filter(({ what }) => what === "read").map(({ at }) => at - begun - 3_000);
    expect(reads).toEqual([0, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000, 20_000, 20_000]);
    expect(since(lab, begun)).toEqual(["soft-off 0", "on 23000"]);
  });

  test("waits for no longer than that may take, to the millisecond, and leaves it alone when it is on still", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", fault: "hung" });
    const begun = lab.clock.now();
    give(lab, "off", { how: "soft" });
    await lab.wait(3_500);
    const on = await lab.run(give(lab, "on").done);
    expect(on).toMatchObject({ grade: "measured", proof: { startedAt: begun + 60_000 }, endedAt: begun + 60_000 });
    expect(since(lab, begun)).toEqual(["soft-off 0"]);
  });

  test("waits while the machine cannot be read", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", shutdown: "20s", boot: "0s" });
    const begun = lab.clock.now();
    give(lab, "off", { how: "soft" });
    await lab.wait(3_000);
    lab.device("nuc1").fault = "unreachable";
    const on = give(lab, "on");
    await lab.wait(6_500);
    lab.device("nuc1").fault = undefined;
    await lab.run(on.done);
    expect(since(lab, begun)).toEqual(["soft-off 0", "on 23000"]);
  });

  test("does not wait where the machine is not on: it is commanded at once", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { lag: "8s", boot: "0s" });
    const begun = lab.clock.now();
    give(lab, "on");
    await lab.wait(2_000);
    give(lab, "off", { how: "hard" });
    await lab.wait(1_000);
    await lab.run(give(lab, "on").done);
    expect(since(lab, begun).slice(0, 3)).toEqual(["on 0", "off 2000", "on 3000"]);
    await lab.wait(120_000);
    expect(lab.device("nuc1").running).toBe(true);
  });

  test("waits for its supply whatever the machine reads, and does not open that a second time", async () => {
    await using lab = new Lab();
    lab.addPlug("nuc1", { initial: "halted", lag: "8s", boot: "0s" }, { above: 6, cut: "always" });
    const begun = lab.clock.now();
    give(lab, "off");
    await lab.wait(2_000);
    expect(await lab.run(lab.power.query("nuc1"))).toMatchObject({ state: "off", fed: true });
    const on = await lab.run(give(lab, "on").done);
    expect(on.steps.filter(({ text }) => text === EARLIER)).toHaveLength(1);
    expect(lab.commands("nuc1")).toEqual(["off", "on"]);
    // Read open 8 s after the command, or at the next look; then it rests.
    expect(lab.device("nuc1").commands[1]?.at).toBeGreaterThanOrEqual(begun + 13_000);
    expect(lab.device("nuc1").running).toBe(true);
  });
});

describe("an off of a supply that an earlier on has not closed yet", () => {
  test("is proven only when that has shown, read in the very millisecond in which the on ended or later", async () => {
    await using lab = new Lab();
    lab.addPlug("nuc1", { lag: "8s", boot: "20s" }, { above: 6 });
    give(lab, "on");
    await lab.wait(12_000);
    await lab.run(give(lab, "off").done);
    expect(lab.commands("nuc1")).toEqual(["on", "off"]);
    expect(lab.device("nuc1").fed).toBe(false);
    await lab.wait(60_000);
    expect(lab.device("nuc1").fed).toBe(false);
  });
});

describe("an on, where the device says that it is on its way off", () => {
  test("is commanded when it is there, and not before", async () => {
    await using lab = new Lab();
    const begun = lab.clock.now();
    addLeaving(lab, begun + 5_000);
    await lab.run(give(lab, "on").done);
    expect(since(lab, begun)).toEqual(["on 6000"]);
  });

  test("is commanded after the time to verify where it never comes there", async () => {
    await using lab = new Lab();
    const begun = lab.clock.now();
    addLeaving(lab, begun + 15_000);
    const on = await lab.run(give(lab, "on").done);
    expect(since(lab, begun)).toEqual(["on 10000"]);
    const reads = on.steps.filter(({ what, at }) => what === "read" && at < begun + 10_000);
    expect(reads.map(({ at }) => at - begun)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000]);
    expect(on.steps.filter(({ at }) => at === begun + 10_000).map(({ what }) => what)).toEqual([
      "read",
      "command",
      "read",
    ]);
  });
});

describe("a press", () => {
  function addButton(lab: Lab, settings: Record<string, unknown>) {
    const outlet = lab.outlet("nuc1", { kind: "button", ...settings });
    const stage = { outlet, wait: 60_000 };
    lab.add("nuc1", {
      query: { kind: "one", outlet },
      stages: { on: [stage], off: [stage], cycle: [], reset: [] },
    });
  }

  test("to switch off waits until an earlier one to switch on has shown", async () => {
    await using lab = new Lab();
    addButton(lab, { lag: "8s", boot: "0s", shutdown: "0s" });
    const begun = lab.clock.now();
    give(lab, "on");
    await lab.wait(2_500);
    const off = await lab.run(give(lab, "off").done);
    expect(since(lab, begun)).toEqual(["on 0", "off 8500"]);
    expect(off.steps.filter(({ text }) => text === EARLIER)).toHaveLength(1);
    expect(off.grade).toBe("measured");
    expect(lab.device("nuc1").running).toBe(false);
  });

  test("to switch on waits until an earlier one to switch off has shown", async () => {
    await using lab = new Lab();
    addButton(lab, { initial: "on", lag: "8s", boot: "0s", shutdown: "0s" });
    const begun = lab.clock.now();
    give(lab, "off");
    await lab.wait(2_500);
    await lab.run(give(lab, "on").done);
    expect(since(lab, begun)).toEqual(["off 0", "on 8500"]);
    expect(lab.device("nuc1").running).toBe(true);
  });

  test("waits for nothing and reads no more than it must where nothing is under way", async () => {
    await using lab = new Lab();
    addButton(lab, { boot: "0s" });
    const order = await lab.run(give(lab, "on").done);
    expect(order.steps.map(({ what, text }) => `${what} ${text}`)).toEqual([
      "read off: not running",
      // The measured opposite that a press needs.
      "read off: not running",
      "command on by nuc1",
      "read on: running",
    ]);
  });
});

describe("a cycle that is ended while it takes its first look", () => {
  test("has switched nothing off, so a restart does not complete it", async () => {
    await using lab = new Lab({ slow: true });
    lab.addMachine("nuc1", { initial: "on" });
    lab.hub("nuc1").latency = 40;
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "cycle", actor: MAAS });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(order.state).toBe("running");
    await lab.run(lab.power.stop(0));
    await expect(done).rejects.toMatchObject({ code: "busy", mayHaveActed: false });
    expect(order).toMatchObject({ state: "cut_short", steps: [] });
    expect(order).not.toHaveProperty("turning");
    expect(lab.commands("nuc1")).toEqual([]);
    lab.crash();
    expect(lab.power.orders()).toEqual([]);
  });
});
