/**
 * One order being obeyed: commands, rests and proofs of one machine, step by step.
 *
 * Safe points are everywhere but inside an exchange: an order that is to end early finishes the exchange it is in
 * and commands nothing more.
 */
import type { Clock } from "./clock.ts";
import type { How, Verb } from "./driver.ts";
import { ERROR_TABLE, PowerError } from "./errors.ts";
import type { Machine, Stage } from "./machine.ts";
import type { OrderRecord, Step } from "./order.ts";
import { describeCommand, type Outlet } from "./outlet.ts";
import type { Reading } from "./reading.ts";

/** Pauses before the repeats of a command that failed in a way that may pass (ms). */
const RETRY_PAUSES_MS = [500, 1_000];

/** Pauses between the reads that look for the proof (ms); the last one goes on. */
const PROOF_PAUSES_MS = [1_000, 1_000, 1_000, 1_000, 2_000, 2_000, 4_000];

export interface RunServices {
  readonly clock: Clock;
  /** Aborts when the order is to end at its next safe point; its reason is a PowerError. */
  readonly signal: AbortSignal;
  readonly order: OrderRecord;
  /** A step was added. */
  readonly stepped: () => void;
}

/** What a command is given beside its outlet. */
interface CommandOptions {
  readonly verb: Verb;
  readonly how?: How | undefined;
  /** The state it leads to, where it leads to one. */
  readonly goal: "on" | "off";
  readonly wait: number;
  /** Is there another way if this one is not to be reached? Then it is not tried again. */
  readonly lastWay: boolean;
}

export class Run {
  readonly machine: Machine;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #order: OrderRecord;
  readonly #stepped: () => void;

  constructor(machine: Machine, services: RunServices) {
    this.machine = machine;
    this.#clock = services.clock;
    this.#signal = services.signal;
    this.#order = services.order;
    this.#stepped = services.stepped;
  }

  /** Throws the reason when the order is to end here. */
  safePoint(): void {
    this.#signal.throwIfAborted();
  }

  note(text: string): void {
    this.#step({ at: this.#clock.now(), what: "note", text });
  }

  #step(step: Step): void {
    this.#order.steps.push(step);
    this.#stepped();
  }

  /** A reading now, or undefined where reading fails: one failed read stops no order. */
  async look(): Promise<Reading | undefined> {
    try {
      return await this.#read();
    } catch (error) {
      this.safePoint();
      if (!(error instanceof PowerError)) throw error;
      return undefined;
    }
  }

  async #read(): Promise<Reading> {
    const at = this.#clock.now();
    try {
      const reading = await this.machine.measure("order");
      const text = `${reading.state}: ${reading.evidence.join(", ") || (reading.reason ?? "no evidence")}`;
      this.#step({ at, what: "read", text, durationMs: this.#clock.now() - at });
      this.safePoint();
      return reading;
    } catch (thrown) {
      this.safePoint();
      const { code, message } = PowerError.from(thrown);
      this.#step({
        at,
        what: "read",
        text: "no reading",
        durationMs: this.#clock.now() - at,
        error: { code, message },
      });
      throw thrown;
    }
  }

  /** Does the reading show the state, with no command under way that may yet change it? */
  trusts(reading: Reading | undefined, state: "on" | "off"): reading is Reading {
    return reading?.state === state && this.machine.cloudAgainst(state) === undefined;
  }

  /**
   * Sends a command, at most twice more where that can do no harm. Answers when it ended (ms since 1970).
   * Throws PowerError.
   */
  async command(outlet: Outlet, options: CommandOptions): Promise<number> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#commandOnce(outlet, options);
      } catch (thrown) {
        this.safePoint();
        const error = PowerError.from(thrown);
        const pause = RETRY_PAUSES_MS[attempt];
        const harmless = !error.mayHaveActed || outlet.repeatable;
        const worthIt = ERROR_TABLE[error.code].retry && (options.lastWay || error.code !== "unreachable");
        if (pause === undefined || !harmless || !worthIt) throw error;
        await this.#clock.sleep(pause, this.#signal);
      }
    }
  }

  async #commandOnce(outlet: Outlet, options: CommandOptions): Promise<number> {
    const { verb, how, goal, wait } = options;
    if (outlet.momentary) await this.#mayPress(outlet, options);
    this.safePoint();
    const { machine } = this;
    const at = this.#clock.now();
    const text = `${describeCommand(verb, how)} by ${outlet.label}`;
    machine.voidReadings();
    try {
      const { value: followed, endedAt } = await outlet.command(verb, how, machine.asking("order"));
      this.#step({ at, what: "command", text, durationMs: endedAt - at });
      machine.cloud({ goal, since: endedAt, until: endedAt + wait });
      machine.remember({ last: { state: goal, at: endedAt } });
      if (followed) await this.#follow(outlet, followed, endedAt + wait);
      return endedAt;
    } catch (thrown) {
      const error = PowerError.from(thrown);
      const endedAt = this.#clock.now();
      const { code, message } = error;
      this.#step({ at, what: "command", text, durationMs: endedAt - at, error: { code, message } });
      if (error.mayHaveActed) machine.cloud({ goal, since: endedAt, until: endedAt + wait });
      throw error;
    } finally {
      machine.voidReadings();
    }
  }

  /** A button toggles: it is pressed only on a measured opposite reading, taken after the last press has settled. */
  async #mayPress(outlet: Outlet, { goal }: CommandOptions): Promise<void> {
    if (outlet.pressedAt !== undefined) await this.#sleepUntil(outlet.pressedAt + this.#settle(outlet));
    const reading = await this.#read();
    if (reading.confidence !== "measured" || reading.state === "unknown") {
      throw new PowerError(
        "refused",
        `${outlet.label} is a button, and the state is not measured: pressing it might do the opposite`,
        {
          hint: "Give the machine a query that measures, such as `reachable` or the power LED.",
        },
      );
    }
    if (reading.state === goal)
      throw new PowerError("refused", `${outlet.label} is a button, and the machine already reads ${goal}`);
  }

  async #follow(
    outlet: Outlet,
    followed: { follow(signal: AbortSignal): Promise<"pending" | "done"> },
    until: number,
  ): Promise<void> {
    for (const pause of pauses()) {
      const { value } = await outlet.follow(followed, this.machine.asking("order"));
      if (value === "done") return;
      if (this.#clock.now() + pause > until) {
        throw new PowerError("timeout", `${outlet.label} is still working on it`, { mayHaveActed: true });
      }
      await this.#clock.sleep(pause, this.#signal);
    }
  }

  /**
   * Reads until the goal shows in an exchange that began after the command ended and settled.
   * Throws `unproven` when `wait` milliseconds after `since` it still does not.
   */
  async prove(
    goal: "on" | "off",
    options: {
      readonly since: number;
      readonly wait: number;
      readonly shows?: (reading: Reading) => boolean;
      readonly settle?: number;
    },
  ): Promise<Reading> {
    const { since, wait } = options;
    const deadline = since + wait;
    const shows = options.shows ?? ((reading: Reading) => this.trusts(reading, goal));
    const readFrom = since + Math.max(options.settle ?? 0, this.machine.spec.settle);
    await this.#sleepUntil(readFrom);
    let seen: Reading | undefined;
    let failure: PowerError | undefined;
    for (const pause of pauses()) {
      try {
        seen = await this.#read();
        failure = undefined;
        if (seen.startedAt >= readFrom && shows(seen)) return seen;
        if (this.machine.blind) return { ...seen, state: goal, reason: "nothing measures this machine" };
      } catch (thrown) {
        this.safePoint();
        failure = PowerError.from(thrown);
      }
      const left = deadline - this.#clock.now();
      if (left <= 0) break;
      await this.#clock.sleep(Math.min(pause, left), this.#signal);
    }
    throw this.#unproven(goal, wait, failure ?? seen);
  }

  #unproven(goal: "on" | "off", wait: number, last: PowerError | Reading | undefined): PowerError {
    const seconds = `${Math.round(wait / 100) / 10} s`;
    const name = this.machine.name;
    if (last instanceof PowerError) {
      return new PowerError(
        "unproven",
        `${name} could not be read for ${seconds}, so ${goal} is not proven: ${last.message}`,
        {
          cause: last,
          mayHaveActed: true,
        },
      );
    }
    const evidence = last && last.evidence.length > 0 ? ` (${last.evidence.join(", ")})` : "";
    return new PowerError(
      "unproven",
      `${name} still reads ${last?.state ?? "nothing"} after ${seconds}${evidence}, not ${goal}`,
      {
        mayHaveActed: true,
      },
    );
  }

  /** Tries the stages in turn until one is proven. Throws the last one's failure. */
  async stages(stages: readonly Stage[], verb: "on" | "off", more: { readonly lastResort: boolean }): Promise<Reading> {
    let failure: PowerError | undefined;
    for (const [position, stage] of stages.entries()) {
      const { outlet, how, wait } = stage;
      const lastWay = position === stages.length - 1 && !more.lastResort;
      try {
        const since = await this.command(outlet, { verb, how, goal: verb, wait, lastWay });
        return await this.prove(verb, { since, wait, settle: this.#settle(outlet) });
      } catch (thrown) {
        this.safePoint();
        failure = PowerError.from(thrown);
        if (failure.code !== "unproven") {
          const reading = await this.look();
          if (this.trusts(reading, verb) && reading.confidence === "measured") return reading;
        }
        if (!lastWay) this.note(`${outlet.label}: ${failure.message}; trying the next way`);
      }
    }
    throw failure ?? new PowerError("unsupported", `${this.machine.name} has no way to be switched ${verb}`);
  }

  /** Opens the supply and proves it open. */
  async openSupply(): Promise<Reading> {
    const { machine } = this;
    const wait = machine.spec.verify;
    const since = await this.#commandSupply("off", wait);
    machine.remember({ openedAt: since });
    const settle = Math.max(...machine.supplies.map((outlet) => this.#settle(outlet)));
    return this.prove("off", { since, wait, settle, shows: (reading) => reading.fed === false });
  }

  /** Closes the supply, not before it rested. Answers when the command ended. */
  async closeSupply(): Promise<number> {
    const { machine } = this;
    const { openedAt } = machine.memory;
    const rested = openedAt === undefined ? 0 : openedAt + machine.spec.minOff;
    const now = this.#clock.now();
    if (rested > now) {
      this.#step({
        at: now,
        what: "rest",
        text: `supply stays open until ${machine.spec.minOff / 1_000} s are over`,
        durationMs: rested - now,
      });
      await this.#sleepUntil(rested);
    }
    return this.#commandSupply("on", machine.spec.verify);
  }

  async #commandSupply(verb: "on" | "off", wait: number): Promise<number> {
    const { supplies } = this.machine;
    const results = await Promise.allSettled(
      supplies.map((outlet) =>
        this.command(outlet, { verb, goal: verb, wait, lastWay: true, how: verb === "off" ? "hard" : undefined }),
      ),
    );
    const ended = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failed = results.find((result) => result.status === "rejected");
    // Off needs every outlet open; on is done with one closed, and the proof tells which.
    if (failed && (verb === "off" || ended.length === 0)) throw failed.reason;
    return Math.max(...ended);
  }

  /** Waits until commands of earlier orders that lead away from `goal` have shown or are out of time. */
  async settleClouds(goal: "on" | "off"): Promise<void> {
    const cloud = this.machine.cloudAgainst(goal);
    if (!cloud) return;
    this.#step({ at: this.#clock.now(), what: "wait", text: `an earlier command may still switch it ${cloud.goal}` });
    for (const pause of pauses()) {
      const now = this.#clock.now();
      if (!this.machine.cloudAgainst(goal)) return;
      await this.#clock.sleep(Math.max(1, Math.min(pause, cloud.until - now)), this.#signal);
      await this.look();
    }
  }

  #settle(outlet: Outlet): number {
    return Math.max(outlet.settle, this.machine.spec.settle);
  }

  async #sleepUntil(time: number): Promise<void> {
    const ms = time - this.#clock.now();
    if (ms > 0) await this.#clock.sleep(ms, this.#signal);
  }
}

function* pauses(): Generator<number> {
  const last = PROOF_PAUSES_MS[PROOF_PAUSES_MS.length - 1] ?? 0;
  yield* PROOF_PAUSES_MS;
  while (true) yield last;
}
