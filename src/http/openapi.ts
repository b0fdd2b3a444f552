/**
 * The OpenAPI document, and a page to browse it. Loaded when somebody asks for one of them: a second set of the same routes
 * is declared to an instance that describes them and serves nothing but the page.
 */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import fastify from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import type { App } from "./api-services.ts";
import { TAGS } from "./route.ts";
import type { Handler } from "./server.ts";

/** The document's own address is `/api/v1/openapi.json`: from there it is two up to where the daemon stands. */
const SERVERS = [{ url: "../.." }];
const SERVERS_OF_PAGE = [{ url: "../../.." }];
/** Everything comes from here, and nothing stands inline. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const DESCRIPTION = `Times are milliseconds since 1970, durations milliseconds. Failures have one form, \`{"error":{"code","message","hint"}}\`; decide by the code. \
GET changes nothing. Machines that a caller may not see do not exist for it, in lists, counts, hubs, streams and exports alike. \
Answers may get more fields in later versions: ignore those you do not know.`;

export interface Described {
  /** OpenAPI 3.1. */
  readonly document: Readonly<Record<string, unknown>>;
  /** Serves what is below `docsPath`. */
  readonly page: Handler;
  close(): Promise<void>;
}

export interface DescribeOptions {
  /** Where the page stands. */
  readonly docsPath: string;
  readonly version: string;
  readonly addRoutes: (app: App) => void;
}

export async function describeApi({ version, docsPath, addRoutes }: DescribeOptions): Promise<Described> {
  const app = fastify({ routerOptions: { ignoreTrailingSlash: true } });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  const zodToJsonConfig = { override: tidy };
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "MAASochist",
        version,
        description: DESCRIPTION,
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: {
        securitySchemes: {
          token: {
            type: "http",
            scheme: "bearer",
            description: "A token: `maasochist token add NAME --role operator`",
          },
          password: { type: "http", scheme: "basic", description: "A user and its password" },
          session: { type: "apiKey", in: "cookie", name: "mso_session", description: "A page that signed in" },
        },
      },
      security: [{ token: [] }, { password: [] }, { session: [] }],
    },
    transform: (route) => {
      // What declares nothing is for no API client.
      if (!route.schema?.["summary"]) return { schema: { hide: true }, url: route.url };
      return createJsonSchemaTransform({ zodToJsonConfig })(route);
    },
    transformObject: createJsonSchemaTransformObject({ zodToJsonConfig }),
  });
  await app.register(swaggerUi, {
    routePrefix: docsPath,
    staticCSP: PAGE_POLICY,
    theme: { title: "MAASochist API" },
    uiConfig: {
      // What a page asks with its cookie is told from what another site makes a browser ask.
      requestInterceptor: (request) => {
        request["headers"]["X-MSO-Request"] = "1";
        return request;
      },
      displayOperationId: false,
      persistAuthorization: false,
    },
    transformSpecification: (document) => ({ ...document, servers: SERVERS_OF_PAGE }),
  });
  addRoutes(app);
  await app.ready();
  return {
    // The plugin itself takes absolute addresses alone.
    document: { ...app.swagger(), servers: SERVERS },
    page: (request, response) => app.routing(request, response),
    close: () => app.close(),
  };
}

/** What answers have is told, and not that they will never have more; nothing of them is for reading alone. */
function tidy({
  zodSchema,
  jsonSchema,
}: {
  readonly zodSchema: unknown;
  readonly jsonSchema: z.core.JSONSchema.BaseSchema;
}): void {
  delete jsonSchema.readOnly;
  if (zodSchema instanceof z.ZodObject && zodSchema.def.catchall === undefined) delete jsonSchema.additionalProperties;
}
