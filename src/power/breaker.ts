/**
 * Spares a hub that does not answer, and those who ask it. While it answers: everything passes. After a failure: queries
 * are refused at once with that failure, until a pause is over that grows with every further one; then one may try
 * again. One success ends it. Orders are never refused: each makes one real attempt, and its success counts as well.
 */
import type { ErrorCode, PowerError } from "./errors.ts";

/** Pauses before the next query may try (ms); the last one goes on. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000];

/** Failures of the hub itself, not of one outlet or of what was asked. */
const OF_THE_HUB: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["unreachable", "timeout", "auth", "wrong_device"]);

export interface HubFailing {
  /** Since when every exchange fails (ms since 1970). */
  readonly since: number;
  readonly error: PowerError;
}

/** `open`: queries are refused. `half-open`: it fails still, and the next query may try. */
export type BreakerState = "closed" | "open" | "half-open";

export class Breaker {
  #failing: HubFailing | undefined;
  #failures = 0;
  #retryAt = 0;

  get failing(): HubFailing | undefined {
    return this.#failing;
  }

  /** When the next query may try (ms since 1970); in the past where nothing fails. */
  get retryAt(): number {
    return this.#retryAt;
  }

  state(now: number): BreakerState {
    if (!this.#failing) return "closed";
    return now < this.#retryAt ? "open" : "half-open";
  }

  /** Is it the first failure? While it fails, whatever else goes wrong with it counts as well: it is spared from that too. */
  failed(error: PowerError, now: number): boolean {
    if (!this.#failing && !OF_THE_HUB.has(error.code)) return false;
    const first = this.#failing === undefined;
    this.#failing = { since: this.#failing?.since ?? now, error };
    this.#retryAt = now + (PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)] ?? 0);
    this.#failures += 1;
    return first;
  }

  /** Did it fail before? */
  succeeded(): boolean {
    const failed = this.#failing !== undefined;
    this.#failing = undefined;
    this.#failures = 0;
    this.#retryAt = 0;
    return failed;
  }

  /** The next query may try at once. */
  retryNow(): void {
    this.#retryAt = 0;
  }

  /** The failure that a query at `now` is answered with instead of asking; undefined where it may ask. */
  refusal(now: number): PowerError | undefined {
    return now < this.#retryAt ? this.#failing?.error : undefined;
  }
}
