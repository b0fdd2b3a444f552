/**
 * A clock that tests move. It jumps to the next due sleeper, and only while no exchange is open and nothing else has
 * happened for a few turns of the event loop, so that real sockets have time to deliver.
 */
import { setTimeout as realPause } from "node:timers/promises";
import type { Clock } from "../src/power/clock.ts";

/** Real milliseconds of silence before time moves, and after which a run that cannot go on is given up. */
const QUIET_TURNS = 4;
const STALLED_MS = 10_000;
/** A program that wakes so often within a second of virtual time goes in circles. */
const WAKES_PER_SECOND = 20_000;

interface Sleeper {
  readonly due: number;
  readonly order: number;
  readonly wake: () => void;
}

export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #sleepers: Sleeper[] = [];
  #busy = 0;
  #second = 0;
  #wakes = 0;

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const leave = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal?.reason);
      };
      const sleeper: Sleeper = {
        due: this.#now + Math.max(0, ms),
        order: this.#order++,
        wake: () => {
          signal?.removeEventListener("abort", leave);
          resolve();
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** Time stands still while the work lasts. */
  async busy<T>(work: Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work;
    } finally {
      this.#busy -= 1;
    }
  }

  /** Moves time until the promise settles. `idle` tells whether time may move. */
  async run<T>(until: Promise<T>, options: { readonly idle?: () => boolean } = {}): Promise<T> {
    const idle = () => this.#busy === 0 && (options.idle?.() ?? true);
    let settled = false;
    const settle = () => {
      settled = true;
    };
    until.then(settle, settle);
    let stuckSince = performance.now();
    while (!settled) {
      if (!(await this.#quiet(idle, () => settled))) continue;
      if (this.#wakeNext()) stuckSince = performance.now();
      else if (performance.now() - stuckSince > STALLED_MS)
        throw new Error("nothing sleeps, and the promise never settles");
      else await realPause(1);
    }
    return until;
  }

  async #quiet(idle: () => boolean, settled: () => boolean): Promise<boolean> {
    for (let turn = 0; turn < QUIET_TURNS; turn++) {
      const before = this.#order;
      await new Promise((resolve) => setImmediate(resolve));
      if (settled() || !idle() || this.#order !== before) {
        if (!idle()) await realPause(1);
        return false;
      }
    }
    return true;
  }

  #wakeNext(): boolean {
    const next = this.#sleepers.reduce<Sleeper | undefined>(
      (first, sleeper) =>
        !first || sleeper.due < first.due || (sleeper.due === first.due && sleeper.order < first.order)
          ? sleeper
          : first,
      undefined,
    );
    if (!next) return false;
    this.#sleepers = this.#sleepers.filter((other) => other !== next);
    this.#now = Math.max(this.#now, next.due);
    this.#countWake();
    next.wake();
    return true;
  }

  #countWake(): void {
    const second = Math.floor(this.#now / 1_000);
    if (second > this.#second) this.#wakes = 0;
    this.#second = second;
    this.#wakes += 1;
    if (this.#wakes > WAKES_PER_SECOND) throw new Error("it wakes again and again, and time hardly moves");
  }
}
