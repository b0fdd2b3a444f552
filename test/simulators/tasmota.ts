/**
 * A device with Tasmota as its documents and its source describe it: web requests `/cm?cmnd=…` with the commands `Power`,
 * `Status`, `PulseTime` and `Interlock`, and the web password.
 *
 *     https://tasmota.github.io/docs/Commands/
 *     https://github.com/arendst/Tasmota/blob/development/tasmota/tasmota_xdrv_driver/xdrv_01_9_webserver.ino
 *     https://github.com/arendst/Tasmota/blob/development/tasmota/tasmota_support/support_command.ino
 *
 * Behind each relay stands a machine that runs when it is fed.
 */
import type { ServerResponse } from "node:http";
import { type Clock, systemClock } from "../../src/power/clock.ts";
import { FedMachine, type FedMachineOptions } from "./fed-machine.ts";
import { HttpDevice, type Received } from "./http-device.ts";

export interface TasmotaOptions extends FedMachineOptions {
  readonly relays?: number;
  readonly password?: string;
  readonly port?: number;
  /** One for each relay, one for all of them, or none. */
  readonly meter?: "each" | "one" | "none";
  /** Before 8.2.0.3: 200 for a wrong password, PulseTime in its older form, `Status 8` in place of `Status 10`. */
  readonly old?: boolean;
}

/** `page`: it answers with its main page, as with `WebServer 1`. */
export type TasmotaFault = "silent" | "reset" | "rubbish" | "page" | "busy";

export class TasmotaDevice implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #options: TasmotaOptions;
  readonly #http: HttpDevice;
  readonly #machines: readonly FedMachine[];
  readonly #life = new AbortController();
  /** Every command that arrived and switches: `Power1 1`. */
  readonly commands: string[] = [];
  readonly config = {
    /** SetOption26: POWER1 with a single relay as well. */
    indexed: false,
    stateTexts: ["OFF", "ON"] as readonly [string, string],
    powerOnState: 3,
    /** One bit for each relay. */
    powerLock: 0,
    /** As they are set, the first relay's first. */
    pulseTime: [] as readonly number[],
    /** Groups of relays. */
    interlock: undefined as string | undefined,
    names: ["Tasmota"] as readonly string[],
  };
  fault: TasmotaFault | undefined;
  /** Commands that it does not answer. */
  deaf: RegExp | undefined;

  private constructor(http: HttpDevice, options: TasmotaOptions) {
    const { clock = systemClock, relays = 1 } = options;
    this.#clock = clock;
    this.#options = options;
    this.#http = http;
    this.#machines = Array.from({ length: relays }, () => new FedMachine(options));
    http.handler = (request, response) => this.#answer(request, response);
  }

  static async start(options: TasmotaOptions = {}): Promise<TasmotaDevice> {
    const { port } = options;
    return new TasmotaDevice(await HttpDevice.start({ ...(port !== undefined && { port }) }), options);
  }

  get port(): number {
    return this.#http.port;
  }

  get requests(): readonly Received[] {
    return this.#http.requests;
  }

  /** Behind relay 1, or another. */
  machine(relay = 1): FedMachine {
    const machine = this.#machines[relay - 1];
    if (!machine) throw new Error(`there is no relay ${relay}`);
    return machine;
  }

  die(): Promise<void> {
    return this.#http.die();
  }

  revive(): Promise<void> {
    return this.#http.revive();
  }

  #answer({ url }: Received, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, "http://device");
    const command = searchParams.get("cmnd") ?? "";
    if (this.fault === "silent" || this.deaf?.test(command)) return;
    if (this.fault === "reset") response.socket?.resetAndDestroy();
    else if (this.fault === "busy") response.writeHead(503).end();
    else if (this.fault === "rubbish") response.end(`{"POWER1":"O${url}`);
    else if (this.fault === "page") response.end("<!DOCTYPE html><html><head><title>Tasmota</title></head></html>");
    else if (pathname !== "/cm") response.writeHead(404).end(`File Not Found\n\nURI: ${pathname}`);
    else if (this.#mayPass(searchParams)) response.end(JSON.stringify(this.#obey(command)));
    else {
      response.writeHead(this.#options.old ? 200 : 401);
      response.end(JSON.stringify({ WARNING: "Need user=<username>&password=<password>" }));
    }
  }

  #mayPass(query: URLSearchParams): boolean {
    const { password } = this.#options;
    return password === undefined || (query.get("user") === "admin" && query.get("password") === password);
  }

  #obey(line: string): object {
    const [command = "", value] = line.split(" ");
    const [, relay] = /^power(\d*)$/i.exec(command) ?? [];
    if (relay !== undefined) return this.#power(Number(relay || 1), value);
    const { interlock, names, powerLock, powerOnState } = this.config;
    const { relays = 1, old = false } = this.#options;
    switch (line.toLowerCase()) {
      case "status": {
        const lock = old ? {} : { PowerLock: powerLock.toString(2).padStart(relays, "0") };
        return { Status: { Module: 1, FriendlyName: names, Topic: "plug", PowerOnState: powerOnState, ...lock } };
      }
      case "status 2":
        return { StatusFWR: { Version: "15.0.1(release-tasmota)", Hardware: "ESP8266EX" } };
      case "status 5":
        return { StatusNET: { Hostname: "plug-1234", Mac: "A4:CF:12:C6:58:CC", Webserver: 2, HTTP_API: 1 } };
      case "status 8":
        return { StatusSNS: this.#sensors() };
      case "status 10":
        return old ? { Command: "Error" } : { StatusSNS: this.#sensors() };
      case "status 11":
        return { StatusSTS: { Time: "2026-01-01T00:00:00", Uptime: "0T01:00:00", ...this.#states(), Wifi: { AP: 1 } } };
      case "pulsetime":
        return this.#pulseTime();
      case "interlock":
        if (relays === 1) return { Interlock: this.#text(false) };
        return { Interlock: this.#text(interlock !== undefined), Groups: interlock ?? "1,2" };
      default:
        return { Command: "Unknown" };
    }
  }

  #power(relay: number, value: string | undefined): object {
    const { powerOnState, powerLock, interlock = "" } = this.config;
    const machine = this.#machines[relay - 1];
    if (!machine) return { Command: this.#options.old ? "Unknown" : "Error" };
    if (value === undefined) return { [this.#key(relay)]: this.#text(machine.fed) };
    this.commands.push(`Power${relay} ${value}`);
    const held = powerOnState === 4 || ((powerLock >> (relay - 1)) & 1) === 1;
    if (held) return { [this.#key(relay)]: this.#text(machine.fed) };
    const closed = value === "1" || value.toUpperCase() === "ON";
    machine.command(closed ? "on" : "off");
    const groups = interlock.split(" ").map((group) => group.split(",").map(Number));
    const rivals = closed ? (groups.find((group) => group.includes(relay)) ?? []) : [];
    for (const rival of rivals) if (rival !== relay) this.machine(rival).command("off");
    this.#pulse(relay, closed);
    return { [this.#key(relay)]: this.#text(closed) };
  }

  #pulse(relay: number, closed: boolean): void {
    const set = this.config.pulseTime[relay - 1] ?? 0;
    const inverted = this.config.powerOnState === 5;
    if (set === 0 || closed === inverted) return;
    const ms = set > 111 ? (set - 100) * 1_000 : set * 100;
    this.#clock.sleep(ms, this.#life.signal).then(
      () => this.machine(relay).command(closed ? "off" : "on"),
      () => undefined,
    );
  }

  #pulseTime(): object {
    const set = Array.from({ length: 8 }, (_, index) => this.config.pulseTime[index] ?? 0);
    if (!this.#options.old) return { PulseTime: { Set: set, Remaining: set.map(() => 0) } };
    return Object.fromEntries(set.map((value, index) => [`PulseTime${index + 1}`, { Set: value, Remaining: 0 }]));
  }

  #sensors(): object {
    const { meter = "one" } = this.#options;
    const watts = this.#machines.map((machine) => machine.watts);
    const all = watts.reduce((sum, each) => sum + each, 0);
    const energy = { ENERGY: { Total: 3.185, Power: meter === "each" ? watts : all, Voltage: 230 } };
    return { Time: "2026-01-01T00:00:00", ...(meter !== "none" && energy) };
  }

  #states(): object {
    return Object.fromEntries(
      this.#machines.map(({ fed }, index): [string, string] => [this.#key(index + 1), this.#text(fed)]),
    );
  }

  #key(relay: number): string {
    return this.#machines.length === 1 && !this.config.indexed ? "POWER" : `POWER${relay}`;
  }

  #text(on: boolean): string {
    return this.config.stateTexts[on ? 1 : 0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort();
    for (const machine of this.#machines) machine.end();
    await this.#http[Symbol.asyncDispose]();
  }
}
