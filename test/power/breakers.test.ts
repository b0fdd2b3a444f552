import { describe, expect, test } from "vitest";
import { Breaker } from "../../src/power/breaker.ts";
import { ERROR_CODES, PowerError } from "../../src/power/errors.ts";

const NOW = Date.UTC(2026, 0, 1);
const GONE = new PowerError("unreachable", "it does not answer");

describe("a breaker", () => {
  test("lets everything pass while its hub answers", () => {
    const breaker = new Breaker();
    expect([breaker.state(NOW), breaker.refusal(NOW), breaker.failing]).toEqual(["closed", undefined, undefined]);
    expect(breaker.retryAt).toBe(0);
    expect(breaker.succeeded()).toBe(false);
  });

  test("answers queries with the failure until its pause is over, and then one may try", () => {
    const breaker = new Breaker();
    breaker.failed(GONE, NOW);
    expect(breaker.retryAt).toBe(NOW + 1_000);
    expect([breaker.state(NOW), breaker.refusal(NOW)]).toEqual(["open", GONE]);
    expect([breaker.state(NOW + 999), breaker.refusal(NOW + 999)]).toEqual(["open", GONE]);
    expect([breaker.state(NOW + 1_000), breaker.refusal(NOW + 1_000)]).toEqual(["half-open", undefined]);
  });

  test("pauses longer after every further failure, a minute at most", () => {
    const breaker = new Breaker();
    const pauses = Array.from({ length: 9 }, () => {
      breaker.failed(GONE, NOW);
      return breaker.retryAt - NOW;
    });
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000, 60_000, 60_000]);
  });

  test("tells the first failure from further ones, since when it fails, and the newest reason", () => {
    const breaker = new Breaker();
    const later = new PowerError("timeout", "it took too long");
    expect(breaker.failed(GONE, NOW)).toBe(true);
    expect(breaker.failed(later, NOW + 5_000)).toBe(false);
    expect(breaker.failing).toEqual({ since: NOW, error: later });
    expect(breaker.retryAt).toBe(NOW + 7_000);
    expect(breaker.refusal(NOW + 6_999)).toBe(later);
  });

  test("forgets everything at one success, and begins anew at the next failure", () => {
    const breaker = new Breaker();
    for (let failure = 0; failure < 5; failure++) breaker.failed(GONE, NOW);
    expect(breaker.succeeded()).toBe(true);
    expect([breaker.state(NOW), breaker.refusal(NOW), breaker.failing, breaker.retryAt]).toEqual([
      "closed",
      undefined,
      undefined,
      0,
    ]);
    expect(breaker.succeeded()).toBe(false);
    expect(breaker.failed(GONE, NOW + 60_000)).toBe(true);
    expect(breaker.failing).toEqual({ since: NOW + 60_000, error: GONE });
    expect(breaker.retryAt).toBe(NOW + 61_000);
  });

  test("lets the next query try at once when told so, though its hub still fails and the pauses go on growing", () => {
    const breaker = new Breaker();
    breaker.failed(GONE, NOW);
    breaker.failed(GONE, NOW);
    breaker.retryNow();
    expect([breaker.state(NOW), breaker.refusal(NOW)]).toEqual(["half-open", undefined]);
    expect(breaker.failing).toEqual({ since: NOW, error: GONE });
    expect(breaker.failed(GONE, NOW)).toBe(false);
    expect(breaker.retryAt).toBe(NOW + 4_000);
  });

  test("opens for failures of the hub itself, and for no others", () => {
    const opening = ERROR_CODES.filter((code) => {
      const breaker = new Breaker();
      const first = breaker.failed(new PowerError(code, "failed"), NOW);
      expect([first, breaker.state(NOW)]).toEqual(first ? [true, "open"] : [false, "closed"]);
      expect(breaker.retryAt).toBe(first ? NOW + 1_000 : 0);
      return first;
    });
    expect(opening.toSorted()).toEqual(["auth", "timeout", "unreachable", "wrong_device"]);
  });
});
