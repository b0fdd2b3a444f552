import { describe, expect, test } from "vitest";
import type { LimitSpec, MachineSpec } from "../../src/power/spec.ts";
import { ANNA, Lab, MAAS } from "./lab.ts";

function fleet(machines: readonly (MachineSpec | undefined)[], limits: readonly LimitSpec[] = []) {
  return { machines: machines.filter((spec) => spec !== undefined), limits };
}

/** A machine with an order under way for ten seconds, and one with nothing to do. */
async function busyLab(lab: Lab) {
  lab.addMachine("busy", { boot: "10s" });
  lab.addMachine("idle");
  const [busy, idle] = lab.machines;
  if (!busy || !idle) throw new Error("the lab is empty");
  await lab.run(Promise.all(["busy", "idle"].map((name) => lab.power.query(name))));
  const ticket = lab.power.order({ machine: "busy", verb: "on", actor: MAAS });
  await lab.wait(2_000);
  return { busy, idle, ticket };
}

describe("a changed configuration", () => {
  test("is told of by name, and only once", async () => {
    await using lab = new Lab();
    for (const name of ["a", "b", "c"]) lab.addMachine(name);
    const [a, b, c] = lab.machines;
    const { power } = lab;
    lab.signals.length = 0;
    const next = fleet([c && { ...c, facts: { name: "d" } }, b && { ...b, verify: 5_000 }, a]);
    const difference = { added: ["d"], changed: ["b"], removed: ["c"] };
    expect(power.reconfigure(next)).toEqual(difference);
    expect(lab.signals).toContainEqual({ kind: "config:reloaded", at: lab.clock.now(), ...difference });
    expect(power.difference(next)).toEqual({ added: [], changed: [], removed: [] });
    expect(power.reconfigure(next)).toEqual({ added: [], changed: [], removed: [] });
    expect(power.names).toEqual(["d", "b", "a"]);
  });

  test("leaves a machine as it is of which the same is written, and forgets what a changed one read", async () => {
    await using lab = new Lab();
    for (const name of ["same", "other"]) lab.addMachine(name);
    const { power } = lab;
    const readings = await lab.run(Promise.all(["same", "other"].map((name) => power.query(name))));
    const told: string[] = [];
    const end = power.watch((name) => told.push(name));
    const [same, other] = lab.machines;
    power.reconfigure(fleet([same && { ...same, facts: { ...same.facts } }, other && { ...other, verify: 5_000 }]));
    expect(told).toEqual(["other"]);
    expect(power.machine("same").reading).toBe(readings[0]);
    expect(power.machine("other").reading).toBeUndefined();
    end();
    power.reconfigure(fleet([same, other]));
    expect(told).toEqual(["other"]);
  });

  test("changes how many may start at once from the next order on", async () => {
    await using lab = new Lab();
    for (const name of ["a", "b", "c"]) lab.addMachine(name, { boot: "20s" }, { tags: ["rack"] });
    const { power } = lab;
    power.reconfigure(fleet(lab.machines, [{ label: "tag rack", tag: "rack", starting: 1, pause: 0 }]));
    const tickets = ["a", "b"].map((machine) => power.order({ machine, verb: "on", actor: MAAS }));
    await lab.wait(5_000);
    expect(tickets.map(({ order }) => order.waitingFor)).toEqual([
      undefined,
      "1 of 1 machines of tag rack are starting",
    ]);
    await lab.run(Promise.all(tickets.map(({ done }) => done)));
  });
});

describe("a machine that changes while its order is under way", () => {
  test("is the old one until that has ended, and then what was written last", async () => {
    await using lab = new Lab();
    const { busy, idle, ticket } = await busyLab(lab);
    const { power } = lab;
    const told: [string, number][] = [];
    power.watch((name) => told.push([name, lab.clock.now()]));
    const [first, last] = [4_000, 5_000].map((verify) => ({ ...busy, verify }));
    power.reconfigure(fleet([first, idle]));
    power.reconfigure(fleet([last, idle]));
    expect([power.machine("busy").spec, told]).toEqual([busy, []]);
    await lab.run(ticket.done);
    expect(power.machine("busy").spec).toBe(last);
    expect(told.filter(([, at]) => at === ticket.order.endedAt).map(([name]) => name)).toContain("busy");
    expect(power.machine("busy").reading).toBeUndefined();
    expect(power.machine("busy").lastOrder).toBe(ticket.order);
    await lab.order("busy", "off", { how: "hard" });
    expect(power.machine("busy").reading).toMatchObject({ state: "off" });
    expect(power.hubs().map(({ machines }) => machines)).toEqual([["busy"], ["idle"]]);
  });

  test("hears what its device tells unasked once it is the new one", async () => {
    await using lab = new Lab();
    lab.pushes("busy");
    const { busy, idle, ticket } = await busyLab(lab);
    lab.power.reconfigure(fleet([{ ...busy, verify: 50_000 }, idle]));
    await lab.run(ticket.done);
    await lab.wait(1_000);
    lab.device("busy").command("off");
    await lab.wait(1_000);
    expect(lab.power.machine("busy").reading).toMatchObject({ state: "off" });
  });

  test("is the new one for an order that waited for the end of that", async () => {
    await using lab = new Lab();
    const { busy, idle, ticket } = await busyLab(lab);
    const off = lab.power.order({ machine: "busy", verb: "off", actor: ANNA, how: "hard" });
    const changed = { ...busy, verify: 5_000 };
    lab.power.reconfigure(fleet([changed, idle]));
    expect(lab.power.machine("busy").spec).toBe(busy);
    await expect(lab.run(ticket.done)).rejects.toMatchObject({ code: "superseded" });
    expect([off.order.state, lab.power.machine("busy").spec]).toEqual(["running", changed]);
    expect((await lab.run(off.done)).state).toBe("done");
    expect(lab.commands("busy")).toEqual(["on", "off"]);
  });

  test("is gone all the same when it is removed after that", async () => {
    await using lab = new Lab();
    const { busy, idle, ticket } = await busyLab(lab);
    const { power } = lab;
    const told: string[] = [];
    power.reconfigure(fleet([{ ...busy, verify: 5_000 }, idle]));
    power.reconfigure(fleet([idle]));
    await lab.run(ticket.done);
    power.watch((name) => told.push(name));
    expect([power.names, power.orders(), told]).toEqual([["idle"], [], []]);
    expect(power.hubs().map(({ machines }) => machines)).toEqual([["idle"]]);
  });
});

describe("a machine that is removed while its order is under way", () => {
  test("comes back with that order, in the place where it is written", async () => {
    await using lab = new Lab();
    const { busy, idle, ticket } = await busyLab(lab);
    const { power } = lab;
    power.reconfigure(fleet([idle]));
    expect([power.has("busy"), power.orders()]).toEqual([false, [ticket.order]]);
    const back = { ...busy, verify: 5_000 };
    expect(power.reconfigure(fleet([idle, back]))).toEqual({ added: ["busy"], changed: [], removed: [] });
    expect([power.names, power.orders()]).toEqual([["idle", "busy"], [ticket.order]]);
    expect(power.order({ machine: "busy", verb: "on", actor: ANNA }).order).toBe(ticket.order);
    expect(power.machine("busy").spec).toBe(busy);
    await lab.run(ticket.done);
    expect(power.machine("busy").spec).toBe(back);
    expect(lab.commands("busy")).toEqual(["on"]);
    expect(power.hubs().map(({ machines }) => machines)).toEqual([["busy"], ["idle"]]);
    expect((await lab.order("busy", "off", { actor: ANNA, how: "hard" })).state).toBe("done");
  });

  test("is told of as long as that lasts", async () => {
    await using lab = new Lab();
    const { idle, ticket } = await busyLab(lab);
    lab.power.reconfigure(fleet([idle]));
    await lab.run(ticket.done);
    expect(lab.signals).toContainEqual(
      expect.objectContaining({ kind: "machine:changed", machine: "busy", to: "on", order: ticket.order.id }),
    );
  });

  test("leaves that order to no machine of another name", async () => {
    await using lab = new Lab();
    const { busy, idle, ticket } = await busyLab(lab);
    const { power } = lab;
    power.reconfigure(fleet([idle]));
    const other = { ...busy, facts: { name: "other" } };
    power.reconfigure(fleet([idle, other]));
    expect(power.machine("other")).toMatchObject({ spec: other, order: undefined });
    expect(power.orders()).toEqual([ticket.order]);
    power.reconfigure(fleet([idle, other, busy]));
    expect(power.machine("busy").order).toBe(ticket.order);
    expect((await lab.run(ticket.done)).state).toBe("done");
  });

  test("leaves when the last of its orders has ended, though another took the place of the first", async () => {
    await using lab = new Lab();
    const { idle, ticket } = await busyLab(lab);
    const { power } = lab;
    lab.device("busy").fault = "stuck";
    const off = power.order({ machine: "busy", verb: "off", actor: ANNA, how: "hard" });
    power.reconfigure(fleet([idle]));
    await expect(lab.run(ticket.done)).rejects.toMatchObject({ code: "superseded" });
    await lab.wait(2_000);
    expect(power.orders()).toEqual([off.order]);
    expect(power.hubs().map(({ machines }) => machines)).toEqual([["busy"], ["idle"]]);
    power.cancel(off.order.id, ANNA);
    await lab.run(Promise.allSettled([off.done]));
    expect(power.orders()).toEqual([]);
    expect(power.hubs().map(({ machines }) => machines)).toEqual([["idle"]]);
  });

  test("is another one when it comes back after that has ended", async () => {
    await using lab = new Lab();
    const { busy, idle, ticket } = await busyLab(lab);
    const { power } = lab;
    power.reconfigure(fleet([idle]));
    await lab.run(ticket.done);
    power.reconfigure(fleet([busy, idle]));
    expect(power.machine("busy")).toMatchObject({ order: undefined, reading: undefined });
    expect(power.machine("busy").lastOrder).toBe(ticket.order);
    expect(await lab.run(power.query("busy"))).toMatchObject({ state: "on" });
  });
});
