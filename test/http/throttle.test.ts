import { describe, expect, test } from "vitest";
import { Throttle } from "../../src/http/throttle.ts";

/** A throttle, and what moves its time (ms). */
function throttle() {
  let now = 0;
  const limits = new Throttle(() => now);
  return {
    limits,
    pass: (ms: number) => {
      now += ms;
    },
    fail: (times: number) => {
      for (let time = 0; time < times; time++) limits.failed("10.0.0.1 token");
    },
  };
}

describe("failed logins", () => {
  test("are free five times, then slow down, each time longer, up to half a minute", () => {
    const { limits, pass, fail } = throttle();
    fail(5);
    expect(limits.wait("10.0.0.1 token")).toBe(0);
    const waits = Array.from({ length: 7 }, () => {
      fail(1);
      const wait = limits.wait("10.0.0.1 token");
      pass(wait);
      return wait / 1_000;
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });

  test("of one do not slow another", () => {
    const { limits, fail } = throttle();
    fail(20);
    expect(limits.wait("10.0.0.2 token")).toBe(0);
    expect(limits.wait("10.0.0.1 user anna")).toBe(0);
  });

  test("are forgotten after ten minutes", () => {
    const { limits, pass, fail } = throttle();
    fail(20);
    pass(10 * 60_000);
    expect(limits.wait("10.0.0.1 token")).toBe(0);
    fail(1);
    expect(limits.wait("10.0.0.1 token")).toBe(0);
  });

  test("are remembered of ten thousand at most, the newest", () => {
    const { limits, fail } = throttle();
    fail(20);
    for (let number = 0; number < 10_000; number++) limits.failed(`host ${number}`);
    expect(limits.wait("10.0.0.1 token")).toBe(0);
  });
});
