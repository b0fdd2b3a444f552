/** Machines built from each driver, around one simulated host where a driver has only one verb. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { simulatedHub } from "../../src/wire/simulation.ts";
import type { VirtualClock } from "../virtual-clock.ts";
import { type HostOptions, MAC, SimulatedHost, SSH_USER } from "./simulated-host.ts";

/** Durations in ms. */
export interface Behaviour {
  readonly initial?: "on" | "off" | "halted";
  /** From a command to its effect. */
  readonly lag?: number;
  readonly boot?: number;
  /** Takes commands, and does nothing. */
  readonly stuck?: boolean;
}

/** What a machine is built from, and what is seen of it from outside. */
export interface Build extends AsyncDisposable {
  /** YAML of the machine, without its braces, and of its hub. */
  readonly machine: string;
  readonly hubs?: string;
  /** Every command that arrived at the device. */
  readonly commands: readonly string[];
  readonly running: boolean;
  /** The device is gone, and is there again. */
  die(): Promise<void>;
  revive(): Promise<void>;
}

export interface Builder {
  readonly name: string;
  /** The commands of an on and of an off. */
  readonly on: string;
  readonly off: string;
  /** Does its query measure, and not repeat what was ordered? */
  readonly measures: boolean;
  start(clock: VirtualClock, behaviour?: Behaviour): Promise<Build>;
}

const worlds = (function* () {
  for (let number = 1; ; number++) yield `maas-${process.pid}-${number}`;
})();

function simulated(name: string, settings: string): Builder {
  return {
    name,
    on: "on",
    off: "off",
    measures: true,
    start: (clock, { initial = "off", lag = 0, boot = 0, stuck = false } = {}) => {
      const world = worlds.next().value;
      const hub = simulatedHub(`${world}/sim`, { clock, latency: 0 });
      const device = () => hub.outlet("1");
      return Promise.resolve({
        hubs: `{ sim: { driver: simulated, world: ${world} } }`,
        machine: `hub: sim, initial: "${initial}", lag: ${lag}ms, boot: ${boot}ms, shutdown: 0ms, ${stuck ? "fault: stuck, " : ""}${settings}`,
        get commands() {
          return device()?.commands.map(({ command }) => command) ?? [];
        },
        get running() {
          return device()?.running ?? initial === "on";
        },
        die: () => {
          hub.reachable = false;
          return Promise.resolve();
        },
        revive: () => {
          hub.reachable = true;
          return Promise.resolve();
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  };
}

function around(
  { ssh = false, ...facts }: Omit<Builder, "start"> & Pick<HostOptions, "ssh">,
  yaml: (host: SimulatedHost) => string,
): Builder {
  return {
    ...facts,
    start: async (clock, { initial = "off", ...behaviour } = {}) => {
      // What has no plug is fed all the time.
      const fed = initial === "off" && !facts.on.startsWith("relay") ? "halted" : initial;
      const host = await SimulatedHost.start({ clock, initial: fed, ssh, ...behaviour });
      return {
        machine: yaml(host),
        commands: host.commands,
        get running() {
          return host.running;
        },
        die: () => host.die(),
        revive: () => host.revive(),
        [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
      };
    },
  };
}

/** A list of the program and its arguments. */
function program({ url }: SimulatedHost, verb: string): string {
  return JSON.stringify([process.execPath, join(import.meta.dirname, "power-program.mjs"), url, verb]);
}

function requests({ url }: SimulatedHost, device: "relay" | "power"): string {
  return `driver: http, request: { on: { url: "${url}/${device}/on" }, off: { url: "${url}/${device}/off" }, query: { url: "${url}/${device}" } }, expression: "on"`;
}

function wakes({ wakePort }: SimulatedHost): string {
  return `{ driver: wake-on-lan, broadcast: 127.0.0.1, ports: [${wakePort}], packets: 1 }`;
}

/** Every miss costs real time. */
function reachable({ port }: SimulatedHost): string {
  return `{ driver: reachable, host: 127.0.0.1, by: [tcp], ports: [${port}], wait: 20ms, misses: 1, silence: "off" }`;
}

export const SIMULATED = simulated("simulated, a machine", "kind: machine");
export const METERED = simulated("simulated, a plug with a meter", "kind: plug, above: 6W");
const COMMAND = around(
  { name: "command", on: "program on", off: "program off", measures: true },
  (host) =>
    `driver: command, cuts: bmc, run: { on: ${program(host, "on")}, off: ${program(host, "off")}, query: ${program(host, "state")} }`,
);
export const HTTP = around(
  { name: "http", on: "power on", off: "power off", measures: true },
  (host) => `${requests(host, "power")}, cuts: bmc`,
);
export const HTTP_PLUG = around(
  { name: "http, a plug, and reachable", on: "relay on", off: "relay off", measures: true },
  (host) => `supply: { ${requests(host, "relay")}, cuts: mains }, query: ${reachable(host)}`,
);
export const SSH = around(
  { name: "wake-on-lan, ssh and reachable", on: "wake on", off: "ssh off", measures: true, ssh: true },
  (host) =>
    `mac: "${MAC}", on: ${wakes(host)}, off: { driver: ssh, host: 127.0.0.1, port: ${host.sshPort}, user: ${SSH_USER.name}, password: ${SSH_USER.password}, host_key: any, sudo: true }, query: ${reachable(host)}`,
);
export const ASSUMED = around(
  { name: "wake-on-lan, command and assumed", on: "wake on", off: "program off", measures: false },
  (host) =>
    `mac: "${MAC}", on: ${wakes(host)}, off: { driver: command, run: ${program(host, "off")} }, query: { driver: assumed }`,
);

/** Those of a driver's own device, each in a file by the driver's name. */
const OF_DRIVERS = await Promise.all(
  readdirSync(join(import.meta.dirname, "builds")).map(async (file) => {
    const { builders }: { readonly builders: readonly Builder[] } = await import(
      `./builds/${basename(file, ".ts")}.ts`
    );
    return builders;
  }),
);

export const BUILDERS: readonly Builder[] = [
  SIMULATED,
  METERED,
  COMMAND,
  HTTP,
  HTTP_PLUG,
  SSH,
  ASSUMED,
  ...OF_DRIVERS.flat(),
];
