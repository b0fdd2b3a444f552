import type { FastifyReply } from "fastify";
import type { Ticket } from "../power/api.ts";
import type { Clock } from "../power/clock.ts";
import { PowerError } from "../power/errors.ts";
import type { OrderRecord } from "../power/order.ts";
import { AccessError } from "./access-error.ts";
import { answerOf } from "./answer.ts";
import { type ApiServices, type App, admit, seenMachines, visibleMachine } from "./api-services.ts";
import { parsed } from "./bad-request.ts";
import { actorOf, type Principal } from "./principal.ts";
import { ORDER_REQUEST, ORDERS_QUERY } from "./shapes.ts";

export function orderRoutes(app: App, services: ApiServices): void {
  const { power, history, clock } = services;

  app.post("/api/v1/orders", async (request, reply) => {
    const principal = await admit(services, request, "order");
    const { wait, timeout_ms, force, how, reason, verb, machine } = parsed(ORDER_REQUEST, request.body);
    if (force && !principal.may("configure"))
      throw new AccessError("forbidden", `${principal.actor.name} may not force an order`);
    const ticket = power.order({
      machine: visibleMachine(power, principal, machine),
      verb,
      actor: actorOf(principal, request.raw),
      force,
      ...(how && { how }),
      ...(reason !== undefined && { reason }),
    });
    ticket.done.catch(() => undefined);
    if (!wait) return reply.code(202).send({ order: ticket.order });
    return answerTicket(reply, ticket, { clock, timeout: timeout_ms });
  });

  app.get("/api/v1/orders", async (request) => {
    const principal = await admit(services, request, "read");
    const { machine, actor, since = 0, limit } = parsed(ORDERS_QUERY, request.query);
    const running = power
      .orders()
      .filter((order) => principal.sees(order.machine))
      .filter((order) => machine === undefined || order.machine === machine)
      .filter((order) => actor === undefined || order.actor.id === actor)
      .filter((order) => order.acceptedAt >= since);
    const ids = new Set(running.map((order) => order.id));
    const machines = seenMachines(history, principal);
    const past = history.orders({ machine, machines, actor, since, limit }).filter((order) => !ids.has(order.id));
    const orders = [...running, ...past].toSorted((a, b) => b.acceptedAt - a.acceptedAt);
    return { orders: orders.slice(0, limit) };
  });

  app.get<{ Params: { id: string } }>("/api/v1/orders/:id", async (request) => {
    const principal = await admit(services, request, "read");
    return { order: visibleOrder(services, principal, request.params.id) };
  });

  app.post<{ Params: { id: string } }>("/api/v1/orders/:id/cancel", async (request) => {
    const principal = await admit(services, request, "order");
    const order = visibleOrder(services, principal, request.params.id);
    power.cancel(order.id, actorOf(principal, request.raw));
    return { order };
  });
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

/** Throws PowerError, the same for an order that is hidden and one that is not. */
function visibleOrder({ power, history }: ApiServices, principal: Principal, id: string): OrderRecord {
  const order = power.orders().find((running) => running.id === id) ?? history.order(id);
  if (order && principal.sees(order.machine)) return order;
  throw new PowerError("not_found", `there is no order "${id.slice(0, 80)}"`, {
    status: 404,
    hint: "`maasochist orders` lists them.",
  });
}
