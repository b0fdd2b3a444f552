/**
 * The API under `/api/v1`, for the command line and for scripts. GET never changes anything. Errors have one form:
 * `{"error":{"code","message","hint"}}`. Machines that a caller may not see do not exist for it.
 */
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import type { z } from "zod";
import { answerOf, challengeFor, type HttpError, isFault } from "./answer.ts";
import type { ApiServices } from "./api-services.ts";
import { BadRequest, validated } from "./bad-request.ts";
import { Checks } from "./checks.ts";
import { documentRoutes } from "./document-routes.ts";
import { requestId } from "./request-log.ts";
import { addRoutes } from "./routes.ts";
import type { Handler } from "./server.ts";

export type { DaemonStatus } from "./shapes.ts";

/** What is answered is data: no page, and no part of any other site's. */
const DATA_HEADERS = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
} as const;
const BODY_LIMIT = 64 * 1_024;
/** Longest name in a path (characters). */
const LONGEST_PARAMETER = 256;

export interface Api {
  readonly handle: Handler;
  /** Every route that it has: `GET /api/v1/machines/:name`. */
  readonly routes: readonly string[];
  /** OpenAPI 3.1; made when first asked for. */
  document(): Promise<Readonly<Record<string, unknown>>>;
  /** Ends the streams that are open. */
  close(): Promise<void>;
}

export async function buildApi(services: Omit<ApiServices, "checks">): Promise<Api> {
  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    fail(reply, error, (fault) => services.onFault(fault, request.id));
  };
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: LONGEST_PARAMETER },
    frameworkErrors: refuse,
    genReqId: requestId,
    requestIdHeader: false,
  });
  // Before anything is decided, so that streams and failures carry it as well.
  app.addHook("onRequest", (request, reply, done) => {
    reply.raw.setHeader("X-Request-Id", request.id);
    for (const [name, value] of Object.entries(DATA_HEADERS)) reply.raw.setHeader(name, value);
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    services.answered({ request: request.raw, status: reply.statusCode, ms: reply.elapsedTime, id: request.id });
    done();
  });
  app.setErrorHandler(refuse);
  app.setValidatorCompiler<z.ZodType>(
    ({ schema }) =>
      (input) =>
        validated(schema, input),
  );
  // The compiler has checked answers already; whoever reads them is not to wait for that again.
  app.setSerializerCompiler(() => JSON.stringify);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    return send(reply, 404, {
      code: "not_found",
      message: `there is no ${request.method} ${path.slice(0, LONGEST_PARAMETER)}`,
      hint: "The API stands under /api/v1, MAAS's webhooks under /maas.",
    });
  });
  const routes: string[] = [];
  app.addHook("onRoute", ({ method, url }) => {
    for (const one of Array.isArray(method) ? method : [method]) routes.push(`${one} ${url}`);
  });
  const whole = { ...services, checks: new Checks() };
  const endStreams = addRoutes(app, whole);
  const described = documentRoutes(app, whole, (to) => void addRoutes(to, whole));
  await app.ready();
  return {
    handle: (request, response) => app.routing(request, response),
    routes,
    document: () => described.document(),
    close: async () => {
      endStreams();
      await described.close();
      await app.close();
    },
  };
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
  const challenge = answer.status === 401 ? challengeFor(reply.request.raw) : {};
  return send(reply.headers({ ...answer.headers, ...challenge }), answer.status, answer.error);
}

function send(reply: FastifyReply, status: number, error: HttpError): FastifyReply {
  return reply.code(status).send({ error });
}
