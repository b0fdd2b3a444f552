/** The driver `mqtt` on one connection, as the controller calls it. */
import driver from "../../src/drivers/mqtt.ts";
import { type Clock, systemClock } from "../../src/power/clock.ts";
import type { Answer, QueryAnswer, Verb } from "../../src/power/driver.ts";
import type { PowerError } from "../../src/power/errors.ts";
import { within } from "../expecting.ts";
import { MqttPlug, type MqttPlugOptions, type Speech } from "../simulators/mqtt.ts";
import { TestBroker } from "../simulators/mqtt-broker.ts";

export type Settings = Readonly<Record<string, unknown>>;

const machine = { name: "nuc1" };

export const TASMOTA = { preset: "tasmota", outlet: "plug1" };
/** Tells its state by itself, and cannot be asked. */
export const TELLS = {
  publish: { on: { topic: "rack/4/set", payload: "1" } },
  state: "rack/4",
  values: { on: "1", off: "0" },
};

export class MqttRun implements AsyncDisposable {
  readonly #connection: unknown;

  private constructor(connection: unknown) {
    this.#connection = connection;
  }

  static async open(hub: Settings, clock: Clock = systemClock): Promise<MqttRun> {
    const settings = driver.hub?.parse({ host: "127.0.0.1", ...hub });
    return new MqttRun(await driver.connect?.(settings, { signal: within(5_000), key: "broker", clock }));
  }

  async command(verb: Verb, outlet: Settings, ms = 5_000): Promise<void> {
    const way = driver[verb];
    if (typeof way !== "function") throw new Error(`there is no plain ${verb}`);
    await way(this.#connection, driver.outlet.parse(outlet), { signal: within(ms), machine, last: undefined });
  }

  async query(outlet: Settings, ms = 5_000): Promise<Answer> {
    const context = { signal: within(ms), machine, last: undefined };
    const answer = await driver.query?.(this.#connection, driver.outlet.parse(outlet), context);
    return long(answer);
  }

  async queryAll(outlets: readonly Settings[], ms = 5_000): Promise<readonly (Answer | PowerError)[]> {
    const settings = outlets.map((outlet) => driver.outlet.parse(outlet));
    const answers = (await driver.queryAll?.(this.#connection, settings, { signal: within(ms) })) ?? [];
    return answers.map((answer) => (answer instanceof Error ? answer : long(answer)));
  }

  async watts(outlet: Settings): Promise<number | undefined> {
    const context = { signal: within(5_000), machine, last: undefined };
    return driver.watts?.(this.#connection, driver.outlet.parse(outlet), context);
  }

  /** What is told of the outlets unasked: `1 on` for the second of them. Undefined where nothing will be. */
  async watch(outlets: readonly Settings[]) {
    const settings: unknown[] = outlets.map((outlet) => driver.outlet.parse(outlet));
    const told: string[] = [];
    const listener = {
      state: (outlet: unknown, answer: QueryAnswer) => {
        const { state, assumed } = long(answer);
        told.push(`${settings.indexOf(outlet)} ${state}${assumed ? ", assumed" : ""}`);
      },
      lost: (error: PowerError) => {
        told.push(`lost: ${error.code}`);
      },
    };
    const dispose = await driver.watch?.(this.#connection, settings, listener, { signal: within(5_000) });
    return dispose && { told, [Symbol.asyncDispose]: async () => dispose() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await driver.disconnect?.(this.#connection);
  }
}

function long(answer: QueryAnswer | undefined): Answer {
  if (answer === undefined) throw new Error("it answered nothing");
  return typeof answer === "string" ? { state: answer } : answer;
}

/** A broker, a plug and the driver, all connected. */
export class Bench implements AsyncDisposable {
  readonly broker: TestBroker;
  readonly plug: MqttPlug;
  readonly run: MqttRun;

  private constructor(broker: TestBroker, plug: MqttPlug, run: MqttRun) {
    this.broker = broker;
    this.plug = plug;
    this.run = run;
  }

  static async open(speech: Speech, options: Partial<MqttPlugOptions> = {}): Promise<Bench> {
    const broker = await TestBroker.start();
    const plug = await MqttPlug.start({ url: `mqtt://127.0.0.1:${broker.port}`, speech, ...options });
    return new Bench(broker, plug, await MqttRun.open({ port: broker.port }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run[Symbol.asyncDispose]();
    await this.plug[Symbol.asyncDispose]();
    await this.broker[Symbol.asyncDispose]();
  }
}
