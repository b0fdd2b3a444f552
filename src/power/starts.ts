/**
 * Turns to start: breakers and supplies bear the inrush of a few machines, not of a rack that comes back at once. A
 * machine that is about to be fed or started takes a turn in each limit that holds for it, and keeps it until its order
 * is over. Those who wait do so in the order they came; one who waits for one limit holds up nobody under another.
 */
import type { Clock } from "./clock.ts";
import type { LimitSpec } from "./spec.ts";

interface Waiting {
  readonly limits: readonly Limit[];
  readonly start: () => void;
  readonly waitsFor: (what: string) => void;
}

class Limit {
  spec: LimitSpec;
  active = 0;
  nextAt = 0;

  constructor(spec: LimitSpec) {
    this.spec = spec;
  }

  /** What keeps a machine from starting now; undefined where nothing does. */
  obstacle(now: number): string | undefined {
    const { label, starting, pause } = this.spec;
    if (this.active >= starting) return `${this.active} of ${starting} machines of ${label} are starting`;
    if (now < this.nextAt) return `${pause / 1_000} s between starts of ${label}`;
    return undefined;
  }
}

export class Starts {
  readonly #clock: Clock;
  #limits: readonly Limit[] = [];
  #waiting: Waiting[] = [];
  #wakeAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Limits that stay keep their count. */
  set limits(specs: readonly LimitSpec[]) {
    this.#limits = specs.map((spec) => {
      const known = this.#limits.find((limit) => limit.spec.label === spec.label) ?? new Limit(spec);
      known.spec = spec;
      return known;
    });
    this.#next();
  }

  /**
   * Resolves when it is the machine's turn, to the function that gives the turn back. `waitsFor` is told what it waits
   * for. Rejects with the signal's reason when that aborts first.
   */
  async turn(
    machine: { readonly tags: readonly string[]; readonly hubs: readonly string[] },
    options: { readonly signal: AbortSignal; readonly waitsFor: (what: string) => void },
  ): Promise<() => void> {
    const { signal, waitsFor } = options;
    const limits = this.#limits.filter(
      ({ spec }) =>
        (spec.tag !== undefined && machine.tags.includes(spec.tag)) ||
        (spec.hub !== undefined && machine.hubs.includes(spec.hub)),
    );
    if (limits.length === 0) return () => undefined;
    await new Promise<void>((resolve, reject) => {
      signal.throwIfAborted();
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        reject(signal.reason);
      };
      const waiting: Waiting = {
        limits,
        waitsFor,
        start: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiting);
      this.#next();
    });
    let given = false;
    return () => {
      if (given) return;
      given = true;
      for (const limit of limits) limit.active -= 1;
      this.#next();
    };
  }

  #next(): void {
    const now = this.#clock.now();
    for (const waiting of this.#waiting) {
      const obstacle = waiting.limits.map((limit) => limit.obstacle(now)).find((what) => what !== undefined);
      if (obstacle !== undefined) {
        waiting.waitsFor(obstacle);
        continue;
      }
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      for (const limit of waiting.limits) {
        limit.active += 1;
        limit.nextAt = now + limit.spec.pause;
      }
      waiting.start();
    }
    this.#wakeWhenPaused(now);
  }

  /** A pause ends without anybody giving a turn back. */
  #wakeWhenPaused(now: number): void {
    const times = this.#waiting.flatMap(({ limits }) => limits.map((limit) => limit.nextAt)).filter((at) => at > now);
    const at = Math.min(...times, Infinity);
    if (at === Infinity || (this.#wakeAt > now && this.#wakeAt <= at)) return;
    this.#wakeAt = at;
    void this.#clock.sleep(at - now).then(() => this.#next());
  }
}
