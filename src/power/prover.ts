/**
 * Finds out what a machine is doing, and waits until it does what it should. A reading proves something only when its
 * exchange began after the command ended, and when no other command is under way that may yet change it.
 */
import type { Clock } from "./clock.ts";
import { PowerError } from "./errors.ts";
import type { Machine } from "./machine.ts";
import type { Progress } from "./progress.ts";
import type { Reading } from "./reading.ts";

/** Pauses between the reads that look for the proof (ms); the last one goes on. */
const PROOF_PAUSES_MS = [1_000, 1_000, 1_000, 1_000, 2_000, 2_000, 4_000];

export interface ProofOptions {
  /** When the command ended (ms since 1970). */
  readonly since: number;
  readonly wait: number;
  readonly shows?: (reading: Reading) => boolean;
  readonly settle?: number;
}

export interface ProverServices {
  readonly clock: Clock;
  readonly progress: Progress;
  /** Aborts when the order is to end at its next safe point; its reason is a PowerError. */
  readonly signal: AbortSignal;
}

export class Prover {
  readonly #machine: Machine;
  readonly #clock: Clock;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;

  constructor(machine: Machine, { clock, progress, signal }: ProverServices) {
    this.#machine = machine;
    this.#clock = clock;
    this.#progress = progress;
    this.#signal = signal;
  }

  /** A reading now, or undefined where reading fails: one failed read stops no order. */
  async look(): Promise<Reading | undefined> {
    try {
      return await this.read();
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!(error instanceof PowerError)) throw error;
      return undefined;
    }
  }

  /** A reading now. Throws PowerError. */
  async read(): Promise<Reading> {
    const at = this.#clock.now();
    try {
      const reading = await this.#machine.measure("order", this.#signal);
      const text = `${reading.state}: ${reading.evidence.join(", ") || (reading.reason ?? "no evidence")}`;
      this.#progress.exchange("read", { at, text });
      this.#signal.throwIfAborted();
      return reading;
    } catch (thrown) {
      this.#signal.throwIfAborted();
      this.#progress.exchange("read", { at, text: "no reading", thrown });
      throw thrown;
    }
  }

  /**
   * Reads until the goal shows in an exchange that began after the command ended and settled.
   * Throws `unproven` when `wait` milliseconds after `since` it still does not.
   */
  async prove(goal: "on" | "off", options: ProofOptions): Promise<Reading> {
    const { since, wait } = options;
    // Where an earlier command may still lead away from the goal, the last word is not before that is over.
    const deadline = Math.max(since + wait, this.#machine.cloudAgainst(goal)?.until ?? 0);
    const shows = options.shows ?? ((reading: Reading) => this.#machine.shows(reading, goal));
    const readFrom = since + Math.max(options.settle ?? 0, this.#machine.spec.settle);
    await this.#sleepUntil(readFrom);
    let seen: Reading | undefined;
    let failure: PowerError | undefined;
    for (const pause of pauses()) {
      try {
        seen = await this.read();
        failure = undefined;
        if (seen.startedAt >= readFrom && shows(seen)) return seen;
        if (this.#machine.blind) return { ...seen, state: goal, reason: "nothing measures this machine" };
      } catch (thrown) {
        this.#signal.throwIfAborted();
        failure = PowerError.from(thrown);
      }
      const left = deadline - this.#clock.now();
      if (left <= 0) break;
      await this.#machine.news(Math.min(pause, left), this.#signal);
    }
    throw this.#unproven(goal, wait, failure ?? seen);
  }

  #unproven(goal: "on" | "off", wait: number, last: PowerError | Reading | undefined): PowerError {
    const seconds = `${Math.round(wait / 100) / 10} s`;
    const name = this.#machine.name;
    if (last instanceof PowerError) {
      const message = `${name} could not be read for ${seconds}, so ${goal} is not proven: ${last.message}`;
      return new PowerError("unproven", message, { cause: last, mayHaveActed: true });
    }
    const evidence = last && last.evidence.length > 0 ? ` (${last.evidence.join(", ")})` : "";
    const message = `${name} still reads ${last?.state ?? "nothing"} after ${seconds}${evidence}, not ${goal}`;
    return new PowerError("unproven", message, { mayHaveActed: true });
  }

  /**
   * The reading to begin with. Waits before it while the machine is at `goal`, or cannot be read, but an earlier command
   * may still lead away from there; while the same is true of its supply; and while the device says that it is on its
   * way away, as long as the machine may take for that.
   */
  async settled(goal: "on" | "off"): Promise<Reading | undefined> {
    const patience = this.#clock.now() + this.#machine.spec.verify;
    return this.#waitWhile((reading) => {
      const against = this.#machine.cloudAgainst(goal);
      if (against && (against.of === "supply" || (reading?.state ?? goal) === goal)) return against.until;
      return reading?.towards !== undefined && reading.towards !== goal ? patience : 0;
    });
  }

  /** Waits until no command is under way in either direction. */
  async quiet(): Promise<void> {
    const cloud = () => this.#machine.cloudAgainst("on") ?? this.#machine.cloudAgainst("off");
    if (cloud()) await this.#waitWhile(() => cloud()?.until ?? 0);
  }

  /** Looks as long as `until` names a time to come; answers the last reading. */
  async #waitWhile(until: (reading: Reading | undefined) => number): Promise<Reading | undefined> {
    let told = false;
    for (const pause of pauses()) {
      const reading = await this.look();
      const left = until(reading) - this.#clock.now();
      if (left <= 0) return reading;
      if (!told) this.#progress.wait("an earlier command may still show");
      told = true;
      await this.#machine.news(Math.min(pause, left), this.#signal);
    }
    return undefined;
  }

  async #sleepUntil(time: number): Promise<void> {
    const ms = time - this.#clock.now();
    if (ms > 0) await this.#clock.sleep(ms, this.#signal);
  }
}

/** Without end. */
export function* pauses(): Generator<number> {
  const last = PROOF_PAUSES_MS[PROOF_PAUSES_MS.length - 1] ?? 0;
  yield* PROOF_PAUSES_MS;
  while (true) yield last;
}
