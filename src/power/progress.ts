/** What becomes of an order while it runs, written into its record as it happens. */
import type { Clock } from "./clock.ts";
import type { ErrorCode } from "./errors.ts";
import { PowerError } from "./errors.ts";
import type { OrderRecord, Step } from "./order.ts";

export interface ProgressServices {
  readonly clock: Clock;
  /** A step was added, or what it waits for changed. */
  readonly stepped: () => void;
  /** Something a restart must know was added to the order. */
  readonly journal: () => void;
}

export class Progress {
  readonly #order: OrderRecord;
  readonly #services: ProgressServices;

  constructor(order: OrderRecord, services: ProgressServices) {
    this.#order = order;
    this.#services = services;
  }

  #add(step: Step): void {
    this.#order.steps.push(step);
    this.#services.stepped();
  }

  note(text: string): void {
    this.#add({ at: this.#services.clock.now(), what: "note", text });
  }

  wait(text: string): void {
    this.#add({ at: this.#services.clock.now(), what: "wait", text });
  }

  rest(text: string, durationMs: number): void {
    this.#add({ at: this.#services.clock.now(), what: "rest", text, durationMs });
  }

  /** A command or a read that began at `at` and is over now. */
  exchange(what: "command" | "read", { at, text, thrown }: { at: number; text: string; thrown?: unknown }): void {
    const durationMs = this.#services.clock.now() - at;
    this.#add({ at, what, text, durationMs, ...(thrown !== undefined && { error: codeAndMessage(thrown) }) });
  }

  /** What it waits for from now on; undefined: nothing. */
  waitsFor(what: string | undefined): void {
    if (what === this.#order.waitingFor) return;
    if (what === undefined) delete this.#order.waitingFor;
    else this.#order.waitingFor = what;
    this.#services.stepped();
  }

  /** A cycle or reset is about to switch off: after a crash it is completed. */
  turning(): void {
    this.#order.turning = true;
    this.#services.journal();
  }

  /** The off of a cycle or reset is behind it. */
  turned(): void {
    this.#order.turning = true;
    this.#order.turned = true;
    this.#services.journal();
  }

  /** Outlets of a redundant supply that are not closed. */
  degraded(outlets: readonly string[]): void {
    if (outlets.length === 0) return;
    this.#order.degraded = [...outlets];
    this.note(`it runs without ${outlets.join(", ")}`);
  }
}

function codeAndMessage(thrown: unknown): { readonly code: ErrorCode; readonly message: string } {
  const { code, message } = PowerError.from(thrown);
  return { code, message };
}
