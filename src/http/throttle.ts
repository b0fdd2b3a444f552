/** Failed logins slow down: whoever failed too often with one kind of credential is not looked at for a while. */
const FREE_FAILURES = 5;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
const FORGET_MS = 10 * 60_000;
const MOST_KEPT = 10_000;

interface Failures {
  count: number;
  until: number;
  readonly first: number;
}

export class Throttle {
  readonly #failures = new Map<string, Failures>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Milliseconds until another attempt with it is looked at; 0 for now. */
  wait(key: string): number {
    const failures = this.#failures.get(key);
    return failures ? Math.max(0, failures.until - this.#now()) : 0;
  }

  failed(key: string): void {
    const now = this.#now();
    const known = this.#failures.get(key);
    const failures = known && now - known.first < FORGET_MS ? known : { count: 0, until: 0, first: now };
    failures.count += 1;
    const over = failures.count - FREE_FAILURES;
    failures.until = over > 0 ? now + Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (over - 1)) : 0;
    this.#failures.delete(key);
    this.#failures.set(key, failures);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MOST_KEPT && oldest !== undefined) this.#failures.delete(oldest);
  }
}
