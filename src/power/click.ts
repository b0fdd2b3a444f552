/**
 * MAAS repeats itself up to 21 times per click. All requests of one actor for one goal and machine with gaps under
 * 20 s are one click, and a click is obeyed once.
 */
import type { Verb } from "./driver.ts";
import type { PowerError } from "./errors.ts";
import type { Actor, OrderRecord } from "./order.ts";

const CLICK_GAP_MS = 20_000;

/** What became of the first request of a click. */
export interface Click {
  readonly order: OrderRecord | undefined;
  /** How it ended, where it failed or was refused. */
  failure: PowerError | undefined;
  /** Requests that are being answered now. */
  open: number;
  /** When the last request came or was answered (ms since 1970). */
  lastAt: number;
}

/** The clicks on one machine. */
export class Clicks {
  readonly #clicks = new Map<string, Click>();

  /** The click that a request at `now` belongs to; undefined when it begins a new one. */
  find(actor: Actor, verb: Verb, now: number): Click | undefined {
    for (const [key, click] of this.#clicks) {
      if (click.open === 0 && now - click.lastAt >= CLICK_GAP_MS) this.#clicks.delete(key);
    }
    return this.#clicks.get(keyOf(actor, verb));
  }

  begin(actor: Actor, verb: Verb, click: Click): void {
    this.#clicks.set(keyOf(actor, verb), click);
  }
}

function keyOf(actor: Actor, verb: Verb): string {
  return `${verb} ${actor.id}`;
}
