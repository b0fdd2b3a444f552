/** What the domain asks of whoever keeps its records. The implementation is in `store/`. */
import type { PowerEvent } from "./events.ts";
import type { OrderRecord } from "./order.ts";

export interface Journal {
  /** Called before anything is commanded. Throws when it cannot be kept; the order then runs marked `unjournalled`. */
  accept(order: OrderRecord): void;
  /** Called when an order's state or repeats changed, and when it ended. */
  update(order: OrderRecord): void;
  /** Called for what is not an order: a state that changed, a hub that failed. */
  note(event: PowerEvent): void;
}

/** What must be known of a machine after a restart, whatever happened to the journal. */
export interface MachineMemory {
  /** The last state that was proven or ordered. */
  readonly last?: { readonly state: "on" | "off"; readonly at: number };
  /** When the supply was last seen or made open (ms since 1970). */
  readonly openedAt?: number;
}

export interface Memory {
  get(machine: string): MachineMemory;
  /** Kept durably before it returns; throws when it cannot be. */
  set(machine: string, memory: MachineMemory): void;
}
