/** One machine at run time: its outlets, its readings, what was asked of it last, and what must be remembered of it. */

import type { Clock } from "./clock.ts";
import { type Cloud, Clouds } from "./cloud.ts";
import { type How, VERBS, type Verb } from "./driver.ts";
import { messageOf, PowerError } from "./errors.ts";
import type { PowerEvent } from "./events.ts";
import type { Hub } from "./hub.ts";
import type { MachineMemory, Memory } from "./journal.ts";
import type { Priority } from "./lane.ts";
import { type Asking, Outlet } from "./outlet.ts";
import type { Reading } from "./reading.ts";
import { type Query, type Senses, sense } from "./sense.ts";
import type { MachineSpec, OutletSpec, QuerySpec } from "./spec.ts";

/** A query answers or fails within this time (ms). */
const QUERY_LIMIT_MS = 10_000;

export interface Stage {
  readonly outlet: Outlet;
  readonly how: How | undefined;
  /** Ms from the accepted command within which the goal must show. */
  readonly wait: number;
}

export interface MachineServices {
  readonly clock: Clock;
  readonly memory: Memory;
  readonly hub: (spec: OutletSpec) => Hub;
  readonly tell: (event: PowerEvent) => void;
  /** The order under way on this machine, for events. */
  readonly orderOf: (machine: string) => string | undefined;
}

export class Machine {
  readonly spec: MachineSpec;
  readonly supplies: readonly Outlet[];
  readonly stages: Readonly<Record<Verb, readonly Stage[]>>;
  readonly verbs: readonly Verb[];
  readonly #senses: Senses;
  readonly #services: MachineServices;
  readonly #clouds = new Clouds();
  #memory: MachineMemory;
  #reading: Reading | undefined;
  #error: PowerError | undefined;
  /** Readings that began before this say nothing about what was commanded since (ms since 1970). */
  #voidBefore = 0;
  #query: { readonly startedAt: number; readonly answer: Promise<Reading> } | undefined;

  constructor(spec: MachineSpec, services: MachineServices) {
    this.spec = spec;
    this.#services = services;
    this.#memory = services.memory.get(spec.facts.name);
    const bind = (outlet: OutletSpec) => new Outlet(outlet, services.hub(outlet));
    this.supplies = spec.supplies.map((supply) => bind(supply.outlet));
    const stages = (verb: Verb): Stage[] =>
      spec.stages[verb].map((stage) => ({ outlet: bind(stage.outlet), how: stage.how, wait: stage.wait }));
    this.stages = { on: stages("on"), off: stages("off"), cycle: stages("cycle"), reset: stages("reset") };
    const query = (of: QuerySpec): Query =>
      of.kind === "one" ? { kind: "one", outlet: bind(of.outlet) } : { kind: of.kind, of: of.of.map(query) };
    this.#senses = { supplies: this.supplies, query: spec.query && query(spec.query), above: spec.above };
    this.verbs = VERBS.filter((verb) => this.#can(verb));
  }

  get name(): string {
    return this.spec.facts.name;
  }

  /** The newest reading, however old. */
  get reading(): Reading | undefined {
    return this.#reading;
  }

  /** Why the newest attempt to read failed. */
  get error(): PowerError | undefined {
    return this.#error;
  }

  get memory(): MachineMemory {
    return this.#memory;
  }

  /** Can nothing at all measure this machine? Then what is ordered is assumed. */
  get blind(): boolean {
    return this.supplies.length === 0 && this.#senses.query === undefined;
  }

  #can(verb: Verb): boolean {
    const { stages, supplies, spec } = this;
    switch (verb) {
      case "on":
        return stages.on.length > 0 || supplies.length > 0;
      case "off":
        return stages.off.length > 0 || (supplies.length > 0 && spec.cut !== "never");
      case "cycle":
      case "reset":
        return stages[verb].length > 0 || (this.#can("on") && this.#can("off"));
      default:
        return verb satisfies never;
    }
  }

  asking(priority: Priority, signal?: AbortSignal): Asking {
    const { last } = this.#memory;
    return { machine: this.spec.facts, last, priority, ...(signal && { signal }) };
  }

  /** Measures now. Throws PowerError. */
  async measure(priority: Priority): Promise<Reading> {
    const { clock } = this.#services;
    try {
      const reading = await sense(this.#senses, this.asking(priority), () => clock.now());
      this.#took(reading);
      return reading;
    } catch (thrown) {
      const error = PowerError.from(thrown);
      if (!this.#error) {
        this.#tell({
          kind: "machine:unreadable",
          at: clock.now(),
          error: { code: error.code, message: error.message },
        });
      }
      this.#error = error;
      throw error;
    }
  }

  /** The newest reading where it is younger than `fresh` and no command came after it. */
  freshReading(): Reading | undefined {
    const reading = this.#reading;
    if (!reading || this.#error || reading.startedAt < this.#voidBefore) return undefined;
    return this.#services.clock.now() - reading.startedAt <= this.spec.fresh ? reading : undefined;
  }

  /** A fresh reading, or one measured now; all who ask at the same time share it. Throws PowerError. */
  query(): Promise<Reading> {
    const fresh = this.freshReading();
    if (fresh) return Promise.resolve(fresh);
    const running = this.#query;
    if (running && running.startedAt >= this.#voidBefore) return running.answer;
    const query = { startedAt: this.#services.clock.now(), answer: this.#measureWithin(QUERY_LIMIT_MS) };
    this.#query = query;
    const done = () => {
      if (this.#query === query) this.#query = undefined;
    };
    query.answer.then(done, done);
    return query.answer;
  }

  async #measureWithin(limitMs: number): Promise<Reading> {
    const over = new AbortController();
    const late = this.#services.clock.sleep(limitMs, over.signal).then(
      () => {
        throw new PowerError("timeout", `${this.name} could not be read within ${limitMs / 1_000} s: its hub is busy`);
      },
      () => new Promise<never>(() => {}),
    );
    try {
      return await Promise.race([this.measure("query"), late]);
    } finally {
      over.abort();
    }
  }

  /** A command begins or has just ended: what was read before it is void. */
  voidReadings(): void {
    this.#voidBefore = this.#services.clock.now();
  }

  cloud(cloud: Cloud): void {
    this.#clouds.add(cloud);
  }

  /** The cloud that forbids to trust a reading of `state`. */
  cloudAgainst(state: "on" | "off"): Cloud | undefined {
    return this.#clouds.against(state, this.#services.clock.now());
  }

  remember(memory: Partial<MachineMemory>): void {
    this.#memory = { ...this.#memory, ...memory };
    try {
      this.#services.memory.set(this.name, this.#memory);
    } catch (error) {
      const message = messageOf(error);
      this.#services.tell({ kind: "journal:failed", at: this.#services.clock.now(), message });
    }
  }

  #took(reading: Reading): void {
    const { clock } = this.#services;
    const before = this.#reading;
    if (before && before.startedAt > reading.startedAt) return;
    this.#reading = reading;
    if (this.#error) {
      this.#error = undefined;
      this.#tell({ kind: "machine:readable", at: clock.now() });
    }
    if (before && before.state !== reading.state) {
      const order = this.#services.orderOf(this.name);
      this.#tell({
        kind: "machine:changed",
        at: clock.now(),
        from: before.state,
        to: reading.state,
        evidence: reading.evidence,
        ...(order !== undefined && { order }),
      });
    }
    if (reading.fed === false) {
      this.#clouds.clear(reading.startedAt);
      // Opened by somebody else since it was last seen: it may have been just now.
      const wasFed = before ? before.fed === true : this.#memory.last?.state === "on";
      if (wasFed && (this.#memory.openedAt ?? 0) < (before?.startedAt ?? this.#memory.last?.at ?? 0)) {
        this.remember({ openedAt: reading.startedAt });
      }
    }
    if (reading.state !== "unknown" && reading.confidence === "measured") {
      this.#clouds.shown(reading.state, reading.startedAt);
      if (this.#memory.last?.state !== reading.state) {
        this.remember({ last: { state: reading.state, at: reading.startedAt } });
      }
    }
  }

  #tell(event: WithoutMachine<PowerEvent>): void {
    this.#services.tell({ ...event, machine: this.name } as PowerEvent);
  }
}

type WithoutMachine<Event> = Event extends { readonly machine: string } ? Omit<Event, "machine"> : never;
