/** One machine at run time, as the configuration has it: its outlets, its readings, and what is remembered of it. */
import type { Clock } from "./clock.ts";
import type { Cloud } from "./cloud.ts";
import { type How, VERBS, type Verb } from "./driver.ts";
import { PowerError } from "./errors.ts";
import type { PowerEvent } from "./events.ts";
import type { Hub } from "./hub.ts";
import type { Lock } from "./journal.ts";
import type { Priority } from "./lane.ts";
import { Meter } from "./meter.ts";
import { type Asking, Outlet } from "./outlet.ts";
import type { Reading, SupplySeen } from "./reading.ts";
import type { Remembered } from "./remembered.ts";
import { type Query, type Senses, sense } from "./sense.ts";
import type { MachineSpec, OutletSpec, QuerySpec } from "./spec.ts";

/** A query answers or fails within this time (ms). */
const QUERY_LIMIT_MS = 10_000;
/** Made once: an abort without a reason makes one each time, with a stack. */
const ANSWERED = new Error("the query was answered");

export interface Stage {
  readonly outlet: Outlet;
  readonly how: How | undefined;
  /** Ms from the accepted command within which the goal must show. */
  readonly wait: number;
}

export interface MachineServices {
  readonly clock: Clock;
  /** What is remembered of the machine of that name. */
  readonly remembered: (machine: string) => Remembered;
  readonly hub: (spec: OutletSpec) => Hub;
  readonly tell: (event: PowerEvent) => void;
  /** What is known of its state is another thing than before. */
  readonly changed: (machine: string) => void;
  /** The order under way on this machine, for events. */
  readonly orderOf: (machine: string) => string | undefined;
}

export class Machine {
  readonly spec: MachineSpec;
  readonly remembered: Remembered;
  readonly supplies: readonly Outlet[];
  readonly stages: Readonly<Record<Verb, readonly Stage[]>>;
  readonly verbs: readonly Verb[];
  /** Every hub that one of its outlets is on. */
  readonly hubs: readonly Hub[];
  readonly #sources: readonly Outlet[];
  readonly #senses: Senses;
  readonly #services: MachineServices;
  #waiting: readonly (() => void)[] = NONE;
  #reading: Reading | undefined;
  #error: PowerError | undefined;
  /** Was it told that it cannot be read? */
  #toldUnreadable = false;
  /** Readings that began before this say nothing about what was commanded since (ms since 1970). */
  #voidBefore = 0;
  #query: { readonly startedAt: number; readonly answer: Promise<Reading> } | undefined;

  constructor(spec: MachineSpec, services: MachineServices) {
    this.spec = spec;
    this.#services = services;
    this.remembered = services.remembered(spec.facts.name);
    const bound = new Map<OutletSpec, Outlet>();
    const bind = (outlet: OutletSpec) => {
      const known = bound.get(outlet) ?? new Outlet(outlet, services.hub(outlet));
      bound.set(outlet, known);
      return known;
    };
    this.supplies = listed(spec.supplies, (supply) => bind(supply.outlet));
    const stages = (verb: Verb): readonly Stage[] =>
      listed(spec.stages[verb], (stage) => ({ outlet: bind(stage.outlet), how: stage.how, wait: stage.wait }));
    this.stages = { on: stages("on"), off: stages("off"), cycle: stages("cycle"), reset: stages("reset") };
    const asked: Outlet[] = [];
    const query = (of: QuerySpec): Query => {
      if (of.kind !== "one") return { kind: of.kind, of: of.of.map(query) };
      const outlet = bind(of.outlet);
      asked.push(outlet);
      return { kind: "one", outlet };
    };
    const meter = spec.above === undefined ? undefined : new Meter({ above: spec.above, heldFor: spec.aboveFor });
    this.#senses = { supplies: this.supplies, query: spec.query && query(spec.query), meter };
    this.#sources = [...this.supplies, ...asked];
    for (const outlet of this.#sources) outlet.hub.reads(outlet.spec.settings);
    this.hubs = [...new Set([...bound.values()].map((outlet) => outlet.hub))];
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

  get lock(): Lock | undefined {
    return this.remembered.lock;
  }

  /** Every outlet that it uses, each once. */
  get outlets(): readonly Outlet[] {
    const commanded = VERBS.flatMap((verb) => this.stages[verb].map(({ outlet }) => outlet));
    const all = [...this.#sources, ...commanded];
    return [...new Map(all.map((outlet) => [`${outlet.hub.spec.key} ${outlet.label}`, outlet])).values()];
  }

  /** Outlets that tell its state. */
  get sources(): readonly Outlet[] {
    return this.#sources;
  }

  /** Can nothing at all measure this machine? Then what is ordered is assumed. */
  get blind(): boolean {
    return this.#sources.length === 0;
  }

  /** Does anything but its supply tell whether it runs? */
  get isSeen(): boolean {
    return this.#senses.query !== undefined || this.#senses.meter !== undefined;
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

  /** Can every outlet of its supply be read? Else whether it is fed is known from orders alone. */
  get readsSupply(): boolean {
    return this.supplies.every((outlet) => outlet.can.has("query"));
  }

  /** How long a command to the outlet takes to show in a reading (ms). */
  settleOf(outlet: Outlet): number {
    return Math.max(outlet.settle, this.spec.settle);
  }

  asking(priority: Priority, signal?: AbortSignal): Asking {
    const { last, fed } = this.remembered.facts;
    return { machine: this.spec.facts, last, fed, priority, ...(signal && { signal }) };
  }

  /** Measures now. Throws PowerError. */
  async measure(priority: Priority, signal?: AbortSignal): Promise<Reading> {
    const { clock } = this.#services;
    let supply: SupplySeen | undefined;
    const seen = (read: SupplySeen) => {
      // At once: what tells of the machine itself may take long, or fail.
      this.remembered.learn(read);
      supply = read;
    };
    try {
      const reading = await sense(this.#senses, this.asking(priority, signal), () => clock.now(), seen);
      this.remembered.learn(reading, supply);
      this.#took(reading);
      // Who only asks is told the newest; an order goes by what it read itself.
      return priority === "query" ? (this.newerThan(reading) ?? reading) : reading;
    } catch (thrown) {
      const error = PowerError.from(thrown);
      if (!signal?.aborted) this.#failed(error);
      throw error;
    }
  }

  /** The newest reading where it is younger than `fresh` and no command came after it. */
  freshReading(): Reading | undefined {
    const reading = this.#reading;
    if (!reading || reading.confidence === "stale" || this.#error || reading.startedAt < this.#voidBefore)
      return undefined;
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
        const error = new PowerError(
          "timeout",
          `${this.name} could not be read within ${limitMs / 1_000} s: its hub is busy`,
        );
        this.#failed(error);
        throw error;
      },
      () => new Promise<never>(() => {}),
    );
    try {
      return await Promise.race([this.measure("query", over.signal), late]);
    } finally {
      // What still waits for its turn gives up.
      over.abort(ANSWERED);
    }
  }

  /** A device told something unasked: what was read before may be old, and whoever waits may look at once. */
  heard(): void {
    this.voidReadings();
    for (const wake of this.#waiting) wake();
    // A failure is told by the machine's own events.
    this.query().catch(() => undefined);
  }

  /** What it was told unasked counts no more. */
  lost(error: PowerError): void {
    const reading = this.#reading;
    if (reading?.confidence === "measured") {
      this.#reading = { ...reading, confidence: "stale", reason: `nothing tells it any more: ${error.message}` };
      this.#services.changed(this.name);
    }
    this.heard();
  }

  /** Resolves after `ms`, or as soon as a device told something. Rejects with the signal's reason. */
  async news(ms: number, signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    const wake = () => early.abort();
    this.#waiting = [...this.#waiting, wake];
    try {
      await this.#services.clock.sleep(ms, AbortSignal.any([signal, early.signal]));
    } catch {
      signal.throwIfAborted();
    } finally {
      this.#waiting = this.#waiting.filter((other) => other !== wake);
    }
  }

  /** A command begins or has just ended: what was read before it is void. */
  voidReadings(): void {
    this.#voidBefore = this.#services.clock.now();
  }

  /** The cloud that forbids to trust a reading of `state`. */
  cloudAgainst(state: "on" | "off"): Cloud | undefined {
    return this.remembered.cloudAgainst(state);
  }

  /** Does the reading show the state, with nothing under way, now or when it began, that may yet change it, and nothing newer? */
  shows(reading: Reading | undefined, state: "on" | "off"): reading is Reading {
    if (reading?.state !== state || (reading.towards ?? state) !== state) return false;
    return this.#isUnclouded(reading, state) && this.newerThan(reading)?.state !== (state === "on" ? "off" : "on");
  }

  /** Does the reading show whether the supply is closed, as above? */
  showsSupply(reading: Reading | undefined, fed: boolean): boolean {
    if (reading?.fed !== fed) return false;
    return this.#isUnclouded(reading, fed ? "on" : "off") && this.newerThan(reading)?.fed !== !fed;
  }

  #isUnclouded(reading: Reading, state: "on" | "off"): boolean {
    return this.cloudAgainst(state) === undefined && !this.remembered.beganUnderCloud(reading, state);
  }

  #took(reading: Reading): void {
    const { clock } = this.#services;
    const before = this.#reading;
    const failed = this.#error !== undefined;
    this.#error = undefined;
    if (this.#toldUnreadable) {
      this.#toldUnreadable = false;
      this.#services.tell({ kind: "machine:readable", at: clock.now(), machine: this.name });
    }
    if (this.newerThan(reading)) {
      if (failed) this.#services.changed(this.name);
      return;
    }
    this.#reading = reading;
    if (failed || !tellsTheSame(before, reading)) this.#services.changed(this.name);
    if (before && before.state !== reading.state) {
      const order = this.#services.orderOf(this.name);
      this.#services.tell({
        kind: "machine:changed",
        at: clock.now(),
        machine: this.name,
        from: before.state,
        to: reading.state,
        evidence: reading.evidence,
        ...(order !== undefined && { order }),
      });
    }
  }

  /** What a device told unasked, or somebody else read, since that reading began. */
  newerThan({ startedAt }: Pick<Reading, "startedAt">): Reading | undefined {
    const newest = this.#reading;
    return newest && newest.confidence !== "stale" && newest.startedAt > startedAt ? newest : undefined;
  }

  #failed(error: PowerError): void {
    const before = this.#error;
    this.#error = error;
    if (before?.code !== error.code || before.message !== error.message) this.#services.changed(this.name);
    // A hub that fails is told once, for all who are on it.
    const ofHub = this.hubs.some((hub) => hub.failing?.error === error);
    if (this.#toldUnreadable || ofHub) return;
    this.#toldUnreadable = true;
    const { code, message } = error;
    this.#services.tell({
      kind: "machine:unreadable",
      at: this.#services.clock.now(),
      machine: this.name,
      error: { code, message },
    });
  }
}

/** The same for all that have none. */
const NONE: readonly never[] = [];

function listed<Item, Result>(items: readonly Item[], make: (item: Item) => Result): readonly Result[] {
  return items.length === 0 ? NONE : items.map(make);
}

/** Do both say the same of the machine? When they were taken, and the watts, do not count. */
function tellsTheSame(before: Reading | undefined, now: Reading): boolean {
  return (
    before?.state === now.state &&
    before.confidence === now.confidence &&
    before.towards === now.towards &&
    before.fed === now.fed &&
    before.reason === now.reason
  );
}
