/**
 * The journal: every order before it is obeyed, how it ended, and what happened to machines beside.
 *
 * Records are written a moment later, in one transaction with all else of that moment. An order that was accepted is on the
 * disk before anything is commanded: it outlives a kill of the daemon and a power cut of the host (one sync, for all that
 * were accepted meanwhile). That it was accepted, and that it ended, is in the file before anybody is answered.
 *
 * *Well*: records are written as told above. *In trouble* (no room, no permission, another program holds it, damage):
 * orders run marked unjournalled, and `problem` says what is wrong; they are kept in memory meanwhile,
 * as far as a thousand of them. Every further record, and a timer, tries again; when that works, the kept orders are
 * written, with a note of what was missed and since when, and all is well again. A damaged file is moved aside
 * and a new one begun, at once.
 */
import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "../power/errors.ts";
import type { PowerEvent } from "../power/events.ts";
import type { Journal } from "../power/journal.ts";
import type { OrderRecord } from "../power/order.ts";
import { GroupSync, syncFile } from "./group-sync.ts";
import { cutShort, gapNote, hasEnded, orderEvent } from "./journal-events.ts";
import { JournalFile, moveAside } from "./journal-file.ts";
import {
  type EventFilter,
  type OrderFilter,
  type StoredEvent,
  selectEvents,
  selectLastOrders,
  selectMachines,
  selectOpenOrders,
  selectOrder,
  selectOrders,
} from "./journal-history.ts";
import { describeProblem, isDamage } from "./journal-problem.ts";
import { loadSqlite, type OpenSqlite } from "./sqlite.ts";

const RETRY_MS = 5_000;
/** Ended orders that are kept in memory while they cannot be written. */
const MOST_OWED = 1_000;
/** Records that are deleted in one go, and the rest for everybody else in between (ms). */
const DELETE_AT_ONCE = 500;
const DELETE_PAUSE_MS = 20;

export interface JournalOptions {
  readonly path: string;
  /** How long records are kept (ms). */
  readonly keep: number;
  readonly now: () => number;
  /** Told once when trouble begins, and with undefined when all is well again. */
  readonly onProblem: (problem: string | undefined) => void;
}

/** As it is told to those who follow; without a number where it could not be written. */
export interface LiveEvent {
  readonly id?: number;
  readonly event: StoredEvent["event"];
}

interface Entries {
  readonly orders: readonly OrderRecord[];
  readonly events: readonly StoredEvent["event"][];
}

interface Trouble {
  readonly since: number;
  readonly problem: string;
  /** Events that were not kept. */
  missed: number;
}

export class SqliteJournal implements Journal {
  readonly #options: JournalOptions;
  readonly #listeners = new Set<(event: LiveEvent) => void>();
  /** Orders of this life that have not ended. */
  readonly #running = new Map<string, OrderRecord>();
  /** Orders whose newest state is not in the file. */
  readonly #owed = new Map<string, OrderRecord>();
  /** What is to be written in a moment; `accepted` are the new ones among the orders. */
  readonly #pending = {
    accepted: new Set<OrderRecord>(),
    orders: new Set<OrderRecord>(),
    events: [] as StoredEvent["event"][],
  };
  /** Resolves when it is written, or cannot be. */
  #flushing: Promise<void> | undefined;
  readonly #sync: GroupSync;
  #openSqlite: OpenSqlite | undefined;
  #file: JournalFile | undefined;
  #trouble: Trouble | undefined;
  #retry: NodeJS.Timeout | undefined;
  #forgetting: Promise<number> | undefined;
  #closed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#sync = new GroupSync(async () => {
      // What is not in the write-ahead log any more was synced as it was taken out of it.
      await syncFile(`${options.path}-wal`);
    });
  }

  /** What is wrong with the journal now; undefined when all is well. */
  get problem(): string | undefined {
    return this.#trouble?.problem;
  }

  /** Opens the file. Throws nothing: a journal that cannot be opened says so, and tries again. */
  async open(): Promise<this> {
    try {
      this.#openSqlite = await loadSqlite();
    } catch (error) {
      this.#begin(describeProblem(this.#options.path, error));
      return this;
    }
    this.#tryNow();
    void this.forgetOld();
    return this;
  }

  accept(order: OrderRecord): void {
    this.#running.set(order.id, order);
    this.#pending.accepted.add(order);
    this.#pending.orders.add(order);
    this.#pending.events.push(orderEvent("order:accepted", order.acceptedAt, order));
    this.#flushSoon();
  }

  kept(): Promise<void> {
    return this.#flushing ?? Promise.resolve();
  }

  async synced(): Promise<void> {
    await this.kept();
    if (this.#trouble) throw new Error(this.#trouble.problem);
    try {
      await this.#sync.wait();
    } catch (error) {
      if (this.#closed) return;
      this.#failed(error);
      throw error;
    }
  }

  update(order: OrderRecord): void {
    this.#pending.orders.add(order);
    if (hasEnded(order)) {
      this.#running.delete(order.id);
      this.#pending.events.push(orderEvent("order:ended", order.endedAt ?? this.#options.now(), order));
    }
    this.#flushSoon();
  }

  amend(order: OrderRecord): void {
    this.#pending.orders.add(order);
    this.#flushSoon();
  }

  note(event: PowerEvent): void {
    this.#pending.events.push(event);
    this.#flushSoon();
  }

  /** Tells every event as it happens. Answers the function that ends it. */
  follow(listener: (event: LiveEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The newest that fit, newest first. */
  orders(filter: OrderFilter): OrderRecord[] {
    return this.#read((rows) => selectOrders(rows, filter), []);
  }

  order(id: string): OrderRecord | undefined {
    return this.#read((rows) => selectOrder(rows, id), undefined);
  }

  /** The newest that fit, or the first behind `after`; oldest first. */
  events(filter: EventFilter): StoredEvent[] {
    return this.#read((rows) => selectEvents(rows, filter), []);
  }

  /** Machines that any record is about, whether they are configured still or not. */
  machines(): string[] {
    return this.#read(selectMachines, []);
  }

  /** The last order of each machine that ended. */
  lastOrders(): Map<string, OrderRecord> {
    return this.#read(selectLastOrders, new Map());
  }

  /** Deletes what is older than `keep`, a little at a time. Resolves with how many records went; never rejects. */
  forgetOld(): Promise<number> {
    this.#forgetting ??= this.#forget().finally(() => {
      this.#forgetting = undefined;
    });
    return this.#forgetting;
  }

  async #forget(): Promise<number> {
    const before = this.#options.now() - this.#options.keep;
    let gone = 0;
    for (;;) {
      let forgot = { orders: 0, events: 0 };
      try {
        forgot = this.#file?.forget(before, DELETE_AT_ONCE) ?? forgot;
      } catch (error) {
        this.#failed(error);
        this.#tryNow();
      }
      gone += forgot.orders + forgot.events;
      if (Math.max(forgot.orders, forgot.events) < DELETE_AT_ONCE) return gone;
      await pause(DELETE_PAUSE_MS, undefined, { ref: false });
    }
  }

  close(): void {
    if (!this.#closed) this.#flush();
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#letGo();
  }

  #letGo(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #flushSoon(): void {
    this.#flushing ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#flushing = undefined;
        this.#flush();
        resolve();
      });
    });
  }

  /** Writes what is pending. Throws nothing: `problem` says what is wrong. */
  #flush(): void {
    const { accepted, orders, events } = this.#pending;
    if (orders.size === 0 && events.length === 0) return;
    const taken = [...accepted];
    const entries = { orders: [...orders], events: [...events] };
    accepted.clear();
    orders.clear();
    events.length = 0;
    if (taken.length > 0 && this.#file?.gone) {
      this.#letGo();
      this.#begin(`the journal ${this.#options.path} was taken away while it was in use; a new one is begun.`);
    }
    try {
      this.#write(entries);
      if (taken.length > 0) this.#sync.wrote();
    } catch {
      // What was taken is owed, and told as such when all is well again.
      for (const order of taken) order.unjournalled = true;
    }
  }

  #write(entries: Entries): void {
    let ids: readonly number[] = [];
    try {
      ids = this.#kept(entries);
    } catch (error) {
      this.#missed(entries);
      throw error;
    } finally {
      for (const [index, event] of entries.events.entries()) {
        const id = ids[index];
        this.#tell({ ...(id !== undefined && { id }), event });
      }
    }
  }

  /** Answers the events' numbers. */
  #kept({ orders, events }: Entries): readonly number[] {
    if (this.#closed) throw new Error("the journal is closed");
    // A file that cannot even be opened is tried by the timer alone.
    if (!this.#file && this.#trouble && (this.#retry || !this.#openSqlite)) throw new Error(this.#trouble.problem);
    for (let attempt = 1; ; attempt++) {
      try {
        const file = this.#getReady();
        return file.transaction(() => {
          for (const order of orders) file.keepOrder(order);
          return events.map((event) => file.keepEvent(event));
        });
      } catch (error) {
        this.#failed(error);
        // Damage is over as soon as a new file stands in its place.
        if (attempt > 1 || !isDamage(error)) throw error;
      }
    }
  }

  #missed({ orders, events }: Entries): void {
    if (this.#trouble) this.#trouble.missed += events.length;
    for (const order of orders) {
      this.#owed.delete(order.id);
      this.#owed.set(order.id, order);
      const [oldest] = this.#owed.keys();
      if (this.#owed.size > MOST_OWED && oldest !== undefined) this.#owed.delete(oldest);
    }
  }

  #tell(event: LiveEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #read<T>(work: (rows: JournalFile["rows"]) => T, otherwise: T): T {
    this.#flush();
    const file = this.#file;
    if (!file) return otherwise;
    try {
      return work((sql, values) => file.rows(sql, values));
    } catch (error) {
      this.#failed(error);
      this.#tryNow();
      return otherwise;
    }
  }

  /** The file, open and up to date. Throws where it cannot be. */
  #getReady(): JournalFile {
    if (this.#file && !this.#trouble) return this.#file;
    this.#file ??= this.#openFile();
    const file = this.#file;
    const trouble = this.#trouble;
    if (!trouble) return file;
    const note = gapNote({ ...trouble, until: this.#options.now() });
    const id = file.transaction(
      () => {
        for (const order of this.#owed.values()) file.keepOrder(order);
        return file.keepEvent(note);
      },
      { synced: true },
    );
    this.#owed.clear();
    this.#well(file);
    this.#tell({ id, event: note });
    return file;
  }

  /** Opens the file; a damaged one gives way to a new one. What an earlier life left open is told as such. */
  #openFile(): JournalFile {
    const { path, now } = this.#options;
    const openSqlite = this.#openSqlite;
    if (!openSqlite) throw new Error("SQLite is not loaded");
    let file: JournalFile;
    try {
      file = JournalFile.open(path, { openSqlite, now: now() });
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#putAside(error);
      file = JournalFile.open(path, { openSqlite, now: now() });
    }
    // Of this life are those under way, and those whose end is owed to the file.
    const left = selectOpenOrders((sql, values) => file.rows(sql, values)).filter(
      ({ id }) => !this.#running.has(id) && !this.#owed.has(id),
    );
    file.transaction(
      () => {
        for (const order of left) {
          cutShort(order);
          file.keepOrder(order);
          file.keepEvent(orderEvent("order:ended", now(), order));
        }
        // A file that is new to orders under way learns of them.
        for (const order of this.#running.values()) file.keepOrder(order);
      },
      { synced: true },
    );
    return file;
  }

  #failed(error: unknown): void {
    if (isDamage(error)) {
      this.#letGo();
      try {
        this.#putAside(error);
        // A new file is begun by the next record, whatever was waited for before.
        clearTimeout(this.#retry);
        this.#retry = undefined;
        return;
      } catch {
        // It stays where it is, and the damage is the problem.
      }
    }
    this.#begin(describeProblem(this.#options.path, error));
    this.#file?.waitWhenBusy(false);
    this.#retryLater();
  }

  #putAside(error: unknown): void {
    const { path, now } = this.#options;
    const aside = moveAside(path, now());
    this.#begin(
      `the journal ${path} was damaged (${messageOf(error)}); it was moved to ${aside}, and a new one is begun.`,
    );
  }

  #begin(problem: string): void {
    const known = this.#trouble;
    this.#trouble = { since: known?.since ?? this.#options.now(), problem, missed: known?.missed ?? 0 };
    if (!known) this.#options.onProblem(problem);
  }

  #well(file: JournalFile): void {
    this.#trouble = undefined;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    file.waitWhenBusy(true);
    this.#options.onProblem(undefined);
  }

  #retryLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#tryNow();
    }, RETRY_MS).unref();
  }

  #tryNow(): void {
    if (this.#closed) return;
    for (let attempt = 1; attempt <= 2; attempt++) {
      try {
        this.#getReady();
        return;
      } catch (error) {
        this.#failed(error);
        // Damage is over as soon as a new file stands in its place.
        if (!isDamage(error)) return;
      }
    }
  }
}
