import { describe, expect, test } from "vitest";
import type { QueryAnswer } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { Reading } from "../../src/power/reading.ts";
import type { QuerySpec } from "../../src/power/spec.ts";
import { Lab } from "./lab.ts";
import { type Says, saying } from "./told-outlet.ts";

const REFUSES = new PowerError("refused", "a refuses");
const GONE = new PowerError("unreachable", "b is gone");

/** Sources `a`, `b`, `c`, as many as there are answers. */
function sources(lab: Lab, says: readonly Says[]): readonly QuerySpec[] {
  return says.map((answer, index) => ({ kind: "one", outlet: saying(lab, ["a", "b", "c"][index] ?? "", answer) }));
}

function sensed(lab: Lab, query: QuerySpec): Promise<Reading> {
  lab.add("nuc1", { query });
  return lab.run(lab.power.query("nuc1"));
}

function first(lab: Lab, ...says: readonly Says[]): Promise<Reading> {
  return sensed(lab, { kind: "first", of: sources(lab, says) });
}

function all(lab: Lab, ...says: readonly Says[]): Promise<Reading> {
  return sensed(lab, { kind: "all", of: sources(lab, says) });
}

function any(lab: Lab, ...says: readonly Says[]): Promise<Reading> {
  return sensed(lab, { kind: "any", of: sources(lab, says) });
}

function wasAsked(lab: Lab, hub: string): boolean {
  return lab.power.hubs().find(({ spec }) => spec.name === hub)?.lastExchange !== undefined;
}

function assumed(state: "on" | "off"): QueryAnswer {
  return { state, assumed: true };
}

describe("a list of sources", () => {
  test("is not asked further than the first definite answer", async () => {
    await using lab = new Lab();
    expect(await first(lab, "off", "on")).toEqual({
      state: "off",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["a says off"],
    });
    expect([wasAsked(lab, "a"), wasAsked(lab, "b")]).toEqual([true, false]);
  });

  test("tells what was skipped beside the answer that counts", async () => {
    await using lab = new Lab();
    expect(await first(lab, REFUSES, "unknown", "on")).toEqual({
      state: "on",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["a refuses", "b says unknown", "c says on"],
    });
  });

  test("of which none is definite is what the first undecided one said, with all there was to hear", async () => {
    await using lab = new Lab();
    const unsure = (reason: string): QueryAnswer => ({ state: "unknown", reason });
    expect(await first(lab, REFUSES, unsure("b is not sure"), unsure("nor is c"))).toEqual({
      state: "unknown",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: ["a refuses", "b says unknown", "c says unknown"],
      reason: "b is not sure",
    });
  });

  test("that all fail is the failure of the first", async () => {
    await using lab = new Lab();
    await expect(first(lab, REFUSES, GONE)).rejects.toBe(REFUSES);
  });

  test("skips a failure that no driver classified, in its own words", async () => {
    await using lab = new Lab();
    expect((await first(lab, new TypeError("a is broken"), "on")).evidence).toEqual(["a is broken", "b says on"]);
  });

  test("that is empty is a fault of the configuration", async () => {
    await using lab = new Lab();
    await expect(first(lab)).rejects.toMatchObject({ code: "config", message: "the list of queries is empty" });
  });
});

describe.each([
  { kind: "all", ask: all, decisive: "off", opposite: "on" },
  { kind: "any", ask: any, decisive: "on", opposite: "off" },
] as const)("sources under $kind", ({ ask, decisive, opposite }) => {
  test(`are ${decisive} as soon as one of them is, which is told with what all said`, async () => {
    await using lab = new Lab();
    const evidence = ["a says unknown", `b says ${opposite}`, "c sees it"];
    expect(await ask(lab, "unknown", opposite, { state: decisive, evidence: "c sees it" })).toEqual({
      state: decisive,
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence,
    });
  });

  test("take what was measured before what is assumed", async () => {
    await using lab = new Lab();
    expect(await ask(lab, assumed(decisive), decisive)).toMatchObject({ state: decisive, confidence: "measured" });
  });

  test("take what is assumed where nothing was measured", async () => {
    await using lab = new Lab();
    expect(await ask(lab, opposite, assumed(decisive))).toMatchObject({ state: decisive, confidence: "assumed" });
  });

  test(`are ${decisive} though another fails`, async () => {
    await using lab = new Lab();
    expect(await ask(lab, REFUSES, decisive)).toMatchObject({ state: decisive, evidence: [`b says ${decisive}`] });
  });

  test(`are ${opposite} when all of them are, as of the oldest`, async () => {
    await using lab = new Lab();
    const now = lab.clock.now();
    const told = (age: number): QueryAnswer => ({ state: opposite, at: now - age });
    expect(await ask(lab, told(100), told(300), told(200))).toEqual({
      state: opposite,
      confidence: "measured",
      startedAt: now - 300,
      evidence: [`a says ${opposite}`, `b says ${opposite}`, `c says ${opposite}`],
    });
  });

  test(`only assume to be ${opposite} when one of them assumes it`, async () => {
    await using lab = new Lab();
    expect(await ask(lab, opposite, assumed(opposite))).toMatchObject({ state: opposite, confidence: "assumed" });
  });

  test(`are unknown when one of them is, and the others ${opposite}`, async () => {
    await using lab = new Lab();
    expect(await ask(lab, opposite, { state: "unknown", reason: "b is not sure" })).toEqual({
      state: "unknown",
      confidence: "measured",
      startedAt: lab.clock.now(),
      evidence: [`a says ${opposite}`, "b says unknown"],
      reason: "b is not sure",
    });
  });

  test(`fail when one of them does, and none is ${decisive}`, async () => {
    await using lab = new Lab();
    await expect(ask(lab, "unknown", opposite, GONE)).rejects.toBe(GONE);
  });
});

describe("sources within sources", () => {
  test("are decided from the inside out", async () => {
    await using lab = new Lab();
    const [a, b, c] = sources(lab, [REFUSES, "off", "on"]);
    if (!a || !b || !c) throw new Error("there are three");
    const query: QuerySpec = {
      kind: "any",
      of: [
        { kind: "first", of: [a, b] },
        { kind: "all", of: [c] },
      ],
    };
    expect(await sensed(lab, query)).toMatchObject({
      state: "on",
      evidence: ["a refuses", "b says off", "c says on"],
    });
  });
});
