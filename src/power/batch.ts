/**
 * Reads that one exchange can serve together: what is asked of a hub within a few milliseconds, in one burst with what is
 * asked of others, or while earlier exchanges still hold its lane, goes into one `queryAll`. Nobody joins once it has
 * begun, for a proof must not come from an exchange that began before its command.
 */
import type { Clock } from "./clock.ts";
import type { QueryAnswer } from "./driver.ts";
import { PowerError } from "./errors.ts";
import type { Exchange } from "./hub.ts";
import type { Priority } from "./lane.ts";

/** Who asks waits for others until nobody asked any hub for so long (ms). */
const WINDOW_MS = 5;
/** A window that took so long (ms) tells nothing: the process was busy, and more may have been asked that it has not read yet. */
const LATE_MS = 2 * WINDOW_MS;
/** Longest that the first waits (ms): to take a thousand requests in takes longer than one window. */
const LONGEST_MS = 250;

type Answers = readonly (QueryAnswer | PowerError)[];

/** Counts reads that may be served together, over all hubs: a burst comes for many hubs at once, in no order. */
export interface Asked {
  asked: number;
}

export interface BatchOptions {
  readonly clock: Clock;
  readonly traffic: Asked;
  /** Runs the exchange in its turn; `outlets` is called when it begins. */
  readonly exchange: (priority: Priority, outlets: () => readonly unknown[]) => Promise<Exchange<Answers>>;
}

interface Batch {
  /** Settings of outlets. */
  readonly outlets: Set<unknown>;
  readonly answers: Promise<Exchange<ReadonlyMap<unknown, QueryAnswer | PowerError>>>;
}

export class Batches {
  readonly #options: BatchOptions;
  readonly #gathering: Partial<Record<Priority, Batch>> = {};

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  /** Throws PowerError: the outlet's own, or the exchange's. */
  async read(settings: unknown, priority: Priority): Promise<Exchange<QueryAnswer>> {
    this.#options.traffic.asked += 1;
    this.#gathering[priority] ??= this.#begin(priority);
    const batch = this.#gathering[priority];
    batch.outlets.add(settings);
    const exchange = await batch.answers;
    const answer = exchange.value.get(settings);
    if (answer === undefined) throw missing();
    if (answer instanceof PowerError) throw answer;
    return { ...exchange, value: answer };
  }

  #begin(priority: Priority): Batch {
    const outlets = new Set<unknown>();
    const { clock, traffic, exchange } = this.#options;
    const run = async () => {
      const begun = clock.now();
      let [known, windowAt] = [0, begun];
      let now = begun;
      while (now - begun < LONGEST_MS && (traffic.asked > known || now - windowAt >= LATE_MS)) {
        [known, windowAt] = [traffic.asked, now];
        await clock.sleep(WINDOW_MS);
        now = clock.now();
      }
      const close = () => {
        delete this.#gathering[priority];
        return [...outlets];
      };
      try {
        const { value, ...times } = await exchange(priority, close);
        return { ...times, value: new Map([...outlets].map((outlet, index) => [outlet, value[index] ?? missing()])) };
      } finally {
        // Refused or failed before it began: whoever comes next starts afresh.
        if (this.#gathering[priority]?.outlets === outlets) delete this.#gathering[priority];
      }
    };
    const answers = run();
    answers.catch(() => undefined);
    return { outlets, answers };
  }
}

function missing(): PowerError {
  return new PowerError("protocol", "the driver did not answer for every outlet");
}
