/** Orders as a caller may know of them: those under way as they are now, those that ended as the journal has them. */
import type { z } from "zod";
import { PowerError } from "../power/errors.ts";
import type { OrderRecord } from "../power/order.ts";
import { type ApiServices, seenMachines } from "./api-services.ts";
import type { Principal } from "./principal.ts";
import type { ORDERS_QUERY } from "./queries.ts";

type Query = z.output<typeof ORDERS_QUERY>;

/** The newest first. */
export function listedOrders(services: ApiServices, principal: Principal, query: Query): OrderRecord[] {
  const { power, history } = services;
  const { before, limit } = query;
  const border = before === undefined ? undefined : orderById(services, before);
  if (before !== undefined && !border) return [];
  const running = power.orders();
  const ids = new Set(running.map(({ id }) => id));
  // Those under way are in the journal too, but not what they do now.
  const past = history.orders({ ...query, machines: seenMachines(history, principal), limit: limit + ids.size });
  return [
    ...running.filter((order) => principal.sees(order.machine) && fits(order, query, border)),
    ...past.filter(({ id }) => !ids.has(id)),
  ]
    .toSorted(newestFirst)
    .slice(0, limit);
}

function fits(order: OrderRecord, query: Query, border: OrderRecord | undefined): boolean {
  const { machine, actor, verb, state, since = -Infinity, until = Infinity } = query;
  return (
    (machine === undefined || order.machine === machine) &&
    (actor === undefined || order.actor.id === actor) &&
    (verb === undefined || order.verb === verb) &&
    (state === undefined || order.state === state) &&
    order.acceptedAt >= since &&
    order.acceptedAt < until &&
    (border === undefined || newestFirst(border, order) < 0)
  );
}

function newestFirst(a: OrderRecord, b: OrderRecord): number {
  return b.acceptedAt - a.acceptedAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}

function orderById({ power, history }: ApiServices, id: string): OrderRecord | undefined {
  return power.orders().find((running) => running.id === id) ?? history.order(id);
}

/** Throws PowerError, the same for an order that is hidden and one that is not there. */
export function visibleOrder(services: ApiServices, principal: Principal, id: string): OrderRecord {
  const order = orderById(services, id);
  if (order && principal.sees(order.machine)) return order;
  throw new PowerError("not_found", `there is no order "${id.slice(0, 80)}"`, {
    status: 404,
    hint: "`maasochist orders` lists them.",
  });
}
