/** One outlet of a hub, bound: the driver's functions called with its settings, their answers made uniform. */
import type { Answer, Capability, Context, Followed, How, MachineFacts, Verb } from "./driver.ts";
import { capabilities, isMomentary } from "./driver.ts";
import { PowerError } from "./errors.ts";
import type { Exchange, Hub } from "./hub.ts";
import type { Priority } from "./lane.ts";
import type { OutletSpec } from "./spec.ts";

export interface Asking {
  readonly machine: MachineFacts;
  readonly last: Context["last"];
  readonly priority: Priority;
  readonly signal?: AbortSignal;
}

export class Outlet {
  readonly spec: OutletSpec;
  readonly hub: Hub;
  readonly can: ReadonlySet<Capability>;
  readonly momentary: boolean;
  /** When the last command on this outlet ended (ms since 1970), whoever ordered it. */
  pressedAt: number | undefined;

  constructor(spec: OutletSpec, hub: Hub) {
    this.spec = spec;
    this.hub = hub;
    this.can = capabilities(spec.hub.driver, spec.settings);
    this.momentary = isMomentary(spec.hub.driver, spec.settings);
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

  /** Reads the state. `startedAt` is when the value was true, at the latest when the exchange began. */
  async read(asking: Asking): Promise<Exchange<Answer>> {
    const { driver } = this.spec.hub;
    const exchange = await this.#exchange(asking, "read", async (connection, ctx) => {
      if (!driver.query) throw new PowerError("unsupported", `${this.label} cannot be read`);
      return uniform(await driver.query(connection, this.spec.settings, ctx));
    });
    const { at } = exchange.value;
    return at === undefined ? exchange : { ...exchange, startedAt: Math.min(at, exchange.startedAt) };
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
      this.pressedAt = this.hub.now();
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

function uniform(answer: "on" | "off" | Answer): Answer {
  const uniform = typeof answer === "string" ? { state: answer } : answer;
  if (uniform?.state !== "on" && uniform?.state !== "off" && uniform?.state !== "unknown") {
    throw new PowerError("protocol", `the driver answered "${String(uniform?.state)}", which is no state`);
  }
  return uniform;
}
