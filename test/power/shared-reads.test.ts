import { describe, expect, test } from "vitest";
import type { BatchContext, QueryAnswer, WatchListener } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { Priority } from "../../src/power/lane.ts";
import { settled, Workbench } from "./workbench.ts";

const GONE = new PowerError("unreachable", "it does not answer");
/** Settings of outlets; what they are does not matter, only which. */
const [A, B] = [{ outlet: "a" }, { outlet: "b" }];

/** A device that is read, and how it was asked. */
class Asked extends Workbench {
  readonly asked: unknown[] = [];

  constructor({ batches = true } = {}) {
    const queryAll = async (_: unknown, outlets: readonly unknown[], { forOrders }: BatchContext) => {
      this.asked.push({ together: outlets, forOrders });
      return outlets.map((): QueryAnswer => "on");
    };
    super({ driver: batches ? { queryAll } : {} });
  }

  async read(settings: unknown, priority: Priority = "query"): Promise<QueryAnswer> {
    const alone = async () => {
      this.asked.push({ alone: settings });
      return { value: "off" as const, startedAt: this.began + 1, endedAt: this.began + 2 };
    };
    return (await this.hub.read(settings, { priority, alone })).value;
  }
}

describe("a read", () => {
  test("of the only outlet that anybody reads is one of its own, however many read it", async () => {
    await using device = new Asked();
    device.hub.reads(A);
    device.hub.reads(A);
    expect(await device.run(device.read(A))).toBe("off");
    expect(device.asked).toEqual([{ alone: A }]);
  });

  test("is one with others where others are read, even while it is the only one asked for", async () => {
    await using device = new Asked();
    device.hub.reads(A);
    device.hub.reads(B);
    device.hub.reads(A);
    expect(await device.run(device.read(A))).toBe("on");
    expect(await device.run(Promise.all([device.read(A), device.read(B)]))).toEqual(["on", "on"]);
    expect(device.asked).toEqual([
      { together: [A], forOrders: false },
      { together: [A, B], forOrders: false },
    ]);
    expect(device.traffic.asked).toBe(3);
  });

  test("for an order says so, and is not taken together with those for queries", async () => {
    await using device = new Asked();
    device.hub.reads(A);
    device.hub.reads(B);
    await device.run(Promise.all([device.read(A, "order"), device.read(B)]));
    expect(device.asked).toHaveLength(2);
    expect(device.asked).toContainEqual({ together: [A], forOrders: true });
    expect(device.asked).toContainEqual({ together: [B], forOrders: false });
  });

  test("is one of its own where the device can be asked for one outlet only", async () => {
    await using device = new Asked({ batches: false });
    device.hub.reads(A);
    device.hub.reads(B);
    expect(await device.run(Promise.all([device.read(A), device.read(B)]))).toEqual(["off", "off"]);
    expect(device.asked).toEqual([{ alone: A }, { alone: B }]);
  });

  test("by a query is refused at once while the hub is spared, by an order it is tried", async () => {
    await using device = new Asked();
    device.hub.reads(A);
    await device.fails(GONE);
    await expect(device.read(A)).rejects.toBe(GONE);
    expect(device.asked).toEqual([]);
    expect(await device.read(A, "order")).toBe("off");
  });
});

describe("when an outlet was last commanded", () => {
  test("is known for each by itself, from the last command on it", async () => {
    await using device = new Asked();
    expect(device.hub.commandedAt("a")).toBeUndefined();
    device.hub.commanded("a");
    await device.wait(1_000);
    device.hub.commanded("b");
    expect([device.hub.commandedAt("a"), device.hub.commandedAt("b")]).toEqual([device.began, device.began + 1_000]);
    device.hub.commanded("a");
    expect(device.hub.commandedAt("a")).toBe(device.began + 1_000);
    expect(device.hub.commandedAt("c")).toBeUndefined();
  });
});

describe("what a device tells unasked", () => {
  /** A device whose watches open when the test says so. */
  function telling() {
    const opened: { readonly outlets: readonly unknown[]; readonly listener: WatchListener<unknown> }[] = [];
    const answers: ((tells: boolean) => void)[] = [];
    const ended: number[] = [];
    const watch = (_: unknown, outlets: readonly unknown[], listener: WatchListener<unknown>) =>
      new Promise<(() => void) | undefined>((resolve) => {
        const number = opened.push({ outlets, listener });
        answers.push((tells) => resolve(tells ? () => void ended.push(number) : undefined));
      });
    const heard: string[] = [];
    const outlet = (settings: { readonly outlet: string }) => ({
      settings,
      heard: () => void heard.push(settings.outlet),
      lost: ({ message }: PowerError) => void heard.push(`${settings.outlet} lost: ${message}`),
    });
    return { opened, answers, ended, heard, watch, outlet };
  }

  test("counts from when it came until the watch is lost", async () => {
    const { opened, answers, heard, watch, outlet } = telling();
    await using bench = new Workbench({ driver: { watch } });
    bench.hub.watch([outlet(A), outlet(B)]);
    await settled();
    answers[0]?.(true);
    await settled();
    await bench.wait(700);
    opened[0]?.listener.state(A, "on");
    expect(opened[0]?.outlets).toEqual([A, B]);
    expect(bench.hub.pushed(A)).toEqual({ answer: { state: "on" }, at: bench.began + 700 });
    expect(bench.hub.pushed(B)).toBeUndefined();
    opened[0]?.listener.lost(GONE);
    await settled();
    expect(bench.hub.pushed(A)).toBeUndefined();
    expect(heard).toEqual(["a", "a lost: it does not answer", "b lost: it does not answer"]);
  });

  test("is taken over from a read, which is the newest that is known", async () => {
    const { answers, watch, outlet } = telling();
    await using bench = new Workbench({ driver: { watch } });
    bench.hub.watch([outlet(A)]);
    await settled();
    answers[0]?.(true);
    await settled();
    await bench.hub.read(A, {
      priority: "query",
      alone: async () => ({ value: "off", startedAt: bench.began + 10, endedAt: bench.began + 20 }),
    });
    expect(bench.hub.pushed(A)).toEqual({ answer: { state: "off" }, at: bench.began + 10 });
  });

  test("is no longer believed once an exchange failed so that the connection is suspect", async () => {
    const { opened, answers, heard, watch, outlet } = telling();
    await using bench = new Workbench({ driver: { watch } });
    bench.hub.watch([outlet(A)]);
    await settled();
    answers[0]?.(true);
    await settled();
    opened[0]?.listener.state(A, "on");
    await bench.fails(new PowerError("refused", "not now"));
    await settled();
    expect(heard).toEqual(["a"]);
    await bench.fails(new PowerError("protocol", "no sense in it"));
    await settled();
    expect(heard).toEqual(["a", "a lost: no sense in it"]);
    expect(bench.hub.pushed(A)).toBeUndefined();
  });

  test("is not asked for where nobody reads it, nor where the driver cannot hear it", async () => {
    const { opened, watch, outlet } = telling();
    await using bench = new Workbench({ driver: { watch } });
    await using mute = new Workbench();
    bench.hub.watch([]);
    mute.hub.watch([outlet(A)]);
    await settled();
    expect([opened, bench.life, mute.life]).toEqual([[], [], []]);
  });

  test("is heard by those who listen now: a new watch ends the one before", async () => {
    const { opened, answers, ended, heard, watch, outlet } = telling();
    await using bench = new Workbench({ driver: { watch } });
    bench.hub.watch([outlet(A)]);
    await settled();
    answers[0]?.(true);
    await settled();
    bench.hub.watch([outlet(B)]);
    await settled();
    expect(ended).toEqual([1]);
    answers[1]?.(true);
    await settled();
    opened[1]?.listener.state(B, "off");
    expect(bench.hub.pushed(B)).toMatchObject({ answer: { state: "off" } });
    expect(heard).toEqual(["b"]);
    bench.hub.watch([]);
    expect(bench.hub.pushed(B)).toBeUndefined();
    await settled();
    expect(ended).toEqual([1, 2]);
  });

  test("is not lost to those who listen now, when the device had nothing to tell those before", async () => {
    const { opened, answers, watch, outlet } = telling();
    await using bench = new Workbench({ driver: { watch } });
    bench.hub.watch([outlet(A)]);
    await settled();
    bench.hub.watch([outlet(B)]);
    answers[0]?.(false);
    await settled();
    answers[1]?.(true);
    await settled();
    opened[1]?.listener.state(B, "on");
    expect(bench.hub.pushed(B)).toMatchObject({ answer: { state: "on" } });
  });
});
