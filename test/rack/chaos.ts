/**
 * A site under chaos: the daemon as a process that is killed again and again, the rack's devices in another, callers that
 * repeat themselves as MAAS does, and people who change their minds. What happened is judged by the rack's own log.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { OrderRecord } from "../../src/power/order.ts";
import { Dice } from "./dice.ts";
import { freePorts, RACK_DRIVER, Rack, type RackFault, type RackLine } from "./rack.ts";

const HUBS = 20;
const OUTLETS = 10;
const CLIENTS = 8;
const PEOPLE = 2;
const PEOPLE_TOKEN = "the_token_of_people_in_the_chaos";
/** MAAS's waits between its tries, a twentieth of them (ms). */
const WAITS_MS = [100, 100, 200, 300, 400, 600];
const FAULTS: readonly RackFault[] = ["stall", "reset", "rubbish", "refuse"];
/** Longest that a caller waits for one answer (ms). */
const PATIENCE_MS = 20_000;

export interface Told {
  readonly machine: number;
  readonly on: boolean;
  /** Ms since 1970. */
  readonly askedAt: number;
  readonly answeredAt: number;
}

export interface ChaosOptions {
  readonly folder: string;
  readonly main: string;
  readonly seed: number;
  readonly seconds: number;
  readonly kills: number;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

export class Chaos implements AsyncDisposable {
  /** Answers that told success. */
  readonly successes: Told[] = [];
  /** Orders that the daemon said it had accepted. */
  readonly accepted: string[] = [];
  kills = 0;
  reloads = 0;
  faults = 0;
  readonly #options: ChaosOptions;
  readonly #rack: Rack;
  readonly #port: number;
  #daemon: ChildProcess | undefined;
  /** Until it does, a hangup would end it as it would any program. */
  #serves = false;
  #said = "";
  #verify = 6;

  private constructor(options: ChaosOptions, rack: Rack, port: number) {
    this.#options = options;
    this.#rack = rack;
    this.#port = port;
  }

  static async start(options: ChaosOptions): Promise<Chaos> {
    const first = await freePorts(HUBS + 1);
    const rack = await Rack.start(options.folder, {
      hubs: HUBS,
      outlets: OUTLETS,
      firstPort: first + 1,
      latencyMs: 3,
      bootMs: 300,
      shutdownMs: 200,
    });
    const chaos = new Chaos(options, rack, first);
    chaos.#configure();
    await chaos.#boot();
    return chaos;
  }

  /** All at once, until the time is over and it was killed often enough. */
  async rage(): Promise<void> {
    const { seconds, seed, kills } = this.#options;
    const dice = new Dice(seed);
    const until = Date.now() + seconds * 1_000;
    const raging = () => Date.now() < until || this.kills < kills;
    await Promise.all([
      ...Array.from({ length: CLIENTS }, (_, number) => this.#maas(number, dice.fork(), raging)),
      ...Array.from({ length: PEOPLE }, () => this.#person(dice.fork(), raging)),
      this.#kill(dice.fork()),
      this.#reload(dice.fork(), raging),
      ...Array.from({ length: 3 }, () => this.#disturb(dice.fork(), raging)),
    ]);
  }

  /** Every fault is over, and every order has ended. */
  async quiet(): Promise<void> {
    for (let hub = 0; hub < HUBS; hub++) this.#rack.fault(hub, null);
    const patience = Date.now() + 60_000;
    while (Date.now() < patience) {
      const orders = await this.orders();
      if (orders.every((order) => order.state !== "waiting" && order.state !== "running")) break;
      await pause(200);
    }
    // The last boot of a device.
    await pause(1_000);
  }

  async orders(): Promise<readonly OrderRecord[]> {
    const { body } = await this.#ask("GET", "/api/v1/orders?limit=10000", PEOPLE_TOKEN);
    return (JSON.parse(body) as { readonly orders: OrderRecord[] }).orders;
  }

  /** What MAAS would be told of a machine now. */
  async state(machine: number): Promise<string> {
    const { status, body } = await this.#ask("GET", `/maas/m${machine}/query`, token(0));
    return `${status} ${body}`;
  }

  log(): readonly RackLine[] {
    return this.#rack.lines();
  }

  get machines(): number {
    return HUBS * OUTLETS;
  }

  #configure(): void {
    const { folder } = this.#options;
    const hubs = Array.from(
      { length: HUBS },
      (_, hub) => `  rack${hub}: { driver: rack, host: 127.0.0.1, port: ${this.#port + 1 + hub}, timeout: 1s }`,
    );
    const machines = Array.from(
      { length: HUBS * OUTLETS },
      (_, machine) =>
        `  m${machine}: { hub: rack${Math.floor(machine / OUTLETS)}, outlet: ${machine % OUTLETS}, verify: ${this.#verify}s }`,
    );
    const tokens = Array.from(
      { length: CLIENTS },
      (_, number) => `    - { name: maas${number}, token: ${token(number)}, role: maas }`,
    );
    writeFileSync(
      join(folder, "maasochist.yaml"),
      [
        `server: { listen: "127.0.0.1:${this.#port}", hold: 5s }`,
        "store: { path: ./chaos.db }",
        `drivers: [${RACK_DRIVER}]`,
        "access:",
        "  tokens:",
        ...tokens,
        `    - { name: people, token: ${PEOPLE_TOKEN}, role: operator }`,
        "hubs:",
        ...hubs,
        "machines:",
        ...machines,
        "",
      ].join("\n"),
    );
  }

  async #boot(): Promise<void> {
    const { main, folder } = this.#options;
    this.#said = "";
    const daemon = spawn(process.execPath, [main, "serve", "-c", join(folder, "maasochist.yaml")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    daemon.stderr.on("data", (chunk: Buffer) => {
      this.#said = `${this.#said}${chunk.toString()}`.slice(-4_000);
    });
    this.#daemon = daemon;
    this.#serves = false;
    const patience = Date.now() + PATIENCE_MS;
    while ((await this.#ask("GET", "/healthz", undefined)).status !== 200) {
      const ended = daemon.exitCode !== null || daemon.signalCode !== null;
      if (ended || Date.now() > patience) throw new Error(`the daemon does not serve: ${this.#said}`);
      await pause(20);
    }
    this.#serves = true;
  }

  /** As MAAS's driver does: again while it is refused, then it looks. */
  async #maas(number: number, dice: Dice, raging: () => boolean): Promise<void> {
    while (raging()) {
      const machine = dice.below(HUBS * OUTLETS);
      const on = dice.below(2) === 1;
      for (const wait of WAITS_MS) {
        const done = await this.#switch(number, { machine, on });
        if (done || !raging()) break;
        await pause(wait);
      }
      await this.#ask("GET", `/maas/m${machine}/query`, token(number));
    }
  }

  async #switch(number: number, { machine, on }: { readonly machine: number; readonly on: boolean }): Promise<boolean> {
    const askedAt = Date.now();
    const { status } = await this.#ask("POST", `/maas/m${machine}/${on ? "on" : "off"}`, token(number));
    if (status === 200) this.successes.push({ machine, on, askedAt, answeredAt: Date.now() });
    return status === 200 || status === 202;
  }

  /** Orders, and changes their mind. */
  async #person(dice: Dice, raging: () => boolean): Promise<void> {
    while (raging()) {
      const machine = dice.below(HUBS * OUTLETS);
      for (let minds = 1 + dice.below(3); minds > 0; minds--) {
        const verb = dice.of(["on", "off", "cycle"]);
        const { status, body } = await this.#ask("POST", "/api/v1/orders", PEOPLE_TOKEN, {
          machine: `m${machine}`,
          verb,
          wait: false,
        });
        if (status === 202) this.accepted.push((JSON.parse(body) as { readonly order: OrderRecord }).order.id);
        await pause(dice.below(400));
      }
    }
  }

  async #kill(dice: Dice): Promise<void> {
    const { seconds, kills } = this.#options;
    while (this.kills < kills) {
      await pause(((0.5 + dice.below(100) / 200) * seconds * 1_000) / (kills + 1));
      const exit = this.#daemon && once(this.#daemon, "exit");
      this.#serves = false;
      this.#daemon?.kill("SIGKILL");
      await exit;
      this.kills += 1;
      await this.#boot();
    }
  }

  async #reload(dice: Dice, raging: () => boolean): Promise<void> {
    while (raging()) {
      await pause(1_500 + dice.below(1_500));
      this.#verify = 5 + dice.below(4);
      this.#configure();
      if (!this.#serves) continue;
      this.#daemon?.kill("SIGHUP");
      this.reloads += 1;
    }
  }

  async #disturb(dice: Dice, raging: () => boolean): Promise<void> {
    while (raging()) {
      const hub = dice.below(HUBS);
      this.#rack.fault(hub, dice.of(FAULTS));
      this.faults += 1;
      await pause(200 + dice.below(1_500));
      this.#rack.fault(hub, null);
      await pause(dice.below(800));
    }
  }

  /** Status 0 where nobody answers. */
  #ask(method: string, path: string, bearer: string | undefined, body?: unknown): Promise<Answer> {
    return new Promise((resolve) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const asked = request(
        {
          host: "127.0.0.1",
          port: this.#port,
          method,
          path,
          agent: false,
          timeout: PATIENCE_MS,
          headers: {
            "user-agent": path.startsWith("/maas") ? "MAAS 3.7.3" : "people",
            ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
            ...(text !== undefined && {
              "content-type": "application/json",
              "content-length": Buffer.byteLength(text),
            }),
          },
        },
        (response) => {
          response.toArray().then(
            (chunks: Buffer[]) => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
            () => resolve({ status: 0, body: "" }),
          );
        },
      );
      asked.on("timeout", () => asked.destroy());
      asked.on("error", () => resolve({ status: 0, body: "" }));
      asked.end(text);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const daemon = this.#daemon;
    if (daemon?.exitCode === null && daemon.signalCode === null) {
      const exit = once(daemon, "exit");
      daemon.kill("SIGKILL");
      await exit;
    }
    await this.#rack[Symbol.asyncDispose]();
  }
}

function token(number: number): string {
  return `the_token_of_maas_${number}_in_the_chaos`;
}

/** Was the machine ever in this state between the two times, by the rack's log? A machine begins off. */
export function wasThere(log: readonly RackLine[], { machine, on, askedAt, answeredAt }: Told): boolean {
  const changes = log.filter((line) => line.event === "state" && line.hub * OUTLETS + (line.outlet ?? 0) === machine);
  const before = changes.findLast((line) => line.at <= askedAt)?.on ?? false;
  return before === on || changes.some((line) => line.on === on && line.at >= askedAt && line.at <= answeredAt);
}

/** What the machine is after all, by the rack's log. */
export function endState(log: readonly RackLine[], machine: number): boolean {
  const changes = log.filter((line) => line.event === "state" && line.hub * OUTLETS + (line.outlet ?? 0) === machine);
  return changes.at(-1)?.on ?? false;
}
