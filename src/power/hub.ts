/**
 * The one thing a driver talks to: opened when first needed, closed when idle, its exchanges one after the other in its lane.
 *
 * An exchange's timeout is real time even where the clock is a test's: the device lives in the real world.
 */
import type { Clock } from "./clock.ts";
import { PowerError } from "./errors.ts";
import { Lane, type Priority } from "./lane.ts";
import type { HubSpec } from "./spec.ts";

/** How long an exchange that ran out of time may still take to let go before the lane goes on without it. */
const LET_GO_MS = 5_000;

export interface Exchange<T> {
  readonly value: T;
  /** Ms since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface ExchangeRequest<T> {
  readonly priority: Priority;
  /** A command may have acted when it fails after it was handed to the driver; a read never has. */
  readonly kind: "command" | "read";
  /** Longest it may take (ms); absent: the hub's. Outlets without a hub share a lane, and have times of their own. */
  readonly timeout?: number;
  /** Gives up waiting for the turn. An exchange under way is not cut short by it. */
  readonly signal?: AbortSignal;
  // biome-ignore lint/suspicious/noExplicitAny: what `connect` gave, known to the driver alone
  readonly run: (connection: any, signal: AbortSignal) => Promise<T>;
}

export interface HubFailing {
  readonly since: number;
  readonly error: PowerError;
}

/** Counts exchanges under way over all hubs. */
export interface Traffic {
  open: number;
}

export class Hub {
  readonly spec: HubSpec;
  readonly #clock: Clock;
  readonly #traffic: Traffic;
  readonly #lane: Lane;
  #connection: Promise<unknown> | undefined;
  #idle: NodeJS.Timeout | undefined;
  #failing: HubFailing | undefined;
  #lastExchange: { readonly at: number; readonly durationMs: number } | undefined;

  constructor(spec: HubSpec, options: { readonly clock: Clock; readonly traffic: Traffic }) {
    this.spec = spec;
    this.#clock = options.clock;
    this.#traffic = options.traffic;
    this.#lane = new Lane({ clock: options.clock, concurrency: spec.pace.concurrency, interval: spec.pace.interval });
  }

  /** Ms since 1970, by the injected clock. */
  now(): number {
    return this.#clock.now();
  }

  get connected(): boolean {
    return this.#connection !== undefined;
  }

  get queued(): number {
    return this.#lane.queued;
  }

  get running(): number {
    return this.#lane.running;
  }

  get failing(): HubFailing | undefined {
    return this.#failing;
  }

  get lastExchange(): { readonly at: number; readonly durationMs: number } | undefined {
    return this.#lastExchange;
  }

  /**
   * One command or one read, when its turn has come.
   * Throws PowerError: the driver's own, or `timeout` when the hub's `timeout` is over.
   */
  exchange<T>(request: ExchangeRequest<T>): Promise<Exchange<T>> {
    return this.#lane.run(request.priority, request.signal, async () => {
      this.#traffic.open += 1;
      clearTimeout(this.#idle);
      const startedAt = this.#clock.now();
      try {
        const value = await this.#within(request);
        this.#failing = undefined;
        return { value, startedAt, endedAt: this.#clock.now() };
      } catch (thrown) {
        const error = PowerError.from(thrown);
        this.#failed(error);
        throw error;
      } finally {
        this.#lastExchange = { at: startedAt, durationMs: this.#clock.now() - startedAt };
        this.#traffic.open -= 1;
        this.#closeWhenIdle();
      }
    });
  }

  async #within<T>(request: ExchangeRequest<T>): Promise<T> {
    const timeout = request.timeout ?? this.spec.pace.timeout;
    const controller = new AbortController();
    let handedOver = false;
    const work = (async () => {
      const connection = await this.#connect(controller.signal);
      handedOver = true;
      return await request.run(connection, controller.signal);
    })();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new PowerError("timeout", `${this.spec.name} did not answer within ${timeout} ms`, {
          mayHaveActed: request.kind === "command" && handedOver,
        });
        controller.abort(error);
        reject(error);
      }, timeout);
    });
    try {
      return await Promise.race([work, late]);
    } catch (thrown) {
      if (controller.signal.aborted) await letGo(work);
      if (thrown instanceof PowerError) throw thrown;
      // A driver that throws something else has a fault; whether its command left is not known, so it may have.
      const error = PowerError.from(thrown);
      throw request.kind === "command" && handedOver ? error.acted() : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #connect(signal: AbortSignal): Promise<unknown> {
    const { driver, settings, key } = this.spec;
    if (!this.#connection) {
      const opening = (async () => driver.connect?.(settings, { signal, key, clock: this.#clock }))();
      // A failure to open is not remembered, whatever it was.
      opening.catch(() => {
        if (this.#connection === opening) this.#connection = undefined;
      });
      this.#connection = opening;
    }
    return this.#connection;
  }

  #failed(error: PowerError): void {
    if (
      error.code === "unreachable" ||
      error.code === "timeout" ||
      error.code === "protocol" ||
      error.code === "auth"
    ) {
      this.#failing = { since: this.#failing?.since ?? this.#clock.now(), error };
      // A session that failed is not trusted again; nor is a failure to open one remembered.
      void this.#close();
    }
  }

  #closeWhenIdle(): void {
    clearTimeout(this.#idle);
    if (this.#lane.running + this.#lane.queued > 1) return;
    this.#idle = setTimeout(() => void this.#close(), this.spec.pace.idle);
    this.#idle.unref();
  }

  async #close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (!connection) return;
    try {
      await this.spec.driver.disconnect?.(await connection);
    } catch {
      // It never opened, or is gone already: there is nothing left to close.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    await this.#close();
  }
}

async function letGo(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LET_GO_MS);
  });
  await Promise.race([work.then(noop, noop), enough]);
  clearTimeout(timer);
}

function noop(): void {}
