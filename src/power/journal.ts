/** What the domain asks of whoever keeps its records. The implementation is in `store/`. */
import type { Cloud } from "./cloud.ts";
import type { Identity } from "./driver.ts";
import type { PowerEvent } from "./events.ts";
import type { OrderRecord } from "./order.ts";

export interface Journal {
  /** Called when an order was taken. Throws nothing: one that cannot be kept is marked `unjournalled`, and runs all the same. */
  accept(order: OrderRecord): void;
  /**
   * Resolves when what was told before is safe from the end of this process, or cannot be kept. Awaited before anybody is
   * told of an order that was taken, or that it ended.
   */
  kept(): Promise<void>;
  /** Resolves when it is safe from a power cut as well; rejects when it is not. Awaited before anything is commanded. */
  synced(): Promise<void>;
  /** Called when an order's state or repeats changed, and when it ended. Throws nothing. */
  update(order: OrderRecord): void;
  /** Called when something was learnt of an order that has ended. Throws nothing. */
  amend(order: OrderRecord): void;
  /** Called for what is not an order: a state that changed, a hub that failed. Throws nothing. */
  note(event: PowerEvent): void;
}

/** What must be known of a machine after a restart, whatever happened to the journal. */
export interface MachineMemory {
  /** The last state that was proven or ordered. */
  readonly last?: { readonly state: "on" | "off"; readonly at: number };
  /** Whether the supply was last ordered or seen closed. */
  readonly fed?: boolean;
  /** When the supply was last seen or made open (ms since 1970). */
  readonly openedAt?: number;
  /** Commands that may have acted and had not shown when this was kept. */
  readonly clouds?: readonly Cloud[];
  readonly lock?: Lock;
}

/** While it stands every verb but query is refused, to everybody. */
export interface Lock {
  readonly by: string;
  readonly reason: string;
  /** Ms since 1970. */
  readonly at: number;
}

/** The device that was found behind a hub at first contact. */
export interface Pin extends Identity {
  /** Ms since 1970. */
  readonly at: number;
}

export interface Memory {
  get(machine: string): MachineMemory;
  /** Safe from the end of this process when it returns; throws when it cannot be kept. */
  set(machine: string, memory: MachineMemory): void;
  /** By the hub's key. */
  pin(hub: string): Pin | undefined;
  /** Undefined: forgotten, so that the next contact pins anew. Kept as above. */
  setPin(hub: string, pin: Pin | undefined): void;
  /** Resolves when what was set before is safe from a power cut as well. Rejects when it is not. */
  synced(): Promise<void>;
}
