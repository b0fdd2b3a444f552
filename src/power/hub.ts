/**
 * The one thing a driver talks to, and everything that is shared by the machines on it: the lane in which exchanges take
 * turns, the session, the breaker, batched reads, pushed states.
 *
 * An exchange's timeout is real time even where the clock is a test's: the device lives in the real world.
 */
import { type Addresses, NOWHERE } from "./address.ts";
import { type Asked, Batches } from "./batch.ts";
import { Breaker, type BreakerState, type HubFailing } from "./breaker.ts";
import type { Clock } from "./clock.ts";
import type { QueryAnswer } from "./driver.ts";
import { type ErrorCode, PowerError } from "./errors.ts";
import { ExchangeCounts } from "./exchange-counts.ts";
import { Lane, type Priority } from "./lane.ts";
import { type Pins, Session } from "./session.ts";
import type { HubSpec } from "./spec.ts";
import { type Pushed, type WatchedOutlet, Watcher } from "./watcher.ts";

/** How long an exchange that ran out of time may still take to let go before the lane goes on without it. */
const LET_GO_MS = 5_000;

/** Failures that say nothing against the hub: it answered. */
const ANSWERED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["refused", "busy", "not_found", "unsupported", "config"]);

export interface Exchange<T> {
  readonly value: T;
  /** When it was handed to the driver (ms since 1970): after its turn came, and after the session was opened. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Why it may have been with another device than the one that is meant, for people. */
  readonly doubt?: string;
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

/** Counts exchanges under way over all hubs, and what is asked of them. */
export interface Traffic extends Asked {
  open: number;
}

/** The same for all hubs. */
export interface HubServices {
  readonly clock: Clock;
  readonly traffic: Traffic;
  readonly pins: Pins;
  /** Absent: nothing here finds any. */
  readonly addresses?: Addresses | undefined;
  /** It stopped or began to answer: told once, however many machines are on it. */
  readonly turned: (hub: Hub) => void;
}

export class Hub implements AsyncDisposable {
  readonly #services: HubServices;
  readonly #breaker = new Breaker();
  #commandedAt: Map<string, number> | undefined;
  /** Settings of the first outlet that is read here, and whether there are others. */
  #reader: unknown;
  #severalReaders = false;
  readonly #lane: Lane;
  /** Of all its exchanges, over changes of its settings. */
  readonly exchanges = new ExchangeCounts();
  #batches: Batches | undefined;
  #spec: HubSpec;
  #session: Session;
  #watcher: Watcher | undefined;
  /** Resolves when whatever used the device before is closed: another hub, or the session before the last change of settings. */
  #ready: Promise<void>;
  #idle: NodeJS.Timeout | undefined;
  #lastExchange: { readonly at: number; readonly durationMs: number } | undefined;

  constructor(spec: HubSpec, services: HubServices, ready: Promise<void>) {
    this.#spec = spec;
    this.#services = services;
    this.#ready = ready;
    this.#lane = new Lane(services.clock, spec.pace);
    this.#session = this.#newSession();
  }

  get spec(): HubSpec {
    return this.#spec;
  }

  get addresses(): Addresses {
    return this.#services.addresses ?? NOWHERE;
  }

  get connected(): boolean {
    return this.#session.open;
  }

  get queued(): number {
    return this.#lane.queued;
  }

  get running(): number {
    return this.#lane.running;
  }

  get failing(): HubFailing | undefined {
    return this.#breaker.failing;
  }

  /** When the next query may try a hub that fails (ms since 1970). */
  get retryAt(): number {
    return this.#breaker.retryAt;
  }

  get breaker(): BreakerState {
    return this.#breaker.state(this.#services.clock.now());
  }

  get lastExchange(): { readonly at: number; readonly durationMs: number } | undefined {
    return this.#lastExchange;
  }

  /**
   * One command or one read, when its turn has come.
   * Throws PowerError: the driver's own, `timeout` when its time is over, and for queries at once what made the hub fail
   * while it is spared.
   */
  async exchange<T>(request: ExchangeRequest<T>): Promise<Exchange<T>> {
    this.#spare(request.priority);
    return this.#lane.run(request.priority, request.signal, async () => {
      this.#spare(request.priority);
      const { clock, traffic } = this.#services;
      traffic.open += 1;
      clearTimeout(this.#idle);
      const turnAt = clock.now();
      let startedAt = turnAt;
      try {
        const value = await this.#within(request, () => {
          startedAt = clock.now();
        });
        this.#answered();
        return { value, startedAt, endedAt: clock.now() };
      } catch (thrown) {
        const error = PowerError.from(thrown);
        this.exchanges.failed(error.code);
        this.#failed(error);
        throw error;
      } finally {
        const durationMs = clock.now() - turnAt;
        this.exchanges.ended(durationMs);
        this.#lastExchange = { at: turnAt, durationMs };
        traffic.open -= 1;
        this.#closeWhenIdle();
      }
    });
  }

  /** Reads one outlet: together with others where the driver can, and there are others. */
  async read(
    settings: unknown,
    asking: { readonly priority: Priority; readonly alone: () => Promise<Exchange<QueryAnswer>> },
  ): Promise<Exchange<QueryAnswer>> {
    this.#spare(asking.priority);
    const together = this.#spec.driver.queryAll !== undefined && this.#severalReaders;
    const exchange = await (together ? this.#together().read(settings, asking.priority) : asking.alone());
    this.#watcher?.read(settings, exchange);
    return exchange;
  }

  /** Somebody reads this outlet from now on. */
  reads(settings: unknown): void {
    this.#reader ??= settings;
    this.#severalReaders ||= settings !== this.#reader;
  }

  /** When the last command on an outlet ended, whoever gave it (ms since 1970). */
  commandedAt(key: string): number | undefined {
    return this.#commandedAt?.get(key);
  }

  commanded(key: string): void {
    this.#commandedAt ??= new Map();
    this.#commandedAt.set(key, this.#services.clock.now());
  }

  /** What the device told of the outlet unasked, while it goes on telling. */
  pushed(settings: unknown): Pushed | undefined {
    return this.#watcher?.pushed(settings);
  }

  /** Listens to what the device tells of these outlets; nothing where its driver cannot. */
  watch(outlets: readonly WatchedOutlet[]): void {
    void this.#watcher?.[Symbol.asyncDispose]();
    this.#watcher = undefined;
    if (!this.#spec.driver.watch || outlets.length === 0) return;
    const watcher = new Watcher(this, {
      outlets,
      clock: this.#services.clock,
      useless: () => {
        if (this.#watcher === watcher) this.#watcher = undefined;
      },
    });
    this.#watcher = watcher;
  }

  /** Changes settings of the same driver: exchanges under way end first, and the new session opens after the old one closed. */
  reconfigure(spec: HubSpec): void {
    this.#spec = spec;
    this.#lane.pace = spec.pace;
    const old = this.#session;
    this.#ready = this.#ready.then(() => old.close());
    this.#session = this.#newSession();
    this.#breaker.retryNow();
  }

  /** The device that answers now is the right one: forgets the pin, so that the next contact makes a new one. */
  async trust(): Promise<void> {
    this.#services.pins.setPin(this.#spec.key, undefined);
    this.#answered();
    await this.#session.close();
  }

  #newSession(): Session {
    return new Session(this.#spec, { ...this.#services, addresses: this.addresses });
  }

  #together(): Batches {
    this.#batches ??= new Batches({
      clock: this.#services.clock,
      traffic: this.#services.traffic,
      exchange: (priority, outlets) =>
        this.exchange({
          priority,
          kind: "read",
          run: async (connection, signal) => {
            const { queryAll } = this.#spec.driver;
            const forOrders = priority === "order";
            return queryAll ? await queryAll(connection, outlets(), { signal, forOrders }) : [];
          },
        }),
    });
    return this.#batches;
  }

  #spare(priority: Priority): void {
    const refusal = priority === "query" ? this.#breaker.refusal(this.#services.clock.now()) : undefined;
    if (refusal) throw refusal;
  }

  #answered(): void {
    if (this.#breaker.succeeded()) this.#services.turned(this);
  }

  #failed(error: PowerError): void {
    if (error.hubAnswered || ANSWERED.has(error.code)) {
      this.#answered();
      return;
    }
    // Without a shared device this is but a machine's own lane, and what fails in it says nothing of its other outlets.
    const shared = this.#spec.driver.hub !== undefined;
    if (shared && this.#breaker.failed(error, this.#services.clock.now())) this.#services.turned(this);
    this.#watcher?.broken(error);
    void this.#session.close();
  }

  async #within<T>(request: ExchangeRequest<T>, started: () => void): Promise<T> {
    const timeout = request.timeout ?? this.#spec.pace.timeout;
    const controller = new AbortController();
    const { signal } = controller;
    let handedOver = false;
    const began = () => {
      handedOver = true;
      started();
    };
    const work = this.#ready.then(() =>
      this.#session.use({ kind: request.kind, signal, began }, (connection) => request.run(connection, signal)),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new PowerError("timeout", `${this.#spec.name} did not answer within ${timeout} ms`, {
          mayHaveActed: request.kind === "command" && handedOver,
        });
        controller.abort(error);
        reject(error);
      }, timeout);
    });
    try {
      return await Promise.race([work, late]);
    } catch (thrown) {
      if (signal.aborted) await letGo(work);
      if (thrown instanceof PowerError) return Promise.reject(thrown);
      // A driver that throws something else has a fault; whether its command left is not known, so it may have.
      const error = PowerError.from(thrown);
      throw request.kind === "command" && handedOver ? error.acted() : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #closeWhenIdle(): void {
    clearTimeout(this.#idle);
    if (this.#lane.running + this.#lane.queued > 1) return;
    this.#idle = setTimeout(() => {
      if (!this.#watcher?.alive) void this.#session.close();
    }, this.#spec.pace.idle);
    this.#idle.unref();
  }

  /** Resolves when the exchanges under way are over and the session is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idle);
    await this.#watcher?.[Symbol.asyncDispose]();
    await this.#ready;
    await this.#session.close();
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
