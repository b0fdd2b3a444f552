/** One outlet of a hub, bound: the driver's functions called with its settings, their answers made uniform. */

import { doubted, type Found, located, mayCommand, type Sought } from "./address.ts";
import { uniform } from "./answer.ts";
import type { Answer, Capability, Context, Followed, How, MachineFacts, QueryAnswer, Verb } from "./driver.ts";
import { capabilities, isMomentary } from "./driver.ts";
import { PowerError } from "./errors.ts";
import type { Exchange, Hub } from "./hub.ts";
import type { Priority } from "./lane.ts";
import { type OutletSpec, outletName } from "./spec.ts";

/** A state that changes each time that it is read is none. */
const READS = 3;

export interface Asking {
  readonly machine: MachineFacts;
  readonly last: Context["last"];
  /** Whether the supply was last ordered or seen closed; for outlets that cannot be read. */
  readonly fed?: boolean | undefined;
  readonly priority: Priority;
  readonly signal?: AbortSignal;
}

export class Outlet {
  readonly spec: OutletSpec;
  readonly hub: Hub;
  readonly can: ReadonlySet<Capability>;
  readonly momentary: boolean;
  /** What of its settings, or of its hub's, is found before each exchange. */
  readonly #sought: Sought | undefined;
  /** What the device calls it, where it has a name; else these settings alone. */
  readonly #key: string;

  constructor(spec: OutletSpec, hub: Hub) {
    this.spec = spec;
    this.hub = hub;
    this.can = capabilities(spec.hub.driver, spec.settings);
    this.momentary = isMomentary(spec.hub.driver, spec.settings);
    this.#sought = spec.sought ?? spec.hub.sought;
    this.#key = outletName(spec.settings) ?? keyOf(spec.settings);
  }

  get label(): string {
    return this.spec.label;
  }

  /** May a command that may have acted be repeated without harm? */
  get repeatable(): boolean {
    return !this.momentary && this.spec.hub.driver.repeatable !== false;
  }

  /** The hub's `settle`: how long a command takes to show in a reading (ms). */
  get settle(): number {
    return this.spec.hub.pace.settle;
  }

  /** When the last command on it ended, whoever ordered it (ms since 1970). */
  get commandedAt(): number | undefined {
    return this.hub.commandedAt(this.#key);
  }

  /**
   * Reads the state. `startedAt` is when the value was true, at the latest when the exchange began. A query, never an
   * order, is content with what the device told unasked since the last command. What the device told otherwise while it
   * was read is old, and read again. Throws PowerError.
   */
  async read(asking: Asking): Promise<Exchange<Answer>> {
    for (let attempt = 0; attempt < READS; attempt++) {
      const pushed = asking.priority === "query" ? this.hub.pushed(this.spec.settings) : undefined;
      if (pushed && pushed.at >= (this.commandedAt ?? 0))
        return { value: pushed.answer, startedAt: pushed.at, endedAt: pushed.at };
      const exchange = await this.#read(asking);
      if (!this.#toldOtherwise(exchange)) return exchange;
    }
    throw new PowerError("busy", `${this.label} changes faster than it can be read`);
  }

  #toldOtherwise({ value, startedAt }: Exchange<Answer>): boolean {
    const pushed = this.hub.pushed(this.spec.settings);
    if (!pushed || pushed.at <= startedAt || pushed.answer.state === "unknown") return false;
    return value.state !== "unknown" && value.state !== pushed.answer.state;
  }

  async #read(asking: Asking): Promise<Exchange<Answer>> {
    const { driver } = this.spec.hub;
    const alone = () =>
      this.#exchange(asking, "read", async ({ connection, settings, found }, ctx): Promise<QueryAnswer> => {
        if (!driver.query) throw new PowerError("unsupported", `${this.label} cannot be read`);
        const told = await driver.query(connection, settings, ctx);
        return found ? this.#weighed(uniform(told), found) : told;
      });
    // What is found for one outlet is of no use to the others.
    const { value: told, ...times } = await (this.#sought
      ? alone()
      : this.hub.read(this.spec.settings, { priority: asking.priority, alone }));
    const value = uniform(told);
    return { ...times, value, startedAt: Math.min(value.at ?? Infinity, times.startedAt) };
  }

  /** Watts drawn now. */
  watts(asking: Asking): Promise<Exchange<number>> {
    const { driver } = this.spec.hub;
    return this.#exchange(asking, "read", async ({ connection, settings }, ctx) => {
      const watts = await driver.watts?.(connection, settings, ctx);
      if (typeof watts !== "number" || !Number.isFinite(watts)) {
        throw new PowerError("protocol", `${this.label} told no power in watts`);
      }
      return watts;
    });
  }

  /**
   * Sends one command, in its turn and after `ready`. Throws PowerError, and what `ready` threw; `mayHaveActed` tells
   * whether the device may have obeyed all the same.
   */
  async command(
    verb: Verb,
    how: How | undefined,
    asking: Asking,
    ready?: () => Promise<void>,
  ): Promise<Exchange<Followed | undefined>> {
    const { driver } = this.spec.hub;
    const { off } = driver;
    const command = verb === "off" && typeof off === "object" ? off[how ?? "hard"] : driver[verb];
    if (typeof command !== "function") {
      throw new PowerError("unsupported", `${this.label} has no way to ${describeCommand(verb, how)}`);
    }
    try {
      let doubt: string | undefined;
      const exchange = await this.#exchange(asking, "command", async ({ connection, settings, found }, ctx) => {
        doubt = found?.doubt;
        await ready?.();
        const result = await command(connection, settings, ctx);
        return typeof result === "object" ? result : undefined;
      });
      return doubt === undefined ? exchange : { ...exchange, doubt };
    } finally {
      this.hub.commanded(this.#key);
      // A machine that starts or ends may come back at another address.
      this.#doubt();
    }
  }

  /** Asks once how a command that the device works off later is getting on. */
  follow(followed: Followed, asking: Asking): Promise<Exchange<"pending" | "done">> {
    return this.#exchange(asking, "read", (_target, ctx) => followed.follow(ctx.signal));
  }

  async #exchange<T>(
    asking: Asking,
    kind: "command" | "read",
    run: (target: Target, ctx: Context) => Promise<T>,
  ): Promise<Exchange<T>> {
    const { machine, last, priority, signal } = asking;
    try {
      return await this.hub.exchange({
        priority,
        kind,
        timeout: this.spec.hub.pace.timeout,
        ...(signal && { signal }),
        run: async (connection, signal) => run(await this.#target(connection, kind), { signal, machine, last }),
      });
    } catch (thrown) {
      this.#doubt();
      throw thrown;
    }
  }

  async #target(connection: unknown, kind: "command" | "read"): Promise<Target> {
    const { settings, sought } = this.spec;
    if (!this.#sought) return { connection, settings };
    const found = await this.hub.addresses.find(this.#sought.machine);
    if (kind === "command") mayCommand(this.#sought, found);
    return { connection, settings: sought ? located(settings, sought, found) : settings, found };
  }

  #weighed(answer: Answer, found: Found): Answer {
    // Silence may be that of an address which the machine has no more.
    if (answer.state !== "on") this.#doubt();
    return doubted(answer, found, this.label);
  }

  #doubt(): void {
    if (this.#sought) this.hub.addresses.doubt(this.#sought.machine);
  }
}

/** What an exchange works with. */
interface Target {
  readonly connection: unknown;
  readonly settings: unknown;
  /** Where an address was sought. */
  readonly found?: Found;
}

export function describeCommand(verb: Verb, how: How | undefined): string {
  return how === undefined ? verb : `${verb} (${how})`;
}

const keys = new WeakMap<object, string>();
let unnamed = 0;

function keyOf(settings: unknown): string {
  if (typeof settings !== "object" || settings === null) return "";
  let key = keys.get(settings);
  if (key === undefined) {
    unnamed += 1;
    key = ` ${unnamed}`;
    keys.set(settings, key);
  }
  return key;
}
