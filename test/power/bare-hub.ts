/** A hub on a virtual clock, with a driver that a test writes, and no controller above it. */
import { z } from "zod";
import type { Addresses } from "../../src/power/address.ts";
import { DEFAULT_PACE, type Driver, defineDriver } from "../../src/power/driver.ts";
import { Hub } from "../../src/power/hub.ts";
import type { Pin } from "../../src/power/journal.ts";
import { type Asking, Outlet } from "../../src/power/outlet.ts";
import type { HubSpec, OutletSpec } from "../../src/power/spec.ts";
import { VirtualClock } from "../virtual-clock.ts";

export class BareHub implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly pins = new Map<string, Pin | undefined>();
  readonly spec: HubSpec;
  readonly hub: Hub;

  constructor(
    driver: Partial<Driver>,
    { addresses, ...spec }: Partial<Omit<HubSpec, "driver">> & { readonly addresses?: Addresses } = {},
  ) {
    const told = defineDriver({
      name: "told",
      title: "Told",
      family: "Tests",
      summary: "Does what a test says.",
      sources: [],
      examples: [],
      cuts: "mains",
      hub: z.object({}),
      outlet: z.object({}),
      ...driver,
    });
    this.spec = {
      key: "told-key",
      name: "strip",
      settings: {},
      pace: { ...DEFAULT_PACE, ...told.pace },
      ...spec,
      driver: told,
    };
    const services = {
      clock: this.clock,
      traffic: { open: 0, asked: 0 },
      pins: {
        pin: (key: string) => this.pins.get(key),
        setPin: (key: string, pin: Pin | undefined) => void this.pins.set(key, pin),
      },
      addresses,
      turned: () => undefined,
    };
    this.hub = new Hub(this.spec, services, Promise.resolve());
  }

  outlet(settings: unknown = {}, more: Partial<OutletSpec> = {}): Outlet {
    return new Outlet({ hub: this.spec, settings, label: "strip outlet 1", ...more }, this.hub);
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.clock.run(work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(this.hub[Symbol.asyncDispose]());
  }
}

export const ASKING: Asking = { machine: { name: "nuc1" }, last: undefined, priority: "order" };
