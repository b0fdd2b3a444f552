/**
 * The journal: every order before it is obeyed, how it ended, and what happened to machines beside.
 *
 * Write-ahead logging with `synchronous = NORMAL`: what was accepted survives a kill of the daemon at any instant. A power
 * cut of the host may lose the last moments' records, never the file.
 *
 * When the file cannot be written the daemon goes on: `accept` throws, the order runs marked unjournalled, and `problem`
 * says what is wrong until a write succeeds again.
 */

import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../power/errors.ts";
import type { PowerEvent } from "../power/events.ts";
import type { Journal } from "../power/journal.ts";
import type { OrderRecord } from "../power/order.ts";
import { openSqlite, type SqliteDatabase, type Statement } from "./sqlite.ts";

const SCHEMA_VERSION = 1;
const DELETE_AT_ONCE = 500;

const SCHEMA = `
CREATE TABLE orders (
  id TEXT PRIMARY KEY, machine TEXT NOT NULL, actor TEXT NOT NULL, accepted_at REAL NOT NULL, ended INTEGER NOT NULL, record TEXT NOT NULL
) STRICT;
CREATE INDEX orders_by_time ON orders (accepted_at);
CREATE INDEX orders_by_machine ON orders (machine, accepted_at);
CREATE INDEX orders_open ON orders (ended) WHERE ended = 0;
CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, machine TEXT, record TEXT NOT NULL) STRICT;
CREATE INDEX events_by_time ON events (at);
`;

export interface OrderFilter {
  readonly machine?: string | undefined;
  /** Id of an actor. */
  readonly actor?: string | undefined;
  /** Accepted at or after (ms since 1970). */
  readonly since?: number | undefined;
  readonly limit: number;
}

export interface EventFilter {
  readonly machine?: string | undefined;
  readonly since?: number | undefined;
  /** Only events with a greater id. */
  readonly after?: number | undefined;
  readonly limit: number;
}

/** An event of the power domain, or an order that began or ended, with a number that grows. */
export interface StoredEvent {
  readonly id: number;
  readonly event: PowerEvent | OrderEvent;
}

export interface OrderEvent {
  readonly kind: "order:accepted" | "order:ended";
  readonly at: number;
  readonly machine: string;
  readonly order: Pick<
    OrderRecord,
    "id" | "verb" | "state" | "actor" | "grade" | "error" | "repeats" | "reason" | "acceptedAt" | "endedAt" | "forced"
  >;
}

export interface JournalOptions {
  readonly path: string;
  /** How long records are kept (ms). */
  readonly keep: number;
  readonly now: () => number;
  /** Told once when writing begins to fail, and with undefined when it works again. */
  readonly onProblem: (problem: string | undefined) => void;
}

interface Statements {
  readonly accept: Statement;
  readonly update: Statement;
  readonly event: Statement;
}

export class SqliteJournal implements Journal {
  readonly #options: JournalOptions;
  #database: SqliteDatabase | undefined;
  #statements: Statements | undefined;
  #problem: string | undefined;
  #listeners = new Set<(event: StoredEvent) => void>();

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** What is wrong with the journal now; undefined when all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Opens the file; a broken one is moved aside, and one that cannot be opened at all leaves a journal that says so. */
  async open(): Promise<this> {
    const { path } = this.#options;
    try {
      mkdirSync(dirname(path), { recursive: true });
      try {
        this.#database = await this.#openFile(path);
      } catch (error) {
        if (!isCorrupt(error) || !existsSync(path)) throw error;
        const aside = `${path}.corrupt-${new Date(this.#options.now()).toISOString().replaceAll(":", "-")}`;
        for (const suffix of ["", "-wal", "-shm"])
          if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
        this.#database = await this.#openFile(path);
        this.#options.onProblem(
          `the journal ${path} was broken (${messageOf(error)}); it was moved to ${aside}, and a new one begun`,
        );
      }
      this.#statements = {
        accept: this.#database.prepare(
          "INSERT INTO orders (id, machine, actor, accepted_at, ended, record) VALUES (?, ?, ?, ?, 0, ?)",
        ),
        update: this.#database.prepare("UPDATE orders SET ended = ?, record = ? WHERE id = ?"),
        event: this.#database.prepare("INSERT INTO events (at, machine, record) VALUES (?, ?, ?)"),
      };
      this.#cutShort(this.#database);
      this.forgetOld();
    } catch (error) {
      this.#database = undefined;
      this.#fail(error);
    }
    return this;
  }

  async #openFile(path: string): Promise<SqliteDatabase> {
    const database = await openSqlite(path);
    try {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;");
      const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
      if (version > SCHEMA_VERSION)
        throw new Error(`it was written by a newer version (schema ${version}, this one knows ${SCHEMA_VERSION})`);
      if (version === 0) database.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`);
      const check = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
      if (check.quick_check !== "ok") throw Object.assign(new Error(check.quick_check), { corrupt: true });
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** Orders that a crash left open are told as what they are. */
  #cutShort(database: SqliteDatabase): void {
    for (const row of database.prepare("SELECT record FROM orders WHERE ended = 0").all()) {
      const record = parse<OrderRecord>(row);
      if (!record) continue;
      record.state = "cut_short";
      record.error = {
        code: "busy",
        message: "the daemon ended before the order did",
        hint: "Look at the machine, and order again.",
        mayHaveActed: true,
      };
      this.update(record);
    }
  }

  accept(order: OrderRecord): void {
    this.#write(({ accept, event }) => {
      accept.run(order.id, order.machine, order.actor.id, order.acceptedAt, JSON.stringify(order));
      return this.#keepEvent(event, orderEvent("order:accepted", order.acceptedAt, order));
    });
  }

  update(order: OrderRecord): void {
    const ended = order.state !== "waiting" && order.state !== "running";
    this.#write(({ update, event }) => {
      update.run(ended ? 1 : 0, JSON.stringify(order), order.id);
      return ended && order.endedAt !== undefined
        ? this.#keepEvent(event, orderEvent("order:ended", order.endedAt, order))
        : undefined;
    });
  }

  note(event: PowerEvent): void {
    this.#write((statements) => this.#keepEvent(statements.event, event));
  }

  #keepEvent(statement: Statement, event: StoredEvent["event"]): StoredEvent {
    const machine = "machine" in event ? event.machine : null;
    const { lastInsertRowid } = statement.run(event.at, machine, JSON.stringify(event)) as {
      lastInsertRowid: number | bigint;
    };
    return { id: Number(lastInsertRowid), event };
  }

  /** Tells every event as it is written. Answers the function that ends it. */
  follow(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  orders(filter: OrderFilter): OrderRecord[] {
    const rows = this.#read(
      "SELECT record FROM orders WHERE (?1 IS NULL OR machine = ?1) AND (?2 IS NULL OR actor = ?2) AND accepted_at >= ?3 ORDER BY accepted_at DESC, id DESC LIMIT ?4",
      [filter.machine ?? null, filter.actor ?? null, filter.since ?? 0, filter.limit],
    );
    return rows.flatMap((row) => parse<OrderRecord>(row) ?? []);
  }

  order(id: string): OrderRecord | undefined {
    const [row] = this.#read("SELECT record FROM orders WHERE id = ?1", [id]);
    return row === undefined ? undefined : parse<OrderRecord>(row);
  }

  /** The newest events that fit, oldest first. */
  events(filter: EventFilter): StoredEvent[] {
    const newestFirst = filter.after === undefined;
    const rows = this.#read(
      `SELECT id, record FROM events WHERE (?1 IS NULL OR machine = ?1) AND at >= ?2 AND id > ?3 ORDER BY id ${newestFirst ? "DESC" : "ASC"} LIMIT ?4`,
      [filter.machine ?? null, filter.since ?? 0, filter.after ?? 0, filter.limit],
    );
    const events = rows.flatMap((row) => {
      const event = parse<StoredEvent["event"]>(row);
      return event ? [{ id: (row as { id: number }).id, event }] : [];
    });
    return newestFirst ? events.reverse() : events;
  }

  /** The last order of each machine that ended. */
  lastOrders(): Map<string, OrderRecord> {
    const rows = this.#read("SELECT record, MAX(accepted_at) FROM orders WHERE ended = 1 GROUP BY machine", []);
    return new Map(
      rows.flatMap((row) => {
        const record = parse<OrderRecord>(row);
        return record ? [[record.machine, record] as const] : [];
      }),
    );
  }

  /** Deletes what is older than `keep`, a little at a time. Answers how many records went. */
  forgetOld(): number {
    const before = this.#options.now() - this.#options.keep;
    let gone = 0;
    for (const [table, time] of [
      ["orders", "accepted_at"],
      ["events", "at"],
    ] as const) {
      for (;;) {
        const statement = this.#database?.prepare(
          `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE ${time} < ? ${table === "orders" ? "AND ended = 1" : ""} LIMIT ${DELETE_AT_ONCE})`,
        );
        const { changes } = (statement?.run(before) ?? { changes: 0 }) as { changes: number | bigint };
        gone += Number(changes);
        if (Number(changes) < DELETE_AT_ONCE) break;
      }
    }
    return gone;
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  #write(work: (statements: Statements) => StoredEvent | undefined): void {
    if (!this.#database || !this.#statements) throw new Error(this.#problem ?? "the journal is closed");
    let event: StoredEvent | undefined;
    try {
      event = work(this.#statements);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    if (this.#problem !== undefined) {
      this.#problem = undefined;
      this.#options.onProblem(undefined);
    }
    if (event) for (const listener of this.#listeners) listener(event);
  }

  #read(sql: string, values: readonly (string | number | null)[]): unknown[] {
    try {
      return this.#database?.prepare(sql).all(...values) ?? [];
    } catch (error) {
      this.#fail(error);
      return [];
    }
  }

  #fail(error: unknown): void {
    const first = this.#problem === undefined;
    this.#problem = `the journal ${this.#options.path} cannot be used: ${messageOf(error)}`;
    if (first) this.#options.onProblem(this.#problem);
  }
}

function orderEvent(kind: OrderEvent["kind"], at: number, order: OrderRecord): OrderEvent {
  const { id, verb, state, actor, grade, error, repeats, reason, acceptedAt, endedAt, forced, machine } = order;
  return {
    kind,
    at,
    machine,
    order: {
      id,
      verb,
      state,
      actor,
      repeats,
      acceptedAt,
      forced,
      ...(grade && { grade }),
      ...(error && { error }),
      ...(reason !== undefined && { reason }),
      ...(endedAt !== undefined && { endedAt }),
    },
  };
}

function parse<T>(row: unknown): T | undefined {
  try {
    return JSON.parse((row as { record: string }).record) as T;
  } catch {
    return undefined;
  }
}

/** SQLite's own codes for a file that is damaged, or no database at all. */
function isCorrupt(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  if ("corrupt" in error) return true;
  const code = "errcode" in error ? error.errcode : "sqliteCode" in error ? error.sqliteCode : undefined;
  return code === 11 || code === 26 || /malformed|not a database|disk image/.test(messageOf(error));
}
