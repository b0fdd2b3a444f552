/** Figures of hubs for metrics, in a number that is bounded. */
import type { HubView, Power } from "../power/api.ts";
import type { ErrorCode } from "../power/errors.ts";

/** Hubs that are told by name. */
const MOST_HUBS = 500;
const OTHER_HUBS = "(others)";

/** What is told of one hub, or of several that are told as one: drivers without a shared device have one per machine. */
export interface HubFigures {
  readonly hub: string;
  readonly driver: string;
  readonly latency: HubView["exchanges"]["latency"];
  readonly count: number;
  readonly durationMs: number;
  readonly failures: ReadonlyMap<ErrorCode, number>;
  readonly failing: boolean;
  readonly queued: number;
  readonly running: number;
}

/** Of every hub; of those beyond the first 500 together, by driver. */
export function hubFigures(power: Power): readonly HubFigures[] {
  const figures = new Map<string, HubFigures>();
  for (const view of power.hubs()) {
    const { name, driver } = view.spec;
    const named = figures.size < MOST_HUBS || figures.has(`${driver.name} ${name}`);
    const hub = named ? name : OTHER_HUBS;
    const key = `${driver.name} ${hub}`;
    figures.set(key, together(figures.get(key), { ...figuresOf(view), hub }));
  }
  return [...figures.values()];
}

function figuresOf({ spec, exchanges, failing, queued, running }: HubView): HubFigures {
  const { latency, count, durationMs, failures } = exchanges;
  const driver = spec.driver.name;
  return {
    hub: spec.name,
    driver,
    latency,
    count,
    durationMs,
    failures,
    failing: failing !== undefined,
    queued,
    running,
  };
}

/** The quantiles of several are those of the slowest. */
function together(a: HubFigures | undefined, b: HubFigures): HubFigures {
  if (!a) return b;
  const failures = new Map(a.failures);
  for (const [code, count] of b.failures) failures.set(code, (failures.get(code) ?? 0) + count);
  const [one, other] = [a.latency, b.latency];
  return {
    hub: a.hub,
    driver: a.driver,
    latency: one && other ? { p50: Math.max(one.p50, other.p50), p99: Math.max(one.p99, other.p99) } : (one ?? other),
    count: a.count + b.count,
    durationMs: a.durationMs + b.durationMs,
    failures,
    failing: a.failing || b.failing,
    queued: a.queued + b.queued,
    running: a.running + b.running,
  };
}
