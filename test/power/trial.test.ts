import { describe, expect, test } from "vitest";
import assumed from "../../src/drivers/assumed.ts";
import simulated from "../../src/drivers/simulated.ts";
import type { Driver } from "../../src/power/driver.ts";
import type { Memory } from "../../src/power/journal.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { tryOut } from "../../src/power/trial.ts";
import { loneHub } from "../lone-hub.ts";
import { Lab } from "./lab.ts";

/** What the daemon remembers: it may be asked, and is not to be written to. */
function remembered(pin?: string): Memory {
  const refuse = () => {
    throw new Error("a trial writes nothing");
  };
  return {
    get: () => ({ last: { state: "on", at: 1 }, fed: true }),
    set: refuse,
    pin: () => (pin === undefined ? undefined : { id: pin, at: 1 }),
    setPin: refuse,
    synced: refuse,
  };
}

function machine(lab: Lab, settings: Record<string, unknown> = {}, driver?: Driver): MachineSpec {
  lab.add("nuc1", { query: { kind: "one", outlet: lab.outlet("nuc1", settings, driver) } });
  const [spec] = lab.machines;
  if (!spec) throw new Error("the lab is empty");
  return spec;
}

function tried(lab: Lab, spec: MachineSpec, memory = remembered()) {
  return tryOut(spec, { clock: lab.clock, memory, known: () => undefined });
}

describe("a machine that is tried out", () => {
  test("is measured, and nothing is written down of it", async () => {
    await using lab = new Lab();
    const spec = machine(lab, { initial: "on" });
    expect(await tried(lab, spec)).toEqual({
      state: "on",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["running"],
    });
    expect(lab.hub("nuc1").exchanges).toEqual({ command: 0, read: 1, identify: 1 });
  });

  test("is not believed to be what the daemon remembers of its name", async () => {
    await using lab = new Lab();
    const spec = machine(lab, {}, assumed);
    expect(await tried(lab, spec)).toMatchObject({ state: "unknown", confidence: "assumed" });
  });

  test("is told of by a stranger where another device is pinned", async () => {
    await using lab = new Lab();
    const spec = machine(lab);
    await expect(tried(lab, spec, remembered("simulated-2"))).rejects.toMatchObject({ code: "wrong_device" });
    expect(await tried(lab, spec, remembered("simulated-1"))).toMatchObject({ state: "off" });
  });

  test("fails as a query of it would", async () => {
    await using lab = new Lab();
    const spec = machine(lab, { fault: "unreachable" });
    await expect(tried(lab, spec)).rejects.toMatchObject({
      code: "unreachable",
      message: "simulated outlet 1 does not answer",
    });
  });

  test("leaves no connection of its own behind, whether it answered or not", async () => {
    await using lab = new Lab();
    const life: string[] = [];
    const driver: Driver = {
      ...simulated,
      name: "closed",
      connect: (hub, ctx) => {
        life.push("open");
        return simulated.connect?.(hub, ctx);
      },
      disconnect: () => {
        life.push("closed");
      },
    };
    const spec = machine(lab, {}, driver);
    await tried(lab, spec);
    expect(life).toEqual(["open", "closed"]);
    await expect(tried(lab, spec, remembered("another"))).rejects.toMatchObject({ code: "wrong_device" });
    expect(life).toEqual(["open", "closed", "open", "closed"]);
  });

  test("is asked over the hub that the daemon has already, which stays open", async () => {
    await using lab = new Lab();
    const spec = machine(lab);
    await using hub = loneHub(lab.hubSpec("nuc1"));
    const reading = tryOut(spec, {
      clock: lab.clock,
      memory: remembered("another"),
      known: (wanted) => (wanted.key === "nuc1" ? hub : undefined),
    });
    expect(await reading).toMatchObject({ state: "off" });
    expect(hub.exchanges.count).toBe(1);
    expect(hub.connected).toBe(true);
  });
});
