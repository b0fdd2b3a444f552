import type { z } from "zod";

/** The request itself is wrong; its message says what. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
}

/** The input as the schema has it; nothing is as good as an empty object. Throws BadRequest. */
export function parsed<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = validated(schema, input);
  if ("error" in result) throw result.error;
  return result.value;
}

/** The same, as Fastify wants it told. */
export function validated<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): { readonly value: z.output<Schema> } | { readonly error: BadRequest } {
  const result = schema.safeParse(input ?? {});
  if (result.success) return { value: result.data };
  const [issue] = result.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.map(String).join(".")}: ` : "";
  return { error: new BadRequest(`${where}${issue?.message ?? "it does not fit"}`) };
}
