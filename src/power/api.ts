/** What the power domain offers to the rooms around it. `PowerController` is the one implementation. */
import type { BreakerState } from "./breaker.ts";
import type { ListedOutlet, Trap, Verb } from "./driver.ts";
import type { PowerError } from "./errors.ts";
import type { Listener } from "./events.ts";
import type { ExchangeCounts } from "./exchange-counts.ts";
import type { Lock, Pin } from "./journal.ts";
import type { Actor, Behind, OrderRecord, OrderRequest } from "./order.ts";
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
  readonly breaker: BreakerState;
  /** How many there were, how they failed, how long the latest took. */
  readonly exchanges: Pick<ExchangeCounts, "count" | "durationMs" | "failures" | "latency">;
  /** The device found behind it at first contact, where its driver can tell. */
  readonly pin: Pin | undefined;
}

/** A setting of a device that works against us, and the machine that it would meet. */
export interface MachineTrap extends Trap {
  readonly machine: string;
  /** As in evidence and messages: `shelly1 outlet 0`. */
  readonly outlet: string;
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
   * What a hub's own settings do against its machines; only reads. Undefined where its driver cannot tell.
   * Throws PowerError.
   */
  examine(hub: string, signal: AbortSignal): Promise<readonly MachineTrap[] | undefined>;
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
  /** Resolves when the orders taken before are in the journal, or cannot be. Awaited before a caller hears of one that is under way. */
  kept(): Promise<void>;
  /** Orders under way. */
  orders(): readonly OrderRecord[];
  /** Ends an order at its next safe point; its callers get `superseded`. Throws `not_found` for one that does not run. */
  cancel(id: string, actor: Actor): void;
  /** Adds to an order who stands behind it; to one that another has followed since, no more. */
  attribute(order: Pick<OrderRecord, "machine" | "id">, behind: Behind): void;
  /** Refuses every verb but query, to everybody, until it is unlocked; over restarts as well. Throws `not_found`. */
  lock(machine: string, options: { readonly reason: string; readonly actor: Actor }): void;
  unlock(machine: string, actor: Actor): void;
  /** Accepts the device that answers for a hub now in place of the pinned one. Throws `not_found`, `unsupported`. */
  trust(hub: string, actor: Actor): Promise<void>;
  /**
   * Measures a machine that is not configured, once, and keeps nothing of it. Where it uses a hub that is, its exchange
   * takes turns with the others there. Rejects with a PowerError, within 10 s at the latest.
   */
  tryOut(machine: MachineSpec): Promise<Reading>;
  listen(listener: Listener): () => void;
  /**
   * Tells the name of a machine whenever what is known of its state or settings changed; of orders and locks `listen`
   * tells. Answers the function that ends it.
   */
  watch(listener: (machine: string) => void): () => void;
}
