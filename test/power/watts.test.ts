import { describe, expect, test } from "vitest";
import type { QueryAnswer } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { Lab } from "./lab.ts";
import { saying, toldOutlet } from "./told-outlet.ts";

const REFUSES = new PowerError("refused", "it refuses");

function closed(watts: number): QueryAnswer {
  return { state: "on", watts };
}

function metered(lab: Lab, spec: Partial<MachineSpec>) {
  lab.add("nuc1", { above: 6, ...spec });
  return lab.run(lab.power.query("nuc1"));
}

describe("the watts of a supply", () => {
  test("are those that came with its state, and its meter is not asked as well", async () => {
    await using lab = new Lab();
    const supplies = [{ outlet: saying(lab, "plug", closed(25), new Error("it was asked")) }];
    expect(await metered(lab, { supplies })).toEqual({
      state: "on",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["plug closed", "25 W"],
      watts: 25,
      fed: true,
    });
  });

  test("are asked of its meter where its state came without them", async () => {
    await using lab = new Lab();
    expect(await metered(lab, { supplies: [{ outlet: saying(lab, "plug", "on", 5.9) }] })).toEqual({
      state: "off",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["plug closed", "5.9 W, below 6 W: halted"],
      watts: 5.9,
      fed: true,
    });
  });

  test("say nothing of an outlet that cannot be measured", async () => {
    await using lab = new Lab();
    const reading = await metered(lab, { supplies: [{ outlet: saying(lab, "plug", "on") }] });
    expect(reading).toMatchObject({ state: "on", confidence: "assumed", evidence: ["plug closed"] });
    expect(reading).not.toHaveProperty("watts");
  });

  test("say nothing where nobody wrote from how many on the machine runs", async () => {
    await using lab = new Lab();
    lab.add("nuc1", { supplies: [{ outlet: saying(lab, "plug", closed(0), 0) }] });
    expect(await lab.run(lab.power.query("nuc1"))).toEqual({
      state: "on",
      confidence: "assumed",
      startedAt: lab.clock.now(),
      evidence: ["plug closed"],
      reason: "it is fed, and nothing measures whether it runs",
      fed: true,
    });
  });

  test("are not asked where a query tells the state", async () => {
    await using lab = new Lab();
    const query = { kind: "one", outlet: saying(lab, "bmc", "on") } as const;
    expect(
      await metered(lab, { supplies: [{ outlet: saying(lab, "plug", closed(0), REFUSES) }], query }),
    ).toMatchObject({ state: "on", confidence: "measured", evidence: ["plug closed", "bmc says on"] });
  });

  test("that the meter refuses to tell are a failure, not off", async () => {
    await using lab = new Lab();
    await expect(metered(lab, { supplies: [{ outlet: saying(lab, "plug", "on", REFUSES) }] })).rejects.toBe(REFUSES);
  });

  test.each([Number.NaN, Infinity, "25" as unknown as number])("told as %s are none", async (watts) => {
    await using lab = new Lab();
    await expect(metered(lab, { supplies: [{ outlet: saying(lab, "plug", "on", watts) }] })).rejects.toMatchObject({
      code: "protocol",
      message: "plug told no power in watts",
    });
  });
});

describe("the watts of several supplies", () => {
  test("count together where each tells them along with its state", async () => {
    await using lab = new Lab();
    const supplies = [{ outlet: saying(lab, "left", closed(4)) }, { outlet: saying(lab, "right", closed(3)) }];
    expect(await metered(lab, { supplies })).toMatchObject({
      state: "on",
      watts: 7,
      evidence: ["left closed", "right closed", "7 W"],
    });
  });

  test("are asked of all meters where one state came without them", async () => {
    await using lab = new Lab();
    const supplies = [{ outlet: saying(lab, "left", closed(1), 4) }, { outlet: saying(lab, "right", "on", 3) }];
    expect(await metered(lab, { supplies })).toMatchObject({ state: "on", watts: 7 });
  });

  test("are those of the outlets that have a meter", async () => {
    await using lab = new Lab();
    const supplies = [{ outlet: saying(lab, "left", "on") }, { outlet: saying(lab, "right", "on", 3) }];
    expect(await metered(lab, { supplies })).toMatchObject({ state: "off", confidence: "measured", watts: 3 });
  });

  test("are as old as those that were read first", async () => {
    await using lab = new Lab({ slow: true });
    const { clock } = lab;
    let [draws, takes] = [1, 0];
    const left = toldOutlet(lab, "strip", {
      answers: () => "on",
      draws: async () => {
        const ms = takes;
        takes = 0;
        await clock.sleep(ms);
        return draws;
      },
    });
    // Of one hub: they take turns.
    const right = { ...left, settings: {}, label: "right" };
    lab.add("nuc1", { above: 6, aboveFor: 10_000, supplies: [{ outlet: left }, { outlet: right }] });
    await lab.run(lab.power.query("nuc1"));
    [draws, takes] = [25, 400];
    await lab.wait(2_000);
    const from = clock.now();
    expect((await lab.run(lab.power.query("nuc1"))).evidence.at(-1)).toBe("50 W for 0 s of 10 s");
    expect(clock.now()).toBe(from + 400);
    await lab.wait(4_600);
    expect((await lab.run(lab.power.query("nuc1"))).evidence.at(-1)).toBe("50 W for 5 s of 10 s");
  });
});

describe("a machine told by its watts", () => {
  test("reads off after its current was cut until the watts have stayed above for long enough", async () => {
    await using lab = new Lab();
    let relay: "on" | "off" = "on";
    const plug = toldOutlet(lab, "plug", { answers: () => relay, draws: () => 25 });
    lab.add("nuc1", { above: 6, aboveFor: 10_000, supplies: [{ outlet: plug }] });
    const look = async () => (await lab.run(lab.power.query("nuc1"))).state;
    const seen = [await look()];
    for (const [state, after] of [
      ["off", 2_000],
      ["on", 2_000],
      ["on", 9_999],
      ["on", 2_000],
    ] as const) {
      relay = state;
      await lab.wait(after);
      seen.push(await look());
    }
    expect(seen).toEqual(["on", "off", "off", "off", "on"]);
  });
});
