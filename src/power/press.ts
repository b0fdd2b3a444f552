/** Buttons and relays that toggle: pressed by mistake they do the opposite. */
import type { Clock } from "./clock.ts";
import { PowerError } from "./errors.ts";
import type { Machine } from "./machine.ts";
import type { Outlet } from "./outlet.ts";
import type { Prover } from "./prover.ts";
import type { Reading } from "./reading.ts";

/** What a press is decided on. */
export interface BeforePress {
  readonly state: "on" | "off";
  readonly startedAt: number;
}

export interface PressServices {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export class Presses {
  readonly #machine: Machine;
  readonly #prover: Prover;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;

  constructor(machine: Machine, prover: Prover, { clock, signal }: PressServices) {
    this.#machine = machine;
    this.#prover = prover;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** What is measured once the last press has settled. Throws PowerError, `refused` where nothing measures it. */
  async before(outlet: Outlet): Promise<BeforePress> {
    const settled = (outlet.commandedAt ?? -Infinity) + this.#machine.settleOf(outlet);
    const left = settled - this.#clock.now();
    if (left > 0) await this.#clock.sleep(left, this.#signal);
    const { state, confidence, startedAt } = await this.#turnedBy(outlet);
    if (confidence === "measured" && state !== "unknown") return { state, startedAt };
    throw new PowerError(
      "refused",
      `${outlet.label} is a button, and the state is not measured: pressing it might do the opposite`,
      { hint: "Give the machine a query that measures, such as `reachable` or the power LED." },
    );
  }

  /**
   * To be awaited in the turn of the press, just before it: somebody else may have read another state since. Throws
   * PowerError.
   */
  async stillSo(outlet: Outlet, { state, startedAt }: BeforePress): Promise<void> {
    // What was read in the turn before is known to the machine by then.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#differsSince(startedAt, outlet, state))
      throw new PowerError("busy", `${this.#machine.name} changed before ${outlet.label} could be pressed`);
  }

  /** Is another state known of what a press turns round, from a reading that began after that time? */
  #differsSince(time: number, outlet: Outlet, before: "on" | "off"): boolean {
    const { supplies, remembered } = this.#machine;
    const opposite = before === "on" ? "off" : "on";
    // Known even where a reload replaced the machine while it was read.
    if (!supplies.includes(outlet)) return remembered.shownSince(time) === opposite;
    const newest = this.#machine.newerThan({ startedAt: time });
    if (!newest?.outlets) return newest?.fed === (opposite === "on");
    const relay = newest.outlets.find(({ label }) => label === outlet.label)?.state;
    return relay === (opposite === "on" ? "closed" : "open");
  }

  /** What a press turns round: the machine, or the relay of its supply. */
  async #turnedBy(outlet: Outlet): Promise<Pick<Reading, "state" | "confidence" | "startedAt">> {
    if (!this.#machine.supplies.includes(outlet)) return this.#prover.read();
    if (!outlet.can.has("query")) return { state: "unknown", confidence: "assumed", startedAt: this.#clock.now() };
    const { value, startedAt } = await outlet.read(this.#machine.asking("order", this.#signal));
    return { state: value.state, confidence: value.assumed ? "assumed" : "measured", startedAt };
  }
}

/** Pressed on the opposite of the goal; for a restart, whose goal is where it begins, on a machine that is on. */
export function needsPress(
  { state }: BeforePress,
  { verb, goal }: { readonly verb: string; readonly goal: "on" | "off" },
): boolean {
  return verb === goal ? state !== goal : state === goal;
}
