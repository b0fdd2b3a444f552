/** The world behind the `simulated` driver: hubs with outlets, a machine behind each, and the faults they can have. */
import { setTimeout as pause } from "node:timers/promises";
import type { Clock } from "../power/clock.ts";
import type { ListedOutlet } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";

export type SimulatedFault = "unreachable" | "stuck" | "lying" | "refuses" | "lost-answer" | "hung";
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

const hubs = new Map<string, SimulatedHub>();

/** The hub of that name; made when first asked for, and kept as long as the process lives. */
export function simulatedHub(name: string, options: { readonly clock: Clock; readonly latency: number }): SimulatedHub {
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
  /** Does the hub itself answer? */
  reachable = true;

  constructor(options: { readonly clock: Clock; readonly latency: number }) {
    this.#clock = options.clock;
    this.latency = options.latency;
  }

  /** The machine behind an outlet; made with these settings when first asked for. */
  machine(settings: SimulatedSettings): SimulatedMachine {
    let machine = this.#machines.get(settings.outlet);
    if (!machine) {
      machine = new SimulatedMachine(settings, this.#clock);
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
    machine.command(command);
  }

  async read(settings: SimulatedSettings, signal: AbortSignal) {
    const machine = await this.#reach(settings, signal);
    return machine.answer();
  }

  async watts(settings: SimulatedSettings, signal: AbortSignal): Promise<number> {
    const machine = await this.#reach(settings, signal);
    return machine.watts;
  }

  list(): readonly ListedOutlet[] {
    return [...this.#machines].map(([outlet, machine]) => ({ outlet, state: machine.answer().state }));
  }

  async #delay(signal: AbortSignal): Promise<void> {
    try {
      await pause(this.latency, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  async #reach(settings: SimulatedSettings, signal: AbortSignal): Promise<SimulatedMachine> {
    if (this.latency > 0) await this.#delay(signal);
    const machine = this.machine(settings);
    if (!this.reachable || machine.fault === "unreachable") {
      throw new PowerError("unreachable", `simulated outlet ${settings.outlet} does not answer`);
    }
    return machine;
  }
}

/** Something that is going to happen; `inside` the machine: without current it does not. */
interface Due {
  readonly at: number;
  readonly inside: boolean;
  readonly happen: (at: number) => void;
}

/** One simulated machine. Nothing happens by timers: what is due by now has happened. */
export class SimulatedMachine {
  readonly #settings: SimulatedSettings;
  readonly #clock: Clock;
  #fed: boolean;
  #running: boolean;
  /** Where a press has sent it last: the next one sends it back. */
  #pressedTo: "on" | "off" | undefined;
  #due: Due[] = [];
  #wish: "on" | "off" | undefined;
  fault: SimulatedFault | undefined;
  /** Every command that arrived, whether obeyed or not. */
  readonly commands: { readonly at: number; readonly command: SimulatedCommand }[] = [];

  constructor(settings: SimulatedSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.fault = settings.fault;
    this.#running = settings.initial === "on";
    this.#fed = settings.kind !== "plug" || settings.initial !== "off";
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
    this.#stop();
  }

  command(command: SimulatedCommand): void {
    this.#catchUp();
    this.commands.push({ at: this.#clock.now(), command });
    if (this.fault === "refuses") throw new PowerError("refused", `simulated outlet ${this.#settings.outlet} refuses`);
    this.#wish = command === "on" || command === "reset" ? "on" : "off";
    if (this.fault === "stuck" || this.fault === "lying") return;
    if (this.fault === "hung" && command === "soft-off") return;
    this.#obey(command);
    if (this.fault === "lost-answer") {
      throw new PowerError("timeout", `simulated outlet ${this.#settings.outlet} lost the answer`, {
        mayHaveActed: true,
      });
    }
  }

  answer() {
    const isPlug = this.#settings.kind === "plug";
    const real = (isPlug ? this.fed : this.running) ? "on" : "off";
    const state = this.fault === "lying" ? (this.#wish ?? real) : real;
    const word = isPlug ? { on: "closed", off: "open" } : { on: "running", off: "not running" };
    return { state, evidence: word[state] } as const;
  }

  #obey(command: SimulatedCommand): void {
    const { kind, boot, shutdown, lag } = this.#settings;
    switch (kind) {
      case "plug":
        this.#later(lag, (at) => (command === "on" ? this.#feed(at) : this.#cut()));
        return;
      case "button":
        this.#press();
        return;
      case "machine":
        if (command === "on" && !this.#running) this.#within(lag + boot, () => this.#run(true));
        if (command === "soft-off" && this.#running) this.#within(lag + shutdown, () => this.#run(false));
        if (command === "off") this.#later(lag, () => this.#stop());
        if (command === "reset") {
          this.#later(lag, (at) => {
            this.#stop();
            this.#bootFrom(at);
          });
        }
        return;
      default:
        kind satisfies never;
    }
  }

  /** A press while the last one still takes its effect turns the machine back. */
  #press(): void {
    const { boot, shutdown, lag } = this.#settings;
    const underWay = this.#due.length > 0 ? this.#pressedTo : undefined;
    const to = (underWay ?? (this.#running ? "on" : "off")) === "on" ? "off" : "on";
    this.#due = [];
    this.#pressedTo = to;
    this.#within(lag + (to === "on" ? boot : shutdown), () => this.#run(to === "on"));
  }

  #run(running: boolean): void {
    this.#running = running;
  }

  #feed(at: number): void {
    if (!this.#fed && this.#settings.restores) this.#bootFrom(at);
    this.#fed = true;
  }

  #bootFrom(at: number): void {
    this.#due.push({ at: at + this.#settings.boot, inside: true, happen: () => this.#run(true) });
  }

  #cut(): void {
    this.#fed = false;
    this.#stop();
  }

  /** Nothing that was going to happen inside the machine happens any more. */
  #stop(): void {
    this.#running = false;
    this.#due = this.#due.filter(({ inside }) => !inside);
  }

  #within(ms: number, happen: () => void): void {
    this.#due.push({ at: this.#clock.now() + ms, inside: true, happen });
    this.#catchUp();
  }

  #later(ms: number, happen: (at: number) => void): void {
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
