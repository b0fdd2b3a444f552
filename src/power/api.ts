/** What the power domain offers to the rooms around it. `PowerController` is the one implementation. */
import type { ListedOutlet, Verb } from "./driver.ts";
import type { PowerError } from "./errors.ts";
import type { Listener } from "./events.ts";
import type { Lock, Pin } from "./journal.ts";
import type { Actor, OrderRecord, OrderRequest } from "./order.ts";
import type { Reading } from "./reading.ts";
import type { HubSpec, MachineSpec } from "./spec.ts";

/** An order that was taken: journalled, and running or joined. */
export interface Ticket {
  readonly order: OrderRecord;
  /** Resolves when the order ended well; rejects with a PowerError when it did not. Never left unhandled. */
  readonly done: Promise<OrderRecord>;
}

export interface MachineView {
  readonly spec: MachineSpec;
  /** The newest reading, however old; undefined before the first. */
  readonly reading: Reading | undefined;
  /** Why the newest attempt to read failed; undefined when it did not. */
  readonly error: PowerError | undefined;
  /** The order under way. */
  readonly order: OrderRecord | undefined;
  /** The last order that ended. */
  readonly lastOrder: OrderRecord | undefined;
  /** What can be asked of it. */
  readonly verbs: readonly Verb[];
  /** While it stands nothing but queries is taken. */
  readonly lock: Lock | undefined;
}

export interface HubView {
  readonly spec: HubSpec;
  readonly machines: readonly string[];
  readonly connected: boolean;
  /** Exchanges waiting and running now. */
  readonly queued: number;
  readonly running: number;
  /** Since when every exchange fails (ms since 1970), and how. */
  readonly failing: { readonly since: number; readonly error: PowerError } | undefined;
  readonly lastExchange: { readonly at: number; readonly durationMs: number } | undefined;
  /** The device found behind it at first contact, where its driver can tell. */
  readonly pin: Pin | undefined;
}

/** Names of machines that a changed configuration adds, changes and removes. */
export interface Difference {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export interface Power {
  /** Known machine names, in configuration order. */
  readonly names: readonly string[];
  has(machine: string): boolean;
  machine(name: string): MachineView;
  hubs(): readonly HubView[];
  /** Outlets that a hub's driver finds. Throws `unsupported` where it cannot list. */
  list(hub: string, signal: AbortSignal): Promise<readonly ListedOutlet[]>;
  /**
   * A reading younger than the machine's `fresh`, measured now where there is none. Rejects with a PowerError,
   * within 10 s at the latest.
   */
  query(machine: string): Promise<Reading>;
  /** The reading that `query` would answer without waiting, or undefined: the fast path of MAAS's polls. */
  freshReading(machine: string): Reading | undefined;
  /**
   * Takes an order, or joins the one that stands. Throws a PowerError when it is refused
   * (not_found, protected, disabled, unsupported, busy …): then nothing was commanded.
   */
  order(request: OrderRequest): Ticket;
  /** Orders under way. */
  orders(): readonly OrderRecord[];
  /** Ends an order at its next safe point; its callers get `superseded`. Throws `not_found` for one that does not run. */
  cancel(id: string, actor: Actor): void;
  /** Refuses every verb but query, to everybody, until it is unlocked; over restarts as well. Throws `not_found`. */
  lock(machine: string, options: { readonly reason: string; readonly actor: Actor }): void;
  unlock(machine: string, actor: Actor): void;
  /** Accepts the device that answers for a hub now in place of the pinned one. Throws `not_found`, `unsupported`. */
  trust(hub: string, actor: Actor): Promise<void>;
  listen(listener: Listener): () => void;
}
