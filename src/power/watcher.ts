/**
 * Listens to what a device tells unasked, where it does. *Opening*: a watch is opened as one exchange in the hub's lane. *Listening*:
 * every state that comes is kept with the time it came, and those who read the outlet are told. *Lost*: nothing of what
 * was told counts any more, they are told that too, and after a pause it opens again. It ends when disposed.
 */
import { uniform } from "./answer.ts";
import type { Clock } from "./clock.ts";
import type { Answer, QueryAnswer } from "./driver.ts";
import { PowerError } from "./errors.ts";
import type { Hub } from "./hub.ts";

/** Pauses before a watch that was lost is opened again (ms); the last one goes on. */
const PAUSES_MS = [1_000, 2_000, 5_000, 15_000, 30_000];

export interface Pushed {
  readonly answer: Answer;
  /** When it came (ms since 1970), or when it was true where the device tells. */
  readonly at: number;
}

export interface WatchedOutlet {
  /** Output of the driver's outlet schema. */
  readonly settings: unknown;
  /** The device told its state. */
  readonly heard: () => void;
  /** What was told is stale from now on. */
  readonly lost: (error: PowerError) => void;
}

export interface WatcherOptions {
  readonly outlets: readonly WatchedOutlet[];
  readonly clock: Clock;
  /** This device tells nothing unasked: called once, and the watch has ended. */
  readonly useless: () => void;
}

export class Watcher implements AsyncDisposable {
  readonly #hub: Hub;
  readonly #clock: Clock;
  readonly #outlets: readonly WatchedOutlet[];
  readonly #pushed = new Map<unknown, Pushed>();
  readonly #over = new AbortController();
  readonly #ended: Promise<void>;
  readonly #useless: () => void;
  #alive = false;
  #tellLost: (error: PowerError) => void = () => undefined;

  constructor(hub: Hub, options: WatcherOptions) {
    this.#hub = hub;
    this.#clock = options.clock;
    this.#outlets = options.outlets;
    this.#useless = options.useless;
    this.#ended = this.#run();
  }

  get alive(): boolean {
    return this.#alive;
  }

  pushed(settings: unknown): Pushed | undefined {
    return this.#alive ? this.#pushed.get(settings) : undefined;
  }

  /** What was read in an exchange is the newest that is known, and counts like what is told. */
  read(settings: unknown, { value, startedAt }: { readonly value: QueryAnswer; readonly startedAt: number }): void {
    if (!this.#alive || !this.#outlets.some((outlet) => outlet.settings === settings)) return;
    const answer = uniform(value);
    const at = answer.at ?? startedAt;
    if (at > (this.#pushed.get(settings)?.at ?? 0)) this.#pushed.set(settings, { answer, at });
  }

  /** The session it listens on is not trusted any more. */
  broken(error: PowerError): void {
    this.#tellLost(error);
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if ((await this.#listen()) === "nothing to hear") {
          this.#useless();
          return;
        }
        failures = 0;
      } catch {
        // The hub tells its own failures; what counts here is to try again.
        failures += 1;
      }
      const pause = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] ?? 0;
      await this.#clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  /** Returns when the watch was lost or is over. Throws what opening it threw. */
  async #listen(): Promise<"lost" | "nothing to hear"> {
    const { driver } = this.#hub.spec;
    const lost = new Promise<PowerError>((resolve) => {
      this.#tellLost = resolve;
    });
    const { value: dispose } = await this.#hub.exchange({
      priority: "query",
      kind: "read",
      signal: this.#over.signal,
      run: async (connection, signal) =>
        driver.watch?.(
          connection,
          this.#outlets.map((outlet) => outlet.settings),
          {
            state: (settings, answer) => this.#heard(settings, answer),
            lost: (error) => this.#tellLost(error),
          },
          { signal },
        ),
    });
    if (!dispose) return "nothing to hear";
    this.#alive = true;
    for (const outlet of this.#outlets) if (this.#pushed.has(outlet.settings)) outlet.heard();
    const stop = () => this.#tellLost(new PowerError("unreachable", "it is not watched any more"));
    this.#over.signal.addEventListener("abort", stop, { once: true });
    if (this.#over.signal.aborted) stop();
    try {
      const error = await lost;
      this.#alive = false;
      this.#pushed.clear();
      if (!this.#over.signal.aborted) for (const outlet of this.#outlets) outlet.lost(error);
    } finally {
      this.#over.signal.removeEventListener("abort", stop);
      await dispose();
    }
    return "lost";
  }

  #heard(settings: unknown, told: QueryAnswer): void {
    const outlet = this.#outlets.find((known) => known.settings === settings);
    if (!outlet) return;
    let answer: Answer;
    try {
      answer = uniform(told);
    } catch {
      return;
    }
    this.#pushed.set(settings, { answer, at: answer.at ?? this.#clock.now() });
    if (this.#alive) outlet.heard();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#ended;
  }
}
