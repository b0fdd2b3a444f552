import { describe, expect, test } from "vitest";
import { Lab, RACK2 } from "./lab.ts";

/** A machine whose cycle by RACK2 a crash cuts short when its off is behind it. */
async function cutShort(lab: Lab) {
  lab.addMachine("nuc1", { initial: "on", boot: "5s" });
  const { order } = lab.power.order({ machine: "nuc1", verb: "cycle", actor: RACK2 });
  await lab.wait(1_500);
  expect(order).toMatchObject({ turning: true, turned: true });
  lab.crash();
  return order;
}

describe("what completes the cycle that a crash cut short", () => {
  test("is an order in the name of who gave the cycle, with its reason", async () => {
    await using lab = new Lab();
    const cycle = await cutShort(lab);
    const [completing] = lab.power.orders();
    expect(completing).toEqual({
      id: completing?.id,
      machine: "nuc1",
      verb: "on",
      actor: RACK2,
      reason: "completes the cycle that a restart cut short",
      completes: cycle.id,
      turning: true,
      forced: false,
      acceptedAt: lab.clock.now(),
      state: "waiting",
      steps: [],
      repeats: 0,
      joined: [],
    });
  });

  test("is itself completed after a second crash", async () => {
    await using lab = new Lab();
    await cutShort(lab);
    const [first] = lab.power.orders();
    await lab.wait(1_000);
    lab.crash();
    const [second] = lab.power.orders();
    expect(second).toMatchObject({ verb: "on", completes: first?.id, turning: true });
    await lab.wait(60_000);
    expect(lab.device("nuc1").running).toBe(true);
  });
});
