/** What the API asks of the journal. */
import type { PowerEvent } from "../power/events.ts";
import type { OrderRecord } from "../power/order.ts";

/** An order that began or ended. */
export interface OrderEvent {
  readonly kind: "order:accepted" | "order:ended";
  readonly at: number;
  readonly machine: string;
  readonly order: Pick<
    OrderRecord,
    "id" | "verb" | "state" | "actor" | "grade" | "error" | "repeats" | "reason" | "acceptedAt" | "endedAt" | "forced"
  >;
}

/** An event with a number that grows. */
export interface StoredEvent {
  readonly id: number;
  readonly event: PowerEvent | OrderEvent;
}

/** As it happens; without a number where the journal could not keep it: then nobody can resume behind it. */
export interface LiveEvent {
  readonly id?: number;
  readonly event: StoredEvent["event"];
}

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

export interface OrdersFilter extends Filter {
  readonly verb?: string | undefined;
  readonly state?: string | undefined;
  /** Only orders older than the one with this id. */
  readonly before?: string | undefined;
}

export interface EventsFilter extends Filter {
  readonly kind?: string | undefined;
  /** Only events with a greater number, the oldest of them first; absent: the newest. */
  readonly after?: number | undefined;
  /** Only events older than the one with this number. */
  readonly before?: number | undefined;
  /** Only events younger than this one, the oldest of them first. */
  readonly behind?: { readonly at: number; readonly id: number } | undefined;
}

export interface History {
  /** Newest first. */
  orders(filter: OrdersFilter): OrderRecord[];
  order(id: string): OrderRecord | undefined;
  /** The newest that fit, or the first behind a place; oldest first. */
  events(filter: EventsFilter): StoredEvent[];
  /** Machines that any record is about. */
  machines(): readonly string[];
  /** Tells every event as it happens. Answers the function that ends it. */
  follow(listener: (event: LiveEvent) => void): () => void;
}
