/** A controller over simulated machines on a virtual clock, for tests of the domain. */
import simulated from "../../src/drivers/simulated.ts";
import type { Clock } from "../../src/power/clock.ts";
import { PowerController } from "../../src/power/controller.ts";
import { DEFAULT_PACE, type Driver, type Verb } from "../../src/power/driver.ts";
import { PowerError } from "../../src/power/errors.ts";
import type { PowerSignal } from "../../src/power/events.ts";
import type { Journal, MachineMemory, Memory, Pin } from "../../src/power/journal.ts";
import type { Actor, OrderRecord, OrderRequest } from "../../src/power/order.ts";
import {
  allOutlets,
  type HubSpec,
  type LimitSpec,
  type MachineSpec,
  type OutletSpec,
  outletName,
} from "../../src/power/spec.ts";
import type { SimulatedMachine } from "../../src/wire/simulated-machine.ts";
import { type SimulatedHub, simulatedHub } from "../../src/wire/simulation.ts";
import { VirtualClock } from "../virtual-clock.ts";

export const MAAS: Actor = { id: "token:maas", name: "maas", role: "maas" };
export const RACK2: Actor = { id: "token:rack2", name: "rack2", role: "maas" };
export const ANNA: Actor = { id: "user:anna", name: "anna", role: "operator" };
export const BERT: Actor = { id: "user:bert", name: "bert", role: "operator" };

/** Keeps in memory what the store would keep in files. */
export class Notebook implements Journal, Memory {
  readonly lines: string[] = [];
  /** As they were last written; what happens to the record later is not known here. */
  readonly orders = new Map<string, OrderRecord>();
  readonly #memories = new Map<string, MachineMemory>();
  readonly #pins = new Map<string, Pin>();
  broken = false;

  accept(order: OrderRecord): void {
    if (this.broken) order.unjournalled = true;
    if (this.broken) return;
    this.lines.push(`accept ${order.verb} ${order.machine}`);
    this.orders.set(order.id, structuredClone(order));
  }
  update(order: OrderRecord): void {
    if (this.broken) return;
    this.lines.push(`${order.state} ${order.verb} ${order.machine}`);
    this.orders.set(order.id, structuredClone(order));
  }
  amend(order: OrderRecord): void {
    this.update(order);
  }
  /** What a crash left open is cut short. */
  reopen(): void {
    for (const order of this.orders.values()) if (order.endedAt === undefined) order.state = "cut_short";
  }
  lastOrders(): Map<string, OrderRecord> {
    return new Map([...this.orders.values()].map((order) => [order.machine, order]));
  }
  note(): void {}
  async kept(): Promise<void> {}
  get(machine: string): MachineMemory {
    return this.#memories.get(machine) ?? {};
  }
  set(machine: string, memory: MachineMemory): void {
    this.#memories.set(machine, memory);
  }
  pin(hub: string): Pin | undefined {
    return this.#pins.get(hub);
  }
  setPin(hub: string, pin: Pin | undefined): void {
    if (pin) this.#pins.set(hub, pin);
    else this.#pins.delete(hub);
  }
  async synced(): Promise<void> {
    if (this.broken) throw new Error("disk full");
  }
}

/**
 * One life of the daemon. When it is over nothing of it goes on: who sleeps is never woken, and what it still writes is
 * not kept.
 */
export class Life implements Clock, Journal, Memory {
  readonly #clock: Clock;
  readonly #notebook: Notebook;
  readonly #end = new AbortController();

  constructor(clock: Clock, notebook: Notebook) {
    this.#clock = clock;
    this.#notebook = notebook;
  }

  /** Aborts when it is over. */
  get over(): AbortSignal {
    return this.#end.signal;
  }

  end(): void {
    this.#end.abort(new Error("this life is over"));
  }

  now(): number {
    return this.#clock.now();
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, signal);
    if (this.over.aborted) await new Promise(() => undefined);
  }

  accept(order: OrderRecord): void {
    if (!this.over.aborted) this.#notebook.accept(order);
  }
  update(order: OrderRecord): void {
    if (!this.over.aborted) this.#notebook.update(order);
  }
  amend(order: OrderRecord): void {
    this.update(order);
  }
  note(): void {
    if (!this.over.aborted) this.#notebook.note();
  }
  get(machine: string): MachineMemory {
    return this.#notebook.get(machine);
  }
  set(machine: string, memory: MachineMemory): void {
    if (!this.over.aborted) this.#notebook.set(machine, memory);
  }
  pin(hub: string): Pin | undefined {
    return this.#notebook.pin(hub);
  }
  setPin(hub: string, pin: Pin | undefined): void {
    if (!this.over.aborted) this.#notebook.setPin(hub, pin);
  }
  async kept(): Promise<void> {
    await this.#notebook.kept();
  }
  async synced(): Promise<void> {
    if (!this.over.aborted) await this.#notebook.synced();
  }
}

const worlds = (function* () {
  for (let number = 1; ; number++) yield number;
})();

/** A machine with nothing but what `spec` says, and the defaults. */
export function machineSpec(name: string, spec: Partial<MachineSpec>): MachineSpec {
  return {
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
    aboveFor: 0,
    settle: 0,
    cut: "last_resort",
    poll: 30_000,
    ...spec,
    stages: { on: [], off: [], cycle: [], reset: [], ...spec.stages },
  };
}

interface LabOptions {
  /** What keeps orders and memories; absent: the notebook. */
  readonly store?: { readonly journal: Journal; readonly memory: Memory };
  /** Exchanges take time of the virtual clock, so it moves while they last. */
  readonly slow?: boolean;
  /** Told every signal as it comes. */
  readonly hear?: (signal: PowerSignal) => void;
}

export class Lab implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly notebook = new Notebook();
  readonly signals: PowerSignal[] = [];
  readonly #world = `lab-${worlds.next().value}`;
  readonly #machines: MachineSpec[] = [];
  readonly #hubs = new Map<string, HubSpec>();
  readonly limits: LimitSpec[] = [];
  readonly #pushing = new Set<string>();
  readonly #idle: () => boolean;
  readonly #store: LabOptions["store"];
  readonly #hear: ((signal: PowerSignal) => void) | undefined;
  #life: Life | undefined;
  #power: PowerController | undefined;

  constructor({ slow = false, hear, store }: LabOptions = {}) {
    this.#store = store;
    this.#idle = () => slow || !this.power.busy;
    this.#hear = hear;
  }

  get power(): PowerController {
    if (!this.#power) {
      const life = new Life(this.clock, this.notebook);
      this.#life = life;
      this.#power = new PowerController({
        machines: this.#machines,
        limits: this.limits,
        clock: life,
        journal: life,
        memory: life,
        ...this.#store,
        lastOrders: this.notebook.lastOrders(),
      });
      this.#power.listen((signal) => {
        if (life.over.aborted) return;
        this.signals.push(signal);
        this.#hear?.(signal);
      });
      this.#power.start();
    }
    return this.#power;
  }

  /** As after kill -9: nothing of the old controller goes on, and the new one knows what was kept. */
  crash(): void {
    this.#life?.end();
    this.#power = undefined;
    this.notebook.reopen();
  }

  get machines(): readonly MachineSpec[] {
    return this.#machines;
  }

  /** The hub tells its states unasked. Call it before anything uses the hub. */
  pushes(name: string): void {
    this.#pushing.add(name);
  }

  hubSpec(name: string, driver: Driver = simulated, pace: Partial<HubSpec["pace"]> = {}): HubSpec {
    const known = this.#hubs.get(name);
    if (known) return known;
    const settings = driver.hub?.parse(
      driver === simulated ? { world: this.#world, pushes: this.#pushing.has(name) } : {},
    );
    // The world's clock goes on when the daemon's does not.
    if (driver === simulated) this.hub(name);
    const spec = { key: name, name, driver, settings, pace: { ...DEFAULT_PACE, ...driver.pace, ...pace } };
    this.#hubs.set(name, spec);
    return spec;
  }

  /** An outlet of the simulated hub `hub`. */
  outlet(hub: string, settings: Record<string, unknown> = {}, driver: Driver = simulated): OutletSpec {
    const { outlet } = settings;
    const label = outlet === undefined ? hub : `${hub} outlet ${outlet as string | number}`;
    return { hub: this.hubSpec(hub, driver), settings: driver.outlet.parse(settings), label };
  }

  add(name: string, spec: Partial<MachineSpec>): void {
    this.#machines.push(machineSpec(name, spec));
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
    return simulatedHub(`${this.#world}/${name}`, { clock: this.clock, latency: 0, pushes: this.#pushing.has(name) });
  }

  /** What stands behind an outlet of a hub that some machine uses. */
  deviceAt(hub: string, outlet: string): SimulatedMachine {
    const spec = this.#machines
      .flatMap(allOutlets)
      .find((known) => known.hub.name === hub && outletName(known.settings) === outlet);
    if (!spec) throw new Error(`no machine uses outlet ${outlet} of ${hub}`);
    return this.hub(hub).machine(spec.settings as Parameters<SimulatedHub["machine"]>[0]);
  }

  /** What stands behind outlet 1 of the hub. */
  device(name: string): SimulatedMachine {
    return this.deviceAt(name, "1");
  }

  commands(name: string): string[] {
    return this.device(name).commands.map(({ command }) => command);
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise, { idle: this.#idle });
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
