/** Devices that answer JSON over plain HTTP at one address. */
import type { z } from "zod";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";

/** `http://192.168.1.40:80`, to be followed by a path. */
export function plainBase({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export interface Parsing {
  /** Whose answer it is, for people. */
  readonly from: string;
  /** Was it asked for by a command? */
  readonly acted: boolean;
  readonly secrets?: readonly string[];
  readonly hint?: string;
}

/** A text of JSON in its shape; undefined where it is not. */
export function shaped<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** An answer in its shape. Throws PowerError `protocol`, which quotes what came instead. */
export function parsed<T>(schema: z.ZodType<T>, text: string, { from, acted, secrets, hint }: Parsing): T {
  const answer = shaped(schema, text);
  if (answer !== undefined) return answer;
  throw new PowerError("protocol", `${from} answered something else: ${clip(text, secrets, 200) || "nothing"}`, {
    mayHaveActed: acted,
    ...(hint !== undefined && { hint }),
  });
}
