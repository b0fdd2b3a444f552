/**
 * The API under `/api/v1`, for the command line and for scripts. GET never changes anything. Errors have one form:
 * `{"error":{"code","message","hint"}}`. Machines that a caller may not see do not exist for it.
 */
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import { answerOf, type HttpError, isFault } from "./answer.ts";
import { type ApiServices, type App, admit, visibleNames } from "./api-services.ts";
import { BadRequest } from "./bad-request.ts";
import { configurationRoutes } from "./configuration-routes.ts";
import { eventRoutes } from "./event-routes.ts";
import { hubRoutes } from "./hub-routes.ts";
import { machineRoutes } from "./machine-routes.ts";
import { orderRoutes } from "./order-routes.ts";
import type { Handler } from "./server.ts";
import type { DaemonStatus } from "./shapes.ts";

export type { DaemonStatus } from "./shapes.ts";

const BODY_LIMIT = 64 * 1_024;
/** Longest name in a path (characters). */
const LONGEST_PARAMETER = 256;

export interface Api {
  readonly handle: Handler;
  /** Ends the streams that are open. */
  close(): Promise<void>;
}

export async function buildApi(services: ApiServices): Promise<Api> {
  const refuse = (error: unknown, _request: FastifyRequest, reply: FastifyReply): void => {
    fail(reply, error, services.onFault);
  };
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: LONGEST_PARAMETER },
    frameworkErrors: refuse,
  });
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    return send(reply, 404, {
      code: "not_found",
      message: `there is no ${request.method} ${path.slice(0, LONGEST_PARAMETER)}`,
      hint: "The API stands under /api/v1, MAAS's webhooks under /maas.",
    });
  });
  statusRoutes(app, services);
  machineRoutes(app, services);
  orderRoutes(app, services);
  hubRoutes(app, services);
  configurationRoutes(app, services);
  const endStreams = eventRoutes(app, services);
  await app.ready();
  return {
    handle: (request, response) => app.routing(request, response),
    close: async () => {
      endStreams();
      await app.close();
    },
  };
}

/** The first two are for load balancers and supervisors: asked by anybody, they tell yes or no and nothing else. */
function statusRoutes(app: App, services: ApiServices): void {
  const { power, status } = services;
  app.get("/healthz", () => ({ ok: true }));
  app.get("/readyz", (_request, reply) => {
    const ok = status().problems.length === 0;
    return reply.code(ok ? 200 : 503).send({ ok });
  });
  app.get("/api/v1/status", async (request): Promise<DaemonStatus> => {
    const principal = await admit(services, request, "read");
    const machines = visibleNames(power, principal).length;
    const whole = status();
    // Warnings tell of machines, and of files that tell of machines.
    return machines === power.names.length ? whole : { ...whole, machines, warnings: [], configuration: null };
  });
}

function fail(reply: FastifyReply, error: unknown, onFault: (error: unknown) => void): FastifyReply {
  if (error instanceof BadRequest)
    return send(reply, 400, { code: "bad_request", message: error.message, hint: "Correct the request." });
  // Fastify's own: a body that is no JSON, too large, or of a foreign type; a path that is none.
  if (
    error instanceof Error &&
    "statusCode" in error &&
    typeof error.statusCode === "number" &&
    error.statusCode < 500
  ) {
    return send(reply, error.statusCode, {
      code: "bad_request",
      // It may quote the whole path.
      message: error.message.slice(0, 300),
      hint: "Correct the request; a body is JSON, of 64 KiB at most.",
    });
  }
  if (isFault(error)) onFault(error);
  const answer = answerOf(error);
  return send(reply.headers({ ...answer.headers }), answer.status, answer.error);
}

function send(reply: FastifyReply, status: number, error: HttpError): FastifyReply {
  return reply.code(status).send({ error });
}
