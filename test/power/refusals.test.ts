import { describe, expect, test } from "vitest";
import { refusalOf, type Subject, type Wish } from "../../src/power/admission.ts";
import { VERBS } from "../../src/power/driver.ts";
import type { Actor } from "../../src/power/order.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { ANNA, Lab, MAAS, RACK2 } from "./lab.ts";

const ROOT: Actor = { id: "local:root", name: "root (local)", role: "admin" };

/** What is said of the wish, or undefined where it is not refused. */
function said(wish: Partial<Wish>, spec: Partial<MachineSpec> = {}, more: Partial<Subject> = {}) {
  const lab = new Lab();
  lab.add("nuc1", spec);
  const [machine] = lab.machines;
  if (!machine) throw new Error("the lab is empty");
  const subject = { spec: machine, lock: undefined, verbs: VERBS, ...more };
  const refusal = refusalOf(subject, { verb: "off", actor: MAAS, ...wish });
  return refusal && `${refusal.code}: ${refusal.message}`;
}

describe("a wish", () => {
  test.each(VERBS)("to %s is taken where nothing is against it", (verb) => {
    expect(said({ verb })).toBeUndefined();
    expect(said({ verb, actor: ANNA })).toBeUndefined();
  });

  test("is refused for a disabled machine, even where it is forced", () => {
    expect(said({ verb: "on", force: true }, { enabled: false })).toBe("disabled: nuc1 is disabled");
  });

  test("is refused while the machine is locked, whoever asks and even where it is forced", () => {
    const lock = { by: "anna", reason: "its fan is being changed", at: 0 };
    const answer = "locked: nuc1 is locked by anna: its fan is being changed";
    for (const verb of VERBS) expect(said({ verb, actor: ANNA, force: true }, {}, { lock })).toBe(answer);
  });

  test("is refused where the machine has no way to do it, and others are not", () => {
    expect(said({ verb: "off" }, {}, { verbs: ["on"] })).toBe("unsupported: nuc1 has no way to off");
    expect(said({ verb: "on" }, {}, { verbs: ["on"] })).toBeUndefined();
  });

  test.each(["off", "cycle", "reset"] as const)(
    "to %s is refused to those whom the machine is protected from",
    (verb) => {
      const fromPeople = `protected: nuc1 is protected against ${verb} by people`;
      const fromAll = `protected: nuc1 is protected against ${verb} by anybody`;
      expect(said({ verb, actor: ANNA }, { protect: "people" })).toBe(fromPeople);
      expect(said({ verb, actor: ROOT }, { protect: "people" })).toBe(fromPeople);
      expect(said({ verb, actor: MAAS }, { protect: "people" })).toBeUndefined();
      expect(said({ verb, actor: ANNA }, { protect: "all" })).toBe(fromAll);
      expect(said({ verb, actor: MAAS }, { protect: "all" })).toBe(fromAll);
      expect(said({ verb, actor: ROOT, force: true }, { protect: "all" })).toBeUndefined();
      expect(said({ verb, actor: ROOT, force: true }, { protect: "people" })).toBeUndefined();
    },
  );

  test("to switch on is refused to nobody for the machine's protection", () => {
    expect(said({ verb: "on", actor: ANNA }, { protect: "people" })).toBeUndefined();
    expect(said({ verb: "on", actor: MAAS }, { protect: "all" })).toBeUndefined();
  });

  test("is measured by what weighs most: disabled, then locked, then without a way, then protected", () => {
    const lock = { by: "anna", reason: "", at: 0 };
    const spec = { enabled: false, protect: "all" } as const;
    expect(said({}, spec, { lock, verbs: [] })).toMatch("disabled: ");
    expect(said({}, { protect: "all" }, { lock, verbs: [] })).toMatch("locked: ");
    expect(said({}, { protect: "all" }, { verbs: [] })).toMatch("unsupported: ");
  });
});

describe("a refusal", () => {
  test("writes nothing, commands nothing and tells nobody", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" }, { protect: "all" });
    await lab.failure("nuc1", "off");
    expect(lab.notebook.lines).toEqual([]);
    expect(lab.commands("nuc1")).toEqual([]);
    expect(lab.signals).toEqual([]);
    expect(lab.power.machine("nuc1")).toMatchObject({ order: undefined, lastOrder: undefined });
  });

  type Case = readonly [string, { readonly refusing: Partial<MachineSpec>; readonly willing: Partial<MachineSpec> }];
  const stages = { on: [], off: [], cycle: [], reset: [] };
  const cases: readonly Case[] = [
    ["disabled", { refusing: { enabled: false }, willing: { enabled: true } }],
    ["protected", { refusing: { protect: "all" }, willing: { protect: "nobody" } }],
    ["unsupported", { refusing: { stages }, willing: {} }],
  ];

  test.each(cases)(
    "because it is %s stands for the whole click, though the reason is gone",
    async (code, { refusing, willing }) => {
      await using lab = new Lab();
      lab.addMachine("nuc1", { initial: "on" });
      const [spec] = lab.machines;
      if (!spec) throw new Error("the lab is empty");
      const become = (more: Partial<MachineSpec>) =>
        lab.power.reconfigure({ machines: [{ ...spec, ...more }], limits: [] });
      become(refusing);
      const first = await lab.failure("nuc1", "off");
      expect(first.code).toBe(code);
      become(willing);
      await lab.wait(19_999);
      expect(await lab.failure("nuc1", "off")).toBe(first);
      expect(lab.commands("nuc1")).toEqual([]);
      await lab.wait(20_000);
      expect((await lab.order("nuc1", "off")).state).toBe("done");
    },
  );

  test("because it is locked stands for the whole click, and not for a person", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.addMachine("nuc2");
    for (const name of ["nuc1", "nuc2"]) {
      lab.power.lock(name, { reason: "its fan is being changed", actor: ANNA });
      await lab.failure(name, "on");
      await lab.failure(name, "on", { actor: ANNA });
      lab.power.unlock(name, ANNA);
    }
    expect((await lab.failure("nuc1", "on")).message).toBe("nuc1 is locked by anna: its fan is being changed");
    expect(lab.commands("nuc1")).toEqual([]);
    expect((await lab.order("nuc2", "on", { actor: ANNA })).state).toBe("done");
    expect((await lab.order("nuc1", "on", { actor: RACK2 })).state).toBe("done");
  });

  test("of an order that was cancelled before it acted stands for the whole click", async () => {
    await using lab = new Lab();
    lab.addPlug("nuc1", { initial: "on" }, { minOff: 10_000 });
    await lab.order("nuc1", "off", { actor: ANNA });
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(3_000);
    lab.power.cancel(order.id, ANNA);
    await expect(lab.run(done)).rejects.toMatchObject({ code: "superseded", mayHaveActed: false });
    expect(await lab.failure("nuc1", "on")).toMatchObject({ code: "superseded", message: "cancelled by anna" });
    await lab.wait(15_000);
    expect(await lab.failure("nuc1", "on")).toMatchObject({ code: "superseded", message: "cancelled by anna" });
    expect(lab.commands("nuc1")).toEqual(["off"]);
  });
});

describe("a lock", () => {
  test("is told as it comes and goes: by whom, and why it was there", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.power.lock("nuc1", { reason: "its fan is being changed", actor: ANNA });
    const lockedAt = lab.clock.now();
    expect(lab.power.machine("nuc1").lock).toEqual({ by: "anna", reason: "its fan is being changed", at: lockedAt });
    await lab.wait(5_000);
    lab.power.unlock("nuc1", ROOT);
    expect(lab.power.machine("nuc1").lock).toBeUndefined();
    const what = { machine: "nuc1", reason: "its fan is being changed" };
    expect(lab.signals.filter(({ kind }) => kind !== "hub:pinned")).toEqual([
      { kind: "machine:locked", at: lockedAt, by: "anna", actor: "user:anna", ...what },
      { kind: "machine:unlocked", at: lockedAt + 5_000, by: "root (local)", actor: "local:root", ...what },
    ]);
  });

  test("that is not there is not told as taken away", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.power.unlock("nuc1", ANNA);
    expect(lab.signals).toEqual([]);
  });

  test("that takes the place of another is told with its own reason", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.power.lock("nuc1", { reason: "its fan is being changed", actor: ANNA });
    lab.power.lock("nuc1", { reason: "and its disk", actor: ROOT });
    expect(lab.signals.at(-1)).toMatchObject({ kind: "machine:locked", by: "root (local)", reason: "and its disk" });
    expect(lab.power.machine("nuc1").lock).toMatchObject({ by: "root (local)", reason: "and its disk" });
  });
});

describe("a daemon that stops", () => {
  test("takes no new orders, not even one that would join", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "5s" });
    lab.addMachine("nuc2");
    const standing = lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA });
    const stopped = lab.power.stop(10_000);
    const no = { code: "busy", status: 503, message: "the daemon is stopping and takes no new orders" };
    expect(await lab.failure("nuc1", "on")).toMatchObject(no);
    expect(await lab.failure("nuc2", "on", { actor: ANNA })).toMatchObject(no);
    await lab.run(stopped);
    expect(standing.order).toMatchObject({ state: "done", joined: [] });
    expect(lab.commands("nuc2")).toEqual([]);
  });

  test("lets orders finish within the grace, and is not stopped before", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "5s" });
    const { order } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    const before = lab.clock.now();
    await lab.run(lab.power.stop(10_000));
    expect(order).toMatchObject({ state: "done", grade: "measured" });
    expect(lab.clock.now()).toBe(order.endedAt);
    expect(lab.clock.now() - before).toBeLessThan(10_000);
  });

  test("cuts short what is not done when the grace is over, and says so to those who wait", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" });
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    const before = lab.clock.now();
    await lab.run(lab.power.stop(10_000));
    const message = "the daemon stopped before it was done";
    await expect(done).rejects.toMatchObject({ code: "busy", status: 503, message, mayHaveActed: true });
    expect(order).toMatchObject({ state: "cut_short", endedAt: before + 10_000, error: { code: "busy", message } });
    expect(lab.notebook.orders.get(order.id)).toMatchObject({ state: "cut_short", endedAt: before + 10_000 });
  });
});
