import { describe, expect, test, vi } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import type { Driver, Trap } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { PowerEvent } from "../../src/power/events.ts";
import { ANNA, Lab, MAAS, Notebook } from "./lab.ts";

const NEVER = new AbortController().signal;

/** A driver for the simulated outlets that needs no world, with more to it. */
function driver(name: string, more: Partial<Driver> = {}): Driver {
  const { watch: _, connect: __, identify: ___, list: ____, queryAll: _____, ...rest } = simulated;
  return { ...rest, name, query: async () => "on", on: async () => undefined, ...more };
}

describe("the machines of a fleet", () => {
  test("are known by their names, in the order written", async () => {
    await using lab = new Lab();
    for (const name of ["nuc2", "nuc1"]) lab.addMachine(name);
    expect(lab.power.names).toEqual(["nuc2", "nuc1"]);
    expect([lab.power.has("nuc1"), lab.power.has("nuc3")]).toEqual([true, false]);
  });

  test("are told of by name to those who look on, when something else is known of one", async () => {
    await using lab = new Lab();
    for (const name of ["nuc1", "nuc2"]) lab.addMachine(name);
    const told: string[] = [];
    lab.power.watch((name) => told.push(name));
    await lab.run(lab.power.query("nuc2"));
    await lab.wait(5_000);
    await lab.run(lab.power.query("nuc2"));
    expect(told).toEqual(["nuc2"]);
    await lab.run(lab.power.query("nuc1"));
    expect(told).toEqual(["nuc2", "nuc1"]);
  });

  test("show what is known of them", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "30s" });
    const [spec] = lab.machines;
    const nothing = { spec, reading: undefined, error: undefined, order: undefined, lastOrder: undefined };
    expect(lab.power.machine("nuc1")).toEqual({ ...nothing, verbs: ["on", "off", "cycle", "reset"], lock: undefined });
    const reading = await lab.run(lab.power.query("nuc1"));
    expect(lab.power.freshReading("nuc1")).toBe(reading);
    const first = await lab.order("nuc1", "off");
    const { order } = lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA });
    expect(lab.power.machine("nuc1")).toMatchObject({ order, lastOrder: first });
    expect(lab.power.orders()).toEqual([order]);
    lab.power.lock("nuc1", { reason: "mine", actor: ANNA });
    expect(lab.power.machine("nuc1").lock).toEqual({ by: "anna", reason: "mine", at: lab.clock.now() });
    lab.hub("nuc1").reachable = false;
    await lab.wait(5_000);
    expect(lab.power.machine("nuc1").error).toMatchObject({ code: "unreachable" });
  });

  test("that there are not are refused by name, with the nearest that is meant", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    const near = { code: "not_found", message: 'there is no machine "nuc2"; did you mean "nuc1"?' };
    await expect(lab.power.query("nuc2")).rejects.toMatchObject(near);
    const calls = [
      () => lab.power.machine("nuc2"),
      () => lab.power.order({ machine: "nuc2", verb: "on", actor: MAAS }),
      () => lab.power.lock("nuc2", { reason: "mine", actor: ANNA }),
      () => lab.power.unlock("nuc2", ANNA),
    ];
    for (const call of calls) expect(call).toThrow(expect.objectContaining(near));
    expect(() => lab.power.machine("printer")).toThrow(/^there is no machine "printer"$/);
    expect(lab.power.freshReading("nuc2")).toBeUndefined();
    lab.power.attribute({ machine: "nuc2", id: "x" }, { user: "anna", event: "releasing node" });
  });
});

describe("the hubs of a fleet", () => {
  test("show what became of them", async () => {
    await using lab = new Lab();
    const spec = lab.hubSpec("strip");
    for (const outlet of ["1", "2"])
      lab.add(`m${outlet}`, { query: { kind: "one", outlet: lab.outlet("strip", { outlet }) } });
    const view = { spec, machines: ["m1", "m2"], queued: 0, running: 0, failing: undefined, breaker: "closed" };
    const [hub] = lab.power.hubs();
    expect(hub?.exchanges.count).toBe(0);
    const { exchanges: _, ...before } = hub ?? {};
    // It is asked whether it tells states unasked.
    expect(before).toEqual({ ...view, running: 1, connected: false, lastExchange: undefined, pin: undefined });
    await lab.run(lab.power.query("m1"));
    const { exchanges: counts, ...after } = lab.power.hubs()[0] ?? {};
    expect(after).toMatchObject({
      ...view,
      connected: true,
      lastExchange: { durationMs: 0 },
      pin: { id: "simulated-1", model: "Simulation" },
    });
    expect(counts?.count).toBeGreaterThan(0);
    lab.hub("strip").reachable = false;
    await lab.wait(2_000);
    await lab.run(lab.power.query("m1").catch(() => undefined));
    expect(lab.power.hubs()[0]).toMatchObject({ breaker: "open", failing: { error: { code: "unreachable" } } });
  });

  test("that there are not are refused by name, with the nearest that is meant", async () => {
    await using lab = new Lab();
    lab.addMachine("strip");
    const near = { code: "not_found", message: 'there is no hub "stripe"; did you mean "strip"?' };
    await expect(lab.power.list("stripe", NEVER)).rejects.toMatchObject(near);
    await expect(lab.power.examine("stripe", NEVER)).rejects.toMatchObject(near);
    await expect(lab.power.trust("stripe", ANNA)).rejects.toMatchObject(near);
    await expect(lab.power.list("printer", NEVER)).rejects.toThrow(/^there is no hub "printer"$/);
  });

  test("list their outlets in a read that takes its turn, where their drivers can", async () => {
    await using lab = new Lab();
    let busy: boolean | undefined;
    const outlets = [{ outlet: "1", label: "left" }, { outlet: "2" }];
    const listing = driver("listing", {
      list: async (_, { signal }) => {
        busy = lab.power.busy && !signal.aborted;
        return outlets;
      },
    });
    lab.add("a", { query: { kind: "one", outlet: lab.outlet("listing", {}, listing) } });
    lab.add("b", { query: { kind: "one", outlet: lab.outlet("mute", {}, driver("mute")) } });
    expect(await lab.power.list("listing", NEVER)).toEqual(outlets);
    expect([busy, lab.power.busy]).toEqual([true, false]);
    expect(lab.power.hubs()[0]?.exchanges.count).toBe(1);
    await expect(lab.power.list("mute", NEVER)).rejects.toMatchObject({
      code: "unsupported",
      message: "mute cannot list its outlets",
    });
  });

  test.each(["list", "examine"] as const)("do not %s for somebody who is gone already", async (what) => {
    await using lab = new Lab();
    const outlet = lab.outlet("hub", {}, driver("hub", { list: async () => [], examine: async () => [] }));
    lab.add("a", { query: { kind: "one", outlet } });
    const gone = new PowerError("superseded", "nobody wants it");
    await expect(lab.power[what]("hub", AbortSignal.abort(gone))).rejects.toBe(gone);
    expect(lab.power.hubs()[0]?.exchanges.count).toBe(0);
  });

  test("tell of each outlet that a machine uses what works against it", async () => {
    await using lab = new Lab();
    const timer: Trap = { kind: "timer", problem: "opens by itself", mend: "Switch it off." };
    const mains: Trap = { kind: "mains", problem: "stays open", mend: "Let it close." };
    const examined: unknown[] = [];
    const strip = driver("strip", {
      examine: async (_, outlets) => {
        examined.push(...outlets.map((settings) => (settings as { outlet: string }).outlet));
        return [[], [timer, mains]];
      },
    });
    for (const outlet of ["1", "2", "3"])
      lab.add(`m${outlet}`, { query: { kind: "one", outlet: lab.outlet("strip", { outlet }, strip) } });
    lab.add("other", { query: { kind: "one", outlet: lab.outlet("mute", {}, driver("mute")) } });
    expect(await lab.power.examine("strip", NEVER)).toEqual([
      { ...timer, machine: "m2", outlet: "strip outlet 2" },
      { ...mains, machine: "m2", outlet: "strip outlet 2" },
    ]);
    expect(examined).toEqual(["1", "2", "3"]);
    expect(await lab.power.examine("mute", NEVER)).toBeUndefined();
  });

  test("are asked of their own outlets alone what works against those, whatever else their machines use", async () => {
    await using lab = new Lab();
    const examined: unknown[] = [];
    const strip = driver("strip", {
      examine: async (_, outlets) => {
        examined.push(...outlets);
        return [];
      },
    });
    const outlet = lab.outlet("strip", { outlet: "1" }, strip);
    const other = lab.outlet("mute", { outlet: "2" }, driver("mute"));
    lab.add("server", { supplies: [{ outlet }, { outlet: other }] });
    expect(await lab.power.examine("strip", NEVER)).toEqual([]);
    expect(examined).toEqual([outlet.settings]);
  });
});

describe("an order's number", () => {
  test("sorts by time and is not given twice, whatever chance says", async () => {
    await using lab = new Lab();
    for (const name of ["a", "b"]) lab.addMachine(name);
    const chance = vi.spyOn(Math, "random").mockReturnValue(0);
    const numbers = ["a", "b"].map((machine) => lab.power.order({ machine, verb: "on", actor: MAAS }).order.id);
    const now = lab.clock.now().toString(36);
    expect(numbers).toEqual([`${now}-1-000`, `${now}-2-000`]);
    await lab.wait(10_000);
    chance.mockReturnValue(0.999_999);
    const later = lab.power.order({ machine: "a", verb: "off", actor: MAAS }).order.id;
    expect(later).toBe(`${lab.clock.now().toString(36)}-3-zzz`);
    expect(later > (numbers[1] ?? "")).toBe(true);
  });
});

describe("an order that is cancelled", () => {
  test("ends as superseded, with what that means, though its machine is gone from the configuration", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "60s" });
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    lab.power.reconfigure({ machines: [], limits: [] });
    lab.power.cancel(order.id, ANNA);
    await expect(lab.run(done)).rejects.toMatchObject({
      code: "superseded",
      message: "cancelled by anna",
      hint: "What it had done by then stays done.",
    });
  });

  test("must be one that is under way", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "60s" });
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    expect(() => lab.power.cancel("nonsense", ANNA)).toThrow(
      expect.objectContaining({
        code: "not_found",
        message: "no order nonsense is under way",
        hint: "`maasochist orders` lists those that are.",
      }),
    );
    await lab.run(done);
    expect(order.state).toBe("done");
    expect(() => lab.power.cancel(order.id, ANNA)).toThrow(`no order ${order.id} is under way`);
  });
});

describe("what happens", () => {
  /** A notebook that keeps what it is told of, and whose disk fails when told so. */
  class Keeper extends Notebook {
    readonly notes: PowerEvent[] = [];
    failure: string | undefined;
    disk: Promise<void> = Promise.resolve();
    keeping: Promise<void> = Promise.resolve();

    override note(event?: PowerEvent): void {
      if (event) this.notes.push(event);
    }
    override kept(): Promise<void> {
      return this.keeping;
    }
    override async synced(): Promise<void> {
      await this.disk;
      if (this.failure !== undefined) throw new Error(this.failure);
    }
  }

  test("is journalled and told alike", async () => {
    const store = { journal: new Keeper(), memory: new Keeper() };
    await using lab = new Lab({ store });
    lab.addMachine("nuc1");
    lab.power.lock("nuc1", { reason: "disk being replaced", actor: ANNA });
    lab.power.unlock("nuc1", ANNA);
    lab.power.unlock("nuc1", ANNA);
    const at = lab.clock.now();
    const by = { at, machine: "nuc1", by: "anna", actor: "user:anna", reason: "disk being replaced" };
    const events = [
      { kind: "machine:locked", ...by },
      { kind: "machine:unlocked", ...by },
    ];
    expect(store.journal.notes).toEqual(events);
    expect(lab.signals).toEqual(events);
  });

  test("is told where the disk takes nothing, by each that keeps something, and orders go on", async () => {
    const store = { journal: new Keeper(), memory: new Keeper() };
    await using lab = new Lab({ store });
    lab.addMachine("nuc1");
    store.journal.failure = "disk full";
    store.memory.failure = "read-only";
    const at = lab.clock.now();
    expect((await lab.order("nuc1", "on")).state).toBe("done");
    expect(lab.signals.filter(({ kind }) => kind === "journal:failed").slice(0, 2)).toEqual([
      { kind: "journal:failed", at, message: "disk full" },
      { kind: "journal:failed", at, message: "read-only" },
    ]);
  });

  test("is on the disk before anything is commanded, and till then the daemon is busy", async () => {
    const store = { journal: new Keeper(), memory: new Keeper() };
    await using lab = new Lab({ store });
    lab.addMachine("nuc1", { boot: "0s" });
    let written: () => void = () => undefined;
    store.journal.disk = new Promise((resolve) => {
      written = resolve;
    });
    const { done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await lab.clock.run(lab.clock.sleep(1_000));
    expect([lab.power.busy, lab.commands("nuc1")]).toEqual([true, []]);
    written();
    await lab.run(done);
    expect([lab.power.busy, lab.commands("nuc1")]).toEqual([false, ["on"]]);
  });

  test("is in the journal when that says so", async () => {
    const store = { journal: new Keeper(), memory: new Keeper() };
    await using lab = new Lab({ store });
    lab.addMachine("nuc1");
    let written: () => void = () => undefined;
    store.journal.keeping = new Promise((resolve) => {
      written = resolve;
    });
    let kept = false;
    const keeping = lab.power.kept().then(() => {
      kept = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(kept).toBe(false);
    written();
    await keeping;
  });
});
