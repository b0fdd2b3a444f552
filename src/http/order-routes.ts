import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Ticket } from "../power/api.ts";
import type { Clock } from "../power/clock.ts";
import { PowerError } from "../power/errors.ts";
import type { OrderRequest } from "../power/order.ts";
import { AccessError } from "./access-error.ts";
import { answerOf, isFault } from "./answer.ts";
import { type ApiServices, type App, visibleMachine } from "./api-services.ts";
import { ERROR, ERROR_FACTS } from "./errors-shape.ts";
import { listedOrders, visibleOrder } from "./order-list.ts";
import { BULK_REQUEST, ORDER, ORDER_REQUEST } from "./order-shapes.ts";
import { actorOf, type Principal } from "./principal.ts";
import { BY_ID, ORDERS_QUERY } from "./queries.ts";
import { learn } from "./request-log.ts";
import { addRoute } from "./route.ts";
import { turn } from "./turn.ts";

const ONE = z.object({ order: ORDER }).meta({ id: "OrderAnswer", description: "It was done" });
const LIST = z.object({ orders: z.array(ORDER) }).meta({ id: "Orders", description: "The newest first" });
const FAILED = ERROR.extend({ order: ORDER.exactOptional().describe("Absent where it was refused") }).meta({
  id: "OrderError",
  description: "Why it was refused, or how it failed",
});
const RESULTS = z
  .object({
    results: z.array(
      z.object({ machine: z.string(), order: ORDER.exactOptional(), error: ERROR_FACTS.exactOptional() }),
    ),
  })
  .meta({ id: "BulkAnswer", description: "For each machine its order, or why there is none" });

const NO_ORDER = "There is no such order, or none that you may know of.";
const BULK_BODY_LIMIT = 512 * 1_024;

export function orderRoutes(app: App, services: ApiServices): void {
  const { power, clock } = services;

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/orders",
    tag: "orders",
    summary: "Switch a machine",
    description: "Answered when a reading proves it, when it failed, or with 202 when `timeout_ms` are over.",
    right: "order",
    body: ORDER_REQUEST,
    answer: ONE,
    also: { 202: "It is under way" },
    failure: FAILED,
    absent: "There is no such machine, or none that you may know of.",
    fails: [
      "protected",
      "disabled",
      "superseded",
      "not_found",
      "unsupported",
      "locked",
      "auth",
      "refused",
      "protocol",
      "wrong_device",
      "unreachable",
      "busy",
      "timeout",
      "unproven",
    ],
    handle: async ({ principal, body, request, reply }) => {
      const { wait, timeout_ms, machine, ...wish } = body;
      mayForce(principal, wish.force);
      const ticket = power.order(
        orderOf({ ...wish, machine: visibleMachine(power, principal, machine) }, principal, request),
      );
      learn(request.raw, { order: ticket.order.id });
      ticket.done.catch(() => undefined);
      await power.kept();
      if (wait) return answerTicket(reply, ticket, { clock, timeout: timeout_ms });
      reply.code(202);
      return { order: ticket.order };
    },
  });

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/orders/bulk",
    tag: "orders",
    summary: "Switch several machines",
    description: "Each machine is an order of its own: what is refused or absent leaves the others alone.",
    right: "order",
    body: BULK_REQUEST,
    bodyLimit: BULK_BODY_LIMIT,
    answer: RESULTS,
    notOk: true,
    also: { 202: "What was taken is under way" },
    handle: async ({ principal, body, request, reply }) => {
      const { machines, ...wish } = body;
      mayForce(principal, wish.force);
      const results: z.output<typeof RESULTS>["results"] = [];
      for (const machine of new Set(machines)) {
        await turn();
        try {
          const known = visibleMachine(power, principal, machine);
          const ticket = power.order(orderOf({ ...wish, machine: known }, principal, request));
          ticket.done.catch(() => undefined);
          results.push({ machine, order: ticket.order });
        } catch (thrown) {
          if (isFault(thrown)) throw thrown;
          results.push({ machine, error: answerOf(thrown).error });
        }
      }
      await power.kept();
      reply.code(202);
      return { results };
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/orders",
    tag: "orders",
    summary: "List orders, the newest first",
    description:
      "Who switched off nuc7 last night, and was it proven? `?machine=nuc7&verb=off&since=…` tells actor, reason, grade and proof.",
    right: "read",
    query: ORDERS_QUERY,
    answer: LIST,
    handle: ({ principal, query }) => ({ orders: listedOrders(services, principal, query) }),
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/orders/:id",
    tag: "orders",
    summary: "One order, with all its steps",
    right: "read",
    params: BY_ID,
    answer: ONE,
    absent: NO_ORDER,
    handle: ({ principal, params }) => ({ order: visibleOrder(services, principal, params.id) }),
  });

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/orders/:id/cancel",
    tag: "orders",
    summary: "End an order at its next safe point",
    right: "order",
    params: BY_ID,
    answer: ONE,
    absent: NO_ORDER,
    fails: ["not_found"],
    handle: ({ principal, params, request }) => {
      const order = visibleOrder(services, principal, params.id);
      power.cancel(order.id, actorOf(principal, request.raw));
      return { order };
    },
  });
}

/** Throws AccessError. */
function mayForce(principal: Principal, force: boolean): void {
  if (force && !principal.may("configure"))
    throw new AccessError("forbidden", `${principal.actor.name} may not force an order`);
}

type Wish = Pick<z.output<typeof ORDER_REQUEST>, "machine" | "verb" | "how" | "reason" | "force">;

function orderOf({ how, reason, ...wish }: Wish, principal: Principal, request: FastifyRequest): OrderRequest {
  return {
    ...wish,
    actor: actorOf(principal, request.raw),
    ...(how && { how }),
    ...(reason !== undefined && { reason }),
  };
}

/** Answers how the order ended, or 202 when `timeout` (ms) is over; it goes on all the same. */
async function answerTicket(
  reply: FastifyReply,
  ticket: Ticket,
  { clock, timeout }: { readonly clock: Clock; readonly timeout: number },
): Promise<FastifyReply> {
  const answered = new AbortController();
  // A caller that hangs up has no more use for an answer.
  reply.raw.once("close", () => answered.abort());
  const late = clock.sleep(timeout, answered.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    const order = await Promise.race([ticket.done, late]);
    return await reply.code(order ? 200 : 202).send({ order: order ?? ticket.order });
  } catch (thrown) {
    const { status, error } = answerOf(PowerError.from(thrown));
    return await reply.code(status).send({ error, order: ticket.order });
  } finally {
    answered.abort();
  }
}
