import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import type { Driver } from "../../src/power/driver.ts";
import type { HubSpec, MachineSpec, OutletSpec, StageSpec } from "../../src/power/spec.ts";
import { ANNA, Lab, MAAS } from "./lab.ts";

function fleet(machines: readonly MachineSpec[]) {
  return { machines, limits: [] };
}

/** The same machine with every outlet's hub changed. */
function withHub(spec: MachineSpec, change: (hub: HubSpec) => HubSpec): MachineSpec {
  const known = new Map<HubSpec, HubSpec>();
  const outlet = (before: OutletSpec): OutletSpec => {
    const hub = known.get(before.hub) ?? change(before.hub);
    known.set(before.hub, hub);
    return { ...before, hub };
  };
  const stages = (of: readonly StageSpec[]) => of.map((stage) => ({ ...stage, outlet: outlet(stage.outlet) }));
  const { on, off, cycle, reset } = spec.stages;
  return {
    ...spec,
    stages: { on: stages(on), off: stages(off), cycle: stages(cycle), reset: stages(reset) },
    ...(spec.query?.kind === "one" && { query: { kind: "one", outlet: outlet(spec.query.outlet) } }),
  };
}

describe("a changed configuration", () => {
  test("is told by what it adds, changes and removes, and changes nothing when only asked about", async () => {
    await using lab = new Lab();
    for (const name of ["a", "b", "c"]) lab.addMachine(name);
    const { power } = lab;
    const [a, b] = lab.machines;
    if (!a || !b) throw new Error("the lab is empty");
    const added: MachineSpec = { ...a, facts: { name: "d" } };
    const next = fleet([added, a, { ...b, verify: 5_000 }]);
    expect(power.difference(next)).toEqual({ added: ["d"], changed: ["b"], removed: ["c"] });
    expect(power.names).toEqual(["a", "b", "c"]);
    power.reconfigure(next);
    expect(power.names).toEqual(["d", "a", "b"]);
    expect(power.machine("b").spec.verify).toBe(5_000);
  });

  test("leaves orders on machines that did not change alone", async () => {
    await using lab = new Lab();
    lab.addMachine("a", { boot: "10s" });
    lab.addMachine("b");
    const { power } = lab;
    const ticket = power.order({ machine: "a", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    power.reconfigure(fleet(lab.machines.filter((spec) => spec.facts.name === "a")));
    expect(await lab.run(ticket.done)).toMatchObject({ state: "done", grade: "measured" });
    expect(lab.commands("a")).toEqual(["on"]);
  });

  test("waits with a machine until its order has ended", async () => {
    await using lab = new Lab();
    lab.addMachine("a", { boot: "10s" });
    const { power } = lab;
    const ticket = power.order({ machine: "a", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    power.reconfigure(fleet(lab.machines.map((spec) => ({ ...spec, enabled: false }))));
    expect((await lab.run(ticket.done)).state).toBe("done");
    expect((await lab.failure("a", "off", { actor: ANNA })).code).toBe("disabled");
  });

  test("lets the order of a removed machine finish, and refuses new ones clearly", async () => {
    await using lab = new Lab();
    lab.addMachine("a", { boot: "10s" });
    const { power } = lab;
    const ticket = power.order({ machine: "a", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    power.reconfigure(fleet([]));
    expect(() => power.order({ machine: "a", verb: "off", actor: ANNA })).toThrow('there is no machine "a"');
    expect(power.orders()).toEqual([ticket.order]);
    expect((await lab.run(ticket.done)).state).toBe("done");
    expect([power.orders(), power.hubs()]).toEqual([[], []]);
  });

  test("remembers what a machine was about: clouds and locks go over to the new one", async () => {
    await using lab = new Lab();
    lab.addMachine("a", { initial: "on", shutdown: "20s", boot: "3s" });
    const { power } = lab;
    power.order({ machine: "a", verb: "off", actor: ANNA, how: "soft" });
    await lab.wait(3_000);
    const [standing] = power.orders();
    power.cancel(standing?.id ?? "", ANNA);
    power.reconfigure(fleet(lab.machines.map((spec) => ({ ...spec, verify: 60_000 }))));
    await lab.wait(1_000);
    await lab.order("a", "on");
    expect(lab.commands("a")).toEqual(["soft-off", "on"]);
    expect(lab.device("a").running).toBe(true);
  });

  test("opens a hub's new session only when the old one is closed", async () => {
    await using lab = new Lab();
    const life: string[] = [];
    let closing: (() => void) | undefined;
    const driver: Driver = {
      ...simulated,
      name: "session",
      connect: (hub, ctx) => {
        life.push("open");
        return simulated.connect?.(hub, ctx);
      },
      disconnect: async () => {
        life.push("closing");
        await new Promise<void>((resolve) => {
          closing = resolve;
        });
        life.push("closed");
      },
    };
    const hub = { ...lab.hubSpec("a"), driver };
    const outlet: OutletSpec = { hub, settings: driver.outlet.parse({}), label: "a" };
    lab.add("a", { query: { kind: "one", outlet } });
    const { power } = lab;
    await lab.run(power.query("a"));
    const changed = (spec: MachineSpec) =>
      withHub(spec, (before) => ({ ...before, pace: { ...before.pace, timeout: 9_000 } }));
    power.reconfigure(fleet(lab.machines.map(changed)));
    const query = power.query("a");
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(life).toEqual(["open", "closing"]);
    closing?.();
    await lab.run(query);
    expect(life).toEqual(["open", "closing", "closed", "open"]);
    power.reconfigure(fleet([]));
    await new Promise((resolve) => setTimeout(resolve, 10));
    closing?.();
  });
});
