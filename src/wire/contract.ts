/**
 * What every driver promises, as checks that need no test framework: run each promise that concerns a driver against a
 * device that answers on a real socket. Third parties run the same ones (docs/extending.md).
 */
import { inspect } from "node:util";
import { z } from "zod";
import { systemClock } from "../power/clock.ts";
import {
  type Capability,
  type Context,
  capabilities,
  type Driver,
  isMomentary,
  type MachineFacts,
  VERBS,
} from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { fieldDescription, fieldFacts } from "./fields.ts";

/** A device to run the promises against, and how to look behind it. */
export interface Fixture extends AsyncDisposable {
  /** Input of the driver's hub schema; left out where it has none. */
  readonly hub?: unknown;
  /** Input of the driver's outlet schema. */
  readonly outlet: unknown;
  readonly machine: MachineFacts;
  /** What the driver is told of the past; for drivers that only remember. */
  readonly last?: Context["last"];
  /** What the device behind is really doing. */
  state(): "on" | "off" | Promise<"on" | "off">;
  /** Makes it so, without the driver. */
  set(state: "on" | "off"): void | Promise<void>;
  /** From now on the device does not answer: it is gone, or takes connections and says nothing. */
  silence?(): void | Promise<void>;
  /** From now on the device answers with rubbish. */
  rubbish?(): void | Promise<void>;
  /** Texts that must not appear in any failure. */
  readonly secrets?: readonly string[];
}

export type StartFixture = () => Promise<Fixture>;

export interface DriverPromise {
  /** A sentence whose subject is the driver. */
  readonly name: string;
  concerns(driver: Driver): boolean;
  /** Throws an Error that says how the promise is broken. */
  check(driver: Driver, start: StartFixture): Promise<void>;
}

/** How long a driver may take to give up once its signal aborted (ms). */
const LET_GO_MS = 3_000;
/** How long to wait for a command to show in the device (ms). */
const SHOW_MS = 5_000;

class Session implements AsyncDisposable {
  readonly fixture: Fixture;
  readonly driver: Driver;
  readonly outlet: unknown;
  readonly can: ReadonlySet<Capability>;
  readonly #hub: unknown;
  #connection: unknown;

  constructor(driver: Driver, fixture: Fixture) {
    this.driver = driver;
    this.fixture = fixture;
    this.outlet = driver.outlet.parse(fixture.outlet);
    this.#hub = driver.hub?.parse(fixture.hub ?? {});
    this.can = capabilities(driver, this.outlet);
  }

  async call<T>(run: (connection: unknown, ctx: Context) => T | Promise<T>, limitMs: number): Promise<T> {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new PowerError("timeout", "the contract's time is over")), limitMs);
    const { signal } = controller;
    try {
      this.#connection ??= await this.driver.connect?.(this.#hub, {
        signal,
        key: `contract:${this.driver.name}`,
        clock: systemClock,
      });
      return await run(this.#connection, { signal, machine: this.fixture.machine, last: this.fixture.last });
    } finally {
      clearTimeout(timer);
    }
  }

  command(verb: (typeof VERBS)[number], limitMs = 20_000): Promise<unknown> {
    const { off } = this.driver;
    const way = this.can.has("hard") ? "hard" : "soft";
    const command = verb === "off" && typeof off === "object" ? off[way] : this.driver[verb];
    if (typeof command !== "function") throw new Error(`it has no way to ${verb}`);
    return this.call((connection, ctx) => command(connection, this.outlet, ctx), limitMs);
  }

  async query(limitMs = 20_000): Promise<"on" | "off" | "unknown"> {
    const { query } = this.driver;
    if (!query) throw new Error("it cannot be read");
    const answer = await this.call((connection, ctx) => query(connection, this.outlet, ctx), limitMs);
    return typeof answer === "string" ? answer : answer.state;
  }

  async shows(state: "on" | "off"): Promise<void> {
    const until = Date.now() + SHOW_MS;
    while ((await this.fixture.state()) !== state) {
      if (Date.now() > until) throw new Error(`the device is not ${state}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#connection !== undefined) await this.driver.disconnect?.(this.#connection);
    await this.fixture[Symbol.asyncDispose]();
  }
}

/** How the call failed. Throws when it did not, or not with a PowerError, or not in time. */
async function failureOf(call: Promise<unknown>, limitMs: number): Promise<PowerError> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not give up within ${limitMs} ms`)), limitMs);
  });
  try {
    const answer = await Promise.race([call, late]);
    throw new Error(`it answered ${inspect(answer)} instead of failing`);
  } catch (thrown) {
    if (thrown instanceof PowerError) return thrown;
    throw new Error(`no PowerError: ${inspect(thrown)}`);
  } finally {
    clearTimeout(timer);
  }
}

function offOf(driver: Driver): boolean {
  return driver.off !== undefined;
}

/** Throws where the failure tells a secret, however it is printed. The text itself is not quoted. */
function refuseSecrets(failure: unknown, { secrets = [] }: Fixture): void {
  const told = inspect(failure, { depth: 10, showHidden: true });
  if (secrets.some((secret) => told.includes(secret))) throw new Error("its failure tells a secret");
}

export const DRIVER_PROMISES: readonly DriverPromise[] = [
  {
    name: "says what it is",
    concerns: () => true,
    check: async (driver) => {
      if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(driver.name))
        throw new Error(`name "${driver.name}" is not lower case with dashes`);
      for (const key of ["title", "family", "summary"] as const) if (!driver[key]) throw new Error(`${key} is empty`);
      if (!driver.summary.endsWith(".")) throw new Error("the summary is no sentence");
      if (driver.examples.length === 0) throw new Error("there is no example");
      for (const source of driver.sources) new URL(source);
      if (!driver.query && VERBS.every((verb) => !driver[verb])) throw new Error("it can do nothing");
    },
  },
  {
    name: "describes every setting",
    concerns: () => true,
    check: async (driver) => {
      for (const schema of [driver.hub, driver.outlet]) {
        for (const [key, field] of Object.entries(schema?.shape ?? {})) {
          if (!(field instanceof z.ZodType)) throw new Error(`${key} is no field`);
          if (!fieldDescription(field)) throw new Error(`${key} has no description`);
          if (/pass|secret|token/.test(key) && !/sha256|user/.test(key) && !fieldFacts(field).secret)
            throw new Error(`${key} is no secret() field`);
        }
      }
    },
  },
  {
    name: "switches the device on",
    concerns: (driver) => driver.on !== undefined,
    check: async (driver, start) => {
      await using session = new Session(driver, await start());
      await session.fixture.set("off");
      await session.command("on");
      await session.shows("on");
      if (isMomentary(driver, session.outlet) || driver.repeatable === false) return;
      await session.command("on");
      await session.shows("on");
    },
  },
  {
    name: "switches the device off",
    concerns: offOf,
    check: async (driver, start) => {
      await using session = new Session(driver, await start());
      await session.fixture.set("on");
      await session.command("off");
      await session.shows("off");
    },
  },
  {
    name: "leaves the device on after a cycle or reset",
    concerns: (driver) => driver.cycle !== undefined || driver.reset !== undefined,
    check: async (driver, start) => {
      for (const verb of ["cycle", "reset"] as const) {
        await using session = new Session(driver, await start());
        if (!session.can.has(verb)) continue;
        await session.fixture.set("on");
        await session.command(verb);
        await session.shows("on");
      }
    },
  },
  {
    name: "reads what the device is doing",
    concerns: (driver) => driver.query !== undefined,
    check: async (driver, start) => {
      for (const state of ["on", "off"] as const) {
        await using session = new Session(driver, await start());
        await session.fixture.set(state);
        const answer = await session.query();
        if (answer !== state) throw new Error(`the device is ${state}, and it answered ${answer}`);
      }
    },
  },
  {
    name: "never takes silence for a state, and fails in time",
    concerns: (driver) => driver.query !== undefined,
    check: async (driver, start) => {
      await using session = new Session(driver, await start());
      if (!session.fixture.silence) return;
      await session.fixture.silence();
      const failure = await failureOf(session.query(1_000), 1_000 + LET_GO_MS);
      refuseSecrets(failure, session.fixture);
    },
  },
  {
    name: "fails in time when a command meets silence, and tells no secret",
    concerns: (driver) => driver.on !== undefined || offOf(driver),
    check: async (driver, start) => {
      for (const verb of VERBS) {
        await using session = new Session(driver, await start());
        if (!session.fixture.silence || !session.can.has(verb)) continue;
        await session.fixture.silence();
        const failure = await failureOf(session.command(verb, 1_000), 1_000 + LET_GO_MS);
        refuseSecrets(failure, session.fixture);
      }
    },
  },
  {
    name: "admits that a command may have acted",
    concerns: (driver) => driver.on !== undefined || offOf(driver),
    check: async (driver, start) => {
      for (const [verb, before] of [
        ["on", "off"],
        ["off", "on"],
      ] as const) {
        await using session = new Session(driver, await start());
        if (!session.fixture.silence || !session.can.has(verb)) continue;
        await session.fixture.set(before);
        await session.fixture.silence();
        const failure = await failureOf(session.command(verb, 1_000), 1_000 + LET_GO_MS);
        if (!failure.mayHaveActed && (await session.fixture.state()) !== before)
          throw new Error(`${verb} acted, and its failure says that it cannot have`);
      }
    },
  },
  {
    name: "never takes rubbish for a state",
    concerns: (driver) => driver.query !== undefined,
    check: async (driver, start) => {
      await using session = new Session(driver, await start());
      if (!session.fixture.rubbish) return;
      await session.fixture.rubbish();
      const answer = await session.query(2_000).catch((error: unknown) => {
        if (!(error instanceof PowerError)) throw new Error(`no PowerError: ${inspect(error)}`);
        refuseSecrets(error, session.fixture);
        return "unknown" as const;
      });
      if (answer !== "unknown") throw new Error(`rubbish was taken for ${answer}`);
    },
  },
];
