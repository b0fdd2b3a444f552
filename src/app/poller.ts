/** Keeps readings alive: reads a machine when nobody asked for its `poll`. */
import type { Power } from "../power/api.ts";
import type { Clock } from "../power/clock.ts";

const TICK_MS = 1_000;
/** Machines asked in one tick at most, so that a start with thousands is no burst. */
const MOST_PER_TICK = 200;

export class Poller implements Disposable {
  readonly #power: Power;
  readonly #clock: Clock;
  /** When each machine was last asked by this (ms since 1970). */
  readonly #asked = new Map<string, number>();
  readonly #over = new AbortController();

  constructor(power: Power, clock: Clock) {
    this.#power = power;
    this.#clock = clock;
    setImmediate(() => void this.#poll(this.#over.signal));
  }

  async #poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#tick();
      await this.#clock.sleep(TICK_MS, signal).catch(() => undefined);
    }
  }

  #tick(): void {
    const now = this.#clock.now();
    let started = 0;
    for (const name of this.#power.names) {
      if (started >= MOST_PER_TICK) return;
      const { spec, reading, order } = this.#power.machine(name);
      const last = Math.max(reading?.startedAt ?? 0, this.#asked.get(name) ?? 0);
      if (order || now - last < spec.poll) continue;
      this.#asked.set(name, now);
      started += 1;
      // A failure is told by the machine's own events.
      this.#power.query(name).catch(() => undefined);
    }
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }
}
