import { describe, expect, test } from "vitest";
import { ExchangeCounts } from "../../src/power/exchange-counts.ts";

function counted(durations: readonly number[]): ExchangeCounts {
  const counts = new ExchangeCounts();
  for (const duration of durations) counts.ended(duration);
  return counts;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

describe("the counts of a hub's exchanges", () => {
  test("are nothing before the first", () => {
    const counts = new ExchangeCounts();
    expect([counts.count, counts.durationMs, counts.failures.size, counts.latency]).toEqual([0, 0, 0, undefined]);
  });

  test("add up how many there were, and what they took together", () => {
    const counts = counted([5, 7, 30]);
    expect([counts.count, counts.durationMs]).toEqual([3, 42]);
  });

  test("tell failures by their code", () => {
    const counts = new ExchangeCounts();
    for (const code of ["timeout", "busy", "timeout", "timeout"] as const) counts.failed(code);
    expect([...counts.failures]).toEqual([
      ["timeout", 3],
      ["busy", 1],
    ]);
    expect(counts.count).toBe(0);
  });

  test.each([
    ["one", [8], { p50: 8, p99: 8 }],
    ["two", [9, 1], { p50: 1, p99: 9 }],
    ["three", [9, 10, 1], { p50: 9, p99: 10 }],
    ["four", [4, 3, 2, 1], { p50: 2, p99: 4 }],
    ["a hundred", numbers(1, 100).reverse(), { p50: 50, p99: 99 }],
    ["more than a hundred: the latest hundred", numbers(1, 150), { p50: 100, p99: 149 }],
    ["a hundred and one: all but the first", [1_000, ...numbers(1, 100)], { p50: 50, p99: 99 }],
    ["nothing that took time", [0, 0], { p50: 0, p99: 0 }],
  ])("tell the pace of %s", (_, durations, latency) => {
    expect(counted(durations).latency).toEqual(latency);
  });

  test("go on counting over the latest hundred", () => {
    const counts = counted(numbers(1, 150));
    expect([counts.count, counts.durationMs]).toEqual([150, (150 * 151) / 2]);
  });
});
