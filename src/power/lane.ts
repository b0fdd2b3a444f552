/**
 * Exchanges on a hub take turns in its lane: at most `concurrency` at once, their starts at least `interval` apart,
 * those of orders before those of queries. A lane carries exchanges, never orders: it is free while a machine rests or boots.
 */
import type { Clock } from "./clock.ts";
import type { Pace } from "./driver.ts";

export type Priority = "order" | "query";

interface Waiting {
  readonly start: () => void;
}

export class Lane {
  readonly #clock: Clock;
  /** May change at any time; what runs already runs on. */
  pace: Pick<Pace, "concurrency" | "interval">;
  readonly #waiting: Record<Priority, Waiting[]> = { order: [], query: [] };
  #running = 0;
  #nextStart = 0;
  #pausing = false;

  constructor(clock: Clock, pace: Pick<Pace, "concurrency" | "interval">) {
    this.#clock = clock;
    this.pace = pace;
  }

  get running(): number {
    return this.#running;
  }

  get queued(): number {
    return this.#waiting.order.length + this.#waiting.query.length;
  }

  /**
   * Runs the exchange when its turn comes. A signal that aborts while it waits takes it out of the line and rejects with
   * the signal's reason; once started, an exchange is the business of who gave it.
   */
  async run<T>(priority: Priority, signal: AbortSignal | undefined, exchange: () => Promise<T>): Promise<T> {
    await this.#turn(priority, signal);
    try {
      return await exchange();
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  #turn(priority: Priority, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const line = this.#waiting[priority];
      const leave = () => {
        line.splice(line.indexOf(waiting), 1);
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener("abort", leave);
          resolve();
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      line.push(waiting);
      this.#next();
    });
  }

  #next(): void {
    while (this.#running < this.pace.concurrency && this.queued > 0) {
      const pause = this.#nextStart - this.#clock.now();
      if (pause > 0) {
        this.#resumeAfter(pause);
        return;
      }
      const waiting = this.#waiting.order.shift() ?? this.#waiting.query.shift();
      this.#running += 1;
      this.#nextStart = this.#clock.now() + this.pace.interval;
      waiting?.start();
    }
  }

  #resumeAfter(pause: number): void {
    if (this.#pausing) return;
    this.#pausing = true;
    void this.#clock.sleep(pause).then(() => {
      this.#pausing = false;
      this.#next();
    });
  }
}
