/**
 * Keeps readings alive: reads a machine when nobody asked for its `poll`. Each machine is looked at when it is due and
 * not before, so that thousands that are asked often enough cost nothing.
 */
import type { Power } from "../power/api.ts";
import type { Clock } from "../power/clock.ts";

const TICK_MS = 1_000;
/** Machines asked in one tick at most, so that a start with thousands is no burst; of many thousands a fifteenth. */
const MOST_PER_TICK = 200;
const SHARE_PER_TICK = 1 / 15;

export class Poller implements Disposable {
  readonly #power: Power;
  readonly #clock: Clock;
  /** Names by the tick in which they are due. */
  readonly #due = new Map<number, string[]>();
  /** The tick in which each machine is due; where it stands for another one as well, that one is over. */
  readonly #dueIn = new Map<string, number>();
  readonly #over = new AbortController();
  #tick = 0;
  #turnedAt: number;

  constructor(power: Power, clock: Clock) {
    this.#power = power;
    this.#clock = clock;
    for (const name of power.names) this.#look(name, 0);
    const forget = power.listen((signal) => {
      if (signal.kind !== "config:reloaded") return;
      for (const name of signal.removed) this.#dueIn.delete(name);
      for (const name of [...signal.added, ...signal.changed]) this.#look(name, this.#tick + 1);
    });
    this.#over.signal.addEventListener("abort", forget);
    this.#turnedAt = clock.now();
    setImmediate(() => void this.#poll(this.#over.signal));
  }

  /** When it last looked which machines are due (ms since 1970). */
  get turnedAt(): number {
    return this.#turnedAt;
  }

  async #poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#pollDue();
      await this.#clock.sleep(TICK_MS, signal).catch(() => undefined);
      this.#tick += 1;
    }
  }

  #look(name: string, tick: number): void {
    this.#dueIn.set(name, tick);
    const names = this.#due.get(tick);
    if (names) names.push(name);
    else this.#due.set(tick, [name]);
  }

  #pollDue(): void {
    this.#turnedAt = this.#clock.now();
    const names = this.#due.get(this.#tick) ?? [];
    this.#due.delete(this.#tick);
    let left = Math.max(MOST_PER_TICK, Math.ceil(this.#dueIn.size * SHARE_PER_TICK));
    for (const name of names) {
      if (this.#dueIn.get(name) !== this.#tick) continue;
      const wait = left > 0 ? this.#wait(name) : TICK_MS;
      if (wait > 0) {
        this.#look(name, this.#tick + Math.ceil(wait / TICK_MS));
        continue;
      }
      left -= 1;
      this.#look(name, this.#tick + Math.ceil(this.#power.machine(name).spec.poll / TICK_MS));
      // A failure is told by the machine's own events.
      this.#power.query(name).catch(() => undefined);
    }
  }

  /** How long until it is to be read, unless somebody asks before (ms). */
  #wait(name: string): number {
    const { spec, reading, order } = this.#power.machine(name);
    if (order) return TICK_MS;
    return reading ? reading.startedAt + spec.poll - this.#clock.now() : 0;
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }
}
