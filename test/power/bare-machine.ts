/** A machine with no controller above it, on hubs whose drivers a test writes. */
import type { Driver } from "../../src/power/driver.ts";
import type { PowerEvent } from "../../src/power/events.ts";
import type { MachineMemory } from "../../src/power/journal.ts";
import { Machine } from "../../src/power/machine.ts";
import { Remembered } from "../../src/power/remembered.ts";
import type { MachineSpec } from "../../src/power/spec.ts";
import { BareHub } from "./bare-hub.ts";
import { machineSpec } from "./lab.ts";

export class BareMachine implements AsyncDisposable {
  readonly bare: BareHub;
  readonly machine: Machine;
  readonly told: PowerEvent[] = [];
  /** What was kept, each time that something was. */
  readonly kept: MachineMemory[] = [];
  /** How often it was told that something is known that was not before. */
  changes = 0;
  /** Nothing can be kept. */
  full = false;
  order: string | undefined;

  /** Its state is what the driver's one outlet answers, unless `spec` says otherwise. */
  constructor(
    driver: Partial<Driver>,
    spec: (bare: BareHub) => Partial<MachineSpec> = (bare) => ({ query: { kind: "one", outlet: bare.outlet().spec } }),
    remembered: MachineMemory = {},
  ) {
    this.bare = new BareHub(driver);
    const { hub, clock } = this.bare;
    const tell = (event: PowerEvent) => void this.told.push(event);
    const memory = {
      get: () => remembered,
      set: (_name: string, memory: MachineMemory) => {
        if (this.full) throw new Error("disk full");
        this.kept.push(memory);
      },
      pin: () => undefined,
      setPin: () => undefined,
      synced: async () => undefined,
    };
    this.machine = new Machine(machineSpec("nuc1", spec(this.bare)), {
      clock,
      remembered: (name) => new Remembered(name, { clock, memory, tell }),
      hub: () => hub,
      tell,
      changed: () => {
        this.changes += 1;
      },
      orderOf: () => this.order,
    });
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.bare.run(work);
  }

  now(): number {
    return this.bare.clock.now();
  }

  wait(ms: number): Promise<void> {
    return this.run(this.bare.clock.sleep(ms));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bare[Symbol.asyncDispose]();
  }
}
