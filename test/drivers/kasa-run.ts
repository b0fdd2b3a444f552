/** The driver `kasa` and a plug, by a hub as the controller has one: with its session, and its turns. */
import kasa from "../../src/drivers/kasa.ts";
import { DEFAULT_PACE, type ListedOutlet, type Verb } from "../../src/power/driver.ts";
import type { Hub } from "../../src/power/hub.ts";
import { Outlet } from "../../src/power/outlet.ts";
import type { HubSpec } from "../../src/power/spec.ts";
import { loneHub } from "../lone-hub.ts";

const ASKING = { machine: { name: "nuc1" }, last: undefined, priority: "order" } as const;

export class KasaRun implements AsyncDisposable {
  readonly #spec: HubSpec;
  readonly #hub: Hub;

  /** `settings` are the input of the driver's hub schema. */
  constructor(settings: object) {
    this.#spec = {
      key: "kasa:plug",
      name: "plug",
      driver: kasa,
      settings: kasa.hub?.parse(settings),
      pace: { ...DEFAULT_PACE, ...kasa.pace },
    };
    this.#hub = loneHub(this.#spec);
  }

  async command(verb: Verb, outlet?: string | number): Promise<void> {
    await this.#outlet(outlet).command(verb, undefined, ASKING);
  }

  async read(outlet?: string | number) {
    return (await this.#outlet(outlet).read(ASKING)).value;
  }

  async watts(outlet?: string | number): Promise<number> {
    return (await this.#outlet(outlet).watts(ASKING)).value;
  }

  /** Each of them, asked for at once. */
  async readAll(outlets: readonly (string | number)[]) {
    const bound = outlets.map((outlet) => this.#outlet(outlet));
    for (const { spec } of bound) this.#hub.reads(spec.settings);
    return Promise.allSettled(bound.map(async (outlet) => (await outlet.read(ASKING)).value));
  }

  list(): Promise<readonly ListedOutlet[]> {
    return this.#exchange(async (plug, signal) => (await kasa.list?.(plug, { signal })) ?? []);
  }

  identify() {
    return this.#exchange(async (plug, signal) => kasa.identify?.(plug, { signal }));
  }

  async #exchange<T>(run: (plug: unknown, signal: AbortSignal) => Promise<T>): Promise<T> {
    return (await this.#hub.exchange({ priority: "order", kind: "read", run })).value;
  }

  #outlet(outlet: string | number | undefined): Outlet {
    const settings: unknown = kasa.outlet.parse(outlet === undefined ? {} : { outlet });
    return new Outlet({ hub: this.#spec, settings, label: "the plug" }, this.#hub);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub[Symbol.asyncDispose]();
  }
}
