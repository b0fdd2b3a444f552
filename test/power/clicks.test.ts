import { describe, expect, test } from "vitest";
import { type Click, Clicks, goalOf, serve } from "../../src/power/click.ts";
import type { Verb } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { Actor, OrderRecord } from "../../src/power/order.ts";
import { ANNA, BERT, MAAS, RACK2 } from "./lab.ts";

const START = 1_000_000;
const done = Promise.resolve();

let orders = 0;
function order(verb: Verb, actor: Actor): OrderRecord {
  orders += 1;
  return {
    id: `order-${orders}`,
    machine: "nuc1",
    verb,
    actor,
    forced: false,
    acceptedAt: START,
    state: "running",
    steps: [],
    repeats: 0,
    joined: [],
  };
}

/** A click of `MAAS` and the order that serves it. */
function served(verb: Verb) {
  const clicks = new Clicks();
  const click = clicks.at(MAAS, verb, START);
  const own = order(verb, MAAS);
  serve(click, own, done);
  return { clicks, click, own };
}

/** The same click, overruled by the opposite. */
function overruled(verb: Verb, by: Actor) {
  const { clicks, click, own } = served(verb);
  const opposite = order(goalOf(verb) === "on" ? "off" : "on", by);
  clicks.accepted(opposite, done, own);
  expect(click.overruledBy).toBe(opposite);
  return { clicks, click, own, opposite };
}

test.each([
  ["on", "on"],
  ["off", "off"],
  ["cycle", "on"],
  ["reset", "on"],
] as const)("%s is to end with the machine %s", (verb, goal) => {
  expect(goalOf(verb)).toBe(goal);
});

describe("a click", () => {
  test("begins with its first request, unserved", () => {
    expect(new Clicks().at(MAAS, "off", START)).toEqual<Click>({
      actor: "token:maas",
      verb: "off",
      order: undefined,
      failure: undefined,
      open: 0,
      lastAt: START,
      overruledBy: undefined,
    });
  });

  test("goes on with gaps under 20 s, each counted from the request before", () => {
    const clicks = new Clicks();
    const click = clicks.at(MAAS, "on", START);
    expect(clicks.at(MAAS, "on", START + 19_999)).toBe(click);
    expect(clicks.at(MAAS, "on", START + 39_998)).toBe(click);
    expect(click.lastAt).toBe(START + 39_998);
  });

  test("is over after a gap of 20 s", () => {
    const clicks = new Clicks();
    const click = clicks.at(MAAS, "on", START);
    expect(clicks.at(MAAS, "on", START + 20_000)).not.toBe(click);
  });

  test("is not over while one of its requests waits for its answer, however long that takes", () => {
    const clicks = new Clicks();
    const click = clicks.at(MAAS, "on", START);
    click.open = 1;
    expect(clicks.at(MAAS, "on", START + 500_000)).toBe(click);
  });

  test("is of one actor and one goal", () => {
    const clicks = new Clicks();
    const click = clicks.at(MAAS, "on", START);
    expect(clicks.at(RACK2, "on", START)).not.toBe(click);
    expect(clicks.at(MAAS, "off", START)).not.toBe(click);
    expect(clicks.at(MAAS, "on", START)).toBe(click);
  });
});

describe("a click that is served", () => {
  test("has the order, and nothing against it any more", () => {
    const { click } = overruled("on", ANNA);
    click.failure = new PowerError("locked", "nuc1 is locked");
    const next = order("on", ANNA);
    serve(click, next, done);
    expect(click).toMatchObject({ order: next, failure: undefined, overruledBy: undefined });
  });

  test("keeps how its order failed, as a failure that MAAS can be told", async () => {
    const { click, own } = served("on");
    const failure = new PowerError("unproven", "nuc1 still reads off");
    serve(click, own, Promise.reject(failure));
    await Promise.resolve();
    expect(click.failure).toBe(failure);
    serve(click, own, Promise.reject(new Error("a driver's mistake")));
    await Promise.resolve();
    expect(click.failure).toMatchObject({ code: "protocol", message: "a driver's mistake" });
  });

  test("does not fail with an order that serves it no more", async () => {
    const { click, own } = served("on");
    let fail = (_error: Error) => {};
    const failing = new Promise((_, reject) => {
      fail = reject;
    });
    serve(click, own, failing);
    serve(click, order("on", ANNA), done);
    fail(new PowerError("superseded", "off by bert took its place"));
    await failing.catch(() => undefined);
    await Promise.resolve();
    expect(click.failure).toBeUndefined();
  });
});

describe("an order that is accepted", () => {
  test("overrules the clicks of others for the opposite, served or not", () => {
    const { clicks, click } = served("on");
    const unserved = clicks.at(RACK2, "cycle", START);
    const off = order("off", ANNA);
    clicks.accepted(off, done, undefined);
    expect([click.overruledBy, unserved.overruledBy]).toEqual([off, off]);
    expect(clicks.at(MAAS, "on", START)).toBe(click);
  });

  test("ends its own actor's clicks for the opposite: it has changed its mind", () => {
    const { clicks, click } = served("on");
    clicks.accepted(order("off", MAAS), done, undefined);
    expect(clicks.at(MAAS, "on", START)).not.toBe(click);
  });

  test("leaves clicks for the same alone", () => {
    const { clicks, click, own } = served("on");
    const unserved = clicks.at(RACK2, "on", START);
    clicks.accepted(order("on", ANNA), done, undefined);
    clicks.accepted(order("cycle", ANNA), done, undefined);
    expect(click).toMatchObject({ order: own, overruledBy: undefined });
    expect(unserved).toMatchObject({ order: undefined, overruledBy: undefined });
    expect(clicks.at(MAAS, "on", START)).toBe(click);
  });

  test("overrules the clicks of the order that gave way to it, though both lead to the same", () => {
    const { clicks, click, own } = served("cycle");
    const other = clicks.at(RACK2, "reset", START);
    serve(other, order("reset", RACK2), done);
    const unserved = clicks.at(RACK2, "cycle", START);
    const reset = order("reset", ANNA);
    clicks.accepted(reset, done, own);
    expect(click.overruledBy).toBe(reset);
    expect([other.overruledBy, unserved.overruledBy]).toEqual([undefined, undefined]);
  });

  test("ends its own actor's click for what gave way to it", () => {
    const { clicks, click, own } = served("cycle");
    clicks.accepted(order("reset", MAAS), done, own);
    expect(clicks.at(MAAS, "cycle", START)).not.toBe(click);
  });
});

describe("a click that was overruled", () => {
  test.each([
    ["on", "on", true],
    ["on", "cycle", true],
    ["on", "reset", true],
    ["cycle", "cycle", true],
    ["cycle", "on", false],
    ["cycle", "reset", false],
    ["reset", "on", false],
    ["off", "off", true],
  ] as const)("for %s and then followed by %s is served by that: %s", (verb, next, serves) => {
    const { clicks, click, own, opposite } = overruled(verb, ANNA);
    const again = order(next, ANNA);
    clicks.accepted(again, done, undefined);
    expect(click.order).toBe(serves ? again : own);
    expect(click.overruledBy).toBe(serves ? undefined : opposite);
  });

  test.each([
    { by: ANNA, overruler: "a person", giver: ANNA, again: "is given back by the same person", given: true },
    { by: ANNA, overruler: "a person", giver: BERT, again: "is given back by another person", given: true },
    { by: ANNA, overruler: "a person", giver: RACK2, again: "is not given back by automation", given: false },
    { by: RACK2, overruler: "automation", giver: RACK2, again: "is given back by automation", given: true },
    { by: RACK2, overruler: "automation", giver: ANNA, again: "is given back by a person", given: true },
  ])("by $overruler $again", ({ by, giver, given }) => {
    const { clicks, click, own, opposite } = overruled("on", by);
    const again = order("on", giver);
    clicks.accepted(again, done, undefined);
    expect(click.order).toBe(given ? again : own);
    expect(click.overruledBy).toBe(given ? undefined : opposite);
  });

  test("and given back fails as the order fails that serves it now", async () => {
    const { clicks, click } = overruled("on", ANNA);
    const failure = new PowerError("unproven", "nuc1 still reads off");
    clicks.accepted(order("on", ANNA), Promise.reject(failure), undefined);
    await Promise.resolve();
    expect(click.failure).toBe(failure);
  });

  test("is overruled by the newest of several", () => {
    const { clicks, click } = overruled("on", ANNA);
    const newer = order("off", BERT);
    clicks.accepted(newer, done, undefined);
    expect(click.overruledBy).toBe(newer);
  });
});
