import { describe, expect, test } from "vitest";
import { z } from "zod";
import { uniform } from "../../src/power/answer.ts";
import {
  type Answer,
  CUTS,
  capabilities,
  cutsOf,
  DEFAULT_PACE,
  type Driver,
  defineDriver,
  isMomentary,
  type QueryAnswer,
  TRAPS,
  VERBS,
} from "../../src/power/driver.ts";

const does = () => Promise.resolve();
const tells = () => Promise.resolve("on" as const);
const measures = () => Promise.resolve(25);

function driver(more: Partial<Driver> = {}): Driver {
  return defineDriver({
    name: "bare",
    title: "Bare",
    family: "Tests",
    summary: "Does nothing.",
    sources: [],
    examples: [],
    cuts: "nothing",
    outlet: z.object({}),
    ...more,
  });
}

describe("what a driver can do", () => {
  test.each<[string, Partial<Driver>, readonly string[]]>([
    ["nothing, where it declares nothing", {}, []],
    ["on", { on: does }, ["on"]],
    ["off, which is a hard one where it is a function", { off: does }, ["off", "hard"]],
    ["a soft off alone", { off: { soft: does } }, ["off", "soft"]],
    ["a hard off alone", { off: { hard: does } }, ["off", "hard"]],
    ["a soft off and a hard one", { off: { hard: does, soft: does } }, ["off", "soft", "hard"]],
    ["cycle and reset", { cycle: does, reset: does }, ["cycle", "reset"]],
    ["tell a state and watts", { query: tells, watts: measures }, ["query", "watts"]],
  ])("is %s", (_, more, can) => {
    expect([...capabilities(driver(more), {})]).toEqual(can);
  });

  test("depends on the outlet's settings where these take something away", () => {
    const some = driver({ on: does, off: does, query: tells, without: ({ mute }) => (mute ? ["query"] : []) });
    expect([...capabilities(some, { mute: true })]).toEqual(["on", "off", "hard"]);
    expect([...capabilities(some, { mute: false })]).toEqual(["on", "off", "query", "hard"]);
  });

  test("is no kind of off where off is taken away", () => {
    const some = driver({ on: does, off: { soft: does, hard: does }, without: () => ["off"] });
    expect([...capabilities(some, {})]).toEqual(["on"]);
  });

  test("is off in one way where the other is taken away", () => {
    const some = driver({ off: { soft: does, hard: does }, without: () => ["soft"] });
    expect([...capabilities(some, {})]).toEqual(["off", "hard"]);
  });

  test("is one set for all that can do the same", () => {
    const can = capabilities(driver({ on: does }), {});
    expect(capabilities(driver({ on: does }), {})).toBe(can);
    expect(capabilities(driver({ reset: does }), {})).not.toBe(can);
  });
});

describe("a fact of a driver", () => {
  test("is a value, or follows from the outlet's settings", () => {
    const follows = driver({
      cuts: ({ kind }) => (kind === "plug" ? "mains" : "button"),
      momentary: ({ kind }) => kind === "button",
    });
    expect([cutsOf(follows, { kind: "plug" }), isMomentary(follows, { kind: "plug" })]).toEqual(["mains", false]);
    expect([cutsOf(follows, { kind: "button" }), isMomentary(follows, { kind: "button" })]).toEqual(["button", true]);
    const fixed = driver({ cuts: "bmc", momentary: true });
    expect([cutsOf(fixed, {}), isMomentary(fixed, {})]).toEqual(["bmc", true]);
  });

  test("that it presses a button is declared, never assumed", () => {
    expect(isMomentary(driver(), {})).toBe(false);
  });

  test("is one of these words", () => {
    expect(VERBS).toEqual(["on", "off", "cycle", "reset"]);
    expect(CUTS).toEqual(["mains", "port", "button", "bmc", "vm", "os", "nothing", "unknown"]);
    expect(TRAPS).toEqual(["timer", "held", "interlock", "mains", "retained"]);
  });

  test("on how to treat its hubs is this where it says nothing", () => {
    expect(DEFAULT_PACE).toEqual({ concurrency: 1, interval: 0, settle: 0, idle: 60_000, timeout: 5_000 });
  });
});

describe("what a driver answers", () => {
  test.each(["on", "off"] as const)("may be just %s", (state) => {
    expect(uniform(state)).toEqual({ state });
  });

  test.each(["on", "off", "unknown"] as const)("may be %s with more, and stays as it is", (state) => {
    const answer: Answer = { state, evidence: "seen", watts: 3 };
    expect(uniform(answer)).toBe(answer);
  });

  test.each<[unknown, string]>([
    ["maybe", "maybe"],
    ["", ""],
    [{ state: "running" }, "running"],
    [{}, "undefined"],
    [undefined, "undefined"],
    [null, "undefined"],
    [1, "undefined"],
  ])("is no state: %j", (answer, told) => {
    expect(() => uniform(answer as QueryAnswer)).toThrow(
      expect.objectContaining({ code: "protocol", message: `the driver answered "${told}", which is no state` }),
    );
  });
});
