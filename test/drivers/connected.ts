/** A driver's functions on one connection, as a hub calls them, without a hub. */
import { type Clock, systemClock } from "../../src/power/clock.ts";
import type { Answer, Driver, QueryAnswer, Verb } from "../../src/power/driver.ts";
import type { PowerError } from "../../src/power/errors.ts";
import { within } from "../expecting.ts";

export interface Told {
  readonly outlet: string;
  readonly answer: Answer;
}

export class Connected implements AsyncDisposable {
  readonly driver: Driver;
  readonly #connection: unknown;

  private constructor(driver: Driver, connection: unknown) {
    this.driver = driver;
    this.#connection = connection;
  }

  /** `hub` is the input of its schema. */
  static async open(driver: Driver, hub: object, clock: Clock = systemClock): Promise<Connected> {
    const settings: unknown = driver.hub?.parse(hub);
    return new Connected(driver, await driver.connect?.(settings, { signal: within(10_000), key: driver.name, clock }));
  }

  async command(verb: Verb, outlet: object, timeoutMs = 10_000): Promise<void> {
    const { off } = this.driver;
    const command = verb === "off" && typeof off === "object" ? off.hard : this.driver[verb];
    if (typeof command !== "function") throw new Error(`${this.driver.name} has no ${verb}`);
    await command(this.#connection, this.#outlet(outlet), this.#context(timeoutMs));
  }

  /** Always in its long form. */
  async query(outlet: object, timeoutMs = 10_000): Promise<Answer> {
    const { query } = this.driver;
    if (!query) throw new Error(`${this.driver.name} cannot be read`);
    return long(await query(this.#connection, this.#outlet(outlet), this.#context(timeoutMs)));
  }

  async watts(outlet: object): Promise<number> {
    const { watts } = this.driver;
    if (!watts) throw new Error(`${this.driver.name} tells no watts`);
    return await watts(this.#connection, this.#outlet(outlet), this.#context(10_000));
  }

  async list() {
    return await this.driver.list?.(this.#connection, { signal: within(10_000) });
  }

  /** What of its own settings works against us, for each of the outlets. */
  async examine(outlets: readonly object[]) {
    const settings = outlets.map((outlet) => this.#outlet(outlet));
    return await this.driver.examine?.(this.#connection, settings, { signal: within(10_000) });
  }

  async identify() {
    return await this.driver.identify?.(this.#connection, { signal: within(10_000) });
  }

  /** What the device tells from now on; `end` is undefined where it tells nothing. */
  async watch(outlets: readonly { readonly outlet: string }[]) {
    const told: Told[] = [];
    const losses: PowerError[] = [];
    const listener = {
      state: ({ outlet }: { readonly outlet: string }, answer: QueryAnswer) =>
        void told.push({ outlet, answer: long(answer) }),
      lost: (error: PowerError) => void losses.push(error),
    };
    const settings = outlets.map((outlet) => this.#outlet(outlet));
    const end = await this.driver.watch?.(this.#connection, settings, listener, { signal: within(10_000) });
    return {
      told,
      losses,
      end,
      async [Symbol.asyncDispose]() {
        await end?.();
      },
    };
  }

  #outlet(outlet: object): unknown {
    return this.driver.outlet.parse(outlet);
  }

  #context(timeoutMs: number) {
    return { signal: within(timeoutMs), machine: { name: "nuc1" }, last: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.driver.disconnect?.(this.#connection);
  }
}

function long(answer: QueryAnswer): Answer {
  return typeof answer === "string" ? { state: answer } : answer;
}
