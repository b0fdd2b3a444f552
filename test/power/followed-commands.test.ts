import { describe, expect, test } from "vitest";
import { PowerError } from "../../src/power/errors.ts";
import { ANNA, Lab, MAAS } from "./lab.ts";
import { deeds, lastOrder, variant } from "./scripted.ts";

/** A machine whose `on` is a task: it is asked how that is getting on, and acts when that is done. */
function tasked(lab: Lab, follow: (asked: number) => "pending" | "done", verify = 10_000) {
  const asked: number[] = [];
  let begunAt = 0;
  const driver = variant(lab, "nuc1", {
    on: async (hub, outlet, { signal }) => {
      begunAt = lab.clock.now();
      return {
        follow: async () => {
          asked.push((lab.clock.now() - begunAt) / 1_000);
          const told = follow(asked.length);
          if (told === "done") await hub.command(outlet, "on", signal);
          return told;
        },
      };
    },
  });
  lab.hubSpec("nuc1", driver);
  lab.addMachine("nuc1", { boot: "0s" }, { verify });
  return asked;
}

describe("a command that the device works off later", () => {
  test("is asked about until it is done, and proven then", async () => {
    await using lab = new Lab();
    const asked = tasked(lab, (times) => (times < 4 ? "pending" : "done"));
    const order = await lab.order("nuc1", "on");
    expect(order).toMatchObject({ state: "done", grade: "measured" });
    expect(asked).toEqual([0, 1, 2, 3]);
    expect(deeds(order)).toEqual(["0 s command on by nuc1"]);
    expect((order.endedAt ?? 0) - order.acceptedAt).toBe(3_000);
  });

  test("is asked about once where it is done at once", async () => {
    await using lab = new Lab();
    const asked = tasked(lab, () => "done");
    await lab.order("nuc1", "on");
    expect(asked).toEqual([0]);
  });

  test("is asked about less and less often, as long as the machine may take", async () => {
    await using lab = new Lab();
    const asked = tasked(lab, () => "pending", 20_000);
    expect(await lab.failure("nuc1", "on")).toMatchObject({
      code: "timeout",
      message: "nuc1 is still working on it",
      mayHaveActed: true,
    });
    expect(asked).toEqual([0, 1, 2, 3, 4, 6, 8, 12, 16, 20]);
    expect(deeds(lastOrder(lab, "nuc1"))).toEqual(["0 s command on by nuc1"]);
  });

  test("is given up before the question that would come too late", async () => {
    await using lab = new Lab();
    const asked = tasked(lab, () => "pending", 11_999);
    await lab.failure("nuc1", "on");
    expect(asked).toEqual([0, 1, 2, 3, 4, 6, 8]);
    const { acceptedAt, endedAt = 0 } = lastOrder(lab, "nuc1");
    expect(endedAt - acceptedAt).toBe(8_000);
  });

  test("is not sent again when it fails, for it may have acted", async () => {
    await using lab = new Lab();
    const asked = tasked(lab, (times) => {
      if (times === 2) throw new PowerError("refused", "the task failed: no space", { hint: "Make some." });
      return "pending";
    });
    expect(await lab.failure("nuc1", "on")).toMatchObject({
      code: "refused",
      message: "the task failed: no space",
      hint: "Make some.",
      mayHaveActed: true,
    });
    expect(asked).toEqual([0, 1]);
    expect(deeds(lastOrder(lab, "nuc1"))).toEqual(["0 s command on by nuc1"]);
  });

  test("is good enough when one read shows the goal after it failed", async () => {
    await using lab = new Lab();
    tasked(lab, () => {
      lab.device("nuc1").byHand("on");
      throw new PowerError("protocol", "no such task");
    });
    expect(await lab.order("nuc1", "on")).toMatchObject({ state: "done", grade: "measured" });
  });

  test("is asked about no more when its order ends early", async () => {
    await using lab = new Lab();
    const asked = tasked(lab, () => "pending");
    const { order, done } = lab.power.order({ machine: "nuc1", verb: "on", actor: MAAS });
    await lab.wait(1_500);
    lab.power.cancel(order.id, ANNA);
    await expect(lab.run(done)).rejects.toMatchObject({ code: "superseded", mayHaveActed: true });
    await lab.wait(10_000);
    expect(asked).toEqual([0, 1]);
  });
});
