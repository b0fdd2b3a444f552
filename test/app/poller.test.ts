import { describe, expect, test } from "vitest";
import { Poller } from "../../src/app/poller.ts";
import { Lab, MAAS } from "../power/lab.ts";

describe("the poller", () => {
  test("reads a machine that nobody asks for, as often as its `poll` says", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { initial: "on" });
    using _poller = new Poller(lab.power, lab.clock);
    const read: number[] = [];
    const begun = lab.clock.now();
    for (let second = 0; second <= 95; second++) {
      await lab.wait(1_000);
      const { reading } = lab.power.machine("nuc1");
      if (reading && !read.includes(reading.startedAt - begun)) read.push(reading.startedAt - begun);
    }
    expect(read).toEqual([0, 30_000, 60_000, 90_000]);
  });

  test("leaves out a machine that was asked for meanwhile, and one with an order under way", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    lab.addMachine("nuc2", { fault: "stuck" }, { verify: 300_000 });
    using _poller = new Poller(lab.power, lab.clock);
    await lab.wait(20_000);
    await lab.run(lab.power.query("nuc1"));
    const asked = lab.power.machine("nuc1").reading?.startedAt;
    const { order, done } = lab.power.order({ machine: "nuc2", verb: "on", actor: MAAS });
    done.catch(() => undefined);
    await lab.wait(25_000);
    expect(lab.power.machine("nuc1").reading?.startedAt).toBe(asked);
    // Every reading of the other is one that the order made.
    expect(order.steps.some((step) => step.at === lab.power.machine("nuc2").reading?.startedAt)).toBe(true);
  });

  test("goes on where a machine cannot be read, and tells of it once", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "unreachable" });
    using _poller = new Poller(lab.power, lab.clock);
    await lab.wait(70_000);
    expect(lab.signals.map((signal) => signal.kind)).toEqual(["hub:pinned", "hub:failing"]);
  });

  test("spreads a start with many machines over seconds", async () => {
    await using lab = new Lab();
    for (let number = 0; number < 450; number++) lab.addMachine(`nuc${number}`);
    using _poller = new Poller(lab.power, lab.clock);
    const read = () => lab.power.names.filter((name) => lab.power.machine(name).reading).length;
    await lab.wait(500);
    expect(read()).toBe(200);
    await lab.wait(1_000);
    expect(read()).toBe(400);
    await lab.wait(1_000);
    expect(read()).toBe(450);
  });

  test("reads nothing more once it is disposed", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1");
    const poller = new Poller(lab.power, lab.clock);
    await lab.wait(5_000);
    poller[Symbol.dispose]();
    const before = lab.power.machine("nuc1").reading;
    await lab.wait(60_000);
    expect(lab.power.machine("nuc1").reading).toBe(before);
  });
});
