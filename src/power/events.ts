/** What happens in the power domain, for whoever wants to know: journal, log, API. Named `noun:verb`. */
import type { ErrorCode } from "./errors.ts";
import type { OrderRecord } from "./order.ts";
import type { PowerState } from "./reading.ts";

interface ErrorFacts {
  readonly code: ErrorCode;
  readonly message: string;
}

export type PowerEvent =
  /** A machine reads differently from before, without an order of ours explaining it or with one. */
  | {
      readonly kind: "machine:changed";
      readonly at: number;
      readonly machine: string;
      readonly from: PowerState;
      readonly to: PowerState;
      readonly evidence: readonly string[];
      /** The order under way when it changed. */
      readonly order?: string;
    }
  /** Reading a machine fails that did not fail before; and the reverse. */
  | { readonly kind: "machine:unreadable"; readonly at: number; readonly machine: string; readonly error: ErrorFacts }
  | { readonly kind: "machine:readable"; readonly at: number; readonly machine: string }
  /** Somebody forbade to switch a machine, or allowed it again. */
  | {
      readonly kind: "machine:locked" | "machine:unlocked";
      readonly at: number;
      readonly machine: string;
      readonly by: string;
      /** Id of who did it; older records have none. */
      readonly actor?: string;
      readonly reason: string;
    }
  /** A hub stopped answering, for all machines on it; and the reverse. */
  | {
      readonly kind: "hub:failing";
      readonly at: number;
      readonly hub: string;
      readonly machines: readonly string[];
      readonly error: ErrorFacts;
    }
  | { readonly kind: "hub:answering"; readonly at: number; readonly hub: string; readonly machines: readonly string[] }
  /** The device behind a hub was found at first contact, or another one was accepted in its place. */
  | {
      readonly kind: "hub:pinned";
      readonly at: number;
      readonly hub: string;
      readonly machines: readonly string[];
      readonly id: string;
      readonly by?: string;
      readonly actor?: string;
    }
  /** The configuration was changed while running. */
  | {
      readonly kind: "config:reloaded";
      readonly at: number;
      readonly added: readonly string[];
      readonly changed: readonly string[];
      readonly removed: readonly string[];
    }
  /** Somebody signed in to a page or out of it, or changed who may do what. For those alone who may change that. */
  | {
      readonly kind: "session:opened" | "session:ended" | "access:changed";
      readonly at: number;
      /** Who, as people read it, and the actor's id. */
      readonly by: string;
      readonly actor: string;
      /** For people: `token maas was added`. */
      readonly what: string;
    }
  /** The journal could not be written; orders go on. */
  | { readonly kind: "journal:failed"; readonly at: number; readonly message: string };

/** What the live stream carries beside the notes above. */
export type PowerSignal =
  | PowerEvent
  | {
      readonly kind: "order:accepted" | "order:updated" | "order:ended";
      readonly at: number;
      readonly order: OrderRecord;
    };

export type Listener = (signal: PowerSignal) => void;

/** Tells listeners, one after the other; a listener that throws stops nobody else. */
export class Listeners<T> {
  readonly #listeners = new Set<(told: T) => void>();

  /** Answers the function that ends the listening. */
  listen(listener: (told: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(told: T): void {
    for (const listener of this.#listeners) {
      try {
        listener(told);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
