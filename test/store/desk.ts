/** A journal in a folder of its own, at a time of the test's, and orders to write into it. */
import type { OrderRecord } from "../../src/power/order.ts";
import { SqliteJournal } from "../../src/store/journal.ts";
import { loadSqlite, type SqliteDatabase } from "../../src/store/sqlite.ts";
import { ANNA } from "../power/lab.ts";
import { Shelf } from "./shelf.ts";

export const DAY = 86_400_000;

export class Desk implements Disposable {
  readonly #shelf = new Shelf();
  readonly #journals: SqliteJournal[] = [];
  readonly #databases: SqliteDatabase[] = [];
  readonly path: string;
  now = 1_000 * DAY;
  /** What journals said of themselves. */
  readonly said: (string | undefined)[] = [];

  /** `name`: below a folder of its own. */
  constructor(name = "maasochist.db") {
    this.path = this.#shelf.path(name);
  }

  get folder(): string {
    return this.#shelf.folder;
  }

  /** A journal over the file, as a daemon that starts has it. */
  async open(): Promise<SqliteJournal> {
    const { path } = this;
    const journal = new SqliteJournal({
      path,
      keep: 90 * DAY,
      now: () => this.now,
      onProblem: (problem) => this.said.push(problem),
    });
    this.#journals.push(journal);
    return journal.open();
  }

  /** The file as another program opens it. */
  async database(): Promise<SqliteDatabase> {
    const database = (await loadSqlite())(this.path);
    this.#databases.push(database);
    return database;
  }

  [Symbol.dispose](): void {
    for (const opened of [...this.#databases, ...this.#journals]) opened.close();
    this.#shelf[Symbol.dispose]();
  }
}

export function order(id: string, more: Partial<OrderRecord> = {}): OrderRecord {
  return {
    id,
    machine: "nuc1",
    verb: "on",
    actor: ANNA,
    forced: false,
    acceptedAt: 1_000 * DAY,
    state: "running",
    steps: [],
    repeats: 0,
    joined: [],
    ...more,
  };
}

/** An order that ended as it should. */
export function done(id: string, more: Partial<OrderRecord> = {}): OrderRecord {
  return order(id, { state: "done", grade: "measured", endedAt: 1_000 * DAY, ...more });
}
