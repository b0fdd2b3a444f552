/**
 * MAAS as the daemon's caller: the webhook driver with the two loops around it.
 *
 * The driver's own loop is 7 rounds of an action, a wait of 1, 2, 2, 4, 6, 8 and 12 s, and a query; it ends when the query
 * shows the goal. An action or a query that fails with a PowerError goes on to the next round; what else is raised ends
 * it. Around it, since 3.6, up to three attempts of at most 5 minutes each.
 */
import type { Clock } from "../../src/power/clock.ts";
import type { WebhookSettings } from "./request.ts";
import { type Line, PowerError, Webhook } from "./webhook.ts";

const WAITS_MS = [1_000, 2_000, 2_000, 4_000, 6_000, 8_000, 12_000];
const MOST_ATTEMPTS = 3;
/** Temporal's default: a second, doubled with each attempt. */
const FIRST_BACKOFF_MS = 1_000;
const ATTEMPT_TIMEOUT_MS = 300_000;

export interface MaasOptions {
  readonly clock: Clock;
  readonly settings: WebhookSettings;
  readonly line?: Line;
  /** Absent: 3, as since 3.6; before, there was one. */
  readonly attempts?: number;
}

/** The state that MAAS shows for the machine from then on, or the words in which it fails. */
export type Conclusion = string;

export class Maas {
  readonly webhook: Webhook;
  readonly #clock: Clock;
  readonly #attempts: number;

  constructor({ clock, settings, line, attempts = MOST_ATTEMPTS }: MaasOptions) {
    this.webhook = new Webhook(settings, line);
    this.#clock = clock;
    this.#attempts = attempts;
  }

  on(): Promise<Conclusion> {
    return this.#attempt((signal) => this.#perform("on", signal));
  }

  off(): Promise<Conclusion> {
    return this.#attempt((signal) => this.#perform("off", signal));
  }

  /** There is no URI for it: off where it reads on, then on. */
  cycle(): Promise<Conclusion> {
    return this.#attempt(async (signal) => {
      if ((await this.#query(signal)) === "on") await this.#perform("off", signal);
      return this.#perform("on", signal);
    });
  }

  query(): Promise<Conclusion> {
    return this.#attempt((signal) => this.#query(signal));
  }

  /** Requests in their order, each with the status of its answer. */
  get exchanges(): readonly string[] {
    return this.webhook.sent.map(({ request, status }) => `${request} ${status ?? "-"}`);
  }

  async #attempt(action: (signal: AbortSignal) => Promise<Conclusion>): Promise<Conclusion> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#within(ATTEMPT_TIMEOUT_MS, action);
      } catch (error) {
        if (attempt >= this.#attempts) return error instanceof Error ? error.message : String(error);
        await this.#clock.sleep(FIRST_BACKOFF_MS * 2 ** (attempt - 1));
      }
    }
  }

  /** When time is over the process that runs the driver is killed, and its connection with it. */
  async #within<T>(ms: number, action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController();
    const late = new AbortController();
    void this.#clock.sleep(ms, over.signal).then(
      () => late.abort(new Error("activity StartToClose timeout")),
      () => undefined,
    );
    try {
      return await action(late.signal);
    } finally {
      over.abort();
    }
  }

  async #perform(goal: "on" | "off", signal: AbortSignal): Promise<Conclusion> {
    let state = "unknown";
    let failure: PowerError | undefined;
    for (const wait of WAITS_MS) {
      try {
        await (goal === "on" ? this.webhook.powerOn(signal) : this.webhook.powerOff(signal));
      } catch (error) {
        failure = retried(error);
        await this.#clock.sleep(wait, signal);
        continue;
      }
      await this.#clock.sleep(wait, signal);
      try {
        state = await this.webhook.powerQuery(signal);
      } catch (error) {
        failure = retried(error);
        continue;
      }
      if (state === goal) return state;
    }
    // A failure is never forgotten: the last one is raised, though rounds after it were answered.
    const name = this.webhook.settings.systemId ?? "None";
    throw failure ?? new PowerError(`Failed to power ${name}. BMC never transitioned from ${state} to ${goal}.`);
  }

  async #query(signal: AbortSignal): Promise<Conclusion> {
    let failure: PowerError | undefined;
    for (const wait of WAITS_MS) {
      try {
        return await this.webhook.powerQuery(signal);
      } catch (error) {
        failure = retried(error);
        await this.#clock.sleep(wait, signal);
      }
    }
    throw failure ?? new PowerError("nothing was asked");
  }
}

/** Throws what the loop does not try again. */
function retried(error: unknown): PowerError {
  if (error instanceof PowerError) return error;
  throw error;
}
