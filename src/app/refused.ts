import type { Log } from "./log.ts";

/** Each caller and reason is told once in this time (ms). */
const TELL_EVERY_MS = 600_000;
const MOST_KEPT = 1_000;

/** Tells of callers that were turned away before they could ask, without letting them fill the log. */
export class Refused {
  readonly #toldAt = new Map<string, number>();
  readonly #log: Log;
  readonly #now: () => number;

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  tell(address: string, why: string): void {
    const key = `${address} ${why}`;
    const now = this.#now();
    if (now - (this.#toldAt.get(key) ?? -Infinity) < TELL_EVERY_MS) return;
    const [oldest, at = 0] = this.#toldAt.entries().next().value ?? [];
    // From so many places that no more of them are told for now.
    if (this.#toldAt.size >= MOST_KEPT && now - at < TELL_EVERY_MS) return;
    if (this.#toldAt.size >= MOST_KEPT && oldest !== undefined) this.#toldAt.delete(oldest);
    this.#toldAt.delete(key);
    this.#toldAt.set(key, now);
    this.#log.warn({ from: address }, `a caller was refused: it ${why}`);
  }
}
