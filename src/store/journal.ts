/**
 * The journal: every order before it is obeyed, how it ended, and what happened to machines beside.
 *
 * An order that was accepted is on the disk before anything is commanded: it outlives a kill of the daemon and a power cut
 * of the host (one sync, 0.3 ms on an SSD). Everything else outlives a kill; a power cut may take the last moments of it.
 *
 * *Well*: every record is written at once. *In trouble* (no room, no permission, another program holds it, damage):
 * writing throws, orders run marked unjournalled, and `problem` says what is wrong; orders are kept in memory meanwhile,
 * as far as a thousand of them. Every further record, and a timer, tries again; when that works, the kept orders are
 * written, with a note of what was missed and since when, and all is well again. A damaged file is moved aside
 * and a new one begun, at once.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { PowerEvent } from "../power/events.ts";
import type { Journal } from "../power/journal.ts";
import type { OrderRecord } from "../power/order.ts";
import { hasEnded, JournalFile, moveAside, type OrderEvent } from "./journal-file.ts";
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

interface Entry {
  readonly order?: OrderRecord;
  readonly event?: StoredEvent["event"] | undefined;
  readonly synced?: boolean;
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
  #openSqlite: OpenSqlite | undefined;
  #file: JournalFile | undefined;
  #trouble: Trouble | undefined;
  #retry: NodeJS.Timeout | undefined;
  #forgetting: Promise<number> | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** What is wrong with the journal now; undefined when all is well. */
  get problem(): string | undefined {
    return this.#trouble?.problem;
  }

  /** Opens the file. Throws nothing: a journal that cannot be opened says so, and tries again. */
  async open(): Promise<this> {
    try {
      this.#openSqlite = await loadSqlite();
      this.#getReady();
    } catch (error) {
      this.#failed(error);
    }
    void this.forgetOld();
    return this;
  }

  accept(order: OrderRecord): void {
    this.#running.set(order.id, order);
    if (this.#file?.gone) this.#letGo();
    this.#write({ order, event: orderEvent("order:accepted", order.acceptedAt, order), synced: true });
  }

  update(order: OrderRecord): void {
    if (!hasEnded(order)) {
      this.#write({ order });
      return;
    }
    this.#running.delete(order.id);
    this.#write({ order, event: orderEvent("order:ended", order.endedAt ?? this.#options.now(), order) });
  }

  note(event: PowerEvent): void {
    this.#write({ event });
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
      }
      gone += forgot.orders + forgot.events;
      if (Math.max(forgot.orders, forgot.events) < DELETE_AT_ONCE) return gone;
      await pause(DELETE_PAUSE_MS, undefined, { ref: false });
    }
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#openSqlite = undefined;
    this.#letGo();
  }

  #letGo(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #write(entry: Entry): void {
    let id: number | undefined;
    try {
      id = this.#kept(entry);
    } catch (error) {
      this.#missed(entry);
      throw error;
    } finally {
      if (entry.event) this.#tell({ ...(id !== undefined && { id }), event: entry.event });
    }
  }

  #kept(entry: Entry): number | undefined {
    const { order, event, synced = false } = entry;
    // A file that cannot even be opened is tried by the timer alone.
    if (this.#trouble && !this.#file) throw new Error(this.#trouble.problem);
    const file = this.#getReady();
    try {
      return file.transaction(
        () => {
          if (order) file.keepOrder(order);
          return event && file.keepEvent(event);
        },
        { synced },
      );
    } catch (error) {
      this.#failed(error);
      // Damage is over as soon as a new file stands in its place.
      if (isDamage(error) && !this.#trouble) return this.#kept(entry);
      throw error;
    }
  }

  #missed({ order, event }: Entry): void {
    if (event && this.#trouble) this.#trouble.missed += 1;
    if (!order) return;
    this.#owed.delete(order.id);
    this.#owed.set(order.id, order);
    const [oldest] = this.#owed.keys();
    if (this.#owed.size > MOST_OWED && oldest !== undefined) this.#owed.delete(oldest);
  }

  #tell(event: LiveEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #read<T>(work: (rows: JournalFile["rows"]) => T, otherwise: T): T {
    const file = this.#file;
    if (!file) return otherwise;
    try {
      return work((sql, values) => file.rows(sql, values));
    } catch (error) {
      this.#failed(error);
      return otherwise;
    }
  }

  /** The file, open and up to date. Throws where it cannot be. */
  #getReady(): JournalFile {
    if (this.#file && !this.#trouble) return this.#file;
    try {
      const file = this.#file ?? this.#openFile();
      this.#file = file;
      const note = this.#trouble && gapNote(this.#trouble, this.#options.now());
      const id = file.transaction(
        () => {
          for (const order of this.#owed.values()) file.keepOrder(order);
          return note && file.keepEvent(note);
        },
        { synced: true },
      );
      this.#owed.clear();
      if (this.#trouble) this.#well(file);
      if (id !== undefined && note) this.#tell({ id, event: note });
      return file;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  /** Opens the file; a damaged one is moved aside and a new one begun. What an earlier life left open is told as such. */
  #openFile(): JournalFile {
    const { path, now } = this.#options;
    const openSqlite = this.#openSqlite;
    if (!openSqlite) throw new Error("the journal is closed");
    let file: JournalFile;
    try {
      file = JournalFile.open(path, openSqlite);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#begin(`${describeProblem(path, error)} It was moved to ${moveAside(path, now())}, and a new one is begun.`);
      file = JournalFile.open(path, openSqlite);
    }
    const left = selectOpenOrders((sql, values) => file.rows(sql, values)).filter(({ id }) => !this.#running.has(id));
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
    this.#begin(describeProblem(this.#options.path, error));
    if (isDamage(error) && this.#file) {
      this.#letGo();
      this.#tryAgain();
      return;
    }
    this.#file?.waitWhenBusy(false);
    if (this.#openSqlite) this.#retryLater();
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
      this.#tryAgain();
    }, RETRY_MS).unref();
  }

  #tryAgain(): void {
    try {
      this.#getReady();
    } catch {
      // It was said, and is tried again.
    }
  }
}

/** Written when all is well again, so that the history tells of its own gap. */
function gapNote({ since, problem, missed }: Trouble, now: number): PowerEvent {
  const seconds = Math.round((now - since) / 1_000);
  return {
    kind: "journal:failed",
    at: since,
    message: `${problem} It lasted ${seconds} s; ${missed} ${missed === 1 ? "event is" : "events are"} missing.`,
  };
}

/** An order that a crash left open; when it ended, and how, nobody knows. */
function cutShort(order: OrderRecord): void {
  order.state = "cut_short";
  order.error = {
    code: "busy",
    message: "the daemon ended before the order did",
    hint: "Look at the machine, and order again.",
    mayHaveActed: true,
  };
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
