/** The world behind the `simulated` driver: hubs with outlets, a machine behind each, and the faults they can have. */
import { setTimeout as pause } from "node:timers/promises";
import type { Clock } from "../power/clock.ts";
import type { ListedOutlet, WatchListener } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";

export const SIMULATED_FAULTS = [
  "unreachable",
  "stuck",
  "lying",
  "refuses",
  "lost-answer",
  "hung",
  "frozen",
  "flapping",
] as const;
export type SimulatedFault = (typeof SIMULATED_FAULTS)[number];
export type SimulatedCommand = "on" | "off" | "soft-off" | "reset";

/** Durations in milliseconds, powers in watts. */
export interface SimulatedSettings {
  readonly outlet: string;
  readonly kind: "machine" | "plug" | "button";
  readonly boot: number;
  readonly shutdown: number;
  readonly lag: number;
  readonly initial: "on" | "off" | "halted";
  readonly restores: boolean;
  readonly load: number;
  readonly idle: number;
  readonly fault?: SimulatedFault | undefined;
}

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

interface Due {
  readonly at: number;
  /** It happens inside the machine, and not at all when that loses its power. */
  readonly inside: boolean;
  readonly happen: (at: number) => void;
}

/** One simulated machine. Nothing happens by timers: what is due by now has happened. */
export class SimulatedMachine {
  readonly #settings: SimulatedSettings;
  readonly #clock: Clock;
  /** Something may be different from before. */
  readonly #changed: () => void;
  #fed: boolean;
  #running: boolean;
  #due: Due[] = [];
  #wish: "on" | "off" | undefined;
  #fault: SimulatedFault | undefined;
  /** What it reported when it froze. */
  #frozen: "on" | "off" = "off";
  #reads = 0;
  /** When its current was last taken away (ms since 1970). */
  openedAt: number | undefined;
  /** Every command that arrived, whether obeyed or not. */
  readonly commands: { readonly at: number; readonly command: SimulatedCommand }[] = [];

  constructor(settings: SimulatedSettings, options: { readonly clock: Clock; readonly changed: () => void }) {
    this.#settings = settings;
    this.#clock = options.clock;
    this.#changed = options.changed;
    this.#running = settings.initial === "on";
    this.#fed = settings.kind !== "plug" || settings.initial !== "off";
    this.fault = settings.fault;
  }

  get fault(): SimulatedFault | undefined {
    return this.#fault;
  }

  set fault(fault: SimulatedFault | undefined) {
    this.#fault = fault;
    this.#frozen = this.#state();
    if (fault === undefined) this.#wish = undefined;
  }

  /** When something happens by itself next (ms since 1970); Infinity where nothing does. */
  get nextAt(): number {
    this.#catchUp();
    return Math.min(...this.#due.map((event) => event.at), Infinity);
  }

  /** Does current reach it? */
  get fed(): boolean {
    this.#catchUp();
    return this.#fed;
  }

  get running(): boolean {
    this.#catchUp();
    return this.#running;
  }

  get watts(): number {
    const { load, idle } = this.#settings;
    if (!this.fed) return 0;
    return this.running ? load : idle;
  }

  /** The operating system halts; current stays. */
  halt(): void {
    this.#catchUp();
    this.#cutShort();
    this.#changed();
  }

  /** Somebody does it at the device itself: nothing arrives, and it obeys. */
  byHand(command: SimulatedCommand): void {
    this.#catchUp();
    this.#obey(command);
    this.#changed();
  }

  command(command: SimulatedCommand): void {
    this.#catchUp();
    this.commands.push({ at: this.#clock.now(), command });
    if (this.fault === "refuses") throw new PowerError("refused", `simulated outlet ${this.#settings.outlet} refuses`);
    if (this.fault === "lying") this.#wish = command === "on" || command === "reset" ? "on" : "off";
    if (this.fault === "stuck" || this.fault === "lying") return;
    if (this.fault === "hung" && command === "soft-off") return;
    this.#obey(command);
    this.#changed();
    if (this.fault === "lost-answer") {
      throw new PowerError("timeout", `simulated outlet ${this.#settings.outlet} lost the answer`, {
        mayHaveActed: true,
      });
    }
  }

  answer() {
    this.#reads += 1;
    const state = this.#reported();
    const plug = this.#settings.kind === "plug";
    const word = plug ? { on: "closed", off: "open" } : { on: "running", off: "not running" };
    return { state, evidence: word[state] };
  }

  #state(): "on" | "off" {
    return (this.#settings.kind === "plug" ? this.fed : this.running) ? "on" : "off";
  }

  #reported(): "on" | "off" {
    const state = this.#wish ?? this.#state();
    if (this.#fault === "frozen") return this.#frozen;
    if (this.#fault === "flapping" && this.#reads % 2 === 0) return state === "on" ? "off" : "on";
    return state;
  }

  #obey(command: SimulatedCommand): void {
    const { kind, boot, shutdown, lag, restores } = this.#settings;
    if (kind === "plug") {
      if (command === "on") {
        this.#after(lag, (at) => {
          if (!this.#fed && restores) this.#runFrom(at + boot, true);
          this.#fed = true;
        });
      } else this.#after(lag, (at) => this.#cut(at));
      return;
    }
    if (kind === "button") {
      this.#after(lag, (at) => this.#runFrom(at + (this.#running ? shutdown : boot), !this.#running));
      return;
    }
    switch (command) {
      case "on":
        this.#after(lag, (at) => {
          if (!this.#running) this.#runFrom(at + boot, true);
        });
        return;
      case "soft-off":
        this.#after(lag, (at) => this.#runFrom(at + shutdown, false));
        return;
      case "off":
        this.#after(lag, () => this.#cutShort());
        return;
      case "reset":
        this.#after(lag, (at) => {
          this.#cutShort();
          this.#runFrom(at + boot, true);
        });
        return;
      default:
        command satisfies never;
    }
  }

  #runFrom(at: number, running: boolean): void {
    const happen = () => {
      this.#running = running;
    };
    this.#due.push({ at, inside: true, happen });
  }

  #cut(at: number): void {
    if (this.#fed) this.openedAt = at;
    this.#fed = false;
    this.#cutShort();
  }

  /** Power is gone: nothing that was going to happen inside the machine happens. */
  #cutShort(): void {
    this.#running = false;
    this.#due = this.#due.filter((due) => !due.inside);
  }

  /** A command takes effect after its lag. */
  #after(ms: number, happen: (at: number) => void): void {
    this.#due.push({ at: this.#clock.now() + ms, inside: false, happen });
    this.#catchUp();
  }

  #catchUp(): void {
    for (;;) {
      const now = this.#clock.now();
      const next = this.#due.filter((event) => event.at <= now).sort((a, b) => a.at - b.at)[0];
      if (!next) return;
      this.#due.splice(this.#due.indexOf(next), 1);
      next.happen(next.at);
    }
  }
}
