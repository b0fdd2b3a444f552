import { describe, expect, test } from "vitest";
import simulated from "../../src/drivers/simulated.ts";
import type { Driver } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { OutletSpec } from "../../src/power/spec.ts";
import { Lab } from "./lab.ts";

const GONE = new PowerError("unreachable", "it does not answer");

/** A device that answers or fails as it is told, and notes when each of its outlets was asked (ms after it was made). */
class Device {
  readonly asked: (readonly [outlet: string, at: number])[] = [];
  failure: Error | undefined = GONE;
  readonly #lab: Lab;
  readonly began: number;
  readonly driver: Driver;

  constructor(lab: Lab, name: string, more: Partial<Driver> = {}) {
    this.#lab = lab;
    this.began = lab.clock.now();
    // Who listens asks as well.
    const { watch: _, queryAll: __, identify: ___, connect: ____, ...rest } = simulated;
    this.driver = {
      ...rest,
      name,
      on: async () => this.#ask("on"),
      query: async (_hub, { outlet }: { outlet: string }) => {
        this.#ask(outlet);
        return "on";
      },
      ...more,
    };
  }

  get at(): number {
    return this.#lab.clock.now() - this.began;
  }

  #ask(outlet: string): void {
    this.asked.push([outlet, this.at]);
    if (this.failure) throw this.failure;
  }

  outlet(outlet: string): OutletSpec {
    return this.#lab.outlet(this.driver.name, { outlet }, this.driver);
  }
}

function readBy(outlet: OutletSpec) {
  return { query: { kind: "one" as const, outlet } };
}

describe("a hub that stopped answering", () => {
  test("is asked for the state of one of its outlets whenever a query may try it", async () => {
    await using lab = new Lab();
    const device = new Device(lab, "strip");
    lab.add("a", readBy(device.outlet("1")));
    lab.add("b", readBy(device.outlet("2")));
    await expect(lab.run(lab.power.query("b"))).rejects.toBe(GONE);
    await lab.wait(185_000);
    const seconds = [0, 1, 3, 7, 15, 30, 60, 120, 180];
    expect(device.asked).toEqual(seconds.map((second) => [second === 0 ? "2" : "1", second * 1_000]));
  });

  test("is spared all the same when it comes back and answers nonsense", async () => {
    await using lab = new Lab();
    const device = new Device(lab, "strip");
    lab.add("a", readBy(device.outlet("1")));
    await expect(lab.run(lab.power.query("a"))).rejects.toBe(GONE);
    device.failure = new PowerError("protocol", "it answers nonsense");
    await lab.wait(65_000);
    expect(device.asked.map(([, at]) => at / 1_000)).toEqual([0, 1, 3, 7, 15, 30, 60]);
  });

  test("is told of once, and when it answers again, with all the machines on it, which are read at once", async () => {
    await using lab = new Lab();
    const device = new Device(lab, "strip");
    lab.add("a", readBy(device.outlet("1")));
    lab.add("b", readBy(device.outlet("2")));
    await expect(lab.run(lab.power.query("a"))).rejects.toBe(GONE);
    await lab.wait(10_000);
    device.failure = undefined;
    device.asked.length = 0;
    await lab.wait(60_000);
    const told = { hub: "strip", machines: ["a", "b"] };
    expect(lab.signals).toEqual([
      {
        kind: "hub:failing",
        at: device.began,
        ...told,
        error: { code: "unreachable", message: "it does not answer" },
      },
      { kind: "hub:answering", at: device.began + 15_000, ...told },
    ]);
    expect(device.asked).toEqual([
      ["1", 15_000],
      ["1", 15_000],
      ["2", 15_000],
    ]);
    expect(lab.power.machine("b").reading).toMatchObject({ state: "on", startedAt: device.began + 15_000 });
  });

  test("is asked itself, though its machine may find its state elsewhere", async () => {
    await using lab = new Lab();
    const [good, dead] = [new Device(lab, "good"), new Device(lab, "dead")];
    good.failure = undefined;
    const of = [good, dead].map((device) => ({ kind: "one" as const, outlet: device.outlet("1") }));
    lab.add("a", { query: { kind: "all", of } });
    await expect(lab.run(lab.power.query("a"))).rejects.toBe(GONE);
    await lab.wait(5_000);
    expect(dead.asked).toEqual([
      ["1", 0],
      ["1", 1_000],
      ["1", 3_000],
    ]);
    expect(good.asked).toEqual([["1", 0]]);
  });

  /** A plug that can be switched and not read. */
  function unreadable(lab: Lab, name: string): Device {
    return new Device(lab, name, { cuts: "mains", without: ({ outlet }) => (outlet === "mute" ? ["query"] : []) });
  }

  test("is asked through the first outlet that can be read", async () => {
    await using lab = new Lab();
    const device = unreadable(lab, "strip");
    lab.add("a", { supplies: [{ outlet: device.outlet("mute") }] });
    lab.add("b", readBy(device.outlet("2")));
    await expect(lab.run(lab.power.query("b"))).rejects.toBe(GONE);
    await lab.wait(5_000);
    expect(device.asked.map(([outlet]) => outlet)).toEqual(["2", "2", "2"]);
  });

  test("is asked by nobody where none of its outlets can be read", async () => {
    await using lab = new Lab();
    const device = unreadable(lab, "strip");
    lab.add("a", { supplies: [{ outlet: device.outlet("mute") }] });
    expect(await lab.failure("a", "on")).toMatchObject({ code: "unreachable" });
    const attempts = device.asked.length;
    await lab.wait(600_000);
    expect(lab.power.hubs()[0]?.failing?.error).toBe(GONE);
    expect(device.asked).toHaveLength(attempts);
  });

  test("is left in peace when its machines are gone", async () => {
    await using lab = new Lab();
    const device = new Device(lab, "strip");
    lab.add("a", readBy(device.outlet("1")));
    await expect(lab.run(lab.power.query("a"))).rejects.toBe(GONE);
    lab.power.reconfigure({ machines: [], limits: [] });
    await lab.wait(60_000);
    expect(device.asked).toEqual([["1", 0]]);
    expect(lab.power.hubs()).toEqual([]);
  });

  test("is left in peace when the daemon has stopped", async () => {
    await using lab = new Lab();
    const device = new Device(lab, "strip");
    lab.add("a", readBy(device.outlet("1")));
    await expect(lab.run(lab.power.query("a"))).rejects.toBe(GONE);
    await lab.run(lab.power.stop(0));
    await lab.wait(60_000);
    expect(device.asked).toEqual([["1", 0]]);
  });

  test("whose settings change is read at once, for it may fail no more", async () => {
    await using lab = new Lab();
    const device = new Device(lab, "strip");
    const outlets = ["1", "2"].map((name) => device.outlet(name));
    for (const outlet of outlets) lab.add(`machine-${outlet.label}`, readBy(outlet));
    const [name = ""] = lab.power.names;
    await expect(lab.run(lab.power.query(name))).rejects.toBe(GONE);
    await lab.wait(100);
    device.failure = undefined;
    device.asked.length = 0;
    const machines = lab.machines.map((spec) => {
      const outlet = spec.query?.kind === "one" ? spec.query.outlet : device.outlet("1");
      const hub = { ...outlet.hub, settings: { ...(outlet.hub.settings as object), changed: true } };
      return { ...spec, query: { kind: "one" as const, outlet: { ...outlet, hub } } };
    });
    lab.power.reconfigure({ machines, limits: [] });
    await lab.run(lab.clock.sleep(1));
    expect(lab.signals.at(-1)).toMatchObject({ kind: "hub:answering", at: device.began + 100 });
    expect(device.asked.map(([, at]) => at)).toContain(100);
  });
});
