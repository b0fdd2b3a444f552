import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { type ApiServices, type App, admit } from "./api-services.ts";
import type { Described } from "./openapi.ts";
import { addRoute } from "./route.ts";

/** Where the page to browse the document stands. */
const DOCS_PATH = "/api/v1/docs";

/** What is loaded when somebody asks for it. */
export interface LazyDocument {
  document(): Promise<Described["document"]>;
  close(): Promise<void>;
}

/** The route of the document alone. */
export function declareDocument(app: App, services: ApiServices, document: LazyDocument["document"]): void {
  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/openapi.json",
    tag: "daemon",
    summary: "This document",
    description: `OpenAPI 3.1; \`${DOCS_PATH}\` is a page to browse it.`,
    right: "read",
    answer: z.record(z.string(), z.unknown()).describe("The document"),
    handle: () => document(),
  });
}

/** `addOthers` declares all other routes. */
export function documentRoutes(app: App, services: ApiServices, addOthers: (app: App) => void): LazyDocument {
  const declare = (to: App) => declareDocument(to, services, async () => (await described()).document);
  let loaded: Promise<Described> | undefined;
  const described = (): Promise<Described> => {
    loaded ??= load();
    return loaded;
  };
  const load = async (): Promise<Described> => {
    const { describeApi } = await import("./openapi.ts");
    return describeApi({
      version: services.status().version,
      docsPath: DOCS_PATH,
      addRoutes: (to) => {
        addOthers(to);
        declare(to);
      },
    });
  };
  declare(app);

  const page = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    await admit(services, request, "read");
    // Below a base path too: the page names what belongs to it from where it stands.
    const [path = ""] = request.url.split("?", 1);
    if (path === DOCS_PATH) return reply.redirect("docs/");
    const { page } = await described();
    reply.hijack();
    page(request.raw, reply.raw);
    return reply;
  };
  app.get(DOCS_PATH, { exposeHeadRoute: false }, page);
  app.get(`${DOCS_PATH}/*`, { exposeHeadRoute: false }, page);
  return { document: async () => (await described()).document, close: async () => (await loaded)?.close() };
}
