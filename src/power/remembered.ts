/**
 * What is known of a machine from what was commanded and read, and outlives the daemon. A machine that a reload replaces
 * hands it on, so that a reading which ends after that is neither lost nor takes the place of what was learnt since.
 */
import type { Clock } from "./clock.ts";
import { type Cloud, Clouds } from "./cloud.ts";
import { messageOf } from "./errors.ts";
import type { PowerEvent } from "./events.ts";
import type { Lock, MachineMemory, Memory } from "./journal.ts";
import type { Reading } from "./reading.ts";

export interface RememberedServices {
  readonly clock: Clock;
  readonly memory: Memory;
  readonly tell: (event: PowerEvent) => void;
}

type Learnt = Partial<Reading> & Pick<Reading, "startedAt">;

interface CloudEnd {
  readonly at: number;
  readonly by: Learnt;
}

export class Remembered {
  readonly #machine: string;
  readonly #services: RememberedServices;
  readonly #clouds: Clouds;
  #facts: MachineMemory;
  /** What was read of the supply before is older than what is known (ms since 1970). */
  #suppliedAt = 0;
  /** The newest state that was measured, and when that began. */
  #shown: { readonly state: "on" | "off" | undefined; readonly startedAt: number } = { state: undefined, startedAt: 0 };
  /** The last commands to that goal that showed: when that was known (ms since 1970), and by what. */
  readonly #ended: { on?: CloudEnd; off?: CloudEnd } = {};

  constructor(machine: string, services: RememberedServices) {
    this.#machine = machine;
    this.#services = services;
    this.#facts = services.memory.get(machine);
    this.#clouds = new Clouds(this.#facts.clouds);
  }

  get facts(): MachineMemory {
    return this.#facts;
  }

  get clouds(): readonly Cloud[] {
    return this.#clouds.all;
  }

  get lock(): Lock | undefined {
    return this.#facts.lock;
  }

  /** The cloud that forbids to trust a reading of `state`. */
  cloudAgainst(state: "on" | "off"): Cloud | undefined {
    return this.#clouds.against(state, this.#services.clock.now());
  }

  /**
   * Did the reading begin while a command away from `state` was under way, which another reading has shown since? Then it
   * tells of the time before that.
   */
  beganUnderCloud(reading: Reading, state: "on" | "off"): boolean {
    const ended = this.#ended[state === "on" ? "off" : "on"];
    return ended !== undefined && ended.by !== reading && reading.startedAt < ended.at;
  }

  /** The newest state that was measured in a reading which began after that time (ms since 1970); undefined where none was. */
  shownSince(time: number): "on" | "off" | undefined {
    return this.#shown.startedAt > time ? this.#shown.state : undefined;
  }

  /** Kept before the command is sent, so that a crash in the middle of it does not lose them. */
  cloud(clouds: readonly Cloud[]): void {
    this.#clouds.add(clouds);
    this.#keep({ clouds: this.#clouds.all });
  }

  /** A command has ended: instead of the clouds it was sent under these hold, where it may have acted. */
  recloud(sentUnder: readonly Cloud[], clouds: readonly Cloud[], more: Partial<MachineMemory> = {}): void {
    this.#clouds.remove(sentUnder);
    if (clouds.length > 0) this.#clouds.add(clouds);
    this.#keep({ ...more, clouds: this.#clouds.all });
  }

  setLock(lock: Lock | undefined): void {
    const { lock: _before, ...facts } = this.#facts;
    this.#facts = facts;
    this.#keep(lock ? { lock } : {});
  }

  /**
   * What was read tells of clouds, of when the supply opened, and of the last state. `part` is what was learnt before of
   * the supply alone, in the same reading.
   */
  learn(reading: Learnt, part?: Learnt): void {
    const { state, fed, confidence, startedAt } = reading;
    const { last, clouds } = this.#facts;
    const before = this.#clouds.all;
    const now = this.#services.clock.now();
    const learnt: { -readonly [Key in keyof MachineMemory]: MachineMemory[Key] } = {};
    if (fed !== undefined && startedAt >= this.#suppliedAt) {
      this.#suppliedAt = startedAt;
      const opened = this.#clouds.supplied({ ...reading, fed });
      // It may have opened as late as just now: after a command that takes its time, or by somebody else's hand.
      if (opened || (!fed && this.#facts.fed === true)) learnt.openedAt = now;
      if (fed !== this.#facts.fed) learnt.fed = fed;
    }
    if (state !== undefined && state !== "unknown" && confidence === "measured" && startedAt >= this.#shown.startedAt) {
      this.#shown = { state, startedAt };
      this.#clouds.shown(state, startedAt);
      if (last?.state !== state) learnt.last = { state, at: startedAt };
    }
    for (const goal of ["on", "off"] as const) {
      const ended = this.#ended[goal];
      if (ended && part && ended.by === part) this.#ended[goal] = { at: ended.at, by: reading };
    }
    for (const cloud of before.filter(({ until }) => until > now))
      if (!this.#clouds.all.includes(cloud)) this.#ended[cloud.goal] = { at: now, by: reading };
    if (clouds !== this.#clouds.all && (clouds?.length ?? 0) > 0) learnt.clouds = this.#clouds.all;
    if (Object.keys(learnt).length > 0) this.#keep(learnt);
  }

  #keep(facts: Partial<MachineMemory>): void {
    this.#facts = { ...this.#facts, ...facts };
    try {
      this.#services.memory.set(this.#machine, this.#facts);
    } catch (error) {
      this.#services.tell({ kind: "journal:failed", at: this.#services.clock.now(), message: messageOf(error) });
    }
  }
}
