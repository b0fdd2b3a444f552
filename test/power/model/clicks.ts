/** Clicks as DESIGN tells them, beside the controller's own. */
import { type Actor, isAutomation, type OrderRecord, type OrderRequest } from "../../../src/power/order.ts";

const GAP_MS = 20_000;

export interface Click {
  readonly actor: Actor;
  readonly verb: OrderRequest["verb"];
  lastAt: number;
  /** Requests that are not answered yet. */
  open: number;
  /** The last order that was given for it. */
  order: OrderRecord | undefined;
  /** Somebody else ordered the opposite after it had begun, or took the place of its order. */
  overruledBy: OrderRecord | undefined;
  /** It was refused while the machine was locked. */
  refused: boolean;
}

export function goal(verb: OrderRequest["verb"]): "on" | "off" {
  return verb === "off" ? "off" : "on";
}

export class ReferenceClicks {
  readonly #clicks = new Map<string, Click>();

  /** The click that the request belongs to; persons have none. */
  at({ actor, machine, verb }: OrderRequest, now: number): Click | undefined {
    if (!isAutomation(actor)) return undefined;
    const key = `${machine} ${verb} ${actor.id}`;
    let click = this.#clicks.get(key);
    if (!click || (click.open === 0 && now - click.lastAt >= GAP_MS)) {
      click = { actor, verb, lastAt: now, open: 0, order: undefined, overruledBy: undefined, refused: false };
      this.#clicks.set(key, click);
    }
    click.lastAt = now;
    return click;
  }

  of({ actor, machine, verb }: OrderRecord): Click | undefined {
    return this.#clicks.get(`${machine} ${verb} ${actor.id}`);
  }

  /** What an accepted order does to the clicks on its machine, and to those of the order that it takes the place of. */
  accepted(order: OrderRecord, superseded: OrderRecord | undefined): void {
    for (const [key, click] of this.#clicks) {
      if (!key.startsWith(`${order.machine} `)) continue;
      const gaveWay = superseded !== undefined && click.order === superseded;
      if (gaveWay || goal(click.verb) !== goal(order.verb)) {
        if (click.actor.id === order.actor.id) this.#clicks.delete(key);
        else click.overruledBy = order;
      } else if (click.overruledBy && (click.verb === "on" || click.verb === order.verb)) {
        // What a person overruled is given back by a person alone.
        if (isAutomation(order.actor) && !isAutomation(click.overruledBy.actor)) continue;
        click.overruledBy = undefined;
        click.order = order;
      }
    }
    const own = this.of(order);
    if (own) own.order = order;
  }

  /** The daemon's memory of clicks does not outlive it. */
  forget(): void {
    this.#clicks.clear();
  }
}
