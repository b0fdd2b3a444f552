import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import type { Driver } from "../../src/power/driver.ts";
import type { HubSpec, MachineSpec, OutletSpec } from "../../src/power/spec.ts";
import { ANNA, Lab, MAAS } from "./lab.ts";

/** The device behind a hub, and notes of what became of its connections and watches. */
class Device {
  readonly notes: string[] = [];
  readonly driver: Driver;
  /** Closing waits for it. */
  closing: Promise<void> = Promise.resolve();

  constructor(name: string, more: Partial<Driver> = {}) {
    const { identify: _, queryAll: __, ...rest } = simulated;
    this.driver = {
      ...rest,
      name,
      connect: () => void this.notes.push(`${name} opens`),
      disconnect: async () => {
        await this.closing;
        this.notes.push(`${name} closes`);
      },
      watch: async (_hub, outlets: readonly { outlet: string }[]) => {
        this.notes.push(`${name} tells of ${outlets.map(({ outlet }) => outlet).join(",")}`);
        return () => void this.notes.push(`${name} tells no more`);
      },
      on: async () => void this.notes.push(`${name} on`),
      query: async () => "off",
      ...more,
    };
  }

  /** What was noted since the last look. */
  look(): string[] {
    return this.notes.splice(0);
  }
}

function outletOn(hub: HubSpec, outlet: string): OutletSpec {
  return { hub, settings: hub.driver.outlet.parse({ outlet }), label: `${hub.name} outlet ${outlet}` };
}

/** A machine that is switched and read through one outlet. */
function on(outlet: OutletSpec): Partial<MachineSpec> {
  const stages = { on: [{ outlet, wait: 60_000 }], off: [{ outlet, wait: 60_000 }], cycle: [], reset: [] };
  return { query: { kind: "one", outlet }, stages };
}

function fleet(...machines: (MachineSpec | undefined)[]) {
  return { machines: machines.filter((spec) => spec !== undefined), limits: [] };
}

/** Everything that follows at once has happened. */
async function soon(lab: Lab): Promise<void> {
  await lab.wait(10);
}

/** The daemon starts. */
async function begin(lab: Lab): Promise<void> {
  expect(lab.power.orders()).toEqual([]);
  await soon(lab);
}

describe("a hub's watch", () => {
  test("goes on when nothing on the hub changed, and begins anew when its machines did", async () => {
    await using lab = new Lab();
    const device = new Device("strip");
    const hub = lab.hubSpec("strip", device.driver);
    for (const name of ["1", "2"]) lab.add(name, on(outletOn(hub, name)));
    const { power } = lab;
    await begin(lab);
    expect(device.look()).toEqual(["strip opens", "strip tells of 1,2"]);
    const [one, two] = lab.machines;
    power.reconfigure(fleet(two, one));
    await soon(lab);
    expect(device.look()).toEqual([]);
    power.reconfigure(fleet(two));
    await soon(lab);
    expect(device.look()).toEqual(["strip tells no more", "strip tells of 2"]);
    power.reconfigure(fleet(two, one));
    await soon(lab);
    expect(device.look()).toEqual(["strip tells no more", "strip tells of 2,1"]);
    power.reconfigure(fleet(two && { ...two, verify: 9_000 }, one));
    await soon(lab);
    expect(device.look()).toEqual(["strip tells no more", "strip tells of 2,1"]);
  });

  test("begins anew on the new connection when the hub's settings changed", async () => {
    await using lab = new Lab();
    const device = new Device("strip");
    const hub = lab.hubSpec("strip", device.driver);
    lab.add("a", on(outletOn(hub, "1")));
    await begin(lab);
    device.look();
    const [a] = lab.machines;
    lab.power.reconfigure(fleet(a && { ...a, ...on(outletOn({ ...hub, settings: { changed: true } }, "1")) }));
    await soon(lab);
    expect(device.look()).toEqual(["strip tells no more", "strip closes", "strip opens", "strip tells of 1"]);
  });

  test("begins anew as well for a machine that is changed only when its order has ended", async () => {
    await using lab = new Lab();
    const device = new Device("strip");
    const hub = lab.hubSpec("strip", device.driver);
    lab.add("a", on(outletOn(hub, "1")));
    const [a] = lab.machines;
    const { done } = lab.power.order({ machine: "a", verb: "on", actor: MAAS });
    done.catch(() => undefined);
    await lab.wait(2_000);
    device.look();
    lab.power.reconfigure(fleet(a && { ...a, ...on(outletOn({ ...hub, settings: { changed: true } }, "1")) }));
    await soon(lab);
    expect(lab.power.machine("a").spec).toBe(a);
    expect(device.look()).toEqual(["strip tells no more", "strip closes", "strip opens", "strip tells of 1"]);
  });

  test("tells no more of a machine that is gone when its order has ended", async () => {
    await using lab = new Lab();
    const device = new Device("strip");
    const hub = lab.hubSpec("strip", device.driver);
    for (const name of ["1", "2"]) lab.add(name, on(outletOn(hub, name)));
    const { done } = lab.power.order({ machine: "1", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    lab.power.reconfigure(fleet(lab.machines[1]));
    device.look();
    await lab.run(Promise.allSettled([done]));
    await soon(lab);
    expect(device.look()).toEqual(["strip tells no more", "strip tells of 2"]);
  });

  test("hears of every outlet that tells the state of a machine, each from its own hub", async () => {
    await using lab = new Lab();
    const [left, right] = [new Device("left"), new Device("right")];
    const of = [left, right].map(({ driver }) => outletOn(lab.hubSpec(driver.name, driver), "1"));
    const wake = outletOn(lab.hubSpec("right", right.driver), "wake");
    lab.add("a", {
      query: { kind: "all", of: of.map((outlet) => ({ kind: "one" as const, outlet })) },
      stages: { on: [{ outlet: wake, wait: 60_000 }], off: [], cycle: [], reset: [] },
    });
    await begin(lab);
    expect([left.look(), right.look()]).toEqual([
      ["left opens", "left tells of 1"],
      ["right opens", "right tells of 1"],
    ]);
  });
});

describe("a hub that machines leave", () => {
  test("stays as it is while one uses it still, and is closed when none does", async () => {
    await using lab = new Lab();
    const device = new Device("strip");
    const hub = lab.hubSpec("strip", device.driver);
    for (const name of ["a", "b"]) lab.add(name, on(outletOn(hub, name)));
    const [a, b] = lab.machines;
    await begin(lab);
    lab.power.reconfigure(fleet(a));
    await soon(lab);
    expect(lab.power.hubs().map(({ machines, connected }) => [machines, connected])).toEqual([[["a"], true]]);
    expect(device.look()).not.toContain("strip closes");
    lab.power.reconfigure(fleet());
    await soon(lab);
    expect(lab.power.hubs()).toEqual([]);
    expect(device.look()).toEqual(["strip tells no more", "strip closes"]);
    lab.power.reconfigure(fleet(b));
    await soon(lab);
    expect(device.look()).toEqual(["strip opens", "strip tells of b"]);
  });

  test("is kept by a machine of the same name that took the place of the one before", async () => {
    await using lab = new Lab();
    const device = new Device("strip");
    const other = new Device("other");
    const outlet = outletOn(lab.hubSpec("strip", device.driver), "1");
    lab.add("a", on(outlet));
    const [a] = lab.machines;
    await begin(lab);
    lab.power.reconfigure(fleet(a && { ...a, verify: 9_000 }));
    expect(lab.power.hubs().map(({ machines }) => machines)).toEqual([["a"]]);
    lab.power.reconfigure(fleet(a && { ...a, ...on(outletOn(lab.hubSpec("other", other.driver), "1")) }));
    await soon(lab);
    expect(lab.power.hubs().map(({ spec, machines }) => [spec.name, machines])).toEqual([["other", ["a"]]]);
    expect(device.look().at(-1)).toBe("strip closes");
    expect(other.look()).toEqual(["other opens", "other tells of 1"]);
  });

  test("is waited for when the daemon stops while it closes", async () => {
    await using lab = new Lab();
    const device = new Device("strip");
    lab.add("a", on(outletOn(lab.hubSpec("strip", device.driver), "1")));
    await lab.run(lab.power.query("a"));
    let closed: () => void = () => undefined;
    device.closing = new Promise((resolve) => {
      closed = resolve;
    });
    lab.power.reconfigure(fleet());
    let stopped = false;
    const stop = lab.power.stop(0).then(() => {
      stopped = true;
    });
    await soon(lab);
    expect(stopped).toBe(false);
    closed();
    await lab.run(stop);
    expect(device.look().at(-1)).toBe("strip closes");
  });
});

describe("a hub whose settings change", () => {
  test("is not read for that, while it answers", async () => {
    await using lab = new Lab();
    let asked = 0;
    const { watch: _, ...driver } = new Device("strip", {
      query: async () => {
        asked += 1;
        return "on";
      },
    }).driver;
    const hub = lab.hubSpec("strip", driver);
    lab.add("a", on(outletOn(hub, "1")));
    await lab.run(lab.power.query("a"));
    await lab.wait(5_000);
    const [a] = lab.machines;
    lab.power.reconfigure(fleet(a && { ...a, ...on(outletOn({ ...hub, settings: { changed: true } }, "1")) }));
    await lab.wait(5_000);
    expect(asked).toBe(1);
  });
});

describe("the daemon's end", () => {
  test("closes every hub", async () => {
    await using lab = new Lab();
    const devices = ["left", "right"].map((name) => new Device(name));
    for (const { driver } of devices) lab.add(driver.name, on(outletOn(lab.hubSpec(driver.name, driver), "1")));
    await begin(lab);
    await lab.run(lab.power.stop(0));
    expect(devices.map((device) => device.look().at(-1))).toEqual(["left closes", "right closes"]);
  });
});

describe("a hub that gets another driver", () => {
  /** The machine `a` on a hub of the key `box`, whose driver is the old one, and the same on the new one. */
  function replaced(lab: Lab, { boots = false } = {}) {
    const [old, next] = [
      new Device("old", boots ? { on: () => lab.clock.sleep(5_000) } : {}),
      new Device("new", { query: async () => "on" }),
    ];
    const hub = lab.hubSpec("box", old.driver);
    lab.add("a", on(outletOn(hub, "1")));
    const [a] = lab.machines;
    const changed = a && { ...a, ...on(outletOn({ ...hub, driver: next.driver }, "1")) };
    return { old, next, changed };
  }

  test("is opened by the new one when the old one has closed it", async () => {
    await using lab = new Lab();
    const { old, next, changed } = replaced(lab);
    await lab.run(lab.power.query("a"));
    old.look();
    let closed: () => void = () => undefined;
    old.closing = new Promise((resolve) => {
      closed = resolve;
    });
    lab.power.reconfigure(fleet(changed));
    const query = lab.power.query("a");
    await new Promise((resolve) => setImmediate(resolve));
    expect([old.look(), next.look()]).toEqual([["old tells no more"], []]);
    closed();
    expect(await lab.run(query)).toMatchObject({ state: "on" });
    expect([old.look(), next.look()]).toEqual([["old closes"], expect.arrayContaining(["new opens"])]);
    expect(lab.power.hubs().map(({ spec, machines }) => [spec.driver.name, machines])).toEqual([["new", ["a"]]]);
  });

  test("is used by all the machines that used the old one, and opened for them once", async () => {
    await using lab = new Lab();
    const [old, next] = [new Device("old"), new Device("new")];
    const hub = lab.hubSpec("box", old.driver);
    for (const name of ["1", "2", "3"]) lab.add(name, on(outletOn(hub, name)));
    await begin(lab);
    const changed = lab.machines.map((spec) => ({
      ...spec,
      ...on(outletOn({ ...hub, driver: next.driver }, spec.facts.name)),
    }));
    lab.power.reconfigure(fleet(...changed));
    expect(lab.power.hubs().map(({ spec, machines }) => [spec.driver.name, machines])).toEqual([
      ["new", ["1", "2", "3"]],
    ]);
    await soon(lab);
    expect(next.look()).toEqual(["new opens", "new tells of 1,2,3"]);
  });

  test("ends the orders under way with the old one, which hear why", async () => {
    await using lab = new Lab();
    const { changed } = replaced(lab);
    const other = new Device("other");
    lab.add("b", on(outletOn(lab.hubSpec("other", other.driver), "1")));
    const tickets = ["a", "b"].map((machine) => lab.power.order({ machine, verb: "on", actor: MAAS }));
    await lab.wait(2_000);
    const b = lab.machines.find((spec) => spec.facts.name === "b");
    lab.power.reconfigure(fleet(changed, b && { ...b, verify: 9_000 }));
    await expect(lab.run(Promise.all(tickets.slice(0, 1).map(({ done }) => done)))).rejects.toMatchObject({
      code: "superseded",
      message: "the configuration gave its hub another driver",
      mayHaveActed: true,
    });
    expect(tickets[1]?.order.state).toBe("running");
    expect(lab.power.machine("a").spec).toBe(changed);
    await lab.run(Promise.allSettled(tickets.map(({ done }) => done)));
  });

  test("is not there any more when its only machine was removed before its order ended", async () => {
    await using lab = new Lab();
    const { changed } = replaced(lab);
    const { done } = lab.power.order({ machine: "a", verb: "on", actor: MAAS });
    await lab.wait(2_000);
    lab.power.reconfigure(fleet(changed));
    lab.power.reconfigure(fleet());
    await lab.run(Promise.allSettled([done]));
    expect(lab.power.hubs()).toEqual([]);
  });
});

describe("the pin of a hub", () => {
  function identified(lab: Lab) {
    const device = new Device("plug", { identify: async () => ({ id: "serial 7", model: "P1" }) });
    const { watch: _, ...driver } = device.driver;
    lab.add("a", on(outletOn(lab.hubSpec("plug", driver), "1")));
    return lab.clock.now();
  }

  test("is told at first contact, and that somebody accepts another device, before that is pinned", async () => {
    await using lab = new Lab();
    const began = identified(lab);
    await lab.run(lab.power.query("a"));
    const pinned = { kind: "hub:pinned", hub: "plug", machines: ["a"] };
    expect(lab.signals).toEqual([{ ...pinned, at: began, id: "serial 7" }]);
    expect(lab.power.hubs()[0]?.pin).toEqual({ id: "serial 7", model: "P1", at: began });
    await lab.wait(5_000);
    await lab.run(lab.power.trust("plug", ANNA));
    await soon(lab);
    expect(lab.signals.slice(1)).toEqual([
      { ...pinned, at: began + 5_000, id: "", by: "anna", actor: "user:anna" },
      { ...pinned, at: began + 5_000, id: "serial 7" },
    ]);
    expect(lab.power.hubs()[0]?.pin).toEqual({ id: "serial 7", model: "P1", at: began + 5_000 });
  });

  test("that cannot be kept is told, and holds up nobody", async () => {
    await using lab = new Lab();
    const began = identified(lab);
    lab.notebook.setPin = () => {
      throw new Error("disk full");
    };
    expect(await lab.run(lab.power.query("a"))).toMatchObject({ state: "off" });
    expect(lab.signals).toContainEqual({ kind: "journal:failed", at: began, message: "disk full" });
  });

  test("cannot be renewed where the driver cannot tell which device answers", async () => {
    await using lab = new Lab();
    const device = new Device("blind");
    lab.add("a", on(outletOn(lab.hubSpec("blind", device.driver), "1")));
    await expect(lab.power.trust("blind", ANNA)).rejects.toMatchObject({
      code: "unsupported",
      message: "blind cannot tell which device answers, so none is pinned",
    });
    expect(lab.signals).toEqual([]);
  });
});
