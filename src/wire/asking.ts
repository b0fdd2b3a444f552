/** Several questions at once, where one answer is enough and silence is told from questions that could not be asked. */
import { setTimeout as pause } from "node:timers/promises";
import type { Answer } from "../power/driver.ts";
import { messageOf, PowerError } from "../power/errors.ts";

/** What was heard; `at` where it is older than the question (ms since 1970). */
export interface Heard extends Pick<Answer, "at"> {
  readonly evidence: string;
}

const SILENT = new Error("silent");

/** The first that was heard, at once; else, when all have ended, why some of them could not be asked. */
export async function askAll(
  asked: readonly Promise<Heard | undefined>[],
): Promise<{ readonly heard?: Heard; readonly failures: readonly PowerError[] }> {
  try {
    return { heard: await Promise.any(asked.map(async (ask) => (await ask) ?? Promise.reject(SILENT))), failures: [] };
  } catch (error) {
    const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    return { failures: errors.filter((each) => each !== SILENT).map(asFailure) };
  }
}

/** The first that was heard; undefined where there was silence. Throws PowerError where none could be asked. */
export async function firstOf(asked: readonly Promise<Heard | undefined>[]): Promise<Heard | undefined> {
  const { heard, failures } = await askAll(asked);
  const [failure] = failures;
  if (failure && failures.length === asked.length) throw failure;
  return heard;
}

/**
 * Asks until there is evidence, `misses` times at most, `wait` milliseconds each. Silent rounds last their full time:
 * three that fail within a moment are no silence. Throws what `ask` throws, and when the signal aborts.
 */
export async function inRounds(
  { misses, wait, signal }: { readonly misses: number; readonly wait: number; readonly signal: AbortSignal },
  ask: () => Promise<string | undefined>,
): Promise<Heard | undefined> {
  for (let round = 0; round < misses; round++) {
    const until = performance.now() + wait;
    const evidence = await ask();
    if (evidence !== undefined) return { evidence };
    await pause(Math.max(0, until - performance.now()), undefined, { signal });
  }
  return undefined;
}

function asFailure(cause: unknown): PowerError {
  return cause instanceof PowerError
    ? cause
    : new PowerError("unreachable", `it cannot be asked from here: ${messageOf(cause)}`, { cause });
}
