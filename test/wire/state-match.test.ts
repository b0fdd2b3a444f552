import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { PowerError } from "../../src/power/errors.ts";
import { evaluateState, matchState } from "../../src/wire/state-match.ts";
import { failureOf } from "../drivers/run.ts";

/** How long the event loop was held up at most while the work lasted (ms). */
async function heldUp(work: Promise<unknown>): Promise<number> {
  let [longest, last] = [0, performance.now()];
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 5);
  await work.catch(() => undefined);
  clearInterval(timer);
  return longest;
}

test("a regular expression that would explode elsewhere takes linear time", () => {
  const text = `${"a".repeat(1_000_000)}!`;
  const before = performance.now();
  expect(matchState(text, { on: "(a+)+$", off: "(a|aa)+$" })).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(2_000);
});

describe("an expression", () => {
  const hostile = JSON.stringify({ text: `${"a".repeat(40)}!` });

  test.each([
    ["calls itself for ever", "($again := function($n) { $again($n + 1) }; $again(0))"],
    ["counts for ever", "$sum([1..9999999])"],
    ["makes something huge", "$pad('', 200000000)"],
    [
      "doubles until nothing fits",
      "($twice := function($s, $n) { $n = 0 ? $s : $twice($s & $s, $n - 1) }; $twice('aaaaaaaa', 40))",
    ],
    ["has a regular expression that explodes on what a device sends", "$contains(text, /^(a+)+$/)"],
    ["gives a function", "function($x) { $x }"],
  ])("that %s is a failure, and holds up nothing", async (_what, expression) => {
    let failure: PowerError | undefined;
    const longest = await heldUp(
      failureOf(evaluateState(hostile, expression)).then((thrown) => {
        failure = thrown;
      }),
    );
    expect(failure).toMatchObject({ code: "config", message: expect.stringContaining("the expression fails") });
    expect(longest).toBeLessThan(500);
    // The next one is evaluated as if nothing had been.
    expect(await evaluateState('{"ison":true}', "ison")).toBe("on");
  });

  test("waits for its turn, and every one gets its own answer", async () => {
    const states = await Promise.all(
      Array.from({ length: 50 }, (_, index) => evaluateState(`{"ison":${index % 3 === 0}}`, "ison")),
    );
    expect(states).toEqual(states.map((_, index) => (index % 3 === 0 ? "on" : "off")));
  });

  test("is given up when its signal aborts, at work or in line", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const atWork = failureOf(evaluateState(hostile, "$contains(text, /^(a+)+$/)", { signal }));
    const inLine = failureOf(evaluateState("true", "$", { signal }));
    await pause(200);
    controller.abort(new PowerError("timeout", "its time is over"));
    expect(await atWork).toMatchObject({ code: "timeout" });
    expect(await inLine).toMatchObject({ code: "timeout" });
    expect(await evaluateState("true", "$")).toBe("on");
  });

  test("sees nothing of the daemon", async () => {
    expect(await evaluateState("{}", "$exists(process) or $exists(constructor.constructor)")).toBe("off");
  });

  test.each([
    ["true", "on"],
    ["0", "off"],
    ['"ON"', "on"],
    ["null", "unknown"],
  ])("of the value %s reads %s", async (value, state) => {
    expect(await evaluateState(value, "$")).toBe(state);
  });

  test("masks secrets where it quotes", async () => {
    const secrets = ["hunter22"];
    for (const [json, expression] of [
      ["hunter22", "$"],
      ['"hunter22"', "$"],
      ['"hunter22"', "$ + 1"],
    ] as const) {
      expect((await failureOf(evaluateState(json, expression, { secrets }))).message).not.toContain("hunter22");
    }
  });
});
