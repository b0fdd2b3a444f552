/** Holds what is answered against the OpenAPI document: every answer of every test that asks the API. */
import { z } from "zod";
import type { Api } from "../../src/http/api.ts";

type Json = Record<string, unknown>;

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Json }>>;
}

interface Operation {
  readonly responses: Readonly<Record<string, Content>>;
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly requestBody?: Content;
  /** Empty where anybody may ask. */
  readonly security?: readonly unknown[];
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Json };
}

export interface Exchange {
  readonly method: string;
  /** As it was asked, with what is behind the question mark. */
  readonly path: string;
  readonly sent: unknown;
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

const ERROR_FORM = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string().min(1), hint: z.string().min(1) }),
});

let known: Promise<Described> | undefined;

/** The document is the same for every API: it is made once. */
export function describedBy(api: Api): Promise<Described> {
  known ??= api.document().then((document) => new Described(document as unknown as Document));
  return known;
}

export class Described {
  readonly document: Document;
  readonly #schemas = new Map<string, z.ZodType>();

  constructor(document: Document) {
    this.document = document;
  }

  /** `GET /api/v1/machines/{name} 200` and the like: all that is promised. */
  get promises(): string[] {
    return Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { responses }]) =>
        Object.keys(responses)
          .filter((status) => status !== "default")
          .map((status) => `${method.toUpperCase()} ${path} ${status}`),
      ),
    );
  }

  /** Answers which promise was kept; undefined for what is no part of the API. Throws where none was. */
  check({ method, path, sent, status, type, text }: Exchange): string | undefined {
    const [asked = ""] = path.split("?", 1);
    const template = this.#template(asked);
    const operation = template === undefined ? undefined : this.document.paths[template]?.[method.toLowerCase()];
    if (template === undefined || !operation) {
      if (asked.startsWith("/api/") && !asked.startsWith("/api/v1/docs")) ERROR_FORM.parse(JSON.parse(text));
      return undefined;
    }
    const promise = `${method} ${template} ${status}`;
    const response =
      operation.responses[String(status)] ?? (status >= 500 ? operation.responses["default"] : undefined);
    if (!response) throw new Error(`${promise} is not documented; it answered ${text}`);
    if (status === 204) {
      if (text !== "") throw new Error(`${promise} has a body`);
      return promise;
    }
    const mediaType = type?.split(";", 1)[0] ?? "";
    const content = response.content?.[mediaType];
    if (!content) throw new Error(`${promise} is not documented as ${mediaType}`);
    if (mediaType === "application/json") this.#fits(promise, content.schema, JSON.parse(text));
    const body = operation.requestBody?.content?.["application/json"]?.schema;
    if (body && status < 300 && typeof sent === "object") this.#fits(`what ${promise} is sent`, body, sent);
    return promise;
  }

  #template(path: string): string | undefined {
    const bare = path.length > 1 ? path.replace(/\/$/, "") : path;
    if (bare in this.document.paths) return bare;
    return Object.keys(this.document.paths).find((template) =>
      new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(bare),
    );
  }

  #fits(what: string, schema: Json, value: unknown): void {
    let checker = this.#schemas.get(what);
    if (!checker) {
      checker = z.fromJSONSchema(
        closed({ ...schema, $defs: this.document.components.schemas }) as z.core.JSONSchema.JSONSchema,
      );
      this.#schemas.set(what, checker);
    }
    const result = checker.safeParse(value);
    if (!result.success)
      throw new Error(
        `${what} is not as documented:\n${z.prettifyError(result.error)}\n${JSON.stringify(value).slice(0, 2_000)}`,
      );
  }
}

/** The same for a reader who knows every field: what is not documented is an error here. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [
    key,
    key === "$ref" ? String(value).replace("#/components/schemas/", "#/$defs/") : closed(value),
  ]);
  const made = Object.fromEntries(entries) as Json;
  const isObject = made["type"] === "object" && typeof made["properties"] === "object";
  return isObject && !("additionalProperties" in made) ? { ...made, additionalProperties: false } : made;
}
