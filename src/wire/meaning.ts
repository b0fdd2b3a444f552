/** What a program's words mean: programs that drive devices fail with one exit status, and tell why in words alone. */
import { type ErrorCode, PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";

export interface Meaning {
  /** Searched in each line of what it said. */
  readonly said: RegExp;
  readonly code: ErrorCode;
  /** By then, could a command have reached the device? */
  readonly acted: boolean;
  readonly hint?: string;
}

/**
 * The first of the meanings that its words have, with the line that tells it; undefined where none is known.
 * `who` is the device for people.
 */
export function meaningOf(
  words: string,
  meanings: readonly Meaning[],
  { who, secrets = [] }: { readonly who: string; readonly secrets?: readonly string[] },
): PowerError | undefined {
  const lines = words.split("\n");
  for (const { said, code, acted, hint } of meanings) {
    const line = lines.find((line) => said.test(line));
    if (line === undefined) continue;
    return new PowerError(code, `${who}: ${clip(line.replace(/^[>\s]*(?:error: )?/i, ""), secrets)}`, {
      mayHaveActed: acted,
      ...(hint !== undefined && { hint }),
    });
  }
  return undefined;
}
