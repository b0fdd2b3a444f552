import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LiveEvent, SqliteJournal } from "../../src/store/journal.ts";
import { JournalFile } from "../../src/store/journal-file.ts";
import { FileMemory } from "../../src/store/memory.ts";
import { loadSqlite } from "../../src/store/sqlite.ts";
import { Lab } from "../power/lab.ts";
import { Desk, done, order } from "./desk.ts";
import { modeOf } from "./shelf.ts";

const ALL = { limit: 10_000 };

let desk: Desk;

beforeEach(() => {
  desk = new Desk();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  desk[Symbol.dispose]();
  vi.useRealTimers();
});

function kinds(journal: SqliteJournal): string[] {
  return journal.events(ALL).map(({ event }) => event.kind);
}

/** Long enough for the journal to try again by itself. */
function wait(): void {
  vi.advanceTimersByTime(5_000);
}

/** Makes part of the file what no database holds; `from` and `to` as parts of its length. */
function damage(path: string, from: number, to: number): void {
  const { size } = statSync(path);
  const file = openSync(path, "r+");
  writeSync(file, Buffer.alloc(Math.ceil(size * (to - from)), 0xff), undefined, undefined, Math.floor(size * from));
  closeSync(file);
}

/** Files that were moved aside. */
function aside(): string[] {
  return readdirSync(desk.folder).filter((name) => /\.corrupt-[-\dTZ.]+$/.test(name));
}

/** Takes an order that cannot be written, and is to say so. */
async function refuse(journal: SqliteJournal, id: string, why: string): Promise<void> {
  const taken = order(id);
  journal.accept(taken);
  await expect(journal.synced()).rejects.toThrow(why);
  expect(taken.unjournalled).toBe(true);
}

/** A file with records enough that it has a middle. */
async function fill(): Promise<void> {
  const journal = await desk.open();
  for (let number = 0; number < 300; number++) journal.update(done(`old ${number}`, { reason: "x".repeat(10_000) }));
  journal.close();
}

describe("while the journal cannot be written", () => {
  test("orders run marked unjournalled, it is said once, and all of it is there when it can be written again", async () => {
    const journal = await desk.open();
    const memory = new FileMemory(`${desk.path}.memory`);
    await using lab = new Lab({ store: { journal, memory } });
    lab.addMachine("nuc1", { boot: "0s", shutdown: "0s" });
    const heard: LiveEvent[] = [];
    journal.follow((event) => heard.push(event));
    const other = await desk.database();
    other.exec("BEGIN IMMEDIATE");

    const on = await lab.order("nuc1", "on");
    const off = await lab.order("nuc1", "off");
    expect(lab.commands("nuc1")).toEqual(["on", "off"]);
    expect([on, off]).toMatchObject([
      { state: "done", unjournalled: true },
      { state: "done", unjournalled: true },
    ]);
    expect(desk.said).toEqual([journal.problem]);
    expect(journal.problem).toContain(`${desk.path} cannot be used`);
    expect(journal.problem).toContain("orders run, but are not recorded. Another program holds it: end that program");
    expect(journal.orders(ALL)).toEqual([]);
    expect(heard.map(({ id }) => id)).toEqual(heard.map(() => undefined));
    expect(lab.signals.filter(({ kind }) => kind === "journal:failed").length).toBeGreaterThan(0);

    other.exec("ROLLBACK");
    desk.now += 60_000;
    wait();
    expect(desk.said).toEqual([expect.any(String), undefined]);
    expect(journal.problem).toBeUndefined();
    expect(journal.order(on.id)).toEqual(on);
    expect(journal.order(off.id)).toEqual(off);
    const [note] = journal.events(ALL);
    expect(note).toMatchObject({
      event: { kind: "journal:failed", message: expect.stringContaining("It lasted 60 s") },
    });
    expect(heard.at(-1)).toEqual(note);
    const again = await lab.order("nuc1", "on");
    expect(again).not.toHaveProperty("unjournalled");
    expect(journal.order(again.id)).toEqual(again);
    memory.close();
  });

  test("the next record tries again, and tells how many were missed", async () => {
    const journal = await desk.open();
    const other = await desk.database();
    other.exec("BEGIN IMMEDIATE");
    await refuse(journal, "one", "locked");
    journal.update(done("one"));
    await journal.kept();
    other.exec("ROLLBACK");
    journal.accept(order("two"));
    expect(journal.orders(ALL).map(({ id, state }) => [id, state])).toEqual([
      ["two", "running"],
      ["one", "done"],
    ]);
    expect(kinds(journal)).toEqual(["journal:failed", "order:accepted"]);
    expect(journal.events(ALL)[0]?.event).toMatchObject({ message: expect.stringContaining("2 events are missing") });
  });

  test("a thousand orders are kept in memory, the newest", async () => {
    const journal = await desk.open();
    const other = await desk.database();
    other.exec("BEGIN IMMEDIATE");
    for (let number = 0; number < 1_100; number++) {
      const acceptedAt = desk.now + number;
      journal.update(done(`${number}`, { acceptedAt }));
    }
    await journal.kept();
    other.exec("ROLLBACK");
    wait();
    const kept = journal.orders(ALL);
    expect([kept.length, kept[0]?.id, kept.at(-1)?.id]).toEqual([1_000, "1099", "100"]);
  });

  test("nothing of a record is kept by half, where the file can grow no more", async () => {
    const openSqlite = await loadSqlite();
    const file = JournalFile.open(desk.path, {
      openSqlite: (path) => {
        const database = openSqlite(path);
        database.exec("PRAGMA max_page_count = 20");
        return database;
      },
      now: desk.now,
    });
    const write = (id: string) =>
      file.transaction(
        () => {
          file.keepOrder(done(id, { reason: "x".repeat(1_000) }));
          file.keepEvent({ kind: "journal:failed", at: desk.now, message: id });
        },
        { synced: true },
      );
    let written = 0;
    expect(() => {
      for (; written < 1_000; written++) write(`${written}`);
    }).toThrow("full");
    const count = (table: string) => file.rows(`SELECT COUNT(*) AS count FROM ${table}`, [])[0];
    expect([count("orders"), count("events")]).toEqual([{ count: written }, { count: written }]);
    expect(file.forget(desk.now + 1, 10)).toEqual({ orders: 10, events: 10 });
    write("there is room again");
    file.close();
  });
});

describe("a journal that cannot be opened", () => {
  test("because a folder stands in its place, is opened as soon as that is gone", async () => {
    mkdirSync(desk.path);
    const journal = await desk.open();
    expect(journal.problem).toContain("Move what stands there away");
    await refuse(journal, "one", desk.path);
    wait();
    expect(desk.said).toEqual([journal.problem]);
    rmdirSync(desk.path);
    wait();
    expect(desk.said).toEqual([expect.any(String), undefined]);
    expect(journal.orders(ALL)).toMatchObject([{ id: "one", state: "running", unjournalled: true }]);
    expect(kinds(journal)).toEqual(["journal:failed"]);
    expect(modeOf(desk.path)).toBe("600");
  });

  test.each(["maasochist.db/below-a-file.db", "below-a-file/maasochist.db"])(
    "because %s is below a file, says so, and answers what is asked as if it were empty",
    async (name) => {
      desk[Symbol.dispose]();
      desk = new Desk(name);
      writeFileSync(dirname(desk.path), "a file");
      const journal = await desk.open();
      expect(journal.problem).toContain(desk.path);
      expect(journal.orders(ALL)).toEqual([]);
      expect(journal.events(ALL)).toEqual([]);
      expect(journal.machines()).toEqual([]);
      expect(journal.lastOrders()).toEqual(new Map());
      expect(journal.order("one")).toBeUndefined();
      expect(await journal.forgetOld()).toBe(0);
      expect(readFileSync(dirname(desk.path), "utf8")).toBe("a file");
    },
  );

  test("because a newer version or another program wrote it, is left as it is", async () => {
    for (const sql of ["PRAGMA user_version = 2", "CREATE TABLE recipes (name TEXT)"]) {
      const database = await desk.database();
      database.exec(`PRAGMA journal_mode = WAL; ${sql}`);
      const journal = await desk.open();
      expect(journal.problem).toMatch(/a newer version \(schema 2, this one knows 1\)|another program's database/);
      await refuse(journal, "one", desk.path);
      journal.close();
      const tables = database.prepare("SELECT name FROM sqlite_schema").all() as { name: string }[];
      expect(tables.filter(({ name }) => name !== "recipes")).toEqual([]);
      database.exec("PRAGMA user_version = 0");
    }
    expect(aside()).toEqual([]);
  });
});

describe("a damaged journal", () => {
  test.each([
    ["at its head", 0, 0.01],
    ["in its middle", 0.4, 0.6],
    ["in all of it", 0, 1],
  ])("%s is moved aside when it is opened, and a new one begun", async (_where, from, to) => {
    await fill();
    damage(desk.path, from, to);
    const damaged = readFileSync(desk.path);
    const journal = await desk.open();
    expect(journal.problem).toBeUndefined();
    expect(desk.said).toEqual([
      expect.stringMatching(/was damaged .* moved to .*corrupt-.*a new one is begun/),
      undefined,
    ]);
    expect(aside()).toHaveLength(1);
    expect(readFileSync(`${desk.folder}/${aside()[0]}`).equals(damaged)).toBe(true);
    expect(modeOf(desk.path)).toBe("600");
    journal.accept(order("new"));
    expect(journal.orders(ALL)).toMatchObject([{ id: "new" }]);
    expect(kinds(journal)).toEqual(["journal:failed", "order:accepted"]);
  });

  test("that is met while it is in use gives way as well, and orders under way are in the new one", async () => {
    await fill();
    const last = await desk.open();
    const before = last.events({ limit: 1 })[0]?.id ?? 0;
    last.close();
    const journal = await desk.open();
    journal.accept(order("running"));
    await journal.kept();
    desk.now += 1_000;
    damage(desk.path, 0, 1);
    // What SQLite has in its cache, two megabytes, it may answer still.
    for (let number = 0; number < 300 && aside().length === 0; number++) journal.order(`old ${number}`);
    expect(desk.said).toEqual([expect.stringContaining("was damaged"), undefined]);
    expect(aside()).toHaveLength(1);
    journal.update(done("running", { endedAt: desk.now }));
    expect(journal.orders(ALL)).toEqual([done("running", { endedAt: desk.now })]);
    expect(kinds(journal)).toEqual(["journal:failed", "order:ended"]);
    expect(journal.events(ALL)[0]?.id).toBeGreaterThan(before);
  });
});

describe("a journal that was taken away while it is in use", () => {
  test("is begun anew with the next order, which is journalled", async () => {
    const journal = await desk.open();
    journal.accept(order("running"));
    await journal.kept();
    for (const name of readdirSync(desk.folder)) rmSync(`${desk.folder}/${name}`);
    journal.accept(order("next"));
    await journal.kept();
    expect(desk.said).toEqual([expect.stringContaining("was taken away"), undefined]);
    journal.close();
    const found = (await desk.open()).orders(ALL);
    expect(found.map(({ id, state }) => `${id} ${state}`).sort()).toEqual(["next cut_short", "running cut_short"]);
  });

  test("tells no end of an order twice when it is put back", async () => {
    const journal = await desk.open();
    journal.accept(order("one"));
    await journal.kept();
    const away = `${desk.path}.away`;
    for (const suffix of ["", "-wal", "-shm"])
      if (existsSync(desk.path + suffix)) renameSync(desk.path + suffix, away + suffix);
    mkdirSync(desk.path);
    await refuse(journal, "two", basename(desk.path));
    journal.update(done("one"));
    await journal.kept();
    rmdirSync(desk.path);
    for (const suffix of ["", "-wal", "-shm"])
      if (existsSync(away + suffix)) renameSync(away + suffix, desk.path + suffix);
    wait();
    expect(journal.problem).toBeUndefined();
    expect(journal.order("one")).toEqual(done("one"));
    expect(kinds(journal)).toEqual(["order:accepted", "journal:failed"]);
  });
});
