/** What kvmd switches: the buttons of its own ATX board, of a port of PiKVM Switch, and GPIO channels. */
import type { z } from "zod";
import type { Answer, Followed, ListedOutlet } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { ATX, GPIO, type Kvmd, SWITCH } from "./kvmd.ts";

/** Outlets of PiKVM Switch: unit and port, both counted from 1 as on its page. */
const PORT = /^([1-5])\.([1-4])$/;
const PORTS_PER_UNIT = 4;

export interface KvmdOutlet {
  /** `atx`, a port such as `1.3`, or a GPIO output. */
  readonly outlet: string;
  /** Where the state is told: true: by the power LED, or the relay itself; a GPIO input; false: nowhere. */
  readonly led: boolean | string;
}

/** Index of a port by the API; undefined where the outlet is none. */
export function portOf(outlet: string): number | undefined {
  const [, unit, port] = PORT.exec(outlet) ?? [];
  return unit === undefined ? undefined : (Number(unit) - 1) * PORTS_PER_UNIT + Number(port) - 1;
}

export function isGpio(outlet: string): boolean {
  return outlet !== "atx" && portOf(outlet) === undefined;
}

/** Everything that was read at once; what could not be read by its failure. */
export interface KvmdState {
  readonly atx: z.output<typeof ATX> | PowerError | undefined;
  readonly ports: z.output<typeof SWITCH> | PowerError | undefined;
  readonly gpio: z.output<typeof GPIO> | PowerError | undefined;
}
type Wanted = Readonly<Record<keyof KvmdState, boolean>>;

export function wantedBy(outlets: readonly KvmdOutlet[]): Wanted {
  return {
    atx: outlets.some(({ outlet }) => outlet === "atx"),
    ports: outlets.some(({ outlet }) => portOf(outlet) !== undefined),
    gpio: outlets.some(({ outlet, led }) => isGpio(outlet) || typeof led === "string"),
  };
}

/** Reads each of these states once. Throws PowerError where none of them can be read. */
export async function readKvmd(kvmd: Kvmd, wanted: Wanted, signal: AbortSignal): Promise<KvmdState> {
  const read = async <T extends z.ZodType>(wants: boolean, path: string, shape: T) =>
    wants ? await kvmd.get(path, shape, signal).catch((error: unknown) => PowerError.from(error)) : undefined;
  const [atx, ports, gpio] = await Promise.all([
    read(wanted.atx, "/api/atx", ATX),
    read(wanted.ports, "/api/switch", SWITCH),
    read(wanted.gpio, "/api/gpio", GPIO),
  ]);
  const told = [atx, ports, gpio].filter((state) => state !== undefined);
  const [failure] = told;
  if (failure instanceof PowerError && told.every((state) => state instanceof PowerError)) throw failure;
  return { atx, ports, gpio };
}

/** Throws the failure that is there in its place. */
function known<T>(state: T | PowerError | undefined): T | undefined {
  if (state instanceof PowerError) throw state;
  return state;
}

interface Buttons {
  readonly busy: boolean;
  readonly power: boolean;
  readonly hdd: boolean;
}

/** What is known of the buttons and LEDs. Throws PowerError `unsupported`, `not_found`. */
function buttonsOf(state: KvmdState, outlet: string): Buttons {
  const port = portOf(outlet);
  if (port === undefined) {
    const atx = known(state.atx);
    if (atx?.enabled) return { busy: atx.busy, ...atx.leds };
    throw new PowerError("unsupported", "its ATX control is switched off", {
      hint: "Set `kvmd: { atx: { type: gpio } }` in its /etc/kvmd/override.yaml; on a PiKVM with a Switch use a port such as 1.1.",
    });
  }
  const { busy = [], leds = { power: [], hdd: [] } } = known(state.ports)?.atx ?? {};
  const [here, power, hdd] = [busy[port], leds.power[port], leds.hdd[port]];
  if (here !== undefined && power !== undefined && hdd !== undefined) return { busy: here, power, hdd };
  const count = leds.power.length;
  throw new PowerError(
    "not_found",
    `its Switch has no port ${outlet}, only ${count} in ${count / PORTS_PER_UNIT} units`,
  );
}

/** State of a GPIO channel; undefined where it cannot be told now. Throws PowerError `not_found`. */
function channelOf(state: KvmdState, name: string): { readonly state?: boolean; readonly reason: string } {
  const { inputs = {}, outputs = {} } = known(state.gpio)?.state ?? {};
  const output = outputs[name];
  const channel = inputs[name] ?? output;
  if (!channel) {
    const known = [...Object.keys(inputs), ...Object.keys(outputs)].join(", ") || "none";
    throw new PowerError("not_found", `it has no GPIO channel ${name}; there is ${known}`);
  }
  if (!channel.online) return { reason: `what is behind GPIO channel ${name} does not answer` };
  // While a channel is being switched kvmd tells false whatever it is.
  if (output?.busy) return { reason: `GPIO channel ${name} is being switched` };
  return { state: channel.state, reason: "" };
}

/** Throws PowerError. */
export function answerOf(kvmd: Kvmd, state: KvmdState, { outlet, led }: KvmdOutlet): Answer {
  const channel = typeof led === "string" ? led : isGpio(outlet) ? outlet : undefined;
  if (channel !== undefined) {
    const { state: high, reason } = channelOf(state, channel);
    if (high === undefined) return { state: "unknown", reason };
    return { state: high ? "on" : "off", evidence: `GPIO ${channel} ${high ? "high" : "low"}` };
  }
  const { power, hdd } = buttonsOf(state, outlet);
  const dark = kvmd.staysDark(outlet, power);
  if (power) return { state: "on", evidence: "power LED lit" };
  if (hdd) {
    const reason = "its disk LED is lit while its power LED is dark: is the power LED wired?";
    return { state: "unknown", reason, evidence: "disk LED lit, power LED dark" };
  }
  const evidence = dark ? "power LED dark, since its button was pressed as well: is it wired?" : "power LED dark";
  return { state: "off", evidence };
}

/** What it can switch, as far as it tells. */
export function listedOf(kvmd: Kvmd, { atx, ports, gpio }: KvmdState): ListedOutlet[] {
  const told = <T>(state: T | PowerError | undefined) => (state instanceof PowerError ? undefined : state);
  const outlets = [
    ...(told(atx)?.enabled ? [{ outlet: "atx" }] : []),
    ...(told(ports)?.model.ports ?? []).map(({ unit, channel, name }) => ({
      outlet: `${unit + 1}.${channel + 1}`,
      ...(name !== "" && { label: name }),
    })),
    ...Object.keys(told(gpio)?.state.outputs ?? {}).map((outlet) => ({ outlet })),
  ];
  return outlets.map((listed) => ({
    ...listed,
    state: answerOf(kvmd, { atx, ports, gpio }, { outlet: listed.outlet, led: true }).state,
  }));
}

/** Words of the API for the buttons: where kvmd looks at the LED first, and where it does not. */
const PRESSES = {
  on: { action: "on", button: "power" },
  soft: { action: "off", button: "power" },
  hard: { action: "off_hard", button: "power_long" },
  reset: { action: "reset_hard", button: "reset" },
} as const;
export type KvmdVerb = keyof typeof PRESSES;

/** Presses a button of a board or a port, if the LED does not speak against it. Throws PowerError. */
export async function press(
  kvmd: Kvmd,
  { outlet, led }: KvmdOutlet,
  { verb, signal }: { readonly verb: KvmdVerb; readonly signal: AbortSignal },
): Promise<Followed | undefined> {
  const state = await readKvmd(kvmd, wantedBy([{ outlet, led }]), signal);
  const { busy } = buttonsOf(state, outlet);
  if (busy) throw new PowerError("busy", "one of its buttons is being pressed");
  if (led !== false) refuseIdle(answerOf(kvmd, state, { outlet, led }), verb);
  const { action, button } = PRESSES[verb];
  const [way, word]: [string, Record<string, string>] = led === true ? ["power", { action }] : ["click", { button }];
  const port = portOf(outlet);
  if (port === undefined) await kvmd.post(`/api/atx/${way}`, { ...word, wait: "1" }, signal);
  else await kvmd.post(`/api/switch/atx/${way}`, { port: String(port), ...word }, signal);
  if (verb === "on") kvmd.pressedOn(outlet);
  return port === undefined ? undefined : released(kvmd, outlet);
}

/** kvmd answers 200 and presses nothing where the LED shows what is wanted. */
function refuseIdle({ state }: Answer, verb: KvmdVerb): void {
  if (verb === "on" && state === "on")
    throw new PowerError("refused", "its power LED is lit, so that its power button is not pressed");
  if (verb !== "on" && state === "off") {
    throw new PowerError("refused", "its power LED is dark, so that its buttons are not pressed", {
      hint: "If the machine runs, the LED is not wired: set `led: false`, and give the machine a `query`.",
    });
  }
}

/** A Switch takes the order at once, and presses meanwhile. */
function released(kvmd: Kvmd, outlet: string): Followed {
  let asked = false;
  return {
    follow: async (signal) => {
      const { busy } = buttonsOf(await readKvmd(kvmd, wantedBy([{ outlet, led: true }]), signal), outlet);
      // The order may not have come to its unit yet.
      const first = !asked;
      asked = true;
      return first || busy ? "pending" : "done";
    },
  };
}

/** Throws PowerError where the channel is no such output. */
async function outputOf(kvmd: Kvmd, channel: string, signal: AbortSignal) {
  const gpio = await kvmd.get("/api/gpio", GPIO, signal);
  const { outputs = {} } = gpio.model?.scheme ?? {};
  const output = outputs[channel];
  if (output || !gpio.model) return output;
  throw new PowerError(
    "not_found",
    `it has no GPIO output ${channel}; there is ${Object.keys(outputs).join(", ") || "none"}`,
  );
}

export async function switchChannel(kvmd: Kvmd, channel: string, on: boolean, signal: AbortSignal): Promise<void> {
  if ((await outputOf(kvmd, channel, signal))?.switch === false) {
    throw new PowerError("unsupported", `GPIO output ${channel} can only be pulsed`, {
      hint: "Set `by: pulse`, or `switch: true` for it in the KVM's /etc/kvmd/override.yaml.",
    });
  }
  await kvmd.post("/api/gpio/switch", { channel, state: on ? "1" : "0", wait: "1" }, signal);
}

/** `ms`: how long. kvmd would shorten what is longer than it allows without a word. */
export async function pulseChannel(kvmd: Kvmd, channel: string, ms: number, signal: AbortSignal): Promise<void> {
  const most = (await outputOf(kvmd, channel, signal))?.pulse.max_delay;
  if (most !== undefined && ms > most * 1_000) {
    throw new PowerError(
      "unsupported",
      `GPIO output ${channel} can be pulsed for ${most} s at most, not ${ms / 1_000} s`,
      {
        hint: "Raise `pulse: { max_delay }` for it in the KVM's /etc/kvmd/override.yaml.",
      },
    );
  }
  await kvmd.post("/api/gpio/pulse", { channel, delay: String(ms / 1_000), wait: "1" }, signal);
}
