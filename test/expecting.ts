/** What tests of drivers and of the wire expect, beside what `expect` knows. */
import { PowerError } from "../src/power/errors.ts";

/** How long something may take to come true (ms). */
const PATIENCE_MS = 5_000;

/** The failure of work that must fail with a PowerError. */
export async function failureOf(work: Promise<unknown>): Promise<PowerError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof PowerError)) throw new Error("it did not fail with a PowerError", { cause: thrown });
  return thrown;
}

/** Resolves when the condition holds; it is looked at so often (ms). */
export async function until(
  condition: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
  everyMs = 10,
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`it did not come true within ${patienceMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Aborts as a hub does when the time of an exchange is over. */
export function within(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new PowerError("timeout", "the exchange's time is over")), ms).unref();
  return controller.signal;
}
