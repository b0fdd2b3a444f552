import { describe, expect, test } from "vitest";
import assumed from "../../src/drivers/assumed.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { ANNA, Lab } from "./lab.ts";
import { deeds, lastOrder, readTimes, story, variant } from "./scripted.ts";

/** Two ways to switch on, of the outlets `first` and `second`, and a query of what the second one does. */
function twoWays(lab: Lab, first: Record<string, unknown>, more: Partial<MachineSpec> = {}) {
  const ways = ["first", "second"].map((name) => ({
    outlet: lab.outlet(name, { boot: "0s", ...(name === "first" && first) }),
    wait: 3_000,
  }));
  const [, second] = ways;
  if (!second) throw new Error("there are two");
  lab.add("nuc1", {
    query: { kind: "one", outlet: second.outlet },
    ...more,
    stages: { on: ways, off: [], cycle: [], reset: [] },
  });
}

describe("one way of several", () => {
  test("that is refused falls through at once to the next, and says so", async () => {
    await using lab = new Lab();
    twoWays(lab, { fault: "refuses" });
    const order = await lab.order("nuc1", "on");
    expect(deeds(order)).toEqual([
      "0 s command on by first",
      "0 s note first: simulated outlet 1 refuses; trying the next way",
      "0 s command on by second",
    ]);
  });

  test("that does not answer is tried once, where the last one is tried three times", async () => {
    await using lab = new Lab();
    twoWays(lab, { fault: "unreachable" });
    lab.deviceAt("second", "1").fault = "unreachable";
    expect((await lab.failure("nuc1", "on")).message).toBe("simulated outlet 1 does not answer");
    expect(deeds(lastOrder(lab, "nuc1"))).toEqual([
      "0 s command on by first",
      "0 s note first: simulated outlet 1 does not answer; trying the next way",
      "0 s command on by second",
      "0.5 s command on by second",
      "1.5 s command on by second",
    ]);
  });

  test("that is busy is tried again, though there is another", async () => {
    await using lab = new Lab();
    const busy = variant(lab, "first", { on: () => Promise.reject(new PowerError("busy", "not now")) });
    lab.hubSpec("first", busy);
    twoWays(lab, {});
    await lab.order("nuc1", "on");
    expect(deeds(lastOrder(lab, "nuc1")).slice(0, 3)).toEqual([
      "0 s command on by first",
      "0.5 s command on by first",
      "1.5 s command on by first",
    ]);
  });

  test("that is obeyed and not proven gives way when its own wait is over, without another read", async () => {
    await using lab = new Lab();
    twoWays(lab, { fault: "stuck" });
    const order = await lab.order("nuc1", "on");
    expect(deeds(order)).toEqual([
      "0 s command on by first",
      "3 s note first: nuc1 still reads off after 3 s (not running), not on; trying the next way",
      "3 s command on by second",
    ]);
    expect(readTimes(order)).toEqual([0, 0, 1, 2, 3, 3]);
  });

  test("that fails is good enough when one read shows the goal all the same", async () => {
    await using lab = new Lab({
      hear: (signal) => {
        if (signal.kind === "order:updated" && signal.order.steps.at(-1)?.what === "command")
          lab.deviceAt("second", "1").byHand("on");
      },
    });
    twoWays(lab, { fault: "refuses" });
    const order = await lab.order("nuc1", "on");
    expect(order).toMatchObject({ state: "done", grade: "measured" });
    expect(deeds(order)).toEqual(["0 s command on by first"]);
  });

  test("that fails is not made good by a state that is only assumed", async () => {
    await using lab = new Lab();
    twoWays(lab, { fault: "refuses" }, { query: { kind: "one", outlet: lab.outlet("memory", {}, assumed) } });
    await lab.order("nuc1", "on");
    await lab.order("nuc1", "on", { actor: ANNA });
    expect(lab.commands("second")).toEqual(["on", "on"]);
  });

  test("that is the last leaves its failure, and no word of a next", async () => {
    await using lab = new Lab();
    lab.addMachine("nuc1", { fault: "refuses" });
    expect((await lab.failure("nuc1", "on")).code).toBe("refused");
    expect(story(lastOrder(lab, "nuc1"))).toEqual([
      "0 s read off: not running",
      "0 s command on by nuc1",
      "0 s read off: not running",
    ]);
  });
});
