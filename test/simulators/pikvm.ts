/**
 * kvmd and the machines at its buttons, as its API documentation and its source describe what callers see:
 *
 *     GET  /api/atx, /api/switch, /api/gpio, /api/info
 *     POST /api/atx/power?action=, /api/atx/click?button=           409 while a button is pressed; 400 where ATX is disabled
 *     POST /api/switch/atx/power?port=&action=, …/click             200 at once, whether anything is pressed or not
 *     POST /api/gpio/switch?channel=&state=, /api/gpio/pulse?channel=&delay=
 *
 * It speaks https alone. A press takes a few real milliseconds in place of seconds; what follows from it takes the clock's time.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Clock, systemClock } from "../../src/power/clock.ts";

export const KVM_PASSWORD = "hidden-password";
const TLS = join(import.meta.dirname, "../fixtures/tls");
/** What a second of kvmd's takes here (ms). */
const SECOND_MS = 4;
/** Buttons held for so long cut the power (s). */
const CUTS_AFTER = 4;
const DELAYS = { power: 0.1, power_long: 5.5, reset: 0.1 } as const;
type Button = keyof typeof DELAYS;
const ACTIONS: Readonly<Record<string, { readonly button: Button; readonly ifLit: boolean }>> = {
  on: { button: "power", ifLit: false },
  off: { button: "power", ifLit: true },
  off_hard: { button: "power_long", ifLit: true },
  reset_hard: { button: "reset", ifLit: true },
};

export interface AtxOptions {
  readonly clock?: Clock;
  readonly initial?: "on" | "off";
  /** From a press to its effect (ms). */
  readonly lag?: number;
  /** Its buttons are pressed, and nothing happens. */
  readonly stuck?: boolean;
  /** Is its power LED wired? */
  readonly led?: boolean;
  /** Its operating system does not heed a short press. */
  readonly hangs?: boolean;
}

/** A machine at two buttons and two LEDs. */
export class AtxMachine {
  readonly #options: AtxOptions;
  readonly #clock: Clock;
  readonly #life = new AbortController();
  running: boolean;
  boots = 0;
  busy = false;

  constructor(options: AtxOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.running = options.initial === "on";
  }

  get leds() {
    return { power: this.running && (this.#options.led ?? true), hdd: this.running && this.#options.led === false };
  }

  /** Held for so long (s); resolves when it may be pressed again. */
  async press(button: "power" | "reset", seconds: number): Promise<void> {
    this.busy = true;
    const runs = this.running;
    await pause(seconds * SECOND_MS);
    this.#released(button, seconds, runs);
    await pause(SECOND_MS);
    this.busy = false;
  }

  #released(button: "power" | "reset", seconds: number, runs: boolean): void {
    const { stuck, hangs } = this.#options;
    if (stuck || (button === "reset" && !runs)) return;
    if (button === "reset" || !runs) this.#after(true);
    else if (seconds >= CUTS_AFTER || !hangs) this.#after(false);
  }

  #after(running: boolean): void {
    const happen = () => {
      if (running) this.boots += 1;
      this.running = running;
    };
    const { lag = 0 } = this.#options;
    if (lag === 0) happen();
    else this.#clock.sleep(lag, this.#life.signal).then(happen, () => undefined);
  }

  /** Nothing happens to it any more. */
  end(): void {
    this.#life.abort();
  }
}

export interface GpioOutput {
  readonly switch: boolean;
  /** Longest pulse (s). */
  readonly max_delay: number;
  /** What is pulsed or switched. */
  readonly does?: (state: boolean, seconds: number) => void;
}

export interface PikvmOptions {
  readonly port?: number;
  /** At its own board; absent: ATX is disabled. */
  readonly atx?: AtxMachine;
  /** At the ports of its Switch; four make a unit. Absent: firmware that knows of none. */
  readonly ports?: readonly AtxMachine[];
  readonly outputs?: Readonly<Record<string, GpioOutput>>;
  readonly inputs?: Readonly<Record<string, () => boolean>>;
  /** The code that is asked for behind the password. */
  readonly code?: string;
  readonly serial?: string | null;
}

/** Status and result. */
type Said = readonly [number, object?];
type Handler = (
  request: { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders },
  response: ServerResponse,
) => void;

export class Pikvm implements AsyncDisposable {
  readonly #options: PikvmOptions;
  readonly #server = createServer({
    cert: readFileSync(join(TLS, "alone.pem")),
    key: readFileSync(join(TLS, "alone.key")),
  });
  readonly #relays = new Map<string, boolean>();
  /** Presses and switchings that began: `atx power`, `1.2 power_long`, `relay 1`, `button 0.2`. */
  readonly commands: string[] = [];
  /** Requests that came, with their query. */
  readonly requests: string[] = [];
  /** GPIO channels whose driver is offline, and those that are being switched. */
  offline: readonly string[] = [];
  switching: readonly string[] = [];
  /** Answers in place of kvmd. */
  handler: Handler | undefined;

  private constructor(options: PikvmOptions) {
    this.#options = options;
    this.#server.on(
      "request",
      (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response),
    );
  }

  static async start(options: PikvmOptions): Promise<Pikvm> {
    const kvm = new Pikvm(options);
    await kvm.revive();
    return kvm;
  }

  /** What the driver is told of it. */
  get hub() {
    const { port } = this.#server.address() as AddressInfo;
    return { host: "127.0.0.1", port, password: KVM_PASSWORD, insecure: true };
  }

  relay(channel: string): boolean {
    return this.#relays.get(channel) ?? false;
  }

  async die(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async revive(): Promise<void> {
    this.#server.listen(this.#options.port ?? 0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = incoming;
    this.requests.push(`${method} ${url}`);
    if (this.handler) {
      this.handler({ method, path: url, headers }, response);
      return;
    }
    const [status, result = {}] = this.#refusal(headers) ?? (await this.#serve(method, new URL(url, "https://kvm")));
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ ok: status === 200, result }, undefined, 4));
  }

  #refusal(headers: IncomingHttpHeaders): Said | undefined {
    const user = headers["x-kvmd-user"];
    if (user === undefined) return error(401, "UnauthorizedError", "Unauthorized");
    const right = user === "admin" && headers["x-kvmd-passwd"] === KVM_PASSWORD + (this.#options.code ?? "");
    return right ? undefined : error(403, "ForbiddenError", "Forbidden");
  }

  async #serve(method: string, { pathname, searchParams: query }: URL): Promise<Said> {
    switch (`${method} ${pathname}`) {
      case "GET /api/atx":
        return [200, this.#atx()];
      case "GET /api/switch":
        return this.#options.ports ? [200, this.#switch(this.#options.ports)] : missing();
      case "GET /api/gpio":
        return [200, this.#gpio()];
      case "GET /api/info":
        return [200, this.#info()];
      case "POST /api/atx/power":
      case "POST /api/atx/click":
        return await this.#press(query);
      case "POST /api/switch/atx/power":
      case "POST /api/switch/atx/click":
        return this.#pressPort(query);
      case "POST /api/gpio/switch":
      case "POST /api/gpio/pulse":
        return this.#drive(query);
      default:
        return missing();
    }
  }

  #atx() {
    const { atx } = this.#options;
    const busy = atx?.busy ?? false;
    const leds = atx?.leds ?? { power: false, hdd: false };
    return { enabled: atx !== undefined, busy, acts: { power: busy, reset: false }, leds };
  }

  #switch(ports: readonly AtxMachine[]) {
    const named = ports.map((_, index) => ({
      unit: Math.floor(index / 4),
      channel: index % 4,
      name: index === 0 ? "" : `machine ${index + 1}`,
    }));
    const leds = { power: ports.map(({ leds }) => leds.power), hdd: ports.map(({ leds }) => leds.hdd) };
    return { model: { ports: named, units: [] }, atx: { busy: ports.map(({ busy }) => busy), leds } };
  }

  #gpio() {
    const { inputs = {}, outputs = {} } = this.#options;
    const online = (channel: string) => !this.offline.includes(channel);
    const told = (channel: string, state: boolean) => ({ online: online(channel), state: online(channel) && state });
    const scheme = Object.entries(outputs).map(([channel, output]) => [
      channel,
      {
        switch: output.switch,
        pulse: { delay: output.max_delay, min_delay: 0.1, max_delay: output.max_delay },
        hw: {},
      },
    ]);
    return {
      model: { scheme: { inputs: {}, outputs: Object.fromEntries(scheme) }, view: {} },
      state: {
        inputs: Object.fromEntries(Object.entries(inputs).map(([channel, read]) => [channel, told(channel, read())])),
        outputs: Object.fromEntries(
          Object.keys(outputs).map((channel) => {
            const busy = this.switching.includes(channel);
            return [channel, { ...told(channel, !busy && this.relay(channel)), busy }];
          }),
        ),
      },
    };
  }

  #info() {
    const { serial = "10000000ABCDEF01" } = this.#options;
    const platform = { type: "rpi", base: "Raspberry Pi 4 Model B", serial, board: "rpi4" };
    return { system: { kvmd: { version: "4.20" } }, hw: { health: {}, platform } };
  }

  async #press(query: URLSearchParams): Promise<Said> {
    const { atx } = this.#options;
    const wanted = buttonOf(query);
    if (!wanted) return error(400, "ValidatorError", "The argument is not a valid ATX power action");
    if (!atx) return error(400, "AtxDisabledError", "ATX is disabled");
    if (wanted.ifLit !== undefined && wanted.ifLit !== atx.leds.power) return [200];
    if (atx.busy) return error(409, "AtxIsBusyError", "Performing another ATX operation, please try again later");
    const pressed = this.#pressed("atx", atx, wanted.button);
    if (query.get("wait") === "1") await pressed;
    return [200];
  }

  #pressPort(query: URLSearchParams): Said {
    const wanted = buttonOf(query);
    if (!wanted) return error(400, "ValidatorError", "The argument is not a valid ATX power action");
    const port = Number(query.get("port"));
    const machine = this.#options.ports?.[port];
    // A port that is busy, or not there, is passed over without a word.
    if (machine && !machine.busy && (wanted.ifLit === undefined || wanted.ifLit === machine.leds.power))
      void this.#pressed(`${Math.floor(port / 4) + 1}.${(port % 4) + 1}`, machine, wanted.button);
    return [200];
  }

  #pressed(name: string, machine: AtxMachine, button: Button): Promise<void> {
    this.commands.push(`${name} ${button}`);
    return machine.press(button === "reset" ? "reset" : "power", DELAYS[button]);
  }

  #drive(query: URLSearchParams): Said {
    const channel = query.get("channel") ?? "";
    const output = this.#options.outputs?.[channel];
    if (!output) return error(400, "GpioChannelNotFoundError", "GPIO channel is not found");
    const state = query.get("state");
    if (state === null) {
      if (output.max_delay === 0)
        return error(400, "GpioPulseNotSupported", "This GPIO channel does not support pulsing");
      const seconds = Math.min(Math.max(Number(query.get("delay")), 0.1), output.max_delay);
      this.commands.push(`${channel} ${seconds}`);
      output.does?.(true, seconds);
    } else {
      if (!output.switch) return error(400, "GpioSwitchNotSupported", "This GPIO channel does not support switching");
      this.commands.push(`${channel} ${state}`);
      this.#relays.set(channel, state === "1");
      output.does?.(state === "1", 0);
    }
    return [200];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of [...(this.#options.ports ?? []), this.#options.atx]) machine?.end();
    if (this.#server.listening) await this.die();
  }
}

/** By its action, which heeds the LED, or by its button, which does not. */
function buttonOf(query: URLSearchParams): { readonly button: Button; readonly ifLit?: boolean } | undefined {
  const button = query.get("button");
  if (button === "power" || button === "power_long" || button === "reset") return { button };
  return ACTIONS[query.get("action") ?? ""];
}

function missing(): Said {
  return error(404, "HttpError", "Not Found");
}

function error(status: number, name: string, message: string): Said {
  return [status, { error: name, error_msg: message }];
}
