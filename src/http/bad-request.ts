import type { z } from "zod";

/** The request itself is wrong; its message says what. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
}

/** The input as the schema has it. Throws BadRequest. */
export function parsed<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.map(String).join(".")}: ` : "";
  throw new BadRequest(`${where}${issue?.message ?? "it does not fit"}`);
}
