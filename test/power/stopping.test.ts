import { describe, expect, test } from "vitest";
import { ANNA, Lab, MAAS } from "./lab.ts";

function on(lab: Lab, machine: string) {
  return lab.power.order({ machine, verb: "on", actor: MAAS });
}

describe("a daemon that stops", () => {
  test("lets the orders under way end, and is stopped as soon as they have", async () => {
    await using lab = new Lab();
    for (const [name, boot] of Object.entries({ quick: "2s", slow: "8s" })) lab.addMachine(name, { boot });
    const began = lab.clock.now();
    const tickets = [on(lab, "quick"), on(lab, "slow")];
    await lab.wait(1_000);
    await lab.run(lab.power.stop(60_000));
    expect(tickets.map(({ order }) => order.state)).toEqual(["done", "done"]);
    const ends = tickets.map(({ order }) => order.endedAt);
    expect(lab.clock.now()).toBe(Math.max(...ends.map((end) => end ?? Infinity)));
    expect(lab.clock.now() - began).toBeLessThan(10_000);
  });

  test("ends them at their next safe point when its grace is over, and their callers hear why", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "60s" });
    const { order, done } = on(lab, "nuc1");
    await lab.wait(2_000);
    const stoppedAt = lab.clock.now();
    const stop = lab.power.stop(5_000);
    await lab.wait(4_999);
    expect(order.state).toBe("running");
    await lab.run(stop);
    await expect(done).rejects.toMatchObject({
      code: "busy",
      message: "the daemon stopped before it was done",
      mayHaveActed: true,
    });
    expect(order).toMatchObject({ state: "cut_short", endedAt: stoppedAt + 5_000 });
    expect(lab.clock.now()).toBe(stoppedAt + 5_000);
  });

  test("takes no new orders, not even for a machine that comes then", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "60s" });
    const { done } = on(lab, "nuc1");
    await lab.wait(2_000);
    const stop = lab.power.stop(5_000);
    lab.addMachine("nuc2");
    lab.power.reconfigure({ machines: lab.machines, limits: [] });
    for (const machine of ["nuc1", "nuc2"]) {
      expect(await lab.failure(machine, "off", { actor: ANNA })).toMatchObject({
        code: "busy",
        message: "the daemon is stopping and takes no new orders",
      });
    }
    await lab.run(Promise.allSettled([done, stop]));
    expect(lab.commands("nuc1")).toEqual(["on"]);
  });

  test("waits as well for the order of a machine that is gone from the configuration", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { boot: "8s" });
    const { order } = on(lab, "nuc1");
    await lab.wait(2_000);
    lab.power.reconfigure({ machines: [], limits: [] });
    await lab.run(lab.power.stop(60_000));
    expect(order.state).toBe("done");
  });
});
