/** One hub on a virtual clock, with a driver made up for tests, and notes of what becomes of it. */
import { afterEach, beforeEach, vi } from "vitest";
import { z } from "zod";
import { DEFAULT_PACE, type Driver, defineDriver, type Pace } from "../../src/power/driver.ts";
import type { PowerError } from "../../src/power/errors.ts";
import { type ExchangeRequest, Hub } from "../../src/power/hub.ts";
import type { Pin } from "../../src/power/journal.ts";
import type { HubSpec } from "../../src/power/spec.ts";
import { VirtualClock } from "../virtual-clock.ts";

const MADE_UP = defineDriver({
  name: "made-up",
  title: "A device made up for tests",
  family: "Try and test",
  summary: "Does what the test says.",
  sources: [],
  examples: [],
  cuts: "mains",
  hub: z.object({}),
  outlet: z.object({ outlet: z.string() }),
});

interface WorkbenchOptions {
  readonly driver?: Partial<Driver>;
  readonly pace?: Partial<Pace>;
  /** Resolves when whatever used the device before is closed. */
  readonly ready?: Promise<void>;
}

export class Workbench implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly began = this.clock.now();
  readonly traffic = { open: 0, asked: 0 };
  readonly pins = new Map<string, Pin>();
  /** Connections as they open and close, each with its number. */
  readonly life: string[] = [];
  /** What the hub was as it turned: the reason why it fails, or undefined where it answers again. */
  readonly turned: (PowerError | undefined)[] = [];
  readonly hub: Hub;
  #connections = 0;

  constructor({ driver = {}, pace = {}, ready = Promise.resolve() }: WorkbenchOptions = {}) {
    const spec: HubSpec = {
      key: "bench",
      name: "bench",
      driver: {
        ...MADE_UP,
        connect: () => {
          this.#connections += 1;
          this.life.push(`open ${this.#connections}`);
          return this.#connections;
        },
        disconnect: (connection: number) => void this.life.push(`close ${connection}`),
        ...driver,
      },
      settings: {},
      pace: { ...DEFAULT_PACE, ...pace },
    };
    const services = {
      clock: this.clock,
      traffic: this.traffic,
      pins: {
        pin: (key: string) => this.pins.get(key),
        setPin: (key: string, pin: Pin | undefined) => {
          if (pin) this.pins.set(key, pin);
          else this.pins.delete(key);
        },
      },
      turned: (hub: Hub) => void this.turned.push(hub.failing?.error),
    };
    this.hub = new Hub(spec, services, ready);
  }

  /** Ms of the virtual clock since it was made. */
  get at(): number {
    return this.clock.now() - this.began;
  }

  /** One exchange: by an order, a read, done at once, where nothing else is said. */
  exchange<T = void>(more: Partial<ExchangeRequest<T>> = {}) {
    const run = (async () => undefined) as unknown as ExchangeRequest<T>["run"];
    const exchange = this.hub.exchange<T>({ priority: "order", kind: "read", run, ...more });
    exchange.catch(() => undefined);
    return exchange;
  }

  /** An exchange that ends when the test says so; `begun` tells whether the device has it. */
  held(more: Partial<ExchangeRequest<string>> = {}) {
    const held = { begun: false, end: (): void => undefined, fail: (_error: Error): void => undefined };
    const done = this.exchange<string>({
      ...more,
      run: () =>
        new Promise((resolve, reject) => {
          held.begun = true;
          held.end = () => resolve("ended");
          held.fail = reject;
        }),
    });
    return Object.assign(held, { done });
  }

  /** An exchange that fails so. */
  async fails(error: Error, more: Partial<ExchangeRequest<void>> = {}): Promise<PowerError> {
    return this.exchange<void>({ ...more, run: () => Promise.reject(error) }).then(
      () => Promise.reject(new Error("it did not fail")),
      (thrown: PowerError) => thrown,
    );
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise);
  }

  wait(ms: number): Promise<void> {
    return this.run(this.clock.sleep(ms));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(this.hub[Symbol.asyncDispose]());
  }
}

/** Whatever follows at once from what was done has happened when this resolves. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Timers of the real clock run only as `pass` says, in every test of the file. */
export function holdRealTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

export async function pass(ms: number): Promise<void> {
  await settled();
  vi.advanceTimersByTime(ms);
  await settled();
}
