import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PowerEvent } from "../../src/power/events.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import type { LiveEvent } from "../../src/store/journal.ts";
import { selectEvents, selectOrders } from "../../src/store/journal-history.ts";
import { FileMemory } from "../../src/store/memory.ts";
import { until } from "../expecting.ts";
import { ANNA, Lab, MAAS } from "../power/lab.ts";
import { DAY, Desk, done, order } from "./desk.ts";
import { modeOf, OtherProcess } from "./shelf.ts";

const ALL = { limit: 10_000 };

let desk: Desk;

beforeEach(() => {
  desk = new Desk("state/maasochist.db");
});
afterEach(() => desk[Symbol.dispose]());

function ids(orders: readonly OrderRecord[]): string[] {
  return orders.map(({ id }) => id);
}

function changed(at: number, machine = "nuc1"): PowerEvent {
  return { kind: "machine:changed", at, machine, from: "off", to: "on", evidence: ["relay closed"] };
}

describe("the journal", () => {
  test("has an order in its file before anything is commanded, and its end afterwards", async () => {
    const journal = await desk.open();
    const memory = new FileMemory(`${desk.path}.memory`);
    await using lab = new Lab({ store: { journal, memory } });
    lab.addMachine("nuc1", { boot: "40s" });
    const ticket = lab.power.order({ machine: "nuc1", verb: "on", actor: ANNA, reason: "night build" });
    await lab.power.kept();
    expect(lab.commands("nuc1")).toEqual([]);
    const database = await desk.database();
    const [row] = database.prepare("SELECT record FROM orders WHERE ended = 0").all() as { record: string }[];
    expect(JSON.parse(row?.record ?? "")).toMatchObject({ machine: "nuc1", verb: "on", reason: "night build" });
    await lab.run(ticket.done);
    expect(lab.commands("nuc1")).toEqual(["on"]);
    expect(journal.order(ticket.order.id)).toEqual(ticket.order);
    expect(ticket.order).toMatchObject({ state: "done", grade: "measured", proof: { state: "on" } });
    expect(ticket.order).not.toHaveProperty("unjournalled");
    expect(journal.events(ALL).map(({ event }) => event.kind)).toEqual([
      "order:accepted",
      "hub:pinned",
      "machine:changed",
      "order:ended",
    ]);
    memory.close();
  });

  test("keeps what it has over a restart, for its own account alone", async () => {
    const first = await desk.open();
    first.accept(order("one"));
    first.update(done("one", { repeats: 3 }));
    first.note(changed(desk.now));
    const files = ["", "-wal", "-shm"].map((suffix) => desk.path + suffix).filter((file) => existsSync(file));
    expect(files.map(modeOf)).toEqual(["600", "600", "600"]);
    first.close();
    const second = await desk.open();
    expect(second.orders(ALL)).toEqual([done("one", { repeats: 3 })]);
    expect(second.events(ALL).map(({ event }) => event.kind)).toEqual([
      "order:accepted",
      "order:ended",
      "machine:changed",
    ]);
    expect(desk.said).toEqual([]);
  });

  test("tells those who follow of everything it kept, with its number, until they leave", async () => {
    const journal = await desk.open();
    const heard: LiveEvent[] = [];
    const leave = journal.follow((event) => heard.push(event));
    journal.accept(order("one"));
    journal.update(order("one", { repeats: 1 }));
    journal.note(changed(desk.now));
    journal.update(done("one"));
    expect(heard).toEqual(journal.events(ALL));
    expect(heard.map(({ event }) => event.kind)).toEqual(["order:accepted", "machine:changed", "order:ended"]);
    leave();
    journal.note(changed(desk.now));
    expect(heard).toHaveLength(3);
  });

  test("tells after a kill which order was cut short, and obeys it no more", async () => {
    const other = new OtherProcess("order", desk.path);
    await until(() => other.lines.length > 0);
    await other.kill();
    const [id = ""] = other.lines;
    desk.now = Date.UTC(2026, 0, 1, 0, 5);
    const journal = await desk.open();
    const cut = journal.order(id);
    expect(cut).toMatchObject({
      state: "cut_short",
      reason: "night build",
      error: { code: "busy", mayHaveActed: true },
    });
    expect(cut).not.toHaveProperty("endedAt");
    expect(journal.lastOrders().get("nuc1")?.id).toBe(id);
    expect(journal.events(ALL).at(-1)?.event).toMatchObject({ kind: "order:ended", order: { id, state: "cut_short" } });
    const told = journal.events(ALL);
    journal.close();
    expect((await desk.open()).events(ALL)).toEqual(told);
  });
});

describe("what is asked of the journal", () => {
  test("are the newest orders that fit, newest first", async () => {
    const journal = await desk.open();
    for (let at = 1; at <= 6; at++) {
      const actor = at % 3 === 0 ? MAAS : ANNA;
      journal.update(done(`o${at}`, { machine: at % 2 === 0 ? "pi1" : "nuc1", actor, acceptedAt: desk.now + at }));
    }
    expect(ids(journal.orders({ limit: 2 }))).toEqual(["o6", "o5"]);
    expect(ids(journal.orders({ ...ALL, machine: "pi1" }))).toEqual(["o6", "o4", "o2"]);
    expect(ids(journal.orders({ ...ALL, actor: MAAS.id }))).toEqual(["o6", "o3"]);
    expect(ids(journal.orders({ ...ALL, since: desk.now + 5 }))).toEqual(["o6", "o5"]);
    expect(ids(journal.orders({ ...ALL, machine: "nuc1", actor: ANNA.id, since: desk.now + 2 }))).toEqual(["o5"]);
    expect(journal.order("o3")).toEqual(done("o3", { actor: MAAS, acceptedAt: desk.now + 3 }));
    expect(journal.order("o7")).toBeUndefined();
  });

  test("are as many of the visible machines' records as were asked for, however many others are newer", async () => {
    const journal = await desk.open();
    const visible = ['a "quoted", name', "nuc1"];
    for (const [number, machine] of visible.entries()) journal.update(done(`visible ${number}`, { machine }));
    journal.note({ kind: "journal:failed", at: desk.now, message: "of no machine" });
    for (let number = 0; number < 50; number++)
      journal.update(done(`hidden ${number}`, { machine: "vault", acceptedAt: desk.now + 1, endedAt: desk.now + 1 }));
    expect(ids(journal.orders({ machines: visible, limit: 2 })).sort()).toEqual(["visible 0", "visible 1"]);
    expect(journal.orders({ machines: visible, machine: "vault", limit: 2 })).toEqual([]);
    expect(journal.orders({ machines: [], limit: 2 })).toEqual([]);
    const kinds = (filter: { readonly after?: number }) =>
      journal.events({ machines: visible, limit: 3, ...filter }).map(({ event }) => event.kind);
    expect(kinds({})).toEqual(["order:ended", "order:ended", "journal:failed"]);
    expect(kinds({ after: 0 })).toEqual(["order:ended", "order:ended", "journal:failed"]);
    expect(journal.events({ machines: [], limit: 9 }).map(({ event }) => event.kind)).toEqual(["journal:failed"]);
  });

  test("are the newest events, or those behind a number, oldest first, page by page", async () => {
    const journal = await desk.open();
    for (let at = 1; at <= 6; at++) journal.note(changed(desk.now + at, at % 2 === 0 ? "pi1" : "nuc1"));
    const all = journal.events(ALL);
    expect(all.map(({ event }) => event.at - desk.now)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(journal.events({ limit: 2 })).toEqual(all.slice(4));
    expect(journal.events({ limit: 2, after: all[1]?.id })).toEqual(all.slice(2, 4));
    expect(journal.events({ ...ALL, after: all[5]?.id })).toEqual([]);
    expect(journal.events({ ...ALL, machine: "pi1" })).toEqual([all[1], all[3], all[5]]);
    expect(journal.events({ ...ALL, machine: "pi1", after: all[1]?.id })).toEqual([all[3], all[5]]);
    expect(journal.events({ ...ALL, since: desk.now + 5 })).toEqual(all.slice(4));
  });

  test("are orders by verb, by how they ended, up to a time, and older than another", async () => {
    const journal = await desk.open();
    for (let at = 1; at <= 6; at++) {
      const verb = at % 2 === 0 ? "off" : "on";
      const state = at % 3 === 0 ? "failed" : "done";
      // The last two were accepted at the same time.
      journal.update(done(`o${at}`, { verb, state, acceptedAt: desk.now + Math.min(at, 5) }));
    }
    expect(ids(journal.orders({ ...ALL, verb: "off" }))).toEqual(["o6", "o4", "o2"]);
    expect(ids(journal.orders({ ...ALL, state: "failed" }))).toEqual(["o6", "o3"]);
    expect(ids(journal.orders({ ...ALL, machine: "nuc1", verb: "off", state: "failed" }))).toEqual(["o6"]);
    expect(ids(journal.orders({ ...ALL, until: desk.now + 3 }))).toEqual(["o2", "o1"]);
    expect(ids(journal.orders({ limit: 2, before: "o6" }))).toEqual(["o5", "o4"]);
    expect(journal.orders({ ...ALL, before: "none" })).toEqual([]);
  });

  test("are events by kind, by who did it, up to a time, and older or younger than another", async () => {
    const journal = await desk.open();
    journal.update(done("one", { endedAt: desk.now }));
    const lock = { machine: "nuc1", by: "maas", actor: MAAS.id, reason: "disk swap" } as const;
    journal.note({ kind: "machine:locked", at: desk.now + 1, ...lock });
    // Told late, of a time before.
    for (const at of [5, 5, 3]) journal.note(changed(desk.now + at, "pi1"));
    const all = journal.events(ALL);
    expect(all.map(({ event }) => event.at - desk.now)).toEqual([0, 1, 3, 5, 5]);
    expect(journal.events({ ...ALL, kind: "machine:changed" })).toEqual(all.slice(2));
    expect(journal.events({ ...ALL, machine: "nuc1", kind: "machine:locked" })).toEqual([all[1]]);
    expect(journal.events({ ...ALL, actor: ANNA.id })).toEqual([all[0]]);
    expect(journal.events({ ...ALL, actor: MAAS.id })).toEqual([all[1]]);
    expect(journal.events({ ...ALL, until: desk.now + 3 })).toEqual(all.slice(0, 2));
    expect(journal.events({ limit: 2, before: all[4]?.id })).toEqual(all.slice(2, 4));
    const [, , third] = all;
    const behind = third && { at: third.event.at, id: third.id };
    expect(journal.events({ ...ALL, behind })).toEqual(all.slice(3));
    expect(journal.events({ limit: 1, behind })).toEqual([all[3]]);
  });

  test("are answered from an index, whatever is asked, in a file of an older version too", async () => {
    const first = await desk.open();
    first.update(done("one"));
    first.close();
    const database = await desk.database();
    for (const index of ["events_by_kind", "events_by_actor", "orders_by_verb", "orders_by_state"])
      database.exec(`DROP INDEX ${index}`);
    (await desk.open()).close();
    const plans: string[] = [];
    const rows: Parameters<typeof selectOrders>[0] = (sql, values) => {
      const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
      plans.push(plan.map(({ detail }) => detail).join("; "));
      return [];
    };
    const common = [
      {},
      { machine: "nuc1" },
      { actor: "user:anna" },
      { since: 1 },
      { until: 1 },
      { machines: ["nuc1"] },
    ];
    for (const filter of [...common, { verb: "off" }, { state: "failed" }, { before: "one" }])
      selectOrders(rows, { ...filter, limit: 9 });
    for (const filter of [...common, { kind: "x" }, { before: 1 }, { after: 1 }, { behind: { at: 1, id: 1 } }])
      selectEvents(rows, { ...filter, limit: 9 });
    expect(plans.filter((plan) => /SCAN (?:orders|events)(?! USING)/.test(plan))).toEqual([]);
    expect(plans).toHaveLength(19);
  });

  test("are each machine's last order that ended, and all machines there are records of", async () => {
    const journal = await desk.open();
    journal.update(done("older", { acceptedAt: desk.now - 5 }));
    journal.update(done("newer", { state: "failed" }));
    journal.accept(order("running", { acceptedAt: desk.now + 5 }));
    journal.update(done("of another", { machine: "pi1" }));
    journal.accept(order("of none", { machine: "zotac" }));
    journal.note(changed(desk.now, "once"));
    journal.note({ kind: "journal:failed", at: desk.now, message: "of no machine" });
    const last = [...journal.lastOrders()].map(([machine, { id }]) => [machine, id]);
    expect(last).toEqual([
      ["nuc1", "newer"],
      ["pi1", "of another"],
    ]);
    expect(journal.machines().sort()).toEqual(["nuc1", "once", "pi1", "zotac"]);
  });
});

describe("records older than they are kept", () => {
  test("go a little at a time, and orders under way stay", async () => {
    const journal = await desk.open();
    const database = await desk.database();
    database.exec("BEGIN");
    const add = database.prepare("INSERT INTO orders VALUES (?, 'nuc1', 'user:anna', ?, 1, ?)");
    for (let number = 0; number < 1_200; number++) {
      const old = done(`old ${number}`, { acceptedAt: desk.now });
      add.run(old.id, old.acceptedAt, JSON.stringify(old));
    }
    database.exec("COMMIT");
    journal.accept(order("running"));
    desk.now += 90 * DAY + 1;
    journal.update(done("new", { acceptedAt: desk.now, endedAt: desk.now }));
    const forgetting = journal.forgetOld();
    const left = [journal.orders(ALL).length];
    journal.note(changed(desk.now));
    // The accepting of the order that is still running is an event like others.
    expect(await forgetting).toBe(1_201);
    left.push(journal.orders(ALL).length);
    expect(left).toEqual([702, 2]);
    expect(ids(journal.orders(ALL))).toEqual(["new", "running"]);
    expect(journal.events(ALL).map(({ event }) => event.kind)).toEqual(["order:ended", "machine:changed"]);
  });

  test("go when the daemon starts", async () => {
    const first = await desk.open();
    first.update(done("old", { endedAt: desk.now }));
    first.close();
    desk.now += 90 * DAY + 1;
    const second = await desk.open();
    await second.forgetOld();
    expect([second.orders(ALL), second.events(ALL), [...second.lastOrders()]]).toEqual([[], [], []]);
  });
});
