/**
 * One order being obeyed: commands, rests and proofs of one machine, step by step.
 *
 * Safe points are everywhere but inside an exchange: an order that is to end early finishes the exchange it is in
 * and commands nothing more.
 */
import type { Clock } from "./clock.ts";
import type { Cloud } from "./cloud.ts";
import type { Followed, How, Verb } from "./driver.ts";
import { ERROR_TABLE, PowerError } from "./errors.ts";
import type { Exchange } from "./hub.ts";
import type { MachineMemory } from "./journal.ts";
import type { Machine, Stage } from "./machine.ts";
import { type Asking, describeCommand, type Outlet } from "./outlet.ts";
import { type BeforePress, needsPress, Presses } from "./press.ts";
import type { Progress } from "./progress.ts";
import { Prover, type ProverServices, pauses } from "./prover.ts";
import type { Reading } from "./reading.ts";
import type { Starts } from "./starts.ts";

/** Pauses before the repeats of a command that failed in a way that may pass (ms). */
const RETRY_PAUSES_MS = [500, 1_000];

export interface RunServices extends ProverServices {
  readonly starts: Starts;
  /** Resolves when the order and what its machine must remember are on the disk, or cannot be. Never rejects. */
  readonly synced: () => Promise<void>;
}

/** What is sent. */
export interface CommandOptions {
  readonly verb: Verb;
  readonly how?: How | undefined;
  /** The state it leads to. */
  readonly goal: "on" | "off";
  /** How long the goal may take to show (ms). */
  readonly wait: number;
  /** Is there another way if this one is not to be reached? Then it is not tried again. */
  readonly lastWay: boolean;
}

/** What a command leaves behind it. */
interface Aftermath {
  readonly goal: "on" | "off";
  /** How long the goal may take to show (ms). */
  readonly wait: number;
  /** Longest the command itself may take (ms). */
  readonly timeout: number;
  /** What is clouded by it. */
  readonly clouds: readonly Cloud["of"][];
  /** Labels of the outlets that are commanded, where the supply has several. */
  readonly outlets?: readonly string[] | undefined;
  /** Is it a restart, by way of an off? */
  readonly restarts?: boolean;
  /** More to be remembered once it was obeyed. */
  readonly remember?: (endedAt: number) => Partial<MachineMemory>;
}

/** How sending went: when it ended (ms since 1970), and whether anything can have acted. */
interface Sent {
  readonly endedAt: number;
  readonly acted: boolean;
  /** Labels of those outlets that may have acted, where the supply has several. */
  readonly outlets?: readonly string[] | undefined;
  readonly failure?: PowerError;
}

export class Run implements Disposable {
  readonly machine: Machine;
  readonly progress: Progress;
  readonly prover: Prover;
  readonly #presses: Presses;
  readonly #clock: Clock;
  readonly #starts: Starts;
  readonly #synced: () => Promise<void>;
  readonly #signal: AbortSignal;
  #giveTurnBack: (() => void) | undefined;
  #acted = false;

  constructor(machine: Machine, services: RunServices) {
    this.machine = machine;
    this.progress = services.progress;
    this.prover = new Prover(machine, services);
    this.#presses = new Presses(machine, this.prover, services);
    this.#clock = services.clock;
    this.#starts = services.starts;
    this.#synced = services.synced;
    this.#signal = services.signal;
  }

  /** May anything that was sent have acted? */
  get acted(): boolean {
    return this.#acted;
  }

  /** Throws the reason when the order is to end here. */
  safePoint(): void {
    this.#signal.throwIfAborted();
  }

  /** Waits for its turn to start, where limits hold for the machine; kept until the order is over. */
  async turnToStart(): Promise<void> {
    if (this.#giveTurnBack) return;
    const { spec, hubs } = this.machine;
    let waited = false;
    const waitsFor = (what: string) => {
      if (!waited) this.progress.wait(`its turn to start: ${what}`);
      waited = true;
      this.progress.waitsFor(what);
    };
    const subject = { tags: spec.tags, hubs: hubs.map((hub) => hub.spec.name) };
    this.#giveTurnBack = await this.#starts.turn(subject, { signal: this.#signal, waitsFor });
    this.progress.waitsFor(undefined);
  }

  /** Sends one command, and clouds the machine. Answers when it ended (ms since 1970). Throws PowerError. */
  async command(outlet: Outlet, options: CommandOptions): Promise<number> {
    const { verb, goal, wait } = options;
    const { timeout } = outlet.spec.hub.pace;
    // While anything is under way a press may do the opposite of what it is meant for.
    if (outlet.momentary) await this.prover.quiet();
    const restarts = verb === "cycle" || verb === "reset";
    const { endedAt, failure } = await this.#clouded({ goal, wait, timeout, clouds: ["machine"], restarts }, () =>
      this.#send(outlet, options),
    );
    if (failure) throw failure;
    return endedAt;
  }

  /** From before it is sent: after a crash in the middle of it nobody knows whether it acted. */
  async #clouded(aftermath: Aftermath, send: () => Promise<Sent>): Promise<Sent> {
    const { goal, wait, timeout, clouds, restarts = false, remember } = aftermath;
    const { machine } = this;
    const clouded = (since: number, until: number, outlets: readonly string[] | undefined): Cloud[] =>
      clouds.map((of) => ({
        goal,
        of,
        since,
        until,
        ...(restarts && { restarts }),
        ...(of === "supply" && outlets && { outlets }),
      }));
    this.safePoint();
    const at = this.#clock.now();
    const sentUnder = clouded(at, at + timeout + wait, aftermath.outlets);
    machine.remembered.cloud(sentUnder);
    machine.voidReadings();
    await this.#synced();
    const sent = await send();
    const { endedAt, acted, failure } = sent;
    this.#acted ||= acted;
    const obeyed = acted && !failure && { last: { state: goal, at: endedAt }, ...remember?.(endedAt) };
    machine.remembered.recloud(sentUnder, acted ? clouded(endedAt, endedAt + wait, sent.outlets) : [], obeyed || {});
    machine.voidReadings();
    this.safePoint();
    return sent;
  }

  /** At most twice more where that can do no harm. Never throws. */
  async #send(outlet: Outlet, options: CommandOptions): Promise<Sent> {
    let acted = false;
    const begun = this.#clock.now();
    for (let attempt = 0; ; attempt++) {
      try {
        this.safePoint();
        if (attempt > 0 && this.#shownSince(begun, outlet, options)) return { endedAt: this.#clock.now(), acted };
        // It may have been seen to open since the last attempt.
        if (options.verb === "on" && this.machine.supplies.includes(outlet)) await this.#rest();
        const before = outlet.momentary ? await this.#presses.before(outlet) : undefined;
        if (before && !needsPress(before, options)) return { endedAt: this.#clock.now(), acted };
        const { value: followed, endedAt } = await this.#sendOnce(outlet, options, before);
        acted = true;
        if (!followed) return { endedAt, acted };
        const failure = await this.#follow(outlet, followed, endedAt + options.wait);
        return { endedAt, acted, ...(failure && { failure }) };
      } catch (thrown) {
        const failure = PowerError.from(thrown);
        acted ||= failure.mayHaveActed;
        const pause = RETRY_PAUSES_MS[attempt];
        const harmless = !failure.mayHaveActed || outlet.repeatable;
        const worthIt = ERROR_TABLE[failure.code].retry && (options.lastWay || failure.code !== "unreachable");
        if (this.#signal.aborted || pause === undefined || !harmless || !worthIt)
          return { endedAt: this.#clock.now(), acted, failure };
        await this.#clock.sleep(pause, this.#signal).catch(() => undefined);
      }
    }
  }

  /** Did somebody who asked between two attempts measure the goal? Then the machine is left alone. */
  #shownSince(time: number, outlet: Outlet, { verb, goal }: CommandOptions): boolean {
    const { reading, supplies } = this.machine;
    if (verb !== goal || reading?.confidence !== "measured" || reading.startedAt < time) return false;
    // A machine may run or halt whatever one outlet of its supply does, unless all are open.
    if (supplies.includes(outlet) && reading.fed !== false) return false;
    return this.machine.shows(reading, goal);
  }

  async #sendOnce(
    outlet: Outlet,
    { verb, how }: CommandOptions,
    before: BeforePress | undefined,
  ): Promise<Exchange<Followed | undefined>> {
    const at = this.#clock.now();
    const text = `${describeCommand(verb, how)} by ${outlet.label}`;
    try {
      const ready = before && (() => this.#presses.stillSo(outlet, before));
      const exchange = await outlet.command(verb, how, this.#asking(), ready);
      const { doubt } = exchange;
      this.progress.exchange("command", { at, text: doubt === undefined ? text : `${text}; ${doubt}` });
      return exchange;
    } catch (thrown) {
      // One that was taken back while it waited for its turn was never sent.
      if (!this.#signal.aborted || PowerError.from(thrown).mayHaveActed)
        this.progress.exchange("command", { at, text, thrown });
      throw thrown;
    } finally {
      this.machine.voidReadings();
    }
  }

  #asking(): Asking {
    return this.machine.asking("order", this.#signal);
  }

  /** Asks how it is getting on until it is done. Answers how it failed. */
  async #follow(outlet: Outlet, followed: Followed, until: number): Promise<PowerError | undefined> {
    try {
      for (const pause of pauses()) {
        const { value } = await outlet.follow(followed, this.#asking());
        if (value === "done") return undefined;
        if (this.#clock.now() + pause > until) break;
        await this.#clock.sleep(pause, this.#signal);
      }
      return new PowerError("timeout", `${outlet.label} is still working on it`, { mayHaveActed: true });
    } catch (thrown) {
      return PowerError.from(thrown).acted();
    }
  }

  /** Tries the stages in turn until one is proven. Throws the last one's failure. */
  async stages(stages: readonly Stage[], verb: "on" | "off", more: { readonly lastResort: boolean }): Promise<Reading> {
    let failure: PowerError | undefined;
    for (const [position, stage] of stages.entries()) {
      const lastWay = position === stages.length - 1 && !more.lastResort;
      try {
        return await this.#stage(stage, verb, lastWay);
      } catch (thrown) {
        this.safePoint();
        failure = PowerError.from(thrown);
        if (failure.code !== "unproven") {
          const reading = await this.prover.look();
          if (this.machine.shows(reading, verb) && reading.confidence === "measured") return reading;
        }
        if (!lastWay) this.progress.note(`${stage.outlet.label}: ${failure.message}; trying the next way`);
      }
    }
    throw failure ?? new PowerError("unsupported", `${this.machine.name} has no way to be switched ${verb}`);
  }

  /**
   * Commands and proves. An earlier command for the opposite that only showed after this one undid it: then it is sent
   * once more, unless it is a press.
   */
  async #stage({ outlet, how, wait }: Stage, verb: "on" | "off", lastWay: boolean): Promise<Reading> {
    const options: CommandOptions = { verb, how, goal: verb, wait, lastWay };
    const settle = this.machine.settleOf(outlet);
    if (verb === "on") await this.turnToStart();
    const opposed = this.machine.cloudAgainst(verb);
    const since = await this.command(outlet, options);
    if (!opposed || !outlet.repeatable) return this.prover.prove(verb, { since, wait, settle });
    const undone = ({ state, startedAt }: Reading) =>
      state === opposed.goal && startedAt < opposed.until && !this.machine.remembered.clouds.includes(opposed);
    const shows = (reading: Reading) => this.machine.shows(reading, verb) || undone(reading);
    const seen = await this.prover.prove(verb, { since, wait, settle, shows });
    if (!undone(seen)) return seen;
    this.progress.note(`an earlier command switched it ${opposed.goal} after this one: it is sent again`);
    return this.prover.prove(verb, { since: await this.command(outlet, options), wait, settle });
  }

  /** Opens the supply and proves it open. */
  async openSupply(): Promise<Reading> {
    const wait = this.machine.spec.verify;
    const { endedAt } = await this.#commandSupply("off");
    const shows = (reading: Reading) => reading.fed === false && this.machine.shows(reading, "off");
    return this.prover.prove("off", { since: endedAt, wait, settle: this.supplySettle, shows });
  }

  /**
   * Closes the supply, not before it rested and it is its turn. Answers when the command ended, and the outlets that
   * did not obey. Throws where none did.
   */
  async closeSupply(): Promise<{ readonly endedAt: number; readonly failed: ReadonlyMap<Outlet, PowerError> }> {
    await this.#rest();
    await this.turnToStart();
    return this.#commandSupply("on");
  }

  /** Waits until the supply has rested. */
  async #rest(): Promise<void> {
    const { remembered, spec } = this.machine;
    const left = () => (remembered.facts.openedAt ?? -Infinity) + spec.minOff - this.#clock.now();
    // Meanwhile it may be closed and opened by somebody else.
    for (let ms = left(); ms > 0; ms = left()) {
      this.progress.rest(`supply stays open until ${spec.minOff / 1_000} s are over`, ms);
      await this.#clock.sleep(ms, this.#signal);
    }
  }

  /** All its outlets at once, under one cloud. On is obeyed when one outlet obeyed, off when all did. */
  async #commandSupply(verb: "on" | "off") {
    const { machine } = this;
    const { supplies, spec } = machine;
    const wait = spec.verify;
    const options: CommandOptions = { verb, goal: verb, wait, lastWay: true, how: verb === "off" ? "hard" : undefined };
    // What nothing but its supply shows is done with when that is.
    const starts = verb === "on" && spec.afterAc === "starts" && machine.isSeen;
    const aftermath: Aftermath = {
      goal: verb,
      wait,
      timeout: Math.max(...supplies.map((outlet) => outlet.spec.hub.pace.timeout)),
      clouds: starts ? ["supply", "machine"] : ["supply"],
      outlets: labelled(supplies),
      remember: (endedAt) => ({ fed: verb === "on", ...(verb === "off" && { openedAt: endedAt }) }),
    };
    if (supplies.some((outlet) => outlet.momentary)) await this.prover.quiet();
    const failed = new Map<Outlet, PowerError>();
    const { endedAt, failure } = await this.#clouded(aftermath, async () => {
      const all = await Promise.all(
        supplies.map(async (outlet) => {
          const sent = await this.#send(outlet, options);
          if (sent.failure) failed.set(outlet, sent.failure);
          return sent;
        }),
      );
      const [first] = failed.values();
      return {
        endedAt: Math.max(...all.map((sent) => sent.endedAt)),
        acted: all.some((sent) => sent.acted),
        outlets: labelled(supplies)?.filter((_label, index) => all[index]?.acted),
        ...(first && (verb === "off" || failed.size === supplies.length) && { failure: first }),
      };
    });
    if (failure && !(await this.#isFed(verb === "on"))) throw failure;
    return { endedAt, failed };
  }

  /** One read decides after a command that failed. */
  async #isFed(fed: boolean): Promise<boolean> {
    if (!this.machine.readsSupply) return false;
    return this.machine.showsSupply(await this.prover.look(), fed);
  }

  get supplySettle(): number {
    return Math.max(0, ...this.machine.supplies.map((outlet) => this.machine.settleOf(outlet)));
  }

  [Symbol.dispose](): void {
    this.#giveTurnBack?.();
    this.progress.waitsFor(undefined);
  }
}

/** Undefined where there is but one. */
function labelled(supplies: readonly Outlet[]): readonly string[] | undefined {
  return supplies.length > 1 ? supplies.map(({ label }) => label) : undefined;
}
