/** A plug and the machine on it: it runs when it is fed, after its boot. Its time is the clock's. */
import { type Clock, systemClock } from "../../src/power/clock.ts";

/** Durations in ms. */
export interface FedMachineOptions {
  readonly clock?: Clock;
  /** `halted` is fed, and does not run. */
  readonly initial?: "on" | "off" | "halted";
  /** From a command to its effect. */
  readonly lag?: number;
  /** From being fed to running. */
  readonly boot?: number;
  /** Takes commands, and does nothing. */
  readonly stuck?: boolean;
}

export class FedMachine {
  readonly #clock: Clock;
  readonly #lag: number;
  readonly #boot: number;
  readonly #stuck: boolean;
  /** Ends what is about to happen to it. */
  #life = new AbortController();
  /** Is the relay closed? */
  fed: boolean;
  running: boolean;
  /** Called when any of it changes. */
  changed: () => void = () => undefined;

  constructor({ clock = systemClock, initial = "off", lag = 0, boot = 0, stuck = false }: FedMachineOptions = {}) {
    this.#clock = clock;
    this.#lag = lag;
    this.#boot = boot;
    this.#stuck = stuck;
    this.fed = initial !== "off";
    this.running = initial === "on";
  }

  /** What its meter shows. */
  get watts(): number {
    return this.running ? 24.5 : this.fed ? 0.9 : 0;
  }

  command(verb: "on" | "off"): void {
    if (!this.#stuck) this.#after(this.#lag, () => this.#relay(verb === "on"));
  }

  /** Somebody does it by hand. */
  set(state: "on" | "off"): void {
    this.end();
    this.#life = new AbortController();
    this.fed = state === "on";
    this.running = this.fed;
    this.changed();
  }

  /** Nothing happens to it any more. */
  end(): void {
    this.#life.abort();
  }

  #relay(closed: boolean): void {
    if (closed === this.fed) return;
    this.fed = closed;
    if (closed) this.#after(this.#boot, () => this.#run());
    else {
      this.#life.abort();
      this.#life = new AbortController();
      this.running = false;
    }
    this.changed();
  }

  #run(): void {
    this.running = true;
    this.changed();
  }

  #after(ms: number, happen: () => void): void {
    if (ms === 0) happen();
    else this.#clock.sleep(ms, this.#life.signal).then(happen, () => undefined);
  }
}
