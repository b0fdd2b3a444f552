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
  readonly actor: string;
  readonly verb: Verb;
  order: OrderRecord | undefined;
  /** How it ended, where it failed or was refused. */
  failure: PowerError | undefined;
  /** Requests that are being answered now. */
  open: number;
  /** When the last request came or was answered (ms since 1970). */
  lastAt: number;
  /** Another actor has since ordered the opposite: whatever this click repeats, it is not obeyed again. */
  overruledBy: OrderRecord | undefined;
}

export function goalOf(verb: Verb): "on" | "off" {
  return verb === "off" ? "off" : "on";
}

/** The clicks on one machine. */
export class Clicks {
  readonly #clicks = new Map<string, Click>();

  /** The click that a request at `now` belongs to; a new one where the last is over. */
  at(actor: Actor, verb: Verb, now: number): Click {
    for (const [key, click] of this.#clicks) {
      if (click.open === 0 && now - click.lastAt >= CLICK_GAP_MS) this.#clicks.delete(key);
    }
    const key = keyOf(actor.id, verb);
    const click = this.#clicks.get(key) ?? begun(actor, verb);
    click.lastAt = now;
    this.#clicks.set(key, click);
    return click;
  }

  /**
   * An order was accepted. It overrules clicks of others for the opposite, and ends those of its own actor, who has
   * changed its mind. One that was overruled before and whose goal this order has is served by it.
   */
  accepted(order: OrderRecord): void {
    for (const [key, click] of this.#clicks) {
      if (goalOf(click.verb) !== goalOf(order.verb)) {
        if (click.actor === order.actor.id) this.#clicks.delete(key);
        else click.overruledBy = order;
      } else if (click.overruledBy) Object.assign(click, { order, failure: undefined, overruledBy: undefined });
    }
  }
}

function begun(actor: Actor, verb: Verb): Click {
  return {
    actor: actor.id,
    verb,
    order: undefined,
    failure: undefined,
    open: 0,
    lastAt: 0,
    overruledBy: undefined,
  };
}

function keyOf(actor: string, verb: Verb): string {
  return `${verb} ${actor}`;
}
