import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { MachineMemory } from "../../src/power/journal.ts";
import { until } from "../expecting.ts";
import { ANNA, Lab, MAAS, Notebook } from "./lab.ts";
import { unreadable, variant } from "./scripted.ts";
import { toldOutlet } from "./told-outlet.ts";

/** What is kept of the machine while its command is under way. */
function keptWhileSent(lab: Lab, hub: string, machine: string, pace: { readonly timeout?: number } = {}) {
  const kept: { memory?: MachineMemory } = {};
  const on = variant(lab, hub, {
    on: async (at, outlet, { signal }) => {
      kept.memory = lab.notebook.get(machine);
      await at.command(outlet, "on", signal);
    },
  });
  lab.hubSpec(hub, on, pace);
  return kept;
}

describe("what is kept of a machine", () => {
  test("while a command is sent is that it may act until it must have ended and its wait is over", async () => {
    await using lab = new Lab();
    const kept = keptWhileSent(lab, "nuc1", "nuc1", { timeout: 7_000 });
    lab.addMachine("nuc1", {}, { verify: 30_000 });
    const since = lab.clock.now();
    await lab.order("nuc1", "on");
    expect(kept.memory).toEqual({
      last: { state: "off", at: since },
      clouds: [{ goal: "on", of: "machine", since, until: since + 37_000 }],
    });
  });

  test("is on the disk before anything is commanded, and an order that ends meanwhile commands nothing", async () => {
    await using lab = new Lab();
    const kept: (() => void)[] = [];
    lab.notebook.synced = () => new Promise((resolve) => void kept.push(resolve));
    for (const name of ["nuc1", "nuc2"]) lab.addMachine(name, { boot: "0s" });
    const [first, second] = ["nuc1", "nuc2"].map((machine) => lab.power.order({ machine, verb: "on", actor: MAAS }));
    if (!first || !second) throw new Error("there are two");
    await until(() => kept.length >= 4);
    expect([lab.commands("nuc1"), lab.commands("nuc2")]).toEqual([[], []]);
    lab.power.cancel(second.order.id, ANNA);
    for (const resolve of kept) resolve();
    await lab.run(first.done);
    await expect(lab.run(second.done)).rejects.toMatchObject({ code: "superseded", mayHaveActed: false });
    expect([lab.commands("nuc1"), lab.commands("nuc2")]).toEqual([["on"], []]);
    expect(lab.notebook.get("nuc2").clouds).toEqual([]);
  });

  test("while a supply of several outlets is commanded goes by the slowest of them", async () => {
    await using lab = new Lab();
    const kept = keptWhileSent(lab, "left", "server", { timeout: 2_000 });
    lab.hubSpec("right", simulated, { timeout: 9_000 });
    const supplies = ["left", "right"].map((hub) => ({ outlet: lab.outlet(hub, { kind: "plug" }) }));
    lab.add("server", { supplies, verify: 30_000, above: 6 });
    const since = lab.clock.now();
    await lab.order("server", "on");
    const until = since + 39_000;
    expect(kept.memory?.clouds).toEqual([
      { goal: "on", of: "supply", since, until, outlets: ["left", "right"] },
      { goal: "on", of: "machine", since, until },
    ]);
  });

  test("after a supply of several outlets was commanded is which of them may have obeyed, until they show", async () => {
    await using lab = new Lab();
    const supplies = ["left", "middle", "right"].map((hub) => ({ outlet: lab.outlet(hub, { kind: "plug" }) }));
    lab.add("server", { supplies, verify: 30_000 });
    lab.deviceAt("middle", "1").fault = "stuck";
    lab.deviceAt("right", "1").fault = "refuses";
    const since = lab.clock.now();
    await lab.order("server", "on");
    const outlets = ["left", "middle"];
    expect(lab.notebook.get("server").clouds).toEqual([
      { goal: "on", of: "supply", since, until: since + 30_000, outlets },
    ]);
    lab.deviceAt("middle", "1").byHand("on");
    await lab.wait(2_000);
    await lab.run(lab.power.query("server"));
    expect(lab.notebook.get("server").clouds).toEqual([]);
  });

  test.each([
    ["on", "off", {}],
    ["off", "on", {}],
    ["reset", "on", { restarts: true }],
  ] as const)("after an %s that has not shown is that it still may", async (verb, initial, more) => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial, lag: "60s" }, { verify: 90_000 });
    const since = lab.clock.now();
    lab.power.order({ machine: "nuc1", verb, actor: MAAS });
    await lab.wait(2_500);
    const goal = verb === "off" ? "off" : "on";
    expect(lab.notebook.get("nuc1")).toEqual({
      last: expect.anything(),
      clouds: [{ goal, of: "machine", since, until: since + 90_000, ...more }],
    });
  });

  test("after a native cycle that has not shown is that an off is still to come", async () => {
    await using lab = new Lab();
    const driver = variant(lab, "nuc1", { cycle: (hub, outlet, { signal }) => hub.command(outlet, "reset", signal) });
    lab.hubSpec("nuc1", driver);
    const outlet = lab.outlet("nuc1", { initial: "on", lag: "60s" });
    const stage = { outlet, wait: 90_000 };
    lab.add("nuc1", { query: { kind: "one", outlet }, stages: { on: [stage], off: [], cycle: [stage], reset: [] } });
    const since = lab.clock.now();
    lab.power.order({ machine: "nuc1", verb: "cycle", actor: MAAS });
    await lab.wait(2_500);
    expect(lab.notebook.get("nuc1").clouds).toEqual([
      { goal: "on", of: "machine", since, until: since + 90_000, restarts: true },
    ]);
  });

  test.each([
    ["on", "off", { afterAc: "starts", above: 6 }, ["supply", "machine"]],
    // Nothing shows such a machine but its supply.
    ["on", "off", { afterAc: "starts" }, ["supply"]],
    ["on", "off", { afterAc: "stays_off", above: 6 }, ["supply"]],
    ["off", "on", { afterAc: "starts", above: 6 }, ["supply"]],
  ] as const)("after an %s of a supply that was %s, with %j, is about %j", async (...row) => {
    const [verb, initial, more, of] = row;
    await using lab = new Lab();
    lab.addPlug("pi1", { initial, lag: "60s" }, { ...more, verify: 90_000, settle: 500 });
    const since = lab.clock.now();
    lab.power.order({ machine: "pi1", verb, actor: MAAS });
    await lab.wait(2_500);
    expect(lab.notebook.get("pi1").clouds).toEqual(
      of.map((what) => ({ goal: verb, of: what, since, until: since + 90_000 })),
    );
  });

  test("after a command that cannot have acted is nothing of it", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "refuses" });
    const at = lab.clock.now();
    await lab.failure("nuc1", "on");
    expect(lab.notebook.get("nuc1")).toEqual({ last: { state: "off", at }, clouds: [] });
  });

  test("after a command that may have acted is not that it was obeyed", async () => {
    await using lab = new Lab();
    const late = () => Promise.reject(new PowerError("timeout", "late", { mayHaveActed: true }));
    lab.hubSpec("nuc1", variant(lab, "nuc1", { repeatable: false, on: late }));
    lab.addMachine("nuc1");
    const at = lab.clock.now();
    await lab.failure("nuc1", "on");
    expect(lab.notebook.get("nuc1")).toEqual({
      last: { state: "off", at },
      clouds: [{ goal: "on", of: "machine", since: at, until: at + 120_000 }],
    });
  });
});

describe("what is kept of a supply that cannot be read", () => {
  function blind(lab: Lab, settings: Record<string, unknown> = {}) {
    const driver = unreadable(lab, "pi1");
    lab.add("pi1", { supplies: [{ outlet: lab.outlet("pi1", { kind: "plug", ...settings }, driver) }], minOff: 5_000 });
  }

  test("is what was ordered, and when it was opened", async () => {
    await using lab = new Lab();
    blind(lab);
    const onAt = lab.clock.now();
    await lab.order("pi1", "on");
    expect(lab.notebook.get("pi1")).toMatchObject({ fed: true, last: { state: "on", at: onAt } });
    expect(lab.notebook.get("pi1")).not.toHaveProperty("openedAt");
    await lab.wait(60_000);
    const offAt = lab.clock.now();
    await lab.order("pi1", "off");
    expect(lab.notebook.get("pi1")).toMatchObject({ fed: false, openedAt: offAt, last: { state: "off", at: offAt } });
  });

  test("makes it rest before it is closed again", async () => {
    await using lab = new Lab();
    blind(lab, { initial: "on" });
    await lab.order("pi1", "off");
    await lab.wait(2_000);
    await lab.order("pi1", "on");
    const [off, on] = lab.device("pi1").commands;
    expect((on?.at ?? 0) - (off?.at ?? 0)).toBe(5_000);
  });

  test("is nothing after a command of which nobody knows whether it was obeyed", async () => {
    await using lab = new Lab();
    blind(lab, { fault: "lost-answer" });
    expect(await lab.failure("pi1", "on")).toMatchObject({ code: "timeout", mayHaveActed: true });
    expect(Object.keys(lab.notebook.get("pi1"))).toEqual(["clouds"]);
  });

  test("counts its rest from when the last of its outlets was opened", async () => {
    await using lab = new Lab();
    const failures = [new PowerError("busy", "not now")];
    const late = async () => {
      const failure = failures.shift();
      if (failure) throw failure;
    };
    const drivers = { left: unreadable(lab, "left"), right: { ...unreadable(lab, "right"), off: late } };
    const supplies = (["left", "right"] as const).map((hub) => ({
      outlet: lab.outlet(hub, { kind: "plug" }, drivers[hub]),
    }));
    lab.add("server", { supplies });
    const at = lab.clock.now();
    await lab.order("server", "off");
    expect(lab.notebook.get("server")).toMatchObject({ openedAt: at + 500, last: { state: "off", at: at + 500 } });
  });

  test("is that it is closed when one of its outlets obeyed", async () => {
    await using lab = new Lab();
    const supplies = ["left", "right"].map((hub) => ({
      outlet: lab.outlet(hub, { kind: "plug" }, unreadable(lab, hub)),
    }));
    lab.add("server", { supplies });
    lab.deviceAt("right", "1").fault = "refuses";
    expect(await lab.order("server", "on")).toMatchObject({ state: "done", grade: "assumed" });
    expect(lab.notebook.get("server").fed).toBe(true);
  });

  test("is not that it obeyed when it refused, whatever was ordered before", async () => {
    await using lab = new Lab();
    blind(lab);
    await lab.order("pi1", "on");
    await lab.order("pi1", "off", { actor: ANNA });
    const before = lab.notebook.get("pi1");
    lab.device("pi1").fault = "refuses";
    expect((await lab.failure("pi1", "off", { actor: ANNA })).code).toBe("refused");
    expect(lab.notebook.get("pi1")).toEqual(before);
    expect((await lab.failure("pi1", "on", { actor: ANNA })).code).toBe("refused");
    expect(lab.notebook.get("pi1")).toEqual(before);
  });
});

test("what cannot be kept of a machine is told", async () => {
  class Full extends Notebook {
    override set(): void {
      throw new Error("disk full");
    }
  }
  const full = new Full();
  await using lab = new Lab({ store: { journal: full, memory: full } });
  lab.addMachine("nuc1");
  await lab.run(lab.power.query("nuc1"));
  expect(lab.signals).toContainEqual({ kind: "journal:failed", at: lab.clock.now(), message: "disk full" });
});

describe("what was learnt of a machine that a reload replaces", () => {
  /** A machine on a metered plug, whose state takes 30 ms to read and whose watts take two seconds. */
  function metered(lab: Lab) {
    const plug = { closed: true, switchedAt: [] as number[] };
    const outlet = toldOutlet(lab, "plug", {
      pace: { concurrency: 2 },
      answers: async () => {
        const { closed } = plug;
        await lab.clock.sleep(30);
        return closed ? "on" : "off";
      },
      draws: async () => {
        await lab.clock.sleep(2_000);
        return plug.closed ? 20 : 0;
      },
      obeys: async () => {
        plug.closed = true;
        plug.switchedAt.push(lab.clock.now());
      },
    });
    lab.add("nuc1", { supplies: [{ outlet }], above: 6, minOff: 5_000 });
    const reload = () =>
      lab.power.reconfigure({
        machines: lab.machines.map((spec) => ({ ...spec, description: "reloaded" })),
        limits: [],
      });
    return { plug, reload };
  }

  test("is known to the one that takes its place, though it came out after that", async () => {
    await using lab = new Lab({ slow: true });
    const { plug, reload } = metered(lab);
    lab.power.query("nuc1").catch(() => undefined);
    await lab.wait(10);
    reload();
    await lab.wait(100);
    plug.closed = false;
    await lab.wait(100);
    const openBy = lab.clock.now();
    await lab.order("nuc1", "on");
    expect((plug.switchedAt[0] ?? 0) - openBy).toBeGreaterThanOrEqual(5_000);
  });

  test("does not take the place of what was learnt since", async () => {
    await using lab = new Lab({ slow: true });
    const { plug, reload } = metered(lab);
    plug.closed = false;
    await lab.run(lab.power.query("nuc1"));
    await lab.wait(60_000);
    plug.closed = true;
    lab.power.query("nuc1").catch(() => undefined);
    await lab.wait(500);
    reload();
    plug.closed = false;
    await lab.run(lab.power.query("nuc1"));
    const known = lab.notebook.get("nuc1");
    expect(known).toMatchObject({ fed: false, openedAt: lab.clock.now(), last: { state: "off" } });
    plug.closed = true;
    await lab.wait(5_000);
    expect(lab.notebook.get("nuc1")).toEqual(known);
  });
});
