/** What the API asks of the journal. */
import type { PowerEvent } from "../power/events.ts";
import type { OrderRecord } from "../power/order.ts";

/** An event with a number that grows. */
export interface StoredEvent {
  readonly id: number;
  readonly event:
    | PowerEvent
    | { readonly kind: "order:accepted" | "order:ended"; readonly at: number; readonly machine: string };
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
  readonly since?: number | undefined;
  readonly limit: number;
}

export interface History {
  /** Newest first. */
  orders(filter: Filter & { readonly actor?: string | undefined }): OrderRecord[];
  order(id: string): OrderRecord | undefined;
  /** The newest that fit, or the first behind `after`; oldest first. */
  events(filter: Filter & { readonly after?: number | undefined }): StoredEvent[];
  /** Machines that any record is about. */
  machines(): readonly string[];
  /** Tells every event as it happens. Answers the function that ends it. */
  follow(listener: (event: LiveEvent) => void): () => void;
}
