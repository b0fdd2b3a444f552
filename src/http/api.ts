/**
 * The API under `/api/v1`, for the command line and for scripts. GET never changes anything. Errors have one form:
 * `{"error":{"code","message","hint"}}`. Machines that a caller may not see do not exist for it.
 */
import type { IncomingMessage } from "node:http";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Right } from "../power/access.ts";
import type { Power } from "../power/api.ts";
import type { Clock } from "../power/clock.ts";
import { PowerError } from "../power/errors.ts";
import { nearest } from "../power/names.ts";
import type { OrderRecord } from "../power/order.ts";
import { AccessError } from "./access-error.ts";
import { answerOf } from "./answer.ts";
import { followEvents, type StoredEvent } from "./event-stream.ts";
import type { Principal } from "./principal.ts";
import type { Handler } from "./server.ts";
import {
  type DaemonStatus,
  EVENTS_QUERY,
  hubShape,
  MACHINES_QUERY,
  machineShape,
  ORDER_REQUEST,
  ORDERS_QUERY,
} from "./shapes.ts";
import type { Sightings } from "./sightings.ts";

export type { DaemonStatus } from "./shapes.ts";

const BODY_LIMIT = 64 * 1_024;
const LIST_TIMEOUT_MS = 15_000;

/** What the API asks of the journal. */
export interface History {
  orders(filter: {
    machine?: string | undefined;
    actor?: string | undefined;
    since?: number | undefined;
    limit: number;
  }): OrderRecord[];
  order(id: string): OrderRecord | undefined;
  events(filter: {
    machine?: string | undefined;
    since?: number | undefined;
    after?: number | undefined;
    limit: number;
  }): StoredEvent[];
  /** Tells every event as it is written. Answers the function that ends it. */
  follow(listener: (event: StoredEvent) => void): () => void;
}

export interface ApiServices {
  readonly power: Power;
  readonly history: History;
  readonly authenticate: (request: IncomingMessage) => Principal | Promise<Principal>;
  readonly status: () => DaemonStatus;
  readonly sightings: Sightings;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

export interface Api {
  readonly handle: Handler;
  close(): Promise<void>;
}

export async function buildApi(services: ApiServices): Promise<Api> {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    routerOptions: { ignoreTrailingSlash: true },
    forceCloseConnections: true,
  });
  app.setErrorHandler((error, _request, reply) => fail(reply, error, services.onFault));
  app.setNotFoundHandler((request, reply) => {
    const hint = "The API stands under /api/v1, MAAS's webhooks under /maas.";
    return reply.code(404).send({
      error: { code: "not_found", message: `there is no ${request.method} ${request.url.split("?")[0]}`, hint },
    });
  });
  app.get("/healthz", () => ({ ok: true }));
  app.get("/readyz", (_request, reply) => {
    const { problems } = services.status();
    return reply.code(problems.length > 0 ? 503 : 200).send({ ok: problems.length === 0 });
  });
  machineRoutes(app, services);
  orderRoutes(app, services);
  eventRoutes(app, services);
  hubRoutes(app, services);
  app.get("/api/v1/status", async (request) => {
    await admit(services, request, "read");
    return services.status();
  });
  await app.ready();
  return { handle: (request, response) => app.routing(request, response), close: () => app.close() };
}

type App = FastifyInstance;

function machineRoutes(app: App, services: ApiServices): void {
  const { power, sightings } = services;
  app.get("/api/v1/machines", async (request) => {
    const principal = await admit(services, request, "read");
    const { tag, state, search } = parsed(MACHINES_QUERY, request.query);
    const machines = power.names
      .filter((name) => principal.sees(name))
      .map((name) => machineShape(power.machine(name), sightings.of(name)))
      .filter(
        (machine) =>
          (tag === undefined || machine.tags.includes(tag)) && (state === undefined || machine.state === state),
      )
      .filter(
        (machine) =>
          search === undefined ||
          `${machine.name} ${machine.description ?? ""}`.toLowerCase().includes(search.toLowerCase()),
      );
    return { machines };
  });
  app.get<{ Params: { name: string } }>("/api/v1/machines/:name", async (request) => {
    const principal = await admit(services, request, "read");
    const name = visible(power, principal, request.params.name);
    return machineShape(power.machine(name), sightings.of(name));
  });
  app.post<{ Params: { name: string } }>("/api/v1/machines/:name/query", async (request) => {
    const principal = await admit(services, request, "read");
    const name = visible(power, principal, request.params.name);
    await power.query(name);
    return machineShape(power.machine(name), sightings.of(name));
  });
}

function orderRoutes(app: App, services: ApiServices): void {
  const { power, history, clock } = services;
  app.post("/api/v1/orders", async (request, reply) => {
    const principal = await admit(services, request, "order");
    const { wait, timeout_ms, force, how, reason, ...wish } = parsed(ORDER_REQUEST, request.body);
    if (force && !principal.may("configure"))
      throw new AccessError("forbidden", `${principal.actor.name} may not force an order`);
    const machine = visible(power, principal, wish.machine);
    const agent = request.headers["user-agent"];
    const actor = { ...principal.actor, ...(agent !== undefined && { agent }) };
    const ticket = power.order({
      machine,
      verb: wish.verb,
      actor,
      force,
      ...(how && { how }),
      ...(reason !== undefined && { reason }),
    });
    if (wait) {
      const answered = new AbortController();
      reply.raw.once("close", () => answered.abort());
      const ended = ticket.done.then(
        () => true,
        () => true,
      );
      const late = clock.sleep(timeout_ms, answered.signal).then(
        () => false,
        () => false,
      );
      await Promise.race([ended, late]);
      answered.abort();
    } else ticket.done.catch(() => undefined);
    const { error, state } = ticket.order;
    if (error && state !== "running") {
      const known = new PowerError(error.code, error.message, { hint: error.hint });
      return reply
        .code(known.status)
        .send({ error: { code: error.code, message: error.message, hint: error.hint }, order: ticket.order });
    }
    return reply.code(state === "done" ? 200 : 202).send({ order: ticket.order });
  });
  app.get("/api/v1/orders", async (request) => {
    const principal = await admit(services, request, "read");
    const filter = parsed(ORDERS_QUERY, request.query);
    const running = power.orders().filter((order) => filter.machine === undefined || order.machine === filter.machine);
    const ids = new Set(running.map((order) => order.id));
    const past = history.orders(filter).filter((order) => !ids.has(order.id));
    return { orders: [...running, ...past].filter((order) => principal.sees(order.machine)) };
  });
  app.get<{ Params: { id: string } }>("/api/v1/orders/:id", async (request) => {
    const principal = await admit(services, request, "read");
    return { order: visibleOrder(services, principal, request.params.id) };
  });
  app.post<{ Params: { id: string } }>("/api/v1/orders/:id/cancel", async (request) => {
    const principal = await admit(services, request, "order");
    const order = visibleOrder(services, principal, request.params.id);
    power.cancel(order.id, principal.actor);
    return { order };
  });
}

function eventRoutes(app: App, services: ApiServices): void {
  const { history } = services;
  const seen =
    (principal: Principal) =>
    ({ event }: StoredEvent) =>
      !("machine" in event) || principal.sees(event.machine);
  app.get("/api/v1/events", async (request) => {
    const principal = await admit(services, request, "read");
    return { events: history.events(parsed(EVENTS_QUERY, request.query)).filter(seen(principal)) };
  });
  app.get("/api/v1/events/stream", async (request, reply) => {
    const principal = await admit(services, request, "read");
    const { machine } = parsed(EVENTS_QUERY, request.query);
    const lastId = Number(request.headers["last-event-id"]);
    reply.hijack();
    followEvents({
      response: reply.raw,
      history,
      after: Number.isInteger(lastId) ? lastId : undefined,
      fits: (stored) =>
        seen(principal)(stored) &&
        (machine === undefined || ("machine" in stored.event && stored.event.machine === machine)),
    });
  });
}

function hubRoutes(app: App, services: ApiServices): void {
  const { power } = services;
  const shapes = (principal: Principal) =>
    power
      .hubs()
      .map((view) => hubShape(view, (machine) => principal.sees(machine)))
      .filter((hub) => hub.machines.length > 0);
  app.get("/api/v1/hubs", async (request) => {
    const principal = await admit(services, request, "read");
    return { hubs: shapes(principal) };
  });
  app.get<{ Params: { name: string } }>("/api/v1/hubs/:name/outlets", async (request) => {
    const principal = await admit(services, request, "configure");
    const { name } = request.params;
    if (!shapes(principal).some((hub) => hub.name === name))
      throw new PowerError("not_found", `there is no hub "${name}"`, { status: 404 });
    return { outlets: await power.list(name, AbortSignal.timeout(LIST_TIMEOUT_MS)) };
  });
}

/** Who calls, if it may. Throws AccessError. */
async function admit(services: ApiServices, request: FastifyRequest, right: Right): Promise<Principal> {
  const principal = await services.authenticate(request.raw);
  if (!principal.may(right))
    throw new AccessError(
      "forbidden",
      `${principal.actor.name} may not ${right === "order" ? "switch machines" : right === "read" ? "read this" : "do this"}`,
    );
  return principal;
}

function visible(power: Power, principal: Principal, name: string): string {
  if (power.has(name) && principal.sees(name)) return name;
  const near = nearest(
    name,
    power.names.filter((known) => principal.sees(known)),
  );
  throw new PowerError(
    "not_found",
    `there is no machine "${name.slice(0, 80)}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
    { status: 404 },
  );
}

function visibleOrder({ power, history }: ApiServices, principal: Principal, id: string): OrderRecord {
  const order = power.orders().find((running) => running.id === id) ?? history.order(id);
  if (order && principal.sees(order.machine)) return order;
  throw new PowerError("not_found", `there is no order "${id.slice(0, 80)}"`, {
    status: 404,
    hint: "`maasochist orders` lists them.",
  });
}

/** Throws a 400 that says what is wrong. */
function parsed<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.map(String).join(".")}: ` : "";
  throw new BadRequest(`${where}${issue?.message ?? "it does not fit"}`);
}

class BadRequest extends Error {
  override readonly name = "BadRequest";
}

function fail(reply: FastifyReply, error: unknown, onFault: (error: unknown) => void): FastifyReply {
  if (error instanceof BadRequest)
    return reply
      .code(400)
      .send({ error: { code: "bad_request", message: error.message, hint: "Correct the request." } });
  // Fastify's own: a body that is no JSON, too large, or of a foreign type.
  if (
    error instanceof Error &&
    "statusCode" in error &&
    typeof error.statusCode === "number" &&
    error.statusCode < 500
  ) {
    return reply
      .code(error.statusCode)
      .send({ error: { code: "bad_request", message: error.message, hint: "Send JSON, up to 64 KiB." } });
  }
  const answer = answerOf(error);
  if (answer.status === 500 && !(error instanceof PowerError)) onFault(error);
  return reply
    .code(answer.status)
    .headers({ ...answer.headers })
    .send({ error: answer.error });
}
