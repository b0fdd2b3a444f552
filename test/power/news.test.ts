import { describe, expect, test } from "vitest";
import type { QueryAnswer } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { failureOf } from "../expecting.ts";
import type { BareHub } from "./bare-hub.ts";
import { BareMachine } from "./bare-machine.ts";

const HUNG_UP = new PowerError("unreachable", "it hung up");

/** A machine that answers what `says` holds, and how often it was asked. */
function machineSaying(first: QueryAnswer | Error) {
  const says: { now: QueryAnswer | Error; asked: number } = { now: first, asked: 0 };
  const it = new BareMachine({
    query: async () => {
      says.asked += 1;
      if (says.now instanceof Error) throw says.now;
      return says.now;
    },
  });
  return { it, says };
}

describe("a machine whose device told something unasked", () => {
  test("is read at once, though its last reading is fresh", async () => {
    const { it, says } = machineSaying("off");
    await using _it = it;
    await it.run(it.machine.query());
    await it.wait(1);
    says.now = "on";
    it.machine.heard();
    await it.wait(1);
    expect([says.asked, it.machine.reading?.state]).toEqual([2, "on"]);
  });

  test("keeps what it knew when it cannot be read then", async () => {
    const { it, says } = machineSaying("off");
    await using _it = it;
    await it.run(it.machine.query());
    await it.wait(1);
    says.now = new PowerError("refused", "no");
    it.machine.heard();
    await it.wait(1);
    expect([it.machine.reading?.state, it.machine.error?.message]).toEqual(["off", "no"]);
  });

  test("wakes all who wait for news of it", async () => {
    const { it } = machineSaying("off");
    await using _it = it;
    const { signal } = new AbortController();
    const from = it.now();
    const waiting = Promise.all([it.machine.news(60_000, signal), it.machine.news(30_000, signal)]);
    await it.wait(2_000);
    it.machine.heard();
    await it.run(waiting);
    expect(it.now()).toBe(from + 2_000);
  });

  test("wakes nobody who waits from then on", async () => {
    const { it } = machineSaying("off");
    await using _it = it;
    it.machine.heard();
    const from = it.now();
    await it.run(it.machine.news(3_000, new AbortController().signal));
    expect(it.now()).toBe(from + 3_000);
  });
});

describe("waiting for news", () => {
  test("ends with the reason of whoever wants no more", async () => {
    const { it } = machineSaying("off");
    await using _it = it;
    const over = new AbortController();
    const waiting = it.machine.news(60_000, over.signal);
    over.abort(new PowerError("superseded", "anna came"));
    expect((await failureOf(waiting)).message).toBe("anna came");
  });

  test("of one order goes on when that of another ends", async () => {
    const { it } = machineSaying("off");
    await using _it = it;
    const over = new AbortController();
    const ended = it.machine.news(60_000, over.signal);
    const other = it.machine.news(60_000, new AbortController().signal);
    over.abort(new PowerError("superseded", "anna came"));
    await failureOf(ended);
    await it.wait(1_000);
    const from = it.now();
    it.machine.heard();
    await it.run(other);
    expect(it.now()).toBe(from);
  });
});

describe("a machine that is told nothing any more", () => {
  test("has its last reading stale, says why, and is read at once", async () => {
    const { it, says } = machineSaying("on");
    await using _it = it;
    const reading = await it.run(it.machine.query());
    await it.wait(5);
    says.now = HUNG_UP;
    it.machine.lost(HUNG_UP);
    expect([it.machine.reading, it.changes]).toEqual([
      { ...reading, confidence: "stale", reason: "nothing tells it any more: it hung up" },
      2,
    ]);
    await it.wait(1);
    expect([says.asked, it.machine.error]).toEqual([2, HUNG_UP]);
  });

  test("is not answered from its last reading, however young that is", async () => {
    const { it, says } = machineSaying("on");
    await using _it = it;
    await it.run(it.machine.query());
    says.now = HUNG_UP;
    it.machine.lost(HUNG_UP);
    await expect(it.run(it.machine.query())).rejects.toBe(HUNG_UP);
  });

  test("is measured again by the next reading", async () => {
    const { it } = machineSaying("on");
    await using _it = it;
    await it.run(it.machine.query());
    await it.wait(5);
    it.machine.lost(HUNG_UP);
    await it.wait(1);
    expect([it.machine.reading?.confidence, it.machine.reading?.reason, it.changes]).toEqual([
      "measured",
      undefined,
      3,
    ]);
  });

  test("keeps a reading that was only assumed as it is", async () => {
    const { it } = machineSaying({ state: "on", assumed: true });
    await using _it = it;
    const reading = await it.run(it.machine.query());
    await it.wait(5);
    it.machine.lost(HUNG_UP);
    expect([it.machine.reading, it.changes]).toEqual([reading, 1]);
  });

  test("is read where it had no reading yet", async () => {
    const { it, says } = machineSaying("on");
    await using _it = it;
    it.machine.lost(HUNG_UP);
    expect(it.machine.reading).toBeUndefined();
    await it.wait(1);
    expect([says.asked, it.machine.reading?.state]).toEqual([1, "on"]);
  });
});

describe("a reading shows a state", () => {
  test.each([
    { answer: "on", goal: "on", shows: true },
    { answer: "off", goal: "on", shows: false },
    { answer: { state: "unknown" }, goal: "on", shows: false },
    { answer: { state: "on", towards: "on" }, goal: "on", shows: true },
    { answer: { state: "on", towards: "off" }, goal: "on", shows: false },
    { answer: { state: "off", towards: "on" }, goal: "on", shows: false },
    { answer: { state: "on", towards: "off" }, goal: "off", shows: false },
  ] as const)("$goal, where the device says $answer: $shows", async ({ answer, goal, shows }) => {
    const { it } = machineSaying(answer);
    await using _it = it;
    const reading = await it.run(it.machine.query());
    expect([it.machine.shows(reading, goal), it.machine.shows(undefined, goal)]).toEqual([shows, false]);
  });

  test("only when no command is under way that may yet change it", async () => {
    const { it } = machineSaying("on");
    await using _it = it;
    const reading = await it.run(it.machine.query());
    const cloud = { goal: "off", of: "machine", since: it.now(), until: it.now() + 5_000 } as const;
    it.machine.remembered.cloud([cloud]);
    expect([it.machine.shows(reading, "on"), it.machine.cloudAgainst("on")]).toEqual([false, cloud]);
    expect(it.machine.cloudAgainst("off")).toBeUndefined();
    await it.wait(5_000);
    expect([it.machine.shows(reading, "on"), it.machine.cloudAgainst("on")]).toEqual([true, undefined]);
  });
});

describe("a reading that was under way when more became known", () => {
  /** A device whose reads take as long as is said, and tell what was so when they began. */
  function slowly(spec?: (bare: BareHub) => Partial<MachineSpec>) {
    const says: { state: QueryAnswer; takes: number } = { state: "on", takes: 0 };
    const it: BareMachine = new BareMachine(
      {
        pace: { concurrency: 3 },
        query: async () => {
          const { state, takes } = says;
          await it.bare.clock.sleep(takes);
          return state;
        },
      },
      spec,
    );
    /** Resolves when the read has begun. */
    const read = async (state: QueryAnswer, takes: number) => {
      Object.assign(says, { state, takes });
      const reading = it.machine.measure("order");
      await new Promise((resolve) => setImmediate(resolve));
      return { reading };
    };
    const readAll = async (state: QueryAnswer, takes: number) => it.run((await read(state, takes)).reading);
    return { it, read, readAll };
  }
  const supplied = (bare: BareHub) => ({ supplies: [{ outlet: bare.outlet().spec }] });

  test.each([
    ["on", "off"],
    ["off", "on"],
  ] as const)("does not show %s when another that began later tells %s", async (first, later) => {
    const { it, read, readAll } = slowly();
    await using _it = it;
    const older = await read(first, 100);
    await it.wait(10);
    await readAll(later, 20);
    const reading = await it.run(older.reading);
    expect([reading.state, it.machine.shows(reading, first)]).toEqual([first, false]);
    expect(it.machine.remembered.facts.last?.state).toBe(later);
  });

  test("does not bring back what was known of the supply before another that began later", async () => {
    const { it, read, readAll } = slowly(supplied);
    await using _it = it;
    const older = await read("on", 100);
    await it.wait(10);
    await readAll("off", 20);
    await it.run(older.reading);
    expect(it.machine.remembered.facts.fed).toBe(false);
  });

  test("shows what another that began later tells as well, or not to the contrary", async () => {
    for (const later of ["on", { state: "unknown" }] as const) {
      const { it, read, readAll } = slowly();
      await using _it = it;
      const older = await read("on", 100);
      await it.wait(10);
      await readAll(later, 20);
      expect(it.machine.shows(await it.run(older.reading), "on")).toBe(true);
    }
  });

  test.each(["on", "off"] as const)(
    "tells a supply %s only where another did not tell otherwise since",
    async (state) => {
      const { it, read, readAll } = slowly(supplied);
      await using _it = it;
      const [agreed, denied] = [await read(state, 100), await read(state, 200)];
      await it.wait(10);
      await readAll(state, 20);
      const fed = state === "on";
      expect(it.machine.showsSupply(await it.run(agreed.reading), fed)).toBe(true);
      await readAll(fed ? "off" : "on", 20);
      const reading = await it.run(denied.reading);
      expect([reading.fed, it.machine.showsSupply(reading, fed)]).toEqual([fed, false]);
      expect(it.machine.showsSupply(undefined, fed)).toBe(false);
    },
  );

  test.each([
    ["off", "on"],
    ["on", "off"],
  ] as const)("tells of the time before an %s that showed meanwhile, and shows no %s", async (goal, before) => {
    const { it, read, readAll } = slowly();
    await using _it = it;
    const cloud = { goal, of: "machine", since: it.now(), until: it.now() + 60_000 } as const;
    it.machine.remembered.cloud([cloud]);
    await it.wait(10);
    const [shown, older] = [await read(goal, 50), await read(before, 100)];
    await it.run(shown.reading);
    expect(it.machine.remembered.clouds).toEqual([]);
    // Of those that began at once the one that came last is the newest: without the command it would count.
    expect(it.machine.shows(await it.run(older.reading), before)).toBe(false);
    expect(it.machine.shows(await readAll(before, 100), before)).toBe(true);
  });

  test("counts again once a command that never showed is over", async () => {
    const { it, read, readAll } = slowly();
    await using _it = it;
    const cloud = { goal: "off", of: "machine", since: it.now(), until: it.now() + 50 } as const;
    it.machine.remembered.cloud([cloud]);
    const older = await read("on", 100);
    await it.wait(10);
    expect(it.machine.shows(await readAll("on", 20), "on")).toBe(false);
    expect(it.machine.shows(await it.run(older.reading), "on")).toBe(true);
  });

  test("counts against no command that was over before it began", async () => {
    const { it, read } = slowly();
    await using _it = it;
    const cloud = { goal: "off", of: "machine", since: it.now(), until: it.now() + 5 } as const;
    it.machine.remembered.cloud([cloud]);
    await it.wait(10);
    const [shown, older] = [await read("off", 50), await read("on", 100)];
    await it.run(shown.reading);
    expect(it.machine.shows(await it.run(older.reading), "on")).toBe(true);
  });

  test("shows what it told itself, though it took its time: a supply that is open voids what was asked of the machine", async () => {
    const { it, readAll } = slowly(supplied);
    await using _it = it;
    const cloud = { goal: "on", of: "machine", since: it.now(), until: it.now() + 60_000 } as const;
    it.machine.remembered.cloud([cloud]);
    await it.wait(10);
    const reading = await readAll("off", 100);
    expect([it.machine.remembered.clouds, it.machine.shows(reading, "off")]).toEqual([[], true]);
  });

  test("shows what it told itself, though that of its supply was learnt before the rest of it", async () => {
    await using it: BareMachine = new BareMachine(
      {
        pace: { concurrency: 4 },
        query: async () => {
          await it.bare.clock.sleep(50);
          return "on";
        },
        watts: async () => {
          await it.bare.clock.sleep(50);
          return 0;
        },
      },
      (bare) => ({ ...supplied(bare), above: 6 }),
    );
    const cloud = { goal: "on", of: "supply", since: it.now() + 20, until: it.now() + 60_000 } as const;
    const older = it.machine.measure("order");
    await it.wait(20);
    it.machine.remembered.cloud([cloud]);
    const reading = it.machine.measure("order");
    const [first, second] = await it.run(Promise.all([older, reading]));
    expect(it.machine.remembered.clouds).toEqual([]);
    expect([first, second].map(({ state }) => state)).toEqual(["off", "off"]);
    expect([first, second].map((seen) => it.machine.shows(seen, "off"))).toEqual([false, true]);
  });
});

describe("a command to a machine", () => {
  test("is remembered from before it is sent until it is known how it ended", async () => {
    const { it } = machineSaying("on");
    await using _it = it;
    const sentUnder = { goal: "off", of: "machine", since: it.now(), until: it.now() + 9_000 } as const;
    const ended = { ...sentUnder, since: it.now() + 3, until: it.now() + 6_000 };
    it.machine.remembered.cloud([sentUnder]);
    it.machine.remembered.recloud([sentUnder], [ended], { last: { state: "off", at: 3 } });
    expect(it.kept).toEqual([{ clouds: [sentUnder] }, { clouds: [ended], last: { state: "off", at: 3 } }]);
    it.machine.remembered.recloud([ended], []);
    expect([it.machine.remembered.clouds, it.kept.at(-1)]).toEqual([[], { clouds: [], last: { state: "off", at: 3 } }]);
  });
});
