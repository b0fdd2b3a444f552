/** One outlet of a hub, bound: the driver's functions called with its settings, their answers made uniform. */

import { uniform } from "./answer.ts";
import type { Answer, Capability, Context, Followed, How, MachineFacts, QueryAnswer, Verb } from "./driver.ts";
import { capabilities, isMomentary } from "./driver.ts";
import { PowerError } from "./errors.ts";
import type { Exchange, Hub } from "./hub.ts";
import type { Priority } from "./lane.ts";
import { type OutletSpec, outletName } from "./spec.ts";

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
  /** What the device calls it, where it has a name; else these settings alone. */
  readonly #key: string;

  constructor(spec: OutletSpec, hub: Hub) {
    this.spec = spec;
    this.hub = hub;
    this.can = capabilities(spec.hub.driver, spec.settings);
    this.momentary = isMomentary(spec.hub.driver, spec.settings);
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
   * order, is content with what the device told unasked since the last command.
   */
  async read(asking: Asking): Promise<Exchange<Answer>> {
    const pushed = asking.priority === "query" ? this.hub.pushed(this.spec.settings) : undefined;
    if (pushed && pushed.at >= (this.commandedAt ?? 0))
      return { value: pushed.answer, startedAt: pushed.at, endedAt: pushed.at };
    const { driver } = this.spec.hub;
    const { value: told, ...times } = await this.hub.read(this.spec.settings, {
      priority: asking.priority,
      alone: () =>
        this.#exchange(asking, "read", async (connection, ctx): Promise<QueryAnswer> => {
          if (!driver.query) throw new PowerError("unsupported", `${this.label} cannot be read`);
          return driver.query(connection, this.spec.settings, ctx);
        }),
    });
    const value = uniform(told);
    return { ...times, value, startedAt: Math.min(value.at ?? Infinity, times.startedAt) };
  }

  /** Watts drawn now. */
  watts(asking: Asking): Promise<Exchange<number>> {
    const { driver } = this.spec.hub;
    return this.#exchange(asking, "read", async (connection, ctx) => {
      const watts = await driver.watts?.(connection, this.spec.settings, ctx);
      if (typeof watts !== "number" || !Number.isFinite(watts)) {
        throw new PowerError("protocol", `${this.label} told no power in watts`);
      }
      return watts;
    });
  }

  /** Sends one command. Throws PowerError; `mayHaveActed` tells whether the device may have obeyed all the same. */
  async command(verb: Verb, how: How | undefined, asking: Asking): Promise<Exchange<Followed | undefined>> {
    const { driver } = this.spec.hub;
    const { off } = driver;
    const command = verb === "off" && typeof off === "object" ? off[how ?? "hard"] : driver[verb];
    if (typeof command !== "function") {
      throw new PowerError("unsupported", `${this.label} has no way to ${describeCommand(verb, how)}`);
    }
    try {
      return await this.#exchange(asking, "command", async (connection, ctx) => {
        const result = await command(connection, this.spec.settings, ctx);
        return typeof result === "object" ? result : undefined;
      });
    } finally {
      this.hub.commanded(this.#key);
    }
  }

  /** Asks once how a command that the device works off later is getting on. */
  follow(followed: Followed, asking: Asking): Promise<Exchange<"pending" | "done">> {
    return this.#exchange(asking, "read", (_connection, ctx) => followed.follow(ctx.signal));
  }

  #exchange<T>(
    asking: Asking,
    kind: "command" | "read",
    run: (connection: unknown, ctx: Context) => Promise<T>,
  ): Promise<Exchange<T>> {
    const { machine, last, priority, signal } = asking;
    return this.hub.exchange({
      priority,
      kind,
      timeout: this.spec.hub.pace.timeout,
      ...(signal && { signal }),
      run: (connection, signal) => run(connection, { signal, machine, last }),
    });
  }
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
