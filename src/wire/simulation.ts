/** The world behind the `simulated` driver: hubs with outlets, and a machine behind each. */
import { setTimeout as pause } from "node:timers/promises";
import type { Clock } from "../power/clock.ts";
import type { ListedOutlet, WatchListener } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { type SimulatedCommand, SimulatedMachine, type SimulatedSettings } from "./simulated-machine.ts";

export interface SimulatedHubOptions {
  readonly clock: Clock;
  /** Real milliseconds that every exchange takes. */
  readonly latency: number;
  /** Does it tell states unasked? */
  readonly pushes?: boolean;
}

const hubs = new Map<string, SimulatedHub>();

/** The hub of that name; made when first asked for, and kept as long as the process lives. */
export function simulatedHub(name: string, options: SimulatedHubOptions): SimulatedHub {
  let hub = hubs.get(name);
  if (!hub) {
    hub = new SimulatedHub(options);
    hubs.set(name, hub);
  }
  return hub;
}

export class SimulatedHub {
  readonly #clock: Clock;
  readonly #machines = new Map<string, SimulatedMachine>();
  /** Real milliseconds that every exchange takes. */
  latency: number;
  readonly #pushes: boolean;
  #reachable = true;
  /** What it says it is. */
  identity = "simulated-1";
  /** Exchanges that reached it, by kind. */
  readonly exchanges = { command: 0, read: 0, identify: 0 };
  readonly #watches = new Set<SimulatedWatch>();

  constructor(options: SimulatedHubOptions) {
    this.#clock = options.clock;
    this.#pushes = options.pushes ?? false;
    this.latency = options.latency;
  }

  /** Does the hub itself answer? */
  get reachable(): boolean {
    return this.#reachable;
  }

  set reachable(reachable: boolean) {
    this.#reachable = reachable;
    if (!reachable) this.breakWatches();
  }

  /** The machine behind an outlet; made with these settings when first asked for. */
  machine(settings: SimulatedSettings): SimulatedMachine {
    let machine = this.#machines.get(settings.outlet);
    if (!machine) {
      machine = new SimulatedMachine(settings, { clock: this.#clock, changed: () => this.#look() });
      this.#machines.set(settings.outlet, machine);
    }
    return machine;
  }

  /** The machine behind an outlet that was used before. */
  outlet(name: string): SimulatedMachine | undefined {
    return this.#machines.get(name);
  }

  async command(settings: SimulatedSettings, command: SimulatedCommand, signal: AbortSignal): Promise<void> {
    const machine = await this.#reach(settings, signal);
    this.exchanges.command += 1;
    machine.command(command);
  }

  #look(): void {
    for (const watch of this.#watches) watch.look();
  }

  async read(settings: SimulatedSettings, signal: AbortSignal) {
    const machine = await this.#reach(settings, signal);
    this.exchanges.read += 1;
    return machine.answer();
  }

  /** All of them in one exchange. */
  async readAll(outlets: readonly SimulatedSettings[], signal: AbortSignal) {
    await this.#answer(signal);
    this.exchanges.read += 1;
    return outlets.map((settings) => {
      const machine = this.machine(settings);
      return machine.fault === "unreachable" ? unreachable(settings.outlet) : machine.answer();
    });
  }

  async identify(signal: AbortSignal): Promise<string> {
    await this.#answer(signal);
    this.exchanges.identify += 1;
    return this.identity;
  }

  /** Tells states when they change, until the disposer is called; undefined where it tells none. */
  watch(outlets: readonly SimulatedSettings[], listener: WatchListener<SimulatedSettings>): (() => void) | undefined {
    if (!this.#pushes) return undefined;
    const watch = new SimulatedWatch(
      outlets.map((settings) => ({ settings, machine: this.machine(settings) })),
      { listener, clock: this.#clock },
    );
    this.#watches.add(watch);
    watch.look();
    return () => {
      this.#watches.delete(watch);
      watch.end();
    };
  }

  /** Connections that tell states break. */
  breakWatches(): void {
    for (const watch of this.#watches) watch.lose();
    this.#watches.clear();
  }

  async watts(settings: SimulatedSettings, signal: AbortSignal): Promise<number> {
    const machine = await this.#reach(settings, signal);
    this.exchanges.read += 1;
    return machine.watts;
  }

  list(): readonly ListedOutlet[] {
    return [...this.#machines].map(([outlet, machine]) => ({ outlet, state: machine.answer().state }));
  }

  async #reach(settings: SimulatedSettings, signal: AbortSignal): Promise<SimulatedMachine> {
    await this.#answer(signal);
    const machine = this.machine(settings);
    if (machine.fault === "unreachable") throw unreachable(settings.outlet);
    return machine;
  }

  async #answer(signal: AbortSignal): Promise<void> {
    if (this.latency > 0) await pause(this.latency, undefined, { signal });
    if (!this.reachable) throw new PowerError("unreachable", "the simulated hub does not answer");
  }
}

function unreachable(outlet: string): PowerError {
  return new PowerError("unreachable", `simulated outlet ${outlet} does not answer`);
}

interface Watched {
  readonly settings: SimulatedSettings;
  readonly machine: SimulatedMachine;
}

/** Looks whenever something is due, and tells what changed. */
class SimulatedWatch {
  readonly #outlets: readonly Watched[];
  readonly #listener: WatchListener<SimulatedSettings>;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  readonly #told = new Map<Watched, string>();
  #nextLook = Infinity;

  constructor(
    outlets: readonly Watched[],
    { listener, clock }: { readonly listener: WatchListener<SimulatedSettings>; readonly clock: Clock },
  ) {
    this.#outlets = outlets;
    this.#listener = listener;
    this.#clock = clock;
  }

  look(): void {
    if (this.#over.signal.aborted) return;
    for (const outlet of this.#outlets) {
      const answer = outlet.machine.answer();
      if (this.#told.get(outlet) === answer.state) continue;
      this.#told.set(outlet, answer.state);
      this.#listener.state(outlet.settings, answer);
    }
    const now = this.#clock.now();
    const next = Math.min(...this.#outlets.map(({ machine }) => machine.nextAt));
    if (next === Infinity || (this.#nextLook > now && this.#nextLook <= next)) return;
    this.#nextLook = next;
    this.#clock.sleep(Math.max(0, next - now), this.#over.signal).then(
      () => this.look(),
      () => undefined,
    );
  }

  lose(): void {
    this.end();
    this.#listener.lost(new PowerError("unreachable", "the simulated hub closed the connection"));
  }

  end(): void {
    this.#over.abort();
  }
}
