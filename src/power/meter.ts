/**
 * A machine's state from the watts it draws: on from `above` on. A machine that boots or halts crosses that line more
 * than once, so a state that is known follows the watts only when they have stayed on the other side for a while.
 */
export interface MeterSettings {
  /** Watts from which on the machine runs. */
  readonly above: number;
  /** How long they must stay on the other side before the state follows (ms). */
  readonly heldFor: number;
}

export interface MeterReading {
  readonly state: "on" | "off";
  readonly evidence: string;
}

export class Meter {
  readonly #settings: MeterSettings;
  #state: "on" | "off" | undefined;
  /** Since when they are on the other side (ms since 1970). */
  #otherSince: number | undefined;

  constructor(settings: MeterSettings) {
    this.#settings = settings;
  }

  /** `at`: when they were read (ms since 1970). */
  read(watts: number, at: number): MeterReading {
    const { above, heldFor } = this.#settings;
    const side = watts >= above ? "on" : "off";
    const shown = `${Math.round(watts * 10) / 10} W`;
    if (this.#state === undefined || side === this.#state) {
      this.#state = side;
      this.#otherSince = undefined;
    } else {
      this.#otherSince ??= at;
      const held = at - this.#otherSince;
      if (held < heldFor) {
        return { state: this.#state, evidence: `${shown} for ${held / 1_000} s of ${heldFor / 1_000} s` };
      }
      this.#state = side;
      this.#otherSince = undefined;
    }
    return { state: side, evidence: side === "on" ? shown : `${shown}, below ${above} W: halted` };
  }

  /** Its current was cut: it is off, and on again when the watts have stayed there for long enough. */
  cut(): void {
    this.#state = "off";
    this.#otherSince = undefined;
  }
}
