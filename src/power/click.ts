/**
 * MAAS repeats itself up to 21 times per click. All requests of one actor for one verb and machine with gaps under
 * 20 s are one click, and a click is obeyed once.
 */
import type { Verb } from "./driver.ts";
import { PowerError } from "./errors.ts";
import { type Actor, isAutomation, type OrderRecord } from "./order.ts";

const CLICK_GAP_MS = 20_000;

export interface Click {
  readonly actor: string;
  readonly verb: Verb;
  /** The order that serves it: its own, or one that it joined. */
  order: OrderRecord | undefined;
  /** How that ended, where it did not end well, or why the last request was refused. */
  failure: PowerError | undefined;
  /** Requests that are being answered now. */
  open: number;
  /** When the last request came or was answered (ms since 1970). */
  lastAt: number;
  /** Something else was ordered since: whatever this click repeats, it is not obeyed again. */
  overruledBy: OrderRecord | undefined;
}

export function goalOf(verb: Verb): "on" | "off" {
  return verb === "off" ? "off" : "on";
}

/** The clicks on one machine. */
export class Clicks {
  #clicks: Map<string, Click> | undefined;

  /** The click that a request at `now` belongs to; a new one where the last is over. */
  at(actor: Actor, verb: Verb, now: number): Click {
    this.#clicks ??= new Map();
    const clicks = this.#clicks;
    for (const [key, click] of clicks) {
      if (click.open === 0 && now - click.lastAt >= CLICK_GAP_MS) clicks.delete(key);
    }
    const key = keyOf(actor.id, verb);
    const click = clicks.get(key) ?? begun(actor, verb);
    click.lastAt = now;
    clicks.set(key, click);
    return click;
  }

  /**
   * An order was accepted; `done` settles as it ends, and `superseded` had to give way to it. It overrules clicks that
   * wanted that or the opposite, and ends those of its own actor, who has changed its mind. One that was overruled before
   * is served by an order for the same, or an `on` by any that leads there; but what a person has overruled is given
   * back by a person alone.
   */
  accepted(order: OrderRecord, done: Promise<unknown>, superseded: OrderRecord | undefined): void {
    for (const [key, click] of this.#clicks ?? []) {
      const by = click.overruledBy;
      const gaveWay = superseded !== undefined && click.order === superseded;
      if (gaveWay || goalOf(click.verb) !== goalOf(order.verb)) {
        click.overruledBy = order;
        if (click.actor === order.actor.id) this.#clicks?.delete(key);
      } else if (by && (click.verb === "on" || click.verb === order.verb)) {
        if (isAutomation(by.actor) || !isAutomation(order.actor)) serve(click, order, done);
      }
    }
  }
}

/** From now on the click is served by this order, and as that ends its repeats are answered. */
export function serve(click: Click, order: OrderRecord, done: Promise<unknown>): void {
  Object.assign(click, { order, failure: undefined, overruledBy: undefined });
  done.then(undefined, (error: unknown) => {
    if (click.order === order) click.failure = PowerError.from(error);
  });
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
