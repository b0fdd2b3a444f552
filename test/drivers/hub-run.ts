/** A driver and its device, by a hub as the controller has one: with its session, its turns and its times. */
import { DEFAULT_PACE, type Driver, type Followed, type How, type Pace, type Verb } from "../../src/power/driver.ts";
import type { Hub } from "../../src/power/hub.ts";
import { Outlet } from "../../src/power/outlet.ts";
import type { HubSpec } from "../../src/power/spec.ts";
import { loneHub } from "../lone-hub.ts";

const ASKING = { machine: { name: "nuc1" }, last: undefined, priority: "order" } as const;

export class HubRun implements AsyncDisposable {
  readonly #spec: HubSpec;
  readonly #hub: Hub;

  /** `settings` are the input of the driver's hub schema. */
  constructor(driver: Driver, settings: object, pace: Partial<Pace> = {}) {
    const parsed: unknown = driver.hub?.parse(settings);
    this.#spec = {
      key: `${driver.name}:device`,
      name: "the device",
      driver,
      settings: parsed,
      pace: { ...DEFAULT_PACE, ...driver.pace, ...pace },
    };
    this.#hub = loneHub(this.#spec);
  }

  /** `outlet` is the input of the driver's outlet schema. */
  async command(verb: Verb, outlet: object = {}, how?: How): Promise<Followed | undefined> {
    return (await this.#outlet(outlet).command(verb, how, ASKING)).value;
  }

  async follow(followed: Followed, outlet: object = {}): Promise<"pending" | "done"> {
    return (await this.#outlet(outlet).follow(followed, ASKING)).value;
  }

  async query(outlet: object = {}) {
    return (await this.#outlet(outlet).read(ASKING)).value;
  }

  /** Each of them, asked for at once. */
  async queryAll(outlets: readonly object[]) {
    const bound = outlets.map((outlet) => this.#outlet(outlet));
    for (const { spec } of bound) this.#hub.reads(spec.settings);
    return await Promise.allSettled(bound.map(async (outlet) => (await outlet.read(ASKING)).value));
  }

  list() {
    const { list } = this.#spec.driver;
    return this.#exchange((connection, signal) => list?.(connection, { signal }));
  }

  identify() {
    const { identify } = this.#spec.driver;
    return this.#exchange((connection, signal) => identify?.(connection, { signal }));
  }

  async #exchange<T>(run: (connection: unknown, signal: AbortSignal) => T | Promise<T>): Promise<T> {
    const request = { priority: "order", kind: "read" } as const;
    return (await this.#hub.exchange({ ...request, run: async (connection, signal) => run(connection, signal) })).value;
  }

  #outlet(outlet: object): Outlet {
    const { driver } = this.#spec;
    return new Outlet({ hub: this.#spec, settings: driver.outlet.parse(outlet), label: "the device" }, this.#hub);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub[Symbol.asyncDispose]();
  }
}
