import { describe, expect, test } from "vitest";
import { PowerError } from "../../src/power/errors.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import { Progress } from "../../src/power/progress.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { MAAS } from "./lab.ts";

function begun() {
  const clock = new VirtualClock(1_000);
  const order: OrderRecord = {
    id: "1",
    machine: "nuc1",
    verb: "cycle",
    actor: MAAS,
    forced: false,
    acceptedAt: 1_000,
    state: "running",
    steps: [],
    repeats: 0,
    joined: [],
  };
  const told: string[] = [];
  const progress = new Progress(order, {
    clock,
    stepped: () => told.push("stepped"),
    journal: () => told.push("journal"),
  });
  return { clock, order, told, progress };
}

describe("the progress of an order", () => {
  test("is written into its record step by step, and each is told", async () => {
    const { clock, order, told, progress } = begun();
    progress.note("on already");
    await clock.run(clock.sleep(500));
    progress.wait("its turn");
    progress.rest("stays open", 4_500);
    expect(order.steps).toEqual([
      { at: 1_000, what: "note", text: "on already" },
      { at: 1_500, what: "wait", text: "its turn" },
      { at: 1_500, what: "rest", text: "stays open", durationMs: 4_500 },
    ]);
    expect(told).toEqual(["stepped", "stepped", "stepped"]);
  });

  test("tells of an exchange when it began, how long it took, and how it failed", async () => {
    const { clock, order, progress } = begun();
    await clock.run(clock.sleep(250));
    progress.exchange("command", { at: 1_100, text: "on by nuc1" });
    progress.exchange("read", { at: 1_000, text: "no reading", thrown: new PowerError("timeout", "late") });
    progress.exchange("read", { at: 1_250, text: "no reading", thrown: new Error("broken") });
    expect(order.steps).toEqual([
      { at: 1_100, what: "command", text: "on by nuc1", durationMs: 150 },
      { at: 1_000, what: "read", text: "no reading", durationMs: 250, error: { code: "timeout", message: "late" } },
      { at: 1_250, what: "read", text: "no reading", durationMs: 0, error: { code: "protocol", message: "broken" } },
    ]);
  });

  test("says what it waits for while it does, and tells only what is another thing", () => {
    const { order, told, progress } = begun();
    progress.waitsFor(undefined);
    expect(told).toEqual([]);
    progress.waitsFor("its turn");
    progress.waitsFor("its turn");
    expect(order.waitingFor).toBe("its turn");
    expect(told).toEqual(["stepped"]);
    progress.waitsFor("a pause");
    expect(order.waitingFor).toBe("a pause");
    progress.waitsFor(undefined);
    expect(order).not.toHaveProperty("waitingFor");
    expect(told).toEqual(["stepped", "stepped", "stepped"]);
  });

  test("keeps at once what a restart must know of a cycle", () => {
    const { order, told, progress } = begun();
    progress.turning();
    expect([order.turning, order.turned]).toEqual([true, undefined]);
    progress.turned();
    expect([order.turning, order.turned]).toEqual([true, true]);
    expect(told).toEqual(["journal", "journal"]);
  });

  test("that is beyond the off of a cycle is also beyond the beginning of it", () => {
    const { order, progress } = begun();
    progress.turned();
    expect([order.turning, order.turned]).toEqual([true, true]);
  });

  test("names the outlets that it runs without, where there are any", () => {
    const { order, told, progress } = begun();
    progress.degraded([]);
    expect(order).not.toHaveProperty("degraded");
    expect(told).toEqual([]);
    progress.degraded(["left (still open)", "right (unreadable)"]);
    expect(order.degraded).toEqual(["left (still open)", "right (unreadable)"]);
    expect(order.steps).toEqual([
      { at: 1_000, what: "note", text: "it runs without left (still open), right (unreadable)" },
    ]);
  });
});
