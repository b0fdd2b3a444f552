/** What became of a hub's exchanges since it is there: counted as they end, looked at when somebody asks. */
import type { ErrorCode } from "./errors.ts";

/** So many of the latest durations are kept, to tell the pace of a hub. */
const LATEST = 100;

export interface Latency {
  /** Half of the latest exchanges took at most so long (ms). */
  readonly p50: number;
  readonly p99: number;
}

export class ExchangeCounts {
  readonly #latest: number[] = [];
  readonly #failures = new Map<ErrorCode, number>();
  #count = 0;
  #durationMs = 0;

  ended(durationMs: number): void {
    this.#latest[this.#count % LATEST] = durationMs;
    this.#count += 1;
    this.#durationMs += durationMs;
  }

  failed(code: ErrorCode): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
  }

  /** All that ended, well or not. */
  get count(): number {
    return this.#count;
  }

  /** What they took together (ms). */
  get durationMs(): number {
    return this.#durationMs;
  }

  /** Those that failed, by code. */
  get failures(): ReadonlyMap<ErrorCode, number> {
    return this.#failures;
  }

  /** Of the last 100; undefined before the first. */
  get latency(): Latency | undefined {
    if (this.#count === 0) return undefined;
    const sorted = this.#latest.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
    return { p50: at(0.5), p99: at(0.99) };
  }
}
