/** The journal's SQLite file: opened, brought into shape, written in transactions. Everything here throws SQLite's errors. */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { PowerEvent } from "../power/events.ts";
import type { OrderRecord } from "../power/order.ts";
import { hasEnded, type OrderEvent } from "./journal-events.ts";
import { type OpenSqlite, type SqliteDatabase, type SqliteValue, type Statement, sqliteCode } from "./sqlite.ts";

const SCHEMA_VERSION = 1;

/** A check reads the whole file, about 1 s for 500 MB: larger ones tell of damage when it is met. */
const CHECKED_UP_TO_BYTES = 2 ** 25;
/** How long a write waits for another program that holds the file (ms); everything else waits with it. */
const BUSY_TIMEOUT_MS = 250;

const SCHEMA = `
CREATE TABLE orders (
  id TEXT PRIMARY KEY, machine TEXT NOT NULL, actor TEXT NOT NULL, accepted_at REAL NOT NULL, ended INTEGER NOT NULL, record TEXT NOT NULL
) STRICT;
CREATE INDEX orders_by_time ON orders (accepted_at);
CREATE INDEX orders_by_machine ON orders (machine, accepted_at);
CREATE INDEX orders_by_actor ON orders (actor, accepted_at);
CREATE INDEX orders_open ON orders (ended) WHERE ended = 0;
CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, machine TEXT, record TEXT NOT NULL) STRICT;
CREATE INDEX events_by_time ON events (at);
CREATE INDEX events_by_machine ON events (machine, at);
`;

/** What records are found by beside their columns; of a damaged record nothing. */
const inRecord = (...paths: readonly string[]) =>
  `CASE WHEN json_valid(record) THEN ${paths.length > 1 ? "coalesce" : ""}(${paths.map((path) => `json_extract(record, '$.${path}')`).join(", ")}) END`;
export const EVENT_KIND = inRecord("kind");
/** Id of who gave the order, or locked, or trusted. */
export const EVENT_ACTOR = inRecord("order.actor.id", "actor");
export const ORDER_VERB = inRecord("verb");
export const ORDER_STATE = inRecord("state");

/** Made where they are missing: they change nothing for versions that do not know them. */
const MORE_INDICES = `
CREATE INDEX IF NOT EXISTS events_by_kind ON events (${EVENT_KIND}, at);
CREATE INDEX IF NOT EXISTS events_by_actor ON events (${EVENT_ACTOR}, at) WHERE ${EVENT_ACTOR} IS NOT NULL;
CREATE INDEX IF NOT EXISTS orders_by_verb ON orders (${ORDER_VERB}, accepted_at);
CREATE INDEX IF NOT EXISTS orders_by_state ON orders (${ORDER_STATE}, accepted_at);
`;

export class JournalFile {
  readonly #path: string;
  readonly #database: SqliteDatabase;
  readonly #inode: bigint;
  readonly #order: Statement;
  readonly #event: Statement;

  private constructor(path: string, database: SqliteDatabase) {
    this.#path = path;
    this.#database = database;
    this.#inode = statSync(path, { bigint: true }).ino;
    this.#order = database.prepare(
      "INSERT INTO orders (id, machine, actor, accepted_at, ended, record) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, record = excluded.record",
    );
    this.#event = database.prepare("INSERT INTO events (at, machine, record) VALUES (?, ?, ?)");
  }

  /** `now`: ms since 1970. */
  static open(
    path: string,
    { openSqlite, now }: { readonly openSqlite: OpenSqlite; readonly now: number },
  ): JournalFile {
    mkdirSync(dirname(path), { recursive: true });
    // SQLite would make it for all to read; its -wal and -shm get the mode of the file itself.
    closeSync(openSync(path, "a", 0o600));
    const database = openSqlite(path);
    try {
      database.exec(
        `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;`,
      );
      bringUp(database, now);
      database.exec(MORE_INDICES);
      if (statSync(path).size <= CHECKED_UP_TO_BYTES) check(database);
      return new JournalFile(path, database);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Was the file taken away or replaced under us? SQLite would go on to write where nobody reads. */
  get gone(): boolean {
    try {
      return statSync(this.#path, { bigint: true, throwIfNoEntry: false })?.ino !== this.#inode;
    } catch {
      // It cannot be looked at; writing tells what is wrong.
      return false;
    }
  }

  /** All or nothing. `synced`: on the disk when it returns, not only safe from the end of this process. */
  transaction<T>(work: () => T, { synced = false }: { readonly synced?: boolean } = {}): T {
    const database = this.#database;
    if (synced) database.exec("PRAGMA synchronous = FULL");
    try {
      database.exec("BEGIN IMMEDIATE");
      const result = work();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#rollBack();
      throw error;
    } finally {
      if (synced) database.exec("PRAGMA synchronous = NORMAL");
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // It never began, or SQLite rolled it back itself, as it does when the disk is full.
    }
  }

  keepOrder(order: OrderRecord): void {
    const { id, machine, actor, acceptedAt } = order;
    this.#order.run(id, machine, actor.id, acceptedAt, hasEnded(order) ? 1 : 0, JSON.stringify(order));
  }

  /** Answers the event's number. */
  keepEvent(event: PowerEvent | OrderEvent): number {
    const machine = "machine" in event ? event.machine : null;
    return Number(this.#event.run(event.at, machine, JSON.stringify(event)).lastInsertRowid);
  }

  rows(sql: string, values: readonly SqliteValue[]): unknown[] {
    try {
      return this.#database.prepare(sql).all(...values);
    } catch (error) {
      // The binding for older Node.js gives no code with what `all` throws; the check tells damage by one.
      if (sqliteCode(error) === undefined) check(this.#database);
      throw error;
    }
  }

  /** Deletes at most so many orders and as many events from before this time (ms since 1970). Answers how many. */
  forget(before: number, most: number): { readonly orders: number; readonly events: number } {
    const some = (sql: string) => Number(this.#database.prepare(sql).run(before, most).changes);
    return {
      orders: some(
        "DELETE FROM orders WHERE rowid IN (SELECT rowid FROM orders WHERE accepted_at < ? AND ended = 1 LIMIT ?)",
      ),
      events: some("DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? LIMIT ?)"),
    };
  }

  /** Whether writes wait for another program that holds the file. */
  waitWhenBusy(wait: boolean): void {
    this.#database.exec(`PRAGMA busy_timeout = ${wait ? BUSY_TIMEOUT_MS : 0}`);
  }

  close(): void {
    try {
      // SQLite's binding for older Node.js ends a connection only when its statements are collected, too late to do this.
      this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // What was written stays in the -wal, and is read from there.
    }
    this.#database.close();
  }
}

function bringUp(database: SqliteDatabase, now: number): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > SCHEMA_VERSION)
    throw new Error(`it was written by a newer version (schema ${version}, this one knows ${SCHEMA_VERSION})`);
  if (version === SCHEMA_VERSION) return;
  const { tables } = database.prepare("SELECT COUNT(*) AS tables FROM sqlite_schema").get() as { tables: number };
  if (tables > 0) throw new Error("it is another program's database");
  // Numbers of events grow even from one file to the next: who follows them asks for what came behind the last.
  database.exec(
    `BEGIN IMMEDIATE; ${SCHEMA}
     INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ${Math.floor(now)});
     PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`,
  );
}

function check(database: SqliteDatabase): void {
  const result = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (result.quick_check !== "ok") throw new DamagedError(inOneLine(result.quick_check));
}

/** SQLite names the database on a line of its own; there is only one. */
function inOneLine(finding: string): string {
  return finding.replace(/^\*{3}.*\*{3}\s*/, "").replaceAll(/\s+/g, " ");
}

/** Found by SQLite's own check. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
}

/** Moves the file and what belongs to it out of the way, under a name with the time. Answers that name. */
export function moveAside(path: string, now: number): string {
  const aside = `${path}.corrupt-${new Date(now).toISOString().replaceAll(":", "-")}`;
  for (const suffix of ["", "-wal", "-shm"]) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  return aside;
}
