/** A controller over simulated machines on a virtual clock, for tests of the domain. */
import simulated from "../../src/drivers/simulated.ts";
import { PowerController } from "../../src/power/controller.ts";
import { DEFAULT_PACE, type Driver, type Verb } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { PowerSignal } from "../../src/power/events.ts";
import type { Journal, MachineMemory, Memory } from "../../src/power/journal.ts";
import type { Actor, OrderRecord, OrderRequest } from "../../src/power/order.ts";
import type { HubSpec, MachineSpec, OutletSpec } from "../../src/power/spec.ts";
import { type SimulatedHub, type SimulatedMachine, simulatedHub } from "../../src/wire/simulation.ts";
import { VirtualClock } from "../virtual-clock.ts";

export const MAAS: Actor = { id: "token:maas", name: "maas", role: "maas" };
export const RACK2: Actor = { id: "token:rack2", name: "rack2", role: "maas" };
export const ANNA: Actor = { id: "user:anna", name: "anna", role: "operator" };

/** Keeps in memory what the store would keep in files. */
export class Notebook implements Journal, Memory {
  readonly lines: string[] = [];
  readonly #memories = new Map<string, MachineMemory>();
  broken = false;

  accept(order: OrderRecord): void {
    if (this.broken) throw new Error("disk full");
    this.lines.push(`accept ${order.verb} ${order.machine}`);
  }
  update(order: OrderRecord): void {
    if (this.broken) throw new Error("disk full");
    this.lines.push(`${order.state} ${order.verb} ${order.machine}`);
  }
  note(): void {
    if (this.broken) throw new Error("disk full");
  }
  get(machine: string): MachineMemory {
    return this.#memories.get(machine) ?? {};
  }
  set(machine: string, memory: MachineMemory): void {
    this.#memories.set(machine, memory);
  }
}

const worlds = (function* () {
  for (let number = 1; ; number++) yield number;
})();

export class Lab implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly notebook = new Notebook();
  readonly #store: { readonly journal: Journal; readonly memory: Memory };
  readonly signals: PowerSignal[] = [];
  readonly #world = `lab-${worlds.next().value}`;
  readonly #machines: MachineSpec[] = [];
  readonly #hubs = new Map<string, HubSpec>();
  #power: PowerController | undefined;

  /** Absent: the notebook keeps what a store would. */
  constructor(store?: { readonly journal: Journal; readonly memory: Memory }) {
    this.#store = store ?? { journal: this.notebook, memory: this.notebook };
  }

  get power(): PowerController {
    if (!this.#power) {
      this.#power = new PowerController({
        machines: this.#machines,
        clock: this.clock,
        ...this.#store,
      });
      this.#power.listen((signal) => this.signals.push(signal));
    }
    return this.#power;
  }

  hubSpec(name: string, driver: Driver = simulated, pace: Partial<HubSpec["pace"]> = {}): HubSpec {
    const known = this.#hubs.get(name);
    if (known) return known;
    const settings = driver.hub?.parse(driver === simulated ? { world: this.#world } : {});
    const spec = { key: name, name, driver, settings, pace: { ...DEFAULT_PACE, ...driver.pace, ...pace } };
    this.#hubs.set(name, spec);
    return spec;
  }

  /** An outlet of the simulated hub `hub`. */
  outlet(hub: string, settings: Record<string, unknown> = {}, driver: Driver = simulated): OutletSpec {
    return { hub: this.hubSpec(hub, driver), settings: driver.outlet.parse(settings), label: hub };
  }

  add(name: string, spec: Partial<MachineSpec>): void {
    this.#machines.push({
      facts: { name },
      tags: [],
      enabled: true,
      protect: "nobody",
      whenAlreadyOn: "leave",
      supplies: [],
      afterAc: "starts",
      verify: 120_000,
      minOff: 0,
      fresh: 1_000,
      settle: 0,
      cut: "last_resort",
      poll: 30_000,
      ...spec,
      stages: { on: [], off: [], cycle: [], reset: [], ...spec.stages },
    });
  }

  /** A machine like one with a management controller. */
  addMachine(name: string, settings: Record<string, unknown> = {}, spec: Partial<MachineSpec> = {}): void {
    const outlet = this.outlet(name, settings);
    const stage = { outlet, wait: spec.verify ?? 120_000 };
    this.add(name, {
      query: { kind: "one", outlet },
      ...spec,
      stages: { on: [stage], off: [stage], cycle: [], reset: [stage], ...spec.stages },
    });
  }

  /** A machine on a plug. */
  addPlug(name: string, settings: Record<string, unknown> = {}, spec: Partial<MachineSpec> = {}): void {
    this.add(name, {
      supplies: [{ outlet: this.outlet(name, { kind: "plug", ...settings }) }],
      minOff: 5_000,
      ...spec,
    });
  }

  hub(name: string): SimulatedHub {
    return simulatedHub(`${this.#world}/${name}`, { clock: this.clock, latency: 0 });
  }

  /** What stands behind outlet 1 of the hub. */
  device(name: string): SimulatedMachine {
    const spec = this.#hubs.get(name);
    const machine = this.#machines
      .flatMap((known) => [
        ...known.supplies.map((supply) => supply.outlet),
        ...Object.values(known.stages).flatMap((stages) => stages.map((stage) => stage.outlet)),
        ...(known.query?.kind === "one" ? [known.query.outlet] : []),
      ])
      .find((outlet) => outlet.hub === spec);
    if (!machine) throw new Error(`no simulated outlet on ${name}`);
    return this.hub(name).machine(machine.settings as Parameters<SimulatedHub["machine"]>[0]);
  }

  commands(name: string): string[] {
    return this.device(name).commands.map(({ command }) => command);
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise, { idle: () => this.power.openExchanges === 0 });
  }

  /** Gives the order and waits for its end. */
  async order(machine: string, verb: Verb, more: Partial<OrderRequest> = {}): Promise<OrderRecord> {
    return this.run(this.power.order({ machine, verb, actor: MAAS, ...more }).done);
  }

  /** Gives the order and answers how it failed. */
  async failure(machine: string, verb: Verb, more: Partial<OrderRequest> = {}): Promise<PowerError> {
    try {
      await this.order(machine, verb, more);
    } catch (error) {
      if (error instanceof PowerError) return error;
      throw error;
    }
    throw new Error(`${verb} ${machine} did not fail`);
  }

  async wait(ms: number): Promise<void> {
    await this.run(this.clock.sleep(ms));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(this.power.stop(0));
  }
}
