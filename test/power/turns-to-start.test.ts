import { describe, expect, test } from "vitest";
import type { LimitSpec } from "../../src/power/spec.ts";
import { Starts } from "../../src/power/starts.ts";
import { VirtualClock } from "../virtual-clock.ts";

const NUCS: LimitSpec = { label: "tag nuc", tag: "nuc", starting: 1, pause: 0 };
const PDU: LimitSpec = { label: "hub pdu", hub: "pdu", starting: 1, pause: 0 };

/** Machines that ask for turns: who got one and when (ms since the beginning), and what each was told it waits for. */
class Yard {
  readonly clock = new VirtualClock();
  readonly starts = new Starts(this.clock);
  readonly started: string[] = [];
  readonly told: string[] = [];
  readonly #begun = this.clock.now();
  readonly #turns = new Map<string, () => void>();

  constructor(limits: readonly LimitSpec[]) {
    this.starts.limits = limits;
  }

  /** Of a machine with the tag and on the hub, where they are named. */
  ask(name: string, on: { tag?: string; hub?: string } = { tag: "nuc" }, signal = new AbortController().signal) {
    const machine = { tags: on.tag === undefined ? [] : [on.tag], hubs: on.hub === undefined ? [] : [on.hub] };
    const turn = this.starts.turn(machine, { signal, waitsFor: (what) => this.told.push(`${name}: ${what}`) });
    return turn.then((giveBack) => {
      this.started.push(`${name} at ${this.clock.now() - this.#begun}`);
      this.#turns.set(name, giveBack);
    });
  }

  over(name: string): void {
    this.#turns.get(name)?.();
  }

  async wait(ms: number): Promise<void> {
    await this.clock.run(this.clock.sleep(ms));
  }
}

describe("a turn to start", () => {
  test("is had at once where no limit holds for the machine", async () => {
    const yard = new Yard([
      { ...NUCS, starting: 0 },
      { ...PDU, starting: 0 },
    ]);
    await yard.ask("a", { tag: "pi", hub: "strip" });
    await yard.ask("b", {});
    yard.over("a");
    expect(yard.started).toEqual(["a at 0", "b at 0"]);
    expect(yard.told).toEqual([]);
  });

  test("is kept until it is given back, and then is the next one's in the order they came", async () => {
    const yard = new Yard([NUCS]);
    for (const name of ["a", "b", "c"]) void yard.ask(name);
    await yard.wait(5_000);
    expect(yard.started).toEqual(["a at 0"]);
    yard.over("a");
    await yard.wait(5_000);
    expect(yard.started).toEqual(["a at 0", "b at 5000"]);
    yard.over("b");
    await yard.wait(1);
    expect(yard.started).toEqual(["a at 0", "b at 5000", "c at 10000"]);
  });

  test("that is given back twice counts once", async () => {
    const yard = new Yard([NUCS]);
    for (const name of ["a", "b", "c"]) void yard.ask(name);
    await yard.wait(1);
    yard.over("a");
    yard.over("a");
    await yard.wait(1);
    expect(yard.started).toEqual(["a at 0", "b at 1"]);
  });

  test("says what it waits for, anew whenever that is another thing", async () => {
    const yard = new Yard([{ ...NUCS, starting: 2, pause: 3_000 }]);
    await yard.ask("a");
    void yard.ask("b");
    expect(yard.told).toEqual(["b: 3 s between starts of tag nuc"]);
    await yard.wait(3_000);
    void yard.ask("c");
    expect(yard.told.slice(1)).toEqual(["c: 2 of 2 machines of tag nuc are starting"]);
    yard.over("a");
    expect(yard.told.at(-1)).toBe("c: 3 s between starts of tag nuc");
    await yard.wait(3_000);
    expect(yard.started).toEqual(["a at 0", "b at 3000", "c at 6000"]);
  });

  test("needs room in every limit that holds, by tag and by hub, and takes it in each", async () => {
    const yard = new Yard([NUCS, PDU]);
    await yard.ask("tagged", { tag: "nuc" });
    await yard.ask("plugged", { hub: "pdu" });
    void yard.ask("both", { tag: "nuc", hub: "pdu" });
    await yard.wait(1_000);
    yard.over("tagged");
    await yard.wait(1_000);
    expect(yard.started).toEqual(["tagged at 0", "plugged at 0"]);
    expect(yard.told).toEqual([
      "both: 1 of 1 machines of tag nuc are starting",
      "both: 1 of 1 machines of hub pdu are starting",
    ]);
    yard.over("plugged");
    await yard.wait(1_000);
    expect(yard.started.at(-1)).toBe("both at 2000");
    void yard.ask("tagged next", { tag: "nuc" });
    void yard.ask("plugged next", { hub: "pdu" });
    await yard.wait(1_000);
    expect(yard.started).toHaveLength(3);
    yard.over("both");
    await yard.wait(1_000);
    expect(yard.started.slice(3)).toEqual(["tagged next at 4000", "plugged next at 4000"]);
  });

  test("of one who waits for one limit holds up nobody under another", async () => {
    const yard = new Yard([NUCS, PDU]);
    await yard.ask("a", { tag: "nuc" });
    void yard.ask("b", { tag: "nuc" });
    void yard.ask("c", { hub: "pdu" });
    await yard.wait(1);
    expect(yard.started).toEqual(["a at 0", "c at 0"]);
  });
});

describe("a pause between starts", () => {
  test("is kept to the millisecond, though nobody gives a turn back", async () => {
    const yard = new Yard([{ ...NUCS, starting: 9, pause: 1_500 }]);
    for (const name of ["a", "b", "c"]) void yard.ask(name);
    await yard.wait(10_000);
    expect(yard.started).toEqual(["a at 0", "b at 1500", "c at 3000"]);
    expect(yard.told[0]).toBe("b: 1.5 s between starts of tag nuc");
  });

  test("is over for one who comes at its end, and not before", async () => {
    const yard = new Yard([{ ...NUCS, starting: 9, pause: 1_000 }]);
    await yard.ask("a");
    await yard.wait(999);
    void yard.ask("b");
    expect(yard.told).toEqual(["b: 1 s between starts of tag nuc"]);
    await yard.wait(1);
    expect(yard.started).toEqual(["a at 0", "b at 1000"]);
    await yard.wait(1_000);
    await yard.ask("c");
    expect(yard.started.at(-1)).toBe("c at 2000");
    expect(yard.told).toHaveLength(1);
  });

  test("counts from the start, not from the end of it", async () => {
    const yard = new Yard([{ ...NUCS, pause: 4_000 }]);
    await yard.ask("a");
    void yard.ask("b");
    await yard.wait(1_000);
    yard.over("a");
    await yard.wait(10_000);
    expect(yard.started).toEqual(["a at 0", "b at 4000"]);
  });

  test("that is over lets nobody start while the turns are all taken", async () => {
    const yard = new Yard([{ ...NUCS, pause: 1_000 }]);
    await yard.ask("a");
    await yard.wait(1_000);
    void yard.ask("b");
    await yard.wait(60_000);
    expect(yard.started).toEqual(["a at 0"]);
    yard.over("a");
    await yard.wait(1);
    expect(yard.started).toEqual(["a at 0", "b at 61000"]);
  });

  test("of one limit is not overslept for a longer one of another", async () => {
    const yard = new Yard([
      { ...NUCS, starting: 9, pause: 60_000 },
      { ...PDU, starting: 9, pause: 2_000 },
    ]);
    await yard.ask("a", { tag: "nuc" });
    void yard.ask("b", { tag: "nuc" });
    await yard.ask("c", { hub: "pdu" });
    void yard.ask("d", { hub: "pdu" });
    await yard.wait(100_000);
    expect(yard.started).toEqual(["a at 0", "c at 0", "d at 2000", "b at 60000"]);
  });
});

describe("one who gives up waiting", () => {
  test("hears its own reason, and leaves the turn to the next", async () => {
    const yard = new Yard([NUCS]);
    await yard.ask("a");
    const order = new AbortController();
    const given = yard.ask("b", { tag: "nuc" }, order.signal);
    void yard.ask("c");
    order.abort(new Error("superseded"));
    await expect(given).rejects.toThrow("superseded");
    yard.over("a");
    await yard.wait(1);
    expect(yard.started).toEqual(["a at 0", "c at 0"]);
  });

  test("before it asked takes no turn", async () => {
    const yard = new Yard([NUCS]);
    await expect(yard.ask("a", { tag: "nuc" }, AbortSignal.abort(new Error("over")))).rejects.toThrow("over");
    await yard.ask("b");
    expect(yard.started).toEqual(["b at 0"]);
  });
});

describe("changed limits", () => {
  test("keep the count of those that stay", async () => {
    const yard = new Yard([NUCS]);
    await yard.ask("a");
    yard.starts.limits = [PDU, { ...NUCS, starting: 2 }];
    await yard.ask("b");
    void yard.ask("c");
    await yard.wait(1_000);
    expect(yard.started).toEqual(["a at 0", "b at 0"]);
    expect(yard.told).toEqual(["c: 2 of 2 machines of tag nuc are starting"]);
    yard.over("a");
    await yard.wait(1);
    expect(yard.started.at(-1)).toBe("c at 1000");
  });

  test("let those start at once for whom there is room now", async () => {
    const yard = new Yard([NUCS]);
    for (const name of ["a", "b", "c"]) void yard.ask(name);
    await yard.wait(1_000);
    yard.starts.limits = [{ ...NUCS, starting: 2 }];
    await yard.wait(1);
    expect(yard.started).toEqual(["a at 0", "b at 1000"]);
  });

  test("that are new hold for those who come from now on", async () => {
    const yard = new Yard([]);
    await yard.ask("a");
    yard.starts.limits = [NUCS];
    await yard.ask("b");
    void yard.ask("c");
    await yard.wait(1_000);
    expect(yard.started).toEqual(["a at 0", "b at 0"]);
  });
});

describe("the wait for a pause", () => {
  test("is slept once, however many wait for it, and not at all where nothing pauses", async () => {
    const clock = new VirtualClock();
    const slept: number[] = [];
    const starts = new Starts({
      now: () => clock.now(),
      sleep: (ms) => {
        slept.push(ms);
        return clock.sleep(ms);
      },
    });
    starts.limits = [{ ...NUCS, starting: 2, pause: 1_500 }, PDU];
    const signal = new AbortController().signal;
    const ask = (tags: string[], hubs: string[] = []) =>
      starts.turn({ tags, hubs }, { signal, waitsFor: () => undefined });
    void ask([], ["pdu"]);
    void ask([], ["pdu"]);
    expect(slept).toEqual([]);
    for (let machine = 0; machine < 4; machine++) void ask(["nuc"]);
    expect(slept).toEqual([1_500]);
    await clock.run(clock.sleep(10_000));
    expect(slept).toEqual([1_500, 1_500]);
  });
});
