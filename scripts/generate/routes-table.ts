/** The routes of docs/api.md, out of the OpenAPI document. */
import type { ApiServices } from "../../src/http/api-services.ts";
import { declareDocument } from "../../src/http/document-routes.ts";
import { describeApi } from "../../src/http/openapi.ts";
import { TAGS } from "../../src/http/route.ts";
import { addRoutes } from "../../src/http/routes.ts";
import { code, table } from "./markdown.ts";

interface Operation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly "x-right"?: string;
}

/** Whatever routes take out of it while they are declared; nothing of it is ever asked. */
const nobody: unknown = new Proxy(() => undefined, { get: () => nobody });

export async function routesTable(): Promise<string> {
  const services = nobody as ApiServices;
  const described = await describeApi({
    version: "",
    docsPath: "/api/v1/docs",
    addRoutes: (app) => {
      addRoutes(app, services);
      declareDocument(app, services, () => Promise.resolve({}));
    },
  });
  const paths = described.document["paths"] as Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  await described.close();
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ asked: `${method.toUpperCase()} ${path}`, ...operation })),
  );
  return Object.entries(TAGS)
    .map(([tag, what]) => {
      const rows = operations
        .filter(({ tags }) => tags.includes(tag))
        .map(({ asked, summary, "x-right": right }) => [
          code(asked),
          summary,
          right === undefined ? "anybody" : code(right),
        ]);
      return `### ${what}\n\n${table(["request", "what it does", "right"], rows)}`;
    })
    .join("\n\n");
}
