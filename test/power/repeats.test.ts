import { describe, expect, test } from "vitest";
import { PowerError } from "../../src/power/errors.ts";
import { ANNA, BERT, Lab, MAAS, RACK2 } from "./lab.ts";

/** A repeat of MAAS's request, and what it is answered with. */
function repeat(lab: Lab, verb: "on" | "off" | "cycle" = "on") {
  return lab.power.order({ machine: "nuc1", verb, actor: MAAS });
}

function accepted(lab: Lab): number {
  return lab.signals.filter(({ kind }) => kind === "order:accepted").length;
}

/** The repeat of an on that was done, when somebody has switched the machine off by hand since. */
async function repeatAfterLeaving(lab: Lab) {
  lab.addMachine("nuc1", { boot: "0s" });
  await lab.order("nuc1", "on");
  lab.device("nuc1").byHand("off");
  await lab.wait(2_000);
  return repeat(lab);
}

describe("a repeat of an order that was done", () => {
  test.each(["on", "off"] as const)("%s reads, and is answered with that order while the goal shows", async (verb) => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: verb === "on" ? "off" : "on" });
    const order = await lab.order("nuc1", verb);
    const reads = lab.hub("nuc1").exchanges.read;
    await lab.wait(2_000);
    for (let times = 1; times <= 3; times++) {
      expect(await lab.order("nuc1", verb)).toBe(order);
      expect(order.repeats).toBe(times);
      expect(lab.notebook.orders.get(order.id)?.repeats).toBe(times);
    }
    expect(lab.hub("nuc1").exchanges.read).toBeGreaterThan(reads);
    expect(lab.commands("nuc1")).toEqual([verb]);
    expect(accepted(lab)).toBe(1);
  });

  test("commands a machine again that has left the goal", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "0s" });
    const first = await lab.order("nuc1", "on");
    lab.device("nuc1").byHand("off");
    await lab.wait(2_000);
    const ticket = repeat(lab);
    expect(ticket.order).toBe(first);
    const second = await lab.run(ticket.done);
    expect(second).not.toBe(first);
    expect(second).toMatchObject({ verb: "on", state: "done", repeats: 0 });
    expect(lab.device("nuc1").running).toBe(true);
    expect(lab.commands("nuc1")).toEqual(["on", "on"]);
    // From now on the click is served by the newer one.
    await lab.wait(2_000);
    expect(await lab.order("nuc1", "on")).toBe(second);
  });

  test("fails as the reading fails, and commands nothing", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "0s" });
    await lab.order("nuc1", "on");
    await lab.wait(2_000);
    lab.hub("nuc1").reachable = false;
    expect(await lab.failure("nuc1", "on")).toMatchObject({
      code: "unreachable",
      message: "the simulated hub does not answer",
    });
    expect(accepted(lab)).toBe(1);
    lab.hub("nuc1").reachable = true;
    await lab.wait(2_000);
    expect((await lab.order("nuc1", "on")).state).toBe("done");
    expect(lab.commands("nuc1")).toEqual(["on"]);
    expect(accepted(lab)).toBe(1);
  });

  test("is refused where the machine was locked meanwhile and has left the goal", async () => {
    await using lab = new Lab();
    const ticket = await repeatAfterLeaving(lab);
    lab.power.lock("nuc1", { reason: "its fan is being changed", actor: ANNA });
    await expect(lab.run(ticket.done)).rejects.toMatchObject({ code: "locked" });
    expect(lab.commands("nuc1")).toEqual(["on"]);
  });

  test("yields to a person who orders the opposite while it reads", async () => {
    await using lab = new Lab();
    const ticket = await repeatAfterLeaving(lab);
    const off = lab.power.order({ machine: "nuc1", verb: "off", actor: ANNA });
    await expect(lab.run(ticket.done)).rejects.toMatchObject({
      code: "superseded",
      message: `off by anna took its place (${off.order.id})`,
    });
    await lab.run(off.done);
    expect(lab.commands("nuc1")).toEqual(["on"]);
  });

  test("joins what somebody else orders for the same goal while it reads", async () => {
    await using lab = new Lab();
    const ticket = await repeatAfterLeaving(lab);
    const on = lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA });
    expect(await lab.run(ticket.done)).toBe(on.order);
    expect(on.order).toMatchObject({ joined: [MAAS], repeats: 0 });
    expect(lab.commands("nuc1")).toEqual(["on", "on"]);
  });

  test("keeps its click open for 20 s after it was answered", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "15s" });
    const order = await lab.order("nuc1", "on");
    await lab.wait(19_999);
    expect(await lab.order("nuc1", "on")).toBe(order);
    await lab.wait(20_000);
    expect(await lab.order("nuc1", "on")).not.toBe(order);
  });
});

describe("a repeat of an order that was not proven", () => {
  test("gets the same failure when the machine cannot even be read", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" }, { verify: 10_000 });
    const failure = await lab.failure("nuc1", "on");
    expect(failure).toMatchObject({ code: "unproven", mayHaveActed: true });
    await lab.wait(2_000);
    lab.hub("nuc1").reachable = false;
    expect(await lab.failure("nuc1", "on")).toBe(failure);
    expect(lab.commands("nuc1")).toEqual(["on"]);
    expect(lab.power.machine("nuc1").lastOrder?.repeats).toBe(1);
  });

  test("that it had only joined reads all the same, and commands nothing", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" }, { verify: 10_000 });
    const { order } = lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA });
    const failure = await lab.failure("nuc1", "on");
    await lab.wait(2_000);
    expect(await lab.failure("nuc1", "on")).toBe(failure);
    expect(order).toMatchObject({ state: "failed", joined: [MAAS], repeats: 1 });
    expect(lab.commands("nuc1")).toEqual(["on"]);
    expect(accepted(lab)).toBe(1);
  });
});

describe("a repeat of a cycle", () => {
  test("that came to its off and back is answered with it", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", boot: "1s" });
    const cycle = await lab.order("nuc1", "cycle");
    expect(cycle).toMatchObject({ state: "done", turned: true });
    await lab.wait(2_000);
    expect(await lab.order("nuc1", "cycle")).toBe(cycle);
    expect(cycle.repeats).toBe(1);
    expect(lab.commands("nuc1")).toEqual(["off", "on"]);
  });

  test("that never came to its off fails again, though the machine reads on", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", fault: "stuck" }, { verify: 10_000 });
    const failure = await lab.failure("nuc1", "cycle");
    expect(failure).toMatchObject({ code: "unproven", mayHaveActed: true });
    await lab.wait(2_000);
    expect((await lab.run(lab.power.query("nuc1"))).state).toBe("on");
    expect(await lab.failure("nuc1", "cycle")).toBe(failure);
    expect(lab.power.machine("nuc1").lastOrder).not.toHaveProperty("turned");
    expect(lab.commands("nuc1")).toEqual(["off"]);
  });
});

describe("a repeat of an order that somebody has overruled", () => {
  test("hears at once by whom, though the machine came to its goal by another hand", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "0s" });
    await lab.order("nuc1", "on");
    const off = await lab.order("nuc1", "off", { actor: ANNA });
    lab.device("nuc1").byHand("on");
    await lab.wait(2_000);
    const reads = lab.hub("nuc1").exchanges.read;
    expect(() => repeat(lab)).toThrow(new PowerError("superseded", `off by anna took its place (${off.id})`));
    expect(lab.hub("nuc1").exchanges.read).toBe(reads);
  });

  test("is answered by a person's later order for the same, and not by that of automation", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "0s" });
    await lab.order("nuc1", "on");
    await lab.order("nuc1", "off", { actor: ANNA });
    await lab.order("nuc1", "on", { actor: RACK2 });
    expect((await lab.failure("nuc1", "on")).code).toBe("superseded");
    await lab.order("nuc1", "off", { actor: BERT });
    const on = await lab.order("nuc1", "on", { actor: BERT });
    await lab.wait(2_000);
    expect(await lab.order("nuc1", "on")).toBe(on);
  });

  test("by one that leads to the same is refused: that was another's wish", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on", boot: "5s" });
    const cycle = lab.power.order({ machine: "nuc1", verb: "cycle", actor: MAAS });
    await lab.wait(2_000);
    const reset = lab.power.order({ machine: "nuc1", verb: "reset", actor: ANNA });
    await expect(lab.run(cycle.done)).rejects.toMatchObject({ code: "superseded" });
    await lab.run(reset.done);
    expect(await lab.failure("nuc1", "cycle")).toMatchObject({
      code: "superseded",
      message: `reset by anna took its place (${reset.order.id})`,
    });
  });
});

describe("a repeat while its order is under way", () => {
  test("is counted, and joins nobody a second time", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "10s" });
    const own = repeat(lab);
    await lab.wait(1_000);
    repeat(lab);
    lab.power.order({ machine: "nuc1", verb: "on", actor: RACK2 });
    lab.power.order({ machine: "nuc1", verb: "on", actor: RACK2 });
    lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA });
    lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA });
    await lab.run(own.done);
    // A person's request is always a new one.
    expect(own.order).toMatchObject({ repeats: 2, joined: [RACK2, ANNA, ANNA] });
    expect(lab.notebook.orders.get(own.order.id)).toMatchObject({ repeats: 2, joined: [RACK2, ANNA, ANNA] });
  });

  test("keeps the click open, however long the order takes", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "stuck" }, { verify: 60_000 });
    const own = repeat(lab);
    await lab.wait(59_000);
    await expect(lab.run(own.done)).rejects.toMatchObject({ code: "unproven" });
    await lab.wait(19_999);
    await lab.failure("nuc1", "on");
    expect(lab.commands("nuc1")).toEqual(["on"]);
  });
});

describe("a repeat of an order that failed without acting", () => {
  test("is tried afresh, and from then on served by that", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.hub("nuc1").reachable = false;
    expect(await lab.failure("nuc1", "on")).toMatchObject({ code: "unreachable", mayHaveActed: false });
    lab.hub("nuc1").reachable = true;
    const afresh = await lab.order("nuc1", "on");
    expect(afresh.repeats).toBe(0);
    expect(accepted(lab)).toBe(2);
    await lab.wait(2_000);
    expect(await lab.order("nuc1", "on")).toBe(afresh);
  });
});
