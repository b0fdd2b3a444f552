import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/power/clock.ts";

const REASON = new Error("nobody waits any more");
/** Longer than any test here may take (ms). */
const LONG_MS = 3_000;

/** How long the work took, however it ended (ms of real time). */
async function took(work: Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work.catch(() => undefined);
  return performance.now() - from;
}

describe("the system's clock", { timeout: 2 * LONG_MS }, () => {
  test("tells the milliseconds since 1970", () => {
    const before = Date.now();
    const now = systemClock.now();
    expect(now).toBeGreaterThan(before - 250);
    expect(now).toBeLessThan(Date.now() + 250);
  });

  test("moves on while somebody sleeps", async () => {
    const before = systemClock.now();
    await systemClock.sleep(5);
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(4);
  });
});

describe("a sleep by the system's clock", { timeout: 2 * LONG_MS }, () => {
  test.each([
    ["that nothing can end early", undefined],
    ["that nothing ends early", new AbortController().signal],
  ])("%s is over after its time", async (_, signal) => {
    const sleep = systemClock.sleep(5, signal);
    // Timers may be a millisecond early.
    expect(await took(sleep)).toBeGreaterThanOrEqual(4);
    await expect(sleep).resolves.toBeUndefined();
  });

  test("does not begin where it was ended before, and has that reason", async () => {
    const signal = AbortSignal.abort(REASON);
    const sleep = systemClock.sleep(LONG_MS, signal);
    expect(await took(sleep)).toBeLessThan(LONG_MS / 2);
    await expect(sleep).rejects.toBe(REASON);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  test("that is ended early is over at once, with the reason", async () => {
    const over = new AbortController();
    const sleep = systemClock.sleep(LONG_MS, over.signal);
    setTimeout(() => over.abort(REASON), 5);
    expect(await took(sleep)).toBeLessThan(LONG_MS / 2);
    await expect(sleep).rejects.toBe(REASON);
  });

  test("listens for its early end as long as it lasts, and leaves nothing behind", async () => {
    const over = new AbortController();
    const listening = () => getEventListeners(over.signal, "abort").length;
    const slept = systemClock.sleep(5, over.signal);
    const ended = systemClock.sleep(LONG_MS, over.signal);
    expect(listening()).toBe(2);
    await slept;
    expect(listening()).toBe(1);
    over.abort(REASON);
    await expect(ended).rejects.toBe(REASON);
    expect(listening()).toBe(0);
  });
});
