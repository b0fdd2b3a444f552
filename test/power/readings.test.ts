import { describe, expect, test } from "vitest";
import type { Answer, QueryAnswer } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { MachineMemory } from "../../src/power/journal.ts";
import { failureOf } from "../expecting.ts";
import { BareMachine } from "./bare-machine.ts";

const DAY = 86_400_000;

/** A machine that answers what `says` holds. */
function machineSaying(first: QueryAnswer | Error, memory?: MachineMemory) {
  const says: { now: QueryAnswer | Error } = { now: first };
  const answer = async () => {
    if (says.now instanceof Error) throw says.now;
    return says.now;
  };
  const it = new BareMachine({ query: answer }, undefined, memory);
  const look = () => it.run(it.machine.measure("query"));
  return { it, says, look };
}

/** The same with a supply instead of a query. */
function machineFed(first: QueryAnswer | Error, memory?: MachineMemory) {
  const says: { now: QueryAnswer | Error } = { now: first };
  const answer = async () => {
    if (says.now instanceof Error) throw says.now;
    return says.now;
  };
  const supply = { query: answer, on: async () => undefined, off: async () => undefined };
  const it = new BareMachine(supply, (bare) => ({ supplies: [{ outlet: bare.outlet().spec }] }), memory);
  const look = () => it.run(it.machine.measure("query"));
  return { it, says, look };
}

describe("a state that changed", () => {
  test("is told with what was seen and the order under way, and the first reading is no change", async () => {
    const { it, says, look } = machineSaying("off");
    await using _it = it;
    await look();
    expect(it.told).toEqual([]);
    says.now = { state: "on", evidence: "it runs" };
    await look();
    it.order = "order-1";
    says.now = "off";
    await look();
    await look();
    const changed = { kind: "machine:changed", at: it.now(), machine: "nuc1" };
    expect(it.told).toEqual([
      { ...changed, from: "off", to: "on", evidence: ["it runs"] },
      { ...changed, from: "on", to: "off", evidence: ["strip outlet 1 says off"], order: "order-1" },
    ]);
  });

  test.each<{ what: string; before: Answer; after: Answer; changes: number }>([
    { what: "nothing", before: { state: "on" }, after: { state: "on" }, changes: 0 },
    { what: "the state", before: { state: "on" }, after: { state: "off" }, changes: 1 },
    { what: "the confidence", before: { state: "on" }, after: { state: "on", assumed: true }, changes: 1 },
    { what: "where it is going", before: { state: "on" }, after: { state: "on", towards: "off" }, changes: 1 },
    { what: "the reason", before: { state: "on", reason: "a" }, after: { state: "on", reason: "b" }, changes: 1 },
    { what: "the watts", before: { state: "on", watts: 1 }, after: { state: "on", watts: 2 }, changes: 0 },
    { what: "the evidence", before: { state: "on", evidence: "a" }, after: { state: "on", evidence: "b" }, changes: 0 },
  ])("is known to those who look on when it is $what: $changes", async ({ before, after, changes }) => {
    const { it, says, look } = machineSaying(before);
    await using _it = it;
    await look();
    expect(it.changes).toBe(1);
    says.now = after;
    await it.wait(10);
    await look();
    expect(it.changes).toBe(1 + changes);
  });

  test("is known to those who look on when it is whether it is fed", async () => {
    const { it, says, look } = machineFed({ state: "off", assumed: true });
    await using _it = it;
    await look();
    expect(it.machine.reading).toMatchObject({ state: "off", confidence: "assumed", fed: false });
    says.now = { state: "on", assumed: true };
    await look();
    expect([it.machine.reading?.fed, it.changes]).toEqual([true, 2]);
  });

  test("is known to those who look on when a machine that stays off is fed no more", async () => {
    const says: { supply: QueryAnswer } = { supply: "on" };
    const query = async (_hub: unknown, outlet: unknown) => ((outlet as { plug?: boolean }).plug ? says.supply : "off");
    await using it = new BareMachine({ query }, (bare) => ({
      supplies: [{ outlet: bare.outlet({ plug: true }).spec }],
      query: { kind: "one", outlet: bare.outlet().spec },
    }));
    const look = () => it.run(it.machine.measure("query"));
    const before = await look();
    says.supply = "off";
    const { state, confidence } = before;
    expect(await look()).toMatchObject({ state, confidence, fed: false });
    expect([before.fed, it.changes, it.told]).toEqual([true, 2, []]);
  });
});

test("the newest state that was measured is known by when its reading began, whichever came last", async () => {
  const { it, says, look } = machineSaying("on");
  await using _it = it;
  const { remembered } = it.machine;
  expect(remembered.shownSince(0)).toBeUndefined();
  await look();
  const at = it.now();
  expect([remembered.shownSince(at - 1), remembered.shownSince(at)]).toEqual(["on", undefined]);
  for (const now of [{ state: "off", at: at - 1 }, { state: "unknown" }, { state: "off", assumed: true }] as const) {
    says.now = now;
    await look();
    expect(remembered.shownSince(at - 1)).toBe("on");
  }
});

describe("a reading that is older than the last one", () => {
  test("does not take its place, and is told to orders alone", async () => {
    const { it, says, look } = machineSaying("on");
    await using _it = it;
    const newest = await look();
    says.now = { state: "off", at: it.now() - 1 };
    expect(await look()).toBe(newest);
    expect((await it.run(it.machine.measure("order"))).state).toBe("off");
    expect([it.machine.reading, it.told, it.changes]).toEqual([newest, [], 1]);
  });

  test("takes it when both are of the same moment", async () => {
    const { it, says, look } = machineSaying("on");
    await using _it = it;
    await look();
    says.now = "off";
    await look();
    expect(it.machine.reading?.state).toBe("off");
  });

  test("takes it when the last one is stale", async () => {
    const { it, says, look } = machineSaying("on");
    await using _it = it;
    await look();
    says.now = { state: "on", at: it.now() - 1 };
    await it.wait(1);
    it.machine.lost(new PowerError("unreachable", "it hung up"));
    await it.run(it.machine.query());
    expect(it.machine.reading).toMatchObject({ confidence: "measured", startedAt: it.now() - 2 });
  });

  test("still ends a failure, which those who look on hear of", async () => {
    const { it, says, look } = machineSaying("on");
    await using _it = it;
    await look();
    says.now = new PowerError("refused", "no");
    await failureOf(look());
    expect(it.changes).toBe(2);
    says.now = { state: "off", at: it.now() - 1 };
    await look();
    expect([it.machine.error, it.machine.reading?.state, it.changes]).toEqual([undefined, "on", 3]);
  });
});

describe("a machine that cannot be read", () => {
  test("is told once, and once more when it can", async () => {
    const { it, says, look } = machineSaying(new PowerError("refused", "no"));
    await using _it = it;
    await failureOf(look());
    says.now = new PowerError("refused", "no, never");
    await failureOf(look());
    says.now = "on";
    await look();
    await look();
    const of = { at: it.now(), machine: "nuc1" };
    expect(it.told).toEqual([
      { kind: "machine:unreadable", ...of, error: { code: "refused", message: "no" } },
      { kind: "machine:readable", ...of },
    ]);
  });

  test("is told again when it cannot be read once more", async () => {
    const { it, says, look } = machineSaying(new PowerError("refused", "no"));
    await using _it = it;
    await failureOf(look());
    says.now = "on";
    await look();
    says.now = new PowerError("refused", "no");
    await failureOf(look());
    expect(it.told.map(({ kind }) => kind)).toEqual(["machine:unreadable", "machine:readable", "machine:unreadable"]);
  });

  test("because its hub does not answer is left to the hub to tell", async () => {
    const { it, says, look } = machineSaying(new PowerError("unreachable", "gone"));
    await using _it = it;
    const error = await failureOf(look());
    expect(it.machine.error).toBe(error);
    says.now = "on";
    await it.wait(60_000);
    await look();
    expect(it.told).toEqual([]);
  });

  test("is news to those who look on when the failure is another one", async () => {
    const { it, says, look } = machineSaying(new PowerError("refused", "no"));
    await using _it = it;
    const heard: number[] = [];
    for (const [code, message] of [
      ["refused", "no"],
      ["refused", "no"],
      ["refused", "never"],
      ["busy", "never"],
    ] as const) {
      says.now = new PowerError(code, message);
      await failureOf(look());
      heard.push(it.changes);
    }
    says.now = "on";
    await look();
    expect([...heard, it.changes]).toEqual([1, 1, 2, 3, 4]);
  });
});

describe("what is remembered of a machine", () => {
  test("is the last state that was measured, and since when", async () => {
    const { it, says, look } = machineSaying("on");
    await using _it = it;
    const first = { state: "on", at: it.now() };
    await look();
    await it.wait(5_000);
    await look();
    says.now = { state: "off", assumed: true };
    await look();
    says.now = { state: "unknown" };
    await look();
    expect(it.kept).toEqual([{ last: first }]);
    says.now = "off";
    await look();
    expect(it.kept).toEqual([{ last: first }, { last: { state: "off", at: it.now() } }]);
  });

  test("is whether it is fed, and when its supply was seen to open", async () => {
    const { it, says, look } = machineFed("on");
    await using _it = it;
    await look();
    await it.wait(5_000);
    says.now = { state: "off", at: it.now() - 1_000 };
    await look();
    await it.wait(5_000);
    says.now = "off";
    await look();
    const opened = it.now() - 5_000;
    expect(it.kept).toEqual([
      { fed: true },
      { fed: false, openedAt: opened, last: { state: "off", at: opened - 1_000 } },
    ]);
  });

  test("is no opening where the supply was open when first seen", async () => {
    const { it, look } = machineFed("off");
    await using _it = it;
    await look();
    expect(it.kept).toEqual([{ fed: false, last: { state: "off", at: it.now() } }]);
  });

  test("is that its supply opened as an order wanted, though it was taken for open before", async () => {
    const start = Date.UTC(2026, 0, 1);
    const cloud = { goal: "off", of: "supply", since: start, until: start + DAY } as const;
    const { it, look } = machineFed("off", { fed: false, openedAt: 7, clouds: [cloud] });
    await using _it = it;
    await it.wait(2_000);
    await look();
    const now = it.now();
    expect(it.kept).toEqual([{ fed: false, openedAt: now, clouds: [], last: { state: "off", at: now } }]);
  });

  test("are commands that have not shown, until they show", async () => {
    const start = Date.UTC(2026, 0, 1);
    const cloud = { goal: "on", of: "machine", since: start, until: start + DAY } as const;
    const { it, says, look } = machineSaying("off", { last: { state: "off", at: 7 }, clouds: [cloud] });
    await using _it = it;
    await it.wait(2_000);
    await look();
    expect([it.machine.remembered.clouds, it.kept]).toEqual([[cloud], []]);
    says.now = "on";
    await look();
    expect([it.machine.remembered.clouds, it.kept]).toEqual([
      [],
      [{ last: { state: "on", at: it.now() }, clouds: [] }],
    ]);
  });

  test("is passed to the driver with each read, as for an order", async () => {
    const last = { state: "on", at: 7 } as const;
    const { it } = machineSaying("on", { last, fed: true });
    await using _it = it;
    const over = new AbortController();
    expect(it.machine.asking("order")).toEqual({ machine: { name: "nuc1" }, last, fed: true, priority: "order" });
    expect(it.machine.asking("query", over.signal)).toEqual({
      machine: { name: "nuc1" },
      last,
      fed: true,
      priority: "query",
      signal: over.signal,
    });
  });

  test("stays known to the daemon where it cannot be kept, which is told", async () => {
    const { it, look } = machineSaying("on");
    await using _it = it;
    it.full = true;
    await look();
    expect(it.machine.remembered.facts).toEqual({ last: { state: "on", at: it.now() } });
    expect(it.told).toEqual([{ kind: "journal:failed", at: it.now(), message: "disk full" }]);
  });

  test("is a lock while it stands, beside all else", async () => {
    const lock = { by: "anna", reason: "disk", at: 9 };
    const { it } = machineSaying("on", { fed: true });
    await using _it = it;
    it.machine.remembered.setLock(lock);
    expect(it.machine.remembered.lock).toEqual(lock);
    it.machine.remembered.setLock(undefined);
    expect(it.machine.remembered.lock).toBeUndefined();
    expect(it.kept).toEqual([{ fed: true, lock }, { fed: true }]);
    expect(it.machine.remembered.facts).not.toHaveProperty("lock");
  });
});
