/** What is asked of the journal. Every query is answered from an index, however many years of records there are. */
import type { PowerEvent } from "../power/events.ts";
import type { OrderRecord } from "../power/order.ts";
import type { OrderEvent } from "./journal-events.ts";
import { EVENT_ACTOR, EVENT_KIND, ORDER_STATE, ORDER_VERB } from "./journal-file.ts";
import type { SqliteValue } from "./sqlite.ts";

interface Filter {
  readonly machine?: string | undefined;
  /** Only these machines; with events also what concerns none. */
  readonly machines?: readonly string[] | undefined;
  /** Id of an actor. */
  readonly actor?: string | undefined;
  /** At or after, and before (ms since 1970). */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly limit: number;
}

export interface OrderFilter extends Filter {
  readonly verb?: string | undefined;
  readonly state?: string | undefined;
  /** Only orders older than the one with this id. */
  readonly before?: string | undefined;
}

export interface EventFilter extends Filter {
  readonly kind?: string | undefined;
  /** Only events with a greater id, the oldest of them first; absent: the newest. */
  readonly after?: number | undefined;
  /** Only events older than the one with this id. */
  readonly before?: number | undefined;
  /** Only events younger than this one, the oldest of them first. */
  readonly behind?: Position | undefined;
}

/** A place in the order of time; of one time the id tells. */
export interface Position {
  readonly at: number;
  readonly id: number;
}

/** An event of the power domain, or an order that began or ended, with a number that grows. */
export interface StoredEvent {
  readonly id: number;
  readonly event: PowerEvent | OrderEvent;
}

type Rows = (sql: string, values: readonly SqliteValue[]) => unknown[];

/** The newest orders that fit, newest first. */
export function selectOrders(rows: Rows, filter: OrderFilter): OrderRecord[] {
  const { machines } = filter;
  const where = new Where();
  where.and("machine = ?", filter.machine);
  where.and("machine IN (SELECT value FROM json_each(?))", machines && JSON.stringify(machines));
  where.and("actor = ?", filter.actor);
  where.and(`${besides(filter)}${ORDER_VERB} = ?`, filter.verb);
  where.and(`${besides(filter)}${ORDER_STATE} = ?`, filter.state);
  where.and("accepted_at >= ?", filter.since);
  where.and("accepted_at < ?", filter.until);
  where.and("(accepted_at, id) < (SELECT accepted_at, id FROM orders WHERE id = ?)", filter.before);
  // The inner query reads an index alone; only the rows that are answered are fetched.
  return rows(
    `SELECT record FROM orders WHERE rowid IN (SELECT rowid FROM orders ${where.sql} ORDER BY accepted_at DESC, id DESC LIMIT ?) ORDER BY accepted_at DESC, id DESC`,
    [...where.values, filter.limit],
  ).flatMap((row) => parse<OrderRecord>(row) ?? []);
}

export function selectOrder(rows: Rows, id: string): OrderRecord | undefined {
  const [row] = rows("SELECT record FROM orders WHERE id = ?", [id]);
  return row === undefined ? undefined : parse<OrderRecord>(row);
}

/** Oldest first. */
export function selectEvents(rows: Rows, filter: EventFilter): StoredEvent[] {
  const { after, before, behind, machines } = filter;
  const where = new Where();
  where.and("machine = ?", filter.machine);
  where.and("(machine IS NULL OR machine IN (SELECT value FROM json_each(?)))", machines && JSON.stringify(machines));
  where.and(`${besides(filter)}${EVENT_KIND} = ?`, filter.kind);
  where.and(`${besides(filter)}${EVENT_ACTOR} = ?`, filter.actor);
  where.and("at >= ?", filter.since);
  where.and("at < ?", filter.until);
  where.and("id > ?", after);
  where.and("(at, id) < (SELECT at, id FROM events WHERE id = ?)", before);
  where.and("(at, id) > (?, ?)", behind?.at, behind?.id);
  const order = after !== undefined ? "id" : behind ? "at, id" : "at DESC, id DESC";
  const found = rows(
    `SELECT id, record FROM events WHERE id IN (SELECT id FROM events ${where.sql} ORDER BY ${order} LIMIT ?) ORDER BY ${order}`,
    [...where.values, filter.limit],
  ).flatMap((row) => {
    const event = parse<StoredEvent["event"]>(row);
    return event ? [{ id: (row as { readonly id: number }).id, event }] : [];
  });
  return after === undefined && !behind ? found.reverse() : found;
}

/** One machine's records are few: what else is asked is looked for among them, and not the other way round. */
function besides({ machine }: Filter): string {
  return machine === undefined ? "" : "+";
}

/** Names that stand in a table, found by hopping from one to the next in its index instead of reading every row. */
const hop = (table: "orders" | "events") => `
  names(machine) AS (
    SELECT MIN(machine) FROM ${table}
    UNION ALL SELECT (SELECT MIN(machine) FROM ${table} WHERE machine > names.machine) FROM names WHERE names.machine IS NOT NULL
  )`;

/** Machines that any record is about. */
export function selectMachines(rows: Rows): string[] {
  const names = (["orders", "events"] as const).flatMap((table) =>
    rows(`WITH RECURSIVE ${hop(table)} SELECT machine FROM names WHERE machine IS NOT NULL`, []),
  );
  return [...new Set(names.map((row) => (row as { readonly machine: string }).machine))];
}

/** The last order of each machine that ended. */
export function selectLastOrders(rows: Rows): Map<string, OrderRecord> {
  const last = rows(
    `WITH RECURSIVE ${hop("orders")}
     SELECT (SELECT record FROM orders WHERE orders.machine = names.machine AND ended = 1 ORDER BY accepted_at DESC LIMIT 1) AS record
     FROM names WHERE machine IS NOT NULL`,
    [],
  );
  return new Map(
    last.flatMap((row) => {
      const record = parse<OrderRecord>(row);
      return record ? [[record.machine, record] as const] : [];
    }),
  );
}

export function selectOpenOrders(rows: Rows): OrderRecord[] {
  return rows("SELECT record FROM orders WHERE ended = 0", []).flatMap((row) => parse<OrderRecord>(row) ?? []);
}

class Where {
  readonly #conditions: string[] = [];
  readonly values: SqliteValue[] = [];

  /** Adds a condition with its values; none where one is missing. */
  and(condition: string, ...values: readonly (SqliteValue | undefined)[]): void {
    const given = values.filter((value) => value !== undefined);
    if (given.length < values.length) return;
    this.#conditions.push(condition);
    this.values.push(...given);
  }

  get sql(): string {
    return this.#conditions.length === 0 ? "" : `WHERE ${this.#conditions.join(" AND ")}`;
  }
}

/** Undefined where there is no record, or a damaged one. */
function parse<T>(row: unknown): T | undefined {
  const { record } = row as { readonly record: string | null };
  if (record === null) return undefined;
  try {
    return JSON.parse(record) as T;
  } catch {
    return undefined;
  }
}
