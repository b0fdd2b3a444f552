/**
 * What is counted from the start of the daemon, whether anybody asks or not: plain numbers, so that counting costs a webhook
 * next to nothing and needs nothing loaded. `metrics.ts` makes Prometheus's text of them.
 */
import { VERBS, type Verb } from "../power/driver.ts";
import type { PowerSignal } from "../power/events.ts";
import type { OrderRecord } from "../power/order.ts";

/** What a webhook asked for; `other` where that cannot be told. */
export type WebhookRoute = Verb | "query" | "other";

/** Kinds of streams that stay open. */
export type StreamKind = "events" | "live";

/** Upper bounds of the classes in which durations of orders are counted (s): from a relay to what MAAS waits for at most. */
export const ORDER_SECONDS = [0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 90, 120, 180, 300] as const;

/** How an order ended. */
export interface OrderResult {
  readonly verb: string;
  readonly result: string;
  /** Of the failure; empty where there was none. */
  readonly code: string;
}

interface Durations {
  readonly verb: string;
  readonly result: string;
  /** How many were in each class; the last one has those beyond every bound. */
  readonly classes: number[];
  seconds: number;
}

export class Tallies {
  readonly #webhooks = Object.fromEntries(
    [...VERBS, "query", "other"].map((route) => [route, new Map<number, number>()]),
  ) as Readonly<Record<WebhookRoute, Map<number, number>>>;
  readonly #accepted = new Map<Verb, number>();
  readonly #results = new Map<string, { readonly of: OrderResult; count: number }>();
  readonly #durations = new Map<string, Durations>();
  readonly #streams: Record<StreamKind, number> = { events: 0, live: 0 };
  #journalFailures = 0;
  #faults = 0;

  /** A webhook was answered. */
  webhook(route: WebhookRoute, status: number): void {
    const statuses = this.#webhooks[route];
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }

  /** What the domain tells. */
  hear(signal: PowerSignal): void {
    if (signal.kind === "order:accepted") this.#add(this.#accepted, signal.order.verb);
    else if (signal.kind === "order:ended") this.#ended(signal.order);
    else if (signal.kind === "journal:failed") this.#journalFailures += 1;
  }

  /** A stream was opened; call what this answers when it ends. */
  opened(kind: StreamKind): () => void {
    this.#streams[kind] += 1;
    return () => {
      this.#streams[kind] -= 1;
    };
  }

  /** Something failed that is our own fault, or that of a driver which nobody catches. */
  fault(): void {
    this.#faults += 1;
  }

  get webhooks(): Readonly<Record<WebhookRoute, ReadonlyMap<number, number>>> {
    return this.#webhooks;
  }

  get accepted(): ReadonlyMap<Verb, number> {
    return this.#accepted;
  }

  get results(): readonly { readonly of: OrderResult; readonly count: number }[] {
    return [...this.#results.values()];
  }

  get durations(): readonly Readonly<Durations>[] {
    return [...this.#durations.values()];
  }

  get streams(): Readonly<Record<StreamKind, number>> {
    return this.#streams;
  }

  get journalFailures(): number {
    return this.#journalFailures;
  }

  get faults(): number {
    return this.#faults;
  }

  #ended({ verb, state, error, acceptedAt, endedAt }: OrderRecord): void {
    const of = { verb, result: state, code: error?.code ?? "" };
    const key = `${verb} ${state} ${of.code}`;
    const known = this.#results.get(key) ?? { of, count: 0 };
    known.count += 1;
    this.#results.set(key, known);

    const seconds = ((endedAt ?? acceptedAt) - acceptedAt) / 1_000;
    const durations = this.#durations.get(`${verb} ${state}`) ?? {
      verb,
      result: state,
      classes: [...ORDER_SECONDS, Infinity].map(() => 0),
      seconds: 0,
    };
    const bound = ORDER_SECONDS.findIndex((most) => seconds <= most);
    const index = bound < 0 ? ORDER_SECONDS.length : bound;
    durations.classes[index] = (durations.classes[index] ?? 0) + 1;
    durations.seconds += seconds;
    this.#durations.set(`${verb} ${state}`, durations);
  }

  #add<Key>(counts: Map<Key, number>, key: Key): void {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
}
