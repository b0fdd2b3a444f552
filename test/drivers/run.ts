/** A driver's functions as the controller calls them, without a controller. */
import type { Context, Driver, MachineFacts, Verb } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";

export interface DriverRun {
  readonly driver: Driver;
  readonly outlet: Record<string, unknown>;
  readonly machine?: MachineFacts;
  readonly last?: Context["last"];
  /** Longest it may take (ms). */
  readonly timeout?: number;
}

type Call = (connection: undefined, outlet: unknown, ctx: Context) => unknown;

export async function command(verb: Verb, run: DriverRun): Promise<void> {
  const { [verb]: way } = run.driver;
  if (typeof way !== "function") throw new Error(`${run.driver.name} has no plain ${verb}`);
  await call(way, run);
}

/** What `query` answers, always in its long form. */
export async function query(run: DriverRun) {
  const { query } = run.driver;
  if (!query) throw new Error(`${run.driver.name} cannot be read`);
  const answer = await query(undefined, run.driver.outlet.parse(run.outlet), context(run));
  return typeof answer === "string" ? { state: answer } : answer;
}

/** How the work failed. Throws where it did not, or not with a PowerError. */
export async function failureOf(work: Promise<unknown>): Promise<PowerError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PowerError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

/** What the driver finds wrong with these settings: `key: problem`, warnings with their code in front. */
export function findings({ driver, outlet }: Pick<DriverRun, "driver" | "outlet">): readonly string[] {
  const found = driver.check?.(driver.outlet.parse(outlet), undefined) ?? [];
  return found.map(
    ({ key, problem, severity, code = "" }) => `${severity === "warning" ? `${code} ` : ""}${key}: ${problem}`,
  );
}

async function call(way: Call, run: DriverRun): Promise<unknown> {
  return way(undefined, run.driver.outlet.parse(run.outlet), context(run));
}

function context({ machine = { name: "nuc1" }, last, timeout = 10_000 }: DriverRun): Context {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new PowerError("timeout", "its time is over")), timeout).unref();
  return { signal: controller.signal, machine, last };
}
