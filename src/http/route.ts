/**
 * A route, declared once: who may ask, what is asked and answered, and how it fails. Requests are checked by the same
 * objects that the OpenAPI document is made of. Who asks is known before anything of the request is read.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Right } from "../power/access.ts";
import { ERROR_TABLE, type ErrorCode } from "../power/errors.ts";
import { ACCESS_ERRORS, type AccessErrorKind } from "./access-error.ts";
import { type ApiServices, type App, admit } from "./api-services.ts";
import { parsed } from "./bad-request.ts";
import { ERROR } from "./errors-shape.ts";
import type { Principal } from "./principal.ts";

const JSON_TYPE = "application/json";
const NO_CONTENT = "204";

/** Headings of the document, in its order. */
export const TAGS = {
  machines: "What machines do, and their locks",
  orders: "Switching machines, and who did",
  events: "What happened, and what happens now",
  hubs: "The plugs, switches and hypervisors that machines share",
  configuration: "What the daemon runs with",
  access: "Signing in; tokens and users",
  daemon: "How the daemon itself does",
} as const;

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

export interface Asked<Params, Query, Body> {
  readonly params: Output<Params>;
  readonly query: Output<Query>;
  readonly body: Output<Body>;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

interface Facts<Answer, Params, Query, Body> {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: `/${string}`;
  readonly tag: keyof typeof TAGS;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** What is answered with 200. */
  readonly answer: Answer;
  /** Where it is no JSON. */
  readonly type?: string;
  /** What is answered instead where JSON is asked for. */
  readonly asJson?: z.ZodType;
  /** Other statuses with the same body, and when. */
  readonly also?: Readonly<Record<number, string>>;
  /** Never 200: only what `also` has. */
  readonly notOk?: true;
  /** Whom an open route turns away all the same. */
  readonly refuses?: readonly AccessErrorKind[];
  /** How it may fail beside what every route does. */
  readonly fails?: readonly ErrorCode[];
  /** What of its path may not be there, as its 404 tells. */
  readonly absent?: string;
  /** The body of its failures, where it holds more than the error. */
  readonly failure?: z.ZodType;
  /** Longest body (bytes), where it is another than all others'. */
  readonly bodyLimit?: number;
}

export interface Route<Answer, Params, Query, Body> extends Facts<Answer, Params, Query, Body> {
  readonly right: Right;
  readonly handle: (
    asked: Asked<Params, Query, Body> & { readonly principal: Principal },
  ) => Output<Answer> | FastifyReply | Promise<Output<Answer> | FastifyReply>;
}

/** One that anybody may ask, without a credential. */
export interface OpenRoute<Answer, Params, Query, Body> extends Facts<Answer, Params, Query, Body> {
  readonly handle: (
    asked: Asked<Params, Query, Body>,
  ) => Output<Answer> | FastifyReply | Promise<Output<Answer> | FastifyReply>;
}

export function addRoute<
  Answer extends z.ZodType,
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodObject | undefined = undefined,
>(app: App, services: ApiServices, route: Route<Answer, Params, Query, Body>): void {
  const callers = new WeakMap<FastifyRequest, Principal>();
  const { method, path, bodyLimit, handle, right } = route;
  app.route({
    method,
    url: path,
    schema: schemaOf(route, right),
    exposeHeadRoute: route.type === undefined && method === "GET",
    ...(bodyLimit !== undefined && { bodyLimit }),
    onRequest: async (request) => {
      callers.set(request, await admit(services, request, right));
    },
    handler: async (request, reply) => {
      const principal = callers.get(request);
      if (!principal) throw new Error(`${method} ${path} was asked by nobody`);
      return handle({ ...askedOf(route, request, reply), principal });
    },
  });
}

export function addOpenRoute<
  Answer extends z.ZodType,
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodObject | undefined = undefined,
>(app: App, route: OpenRoute<Answer, Params, Query, Body>): void {
  const { method, path, handle } = route;
  app.route({
    method,
    url: path,
    schema: schemaOf(route, undefined),
    handler: async (request, reply) => handle(askedOf(route, request, reply)),
  });
}

function askedOf<Answer, Params, Query, Body>(
  { body }: Facts<Answer, Params, Query, Body>,
  request: FastifyRequest,
  reply: FastifyReply,
): Asked<Params, Query, Body> {
  return {
    // Checked by the schemas of the route before it is called.
    params: request.params as Output<Params>,
    query: request.query as Output<Query>,
    // Of a body that did not come Fastify throws away what the schema made of it.
    body: (body instanceof z.ZodType ? (request.body ?? parsed(body, {})) : undefined) as Output<Body>,
    request,
    reply,
  };
}

interface Described {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>>;
}

/** As Fastify and the document want it. */
function schemaOf(
  route: Facts<z.ZodType, unknown, unknown, unknown>,
  right: Right | undefined,
): Record<string, unknown> {
  const {
    method,
    tag,
    summary,
    description,
    params,
    query,
    body,
    answer,
    type = JSON_TYPE,
    asJson,
    also = {},
    notOk,
  } = route;
  const good = (text: string): Described => ({
    description: text,
    content: { [type]: { schema: answer }, ...(asJson && { [JSON_TYPE]: { schema: asJson } }) },
  });
  return {
    tags: [tag],
    summary,
    operationId: operationId(method, route.path),
    ...(right === undefined
      ? { description, security: [] }
      : { description: withRight(description, right), "x-right": right }),
    ...(params !== undefined && { params }),
    ...(query !== undefined && { querystring: query }),
    ...(body !== undefined && { body }),
    response: {
      ...(!notOk && { 200: good(answer.description ?? "Done") }),
      ...Object.fromEntries(
        Object.entries(also).map(([status, when]) => [
          status,
          status === NO_CONTENT ? z.null().describe(when) : good(when),
        ]),
      ),
      ...failuresOf(route, right),
    },
  };
}

function withRight(description: string | undefined, right: Right): string {
  const needs = `Needs the right to \`${right}\`.`;
  return description === undefined ? needs : `${description}\n\n${needs}`;
}

/** `GET /api/v1/machines/:name/maas` is `getMachinesNameMaas`. */
function operationId(method: string, path: string): string {
  const words = path.replace("/api/v1", "").match(/[a-z]+/gi) ?? [];
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function failuresOf(
  { method, params, query, refuses, fails = [], absent, failure = ERROR }: Facts<z.ZodType, unknown, unknown, unknown>,
  right: Right | undefined,
): Record<string, Described> {
  const why = new Map<number, string[]>();
  const add = (status: number, code: string, hint: string) =>
    why.set(status, [...(why.get(status) ?? []), `\`${code}\`: ${hint}`]);
  const wrong = (status: number, hint: string) => add(status, "bad_request", hint);
  if (params !== undefined || query !== undefined || method !== "GET")
    wrong(400, "The request is wrong; the message tells what.");
  if (params !== undefined) wrong(414, "A name in the path is too long.");
  for (const [code, { status, hint }] of Object.entries(ACCESS_ERRORS))
    if (right !== undefined || refuses?.some((kind) => kind === code)) add(status, code, hint);
  if (absent !== undefined) add(404, "not_found", absent);
  if (method !== "GET") {
    wrong(413, "The body is too large.");
    wrong(415, "The body is no JSON.");
  }
  for (const code of fails) add(ERROR_TABLE[code].http, code, ERROR_TABLE[code].hint);
  const described = (description: string): Described => ({
    description,
    content: { [JSON_TYPE]: { schema: failure } },
  });
  return {
    ...Object.fromEntries([...why].map(([status, reasons]) => [status, described(reasons.join("\n\n"))])),
    default: {
      ...described("`internal`: A fault in the daemon; its log tells more."),
      content: { [JSON_TYPE]: { schema: ERROR } },
    },
  };
}
