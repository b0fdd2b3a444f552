/**
 * Shelly devices as their documents and recorded answers describe them:
 *
 *     https://shelly-api-docs.shelly.cloud/gen1/                            /shelly, /status, /settings, /relay/N
 *     https://shelly-api-docs.shelly.cloud/gen2/                            /shelly, and calls by POST /rpc
 *     https://github.com/home-assistant-libs/aioshelly/tree/main/fixtures   recorded answers of both
 *
 * Behind each relay stands a machine that runs when it is fed.
 */
import type { ServerResponse } from "node:http";
import { type Clock, systemClock } from "../../src/power/clock.ts";
import { FedMachine, type FedMachineOptions } from "./fed-machine.ts";
import { type Guard, HttpDevice, type Received } from "./http-device.ts";

const MAC = "A8032ABE54DC";
const ID = "shellypro4pm-a8032abe54dc";

export interface ShellyOptions extends FedMachineOptions {
  /** 1, or one of the later ones. */
  readonly generation?: 1 | 2;
  readonly relays?: number;
  readonly password?: string;
  readonly port?: number;
  /** Does it measure power? */
  readonly meter?: boolean;
  /** Does its firmware give an error of a call a status of its own? */
  readonly errorStatus?: number;
  /** So many requests a login is good for. */
  readonly nonceUses?: number;
}

/** `overpower`: its relays stay open; `cover`: it is set up for one. */
export type ShellyFault = "silent" | "reset" | "rubbish" | "busy" | "overpower" | "cover";

interface Timers {
  name?: string;
  autoOff?: number;
  autoOn?: number;
  /** What it does when mains return, in the words of its generation. */
  onMains?: string;
  /** First generation: has it a schedule that is switched on? */
  schedule?: boolean;
}

export class ShellyDevice implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #options: ShellyOptions;
  readonly #http: HttpDevice;
  readonly #machines: readonly FedMachine[];
  readonly #life = new AbortController();
  /** Every command that arrived: `relay 0 off`, `relay 0 off, back after 5`. */
  readonly commands: string[] = [];
  /** Name and own timers of relay 0, in seconds. */
  readonly config: Timers = {};
  #lockedOutAt: number | undefined;
  mac = MAC;
  fault: ShellyFault | undefined;
  /** How long it takes for every answer (ms). */
  answersAfter = 0;
  /** Calls that it refuses. */
  refuses: RegExp | undefined;

  private constructor(http: HttpDevice, options: ShellyOptions) {
    const { clock = systemClock, relays = 1 } = options;
    this.#clock = clock;
    this.#options = options;
    this.#http = http;
    this.#machines = Array.from({ length: relays }, () => new FedMachine(options));
    http.handler = (request, response) => {
      if (this.answersAfter === 0) this.#answer(request, response);
      else setTimeout(() => this.#answer(request, response), this.answersAfter);
    };
  }

  static async start(options: ShellyOptions = {}): Promise<ShellyDevice> {
    const { generation = 2, password, port, nonceUses } = options;
    const digest = { realm: ID, algorithms: ["SHA-256"], ...(nonceUses !== undefined && { nonceUses }) };
    const guard: Guard | undefined =
      password === undefined
        ? undefined
        : generation === 1
          ? { kind: "basic", expected: Buffer.from(`admin:${password}`).toString("base64") }
          : { kind: "digest", user: "admin", password, ...digest };
    const http = await HttpDevice.start({
      open: ["/shelly"],
      ...(guard && { guard }),
      ...(port !== undefined && { port }),
    });
    return new ShellyDevice(http, options);
  }

  get port(): number {
    return this.#http.port;
  }

  get requests(): readonly Received[] {
    return this.#http.requests;
  }

  /** Behind relay 0, or another. */
  machine(relay = 0): FedMachine {
    const machine = this.#machines[relay];
    if (!machine) throw new Error(`there is no relay ${relay}`);
    return machine;
  }

  die(): Promise<void> {
    return this.#http.die();
  }

  revive(): Promise<void> {
    return this.#http.revive();
  }

  #answer(request: Received, response: ServerResponse): void {
    switch (this.fault) {
      case "silent":
        return;
      case "reset":
        response.socket?.resetAndDestroy();
        return;
      case "rubbish":
        response.end(`<html>${JSON.stringify(request.headers)}</html>`);
        return;
      case "busy":
        response.writeHead(503).end("Service Unavailable");
        return;
      case "overpower":
      case "cover":
      case undefined:
        break;
      default:
        this.fault satisfies never;
    }
    const { pathname, searchParams } = new URL(request.url, "http://device");
    if (this.#isLockedOut(request)) response.writeHead(429).end("Too many failed authentication attempts");
    else if (pathname === "/shelly") response.end(JSON.stringify(this.#about()));
    else if (this.#options.generation === 1) this.#rest(pathname, searchParams, response);
    else if (pathname === "/rpc" && request.method === "POST") this.#rpc(JSON.parse(request.body) as Call, response);
    else response.writeHead(404).end("Not Found");
  }

  /** Firmware 2.0 forgets all logins, and says 429 to whoever shows an old one, until he comes without any. */
  lockOut(): void {
    this.#lockedOutAt = this.requests.length;
  }

  #isLockedOut({ headers }: Received): boolean {
    if (this.#lockedOutAt === undefined || headers.authorization === undefined) return false;
    const since = this.requests.slice(this.#lockedOutAt);
    return !since.some(({ url, headers }) => url !== "/shelly" && headers.authorization === undefined);
  }

  #about(): object {
    const { generation = 2, password, meter = true } = this.#options;
    const auth = password !== undefined;
    const relays = this.#machines.length;
    return generation === 1
      ? {
          type: "SHPLG-S",
          mac: this.mac,
          auth,
          fw: "20230913-113421/v1.14.0-gcb84623",
          discoverable: true,
          num_outputs: relays,
          num_meters: meter ? relays : 0,
        }
      : {
          name: null,
          id: ID,
          mac: this.mac,
          slot: 1,
          model: "SPSW-104PE16EU",
          gen: generation,
          fw_id: "20260710-101146/2.0.0-g87fbfa4",
          ver: "2.0.0",
          app: "Pro4PM",
          auth_en: auth,
          auth_domain: auth ? ID : null,
        };
  }

  #command(relay: number, closed: boolean, back: number): void {
    this.commands.push(`relay ${relay} ${closed ? "on" : "off"}${back > 0 ? `, back after ${back}` : ""}`);
    const machine = this.machine(relay);
    if (this.fault === "overpower") return;
    machine.command(closed ? "on" : "off");
    if (back <= 0) return;
    this.#clock.sleep(back * 1_000, this.#life.signal).then(
      () => machine.command(closed ? "off" : "on"),
      () => undefined,
    );
  }

  #rest(path: string, query: URLSearchParams, response: ServerResponse): void {
    const [, which] = /^\/relay\/(\d+)$/.exec(path) ?? [];
    const relay = Number(which);
    if (path === "/status") response.end(JSON.stringify(this.#status()));
    else if (path === "/settings") response.end(JSON.stringify(this.#settings()));
    else if (which === undefined || relay >= this.#machines.length) response.writeHead(404).end("Not Found");
    else if (this.fault === "cover") response.writeHead(400).end("Device mode is not relay!");
    else {
      const turn = query.get("turn");
      if (turn === "on" || turn === "off") this.#command(relay, turn === "on", Number(query.get("timer") ?? 0));
      response.end(JSON.stringify(this.#relay(relay, turn)));
    }
  }

  /** It tells the state that it was told to take, before the relay has moved. */
  #relay(relay: number, turn: string | null = null): object {
    const overpower = this.fault === "overpower";
    const ison = !overpower && (turn === null ? this.machine(relay).fed : turn === "on");
    return {
      ison,
      has_timer: false,
      timer_started: 0,
      timer_duration: 0,
      timer_remaining: 0,
      overpower,
      source: "http",
    };
  }

  #status(): object {
    const power = (machine: FedMachine) => (this.#options.meter === false ? 60 : machine.watts);
    return {
      mac: this.mac,
      relays: this.#machines.map((_, relay) => this.#relay(relay)),
      meters: this.#machines.map((machine) => ({ power: power(machine), overpower: 0, is_valid: true, total: 2632 })),
      uptime: 2_589_909,
    };
  }

  #settings(): object {
    const { name = null, autoOff: auto_off = 0, autoOn: auto_on = 0, onMains = "last", schedule = false } = this.config;
    return {
      relays: this.#machines.map(({ fed: ison }, relay) =>
        relay === 0
          ? { name, ison, auto_off, auto_on, default_state: onMains, schedule, schedule_rules: [] }
          : { name: null, ison, auto_off: 0, auto_on: 0, default_state: "last", schedule: false, schedule_rules: [] },
      ),
    };
  }

  #rpc({ id, method, params = {} }: Call, response: ServerResponse): void {
    const frame = { id, src: ID };
    const refuse = (code: number, message: string) => {
      response.writeHead(this.#options.errorStatus ?? 200);
      response.end(JSON.stringify({ ...frame, error: { code, message } }));
    };
    const answer = (result: object) => response.end(JSON.stringify({ ...frame, result }));
    const relay = params.id;
    if (this.refuses?.test(method)) refuse(-114, `${method} failed!`);
    else if (method === "Shelly.GetStatus") answer(this.#components((number) => this.#switchStatus(number)));
    else if (method === "Shelly.GetConfig") answer(this.#components((number) => this.#switchConfig(number)));
    else if (!/^Switch\.(?:Set|GetStatus)$/.test(method) || this.fault === "cover")
      refuse(404, `No handler for ${method}`);
    else if (typeof relay !== "number") refuse(-103, "Argument 'id', value is not a number!");
    else if (relay >= this.#machines.length) refuse(-105, `Argument 'id', value ${relay} not found!`);
    else if (method === "Switch.GetStatus") answer(this.#switchStatus(relay));
    else if (this.fault === "overpower") {
      this.#command(relay, params.on === true, 0);
      refuse(-109, "Switch is in overpower condition");
    } else {
      const { fed } = this.machine(relay);
      this.#command(relay, params.on === true, params.toggle_after ?? 0);
      answer({ was_on: fed });
    }
  }

  #components(of: (relay: number) => object): object {
    const switches = this.fault === "cover" ? [] : this.#machines.map((_, relay) => [`switch:${relay}`, of(relay)]);
    return { ble: {}, cloud: { connected: false }, ...Object.fromEntries(switches), sys: { mac: this.mac } };
  }

  #switchStatus(relay: number): object {
    const { fed, watts } = this.machine(relay);
    const metered = { apower: watts, voltage: 229.3, current: watts / 229.3, aenergy: { total: 11.679 } };
    return {
      id: relay,
      source: "HTTP_in",
      output: fed,
      ...(this.#options.meter !== false && metered),
      ...(this.fault === "overpower" && { errors: ["overpower"] }),
      temperature: { tC: 41.2, tF: 106.1 },
    };
  }

  #switchConfig(relay: number): object {
    const { name = null, autoOff = 0, autoOn = 0, onMains = "restore_last" } = relay === 0 ? this.config : {};
    return {
      id: relay,
      name,
      in_mode: "detached",
      initial_state: onMains,
      auto_on: autoOn > 0,
      auto_on_delay: autoOn || 60,
      auto_off: autoOff > 0,
      auto_off_delay: autoOff || 60,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort();
    for (const machine of this.#machines) machine.end();
    await this.#http[Symbol.asyncDispose]();
  }
}

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params?: { readonly id?: unknown; readonly on?: unknown; readonly toggle_after?: number };
}
