/** One machine of the simulation, the plug or the button before it, and the faults they can have. */
import type { Clock } from "../power/clock.ts";
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
    // A lie is not taken up by the next fault.
    if (fault !== "lying") this.#wish = undefined;
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
