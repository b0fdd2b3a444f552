/**
 * Hypervisors behind a `virsh` that is put first on PATH, or that runs on a machine with SSH: what it prints and how it
 * exits is from its manual page, its source (tools/virsh-domain.c, tools/virsh-domain-monitor.c) and runs of version 9.0;
 * what a domain does is from libvirt's virDomainState and the pages of its calls. A hypervisor is known by its URI.
 */
import { readFileSync, statSync } from "node:fs";
import { type Clock, systemClock } from "../../src/power/clock.ts";
import { type ProgramEnd, putOnPath, SILENCE } from "./programs.ts";

export type DomainState =
  | "running"
  | "idle"
  | "paused"
  | "in shutdown"
  | "shut off"
  | "crashed"
  | "pmsuspended"
  | "no state";

/**
 * How it fails. `gone`: nobody listens. `forbidden`: this account may not. `silent`: libvirt hangs, and virsh with it.
 * `dies`: libvirt ends in the middle of an order that it obeys. `busy`: another task holds the domain.
 */
export type HypervisorFault = "gone" | "forbidden" | "silent" | "rubbish" | "dies" | "busy";

/** Durations in ms. */
export interface HypervisorOptions {
  readonly clock?: Clock;
  readonly domains: Readonly<Record<string, DomainState>>;
  /** From an order to its effect. */
  readonly lag?: number;
  /** Takes orders, and does nothing. */
  readonly stuck?: boolean;
  /** Do guests heed a soft off? */
  readonly deaf?: boolean;
  /** Before version 4.10 the table had fixed columns. */
  readonly table?: "fixed" | "wide";
  /** Domains that are gone when they are off. */
  readonly transient?: readonly string[];
}

/** The script that stands for `ssh` in a URI of qemu+ssh, and the key beside it, as they were at the last call. */
export interface Tunnel {
  readonly user: string;
  readonly host: string;
  readonly script: string;
  readonly scriptMode: number;
  readonly key: string | undefined;
  readonly keyMode: number | undefined;
}

const hypervisors = new Map<string, Hypervisor>();
const numbers = (function* () {
  for (let number = 1; ; number++) yield number;
})();

function callVirsh(args: readonly string[]): Promise<ProgramEnd> | ProgramEnd {
  const uri = new URL(args[args.indexOf("-c") + 1] ?? "");
  const hypervisor = hypervisors.get(uri.searchParams.get("socket") ?? "");
  if (!hypervisor) return unconnected(`Failed to connect socket to '${uri.searchParams.get("socket")}': No such file`);
  const command = uri.searchParams.get("command");
  if (command !== null) hypervisor.tunnel = tunnelOf(uri, command);
  return hypervisor.virsh(args);
}

function tunnelOf(uri: URL, command: string): Tunnel {
  const script = readFileSync(command, "utf8");
  const [, keyFile] = /IdentityFile="([^"]+)"/.exec(script) ?? [];
  const mode = (file: string) => statSync(file).mode & 0o777;
  return {
    user: decodeURIComponent(uri.username),
    host: uri.host,
    script,
    scriptMode: mode(command),
    key: keyFile === undefined ? undefined : readFileSync(keyFile, "utf8"),
    keyMode: keyFile === undefined ? undefined : mode(keyFile),
  };
}

function unconnected(why: string): ProgramEnd {
  return { stderr: `error: failed to connect to the hypervisor\nerror: ${why}\n`, code: 1 };
}

export class Hypervisor implements Disposable {
  readonly socket = `/run/mso-test/${process.pid}-${numbers.next().value}`;
  readonly #options: HypervisorOptions;
  readonly #clock: Clock;
  readonly #program: Disposable;
  readonly #life = new AbortController();
  readonly #domains: Map<string, DomainState>;
  fault: HypervisorFault | undefined;
  /** Calls of virsh, without its URI. */
  readonly calls: string[] = [];
  /** What was done to domains: `start node1`. */
  readonly commands: string[] = [];
  tunnel: Tunnel | undefined;

  private constructor(options: HypervisorOptions, program: Disposable) {
    this.#options = options;
    this.#program = program;
    this.#clock = options.clock ?? systemClock;
    this.#domains = new Map(Object.entries(options.domains));
  }

  static start(options: HypervisorOptions): Hypervisor {
    const program = putOnPath("virsh", ({ args }) => callVirsh(args));
    const hypervisor = new Hypervisor(options, program);
    hypervisors.set(hypervisor.socket, hypervisor);
    return hypervisor;
  }

  /** As libvirt itself knows it. */
  get uri(): string {
    return `qemu:///system?socket=${this.socket}`;
  }

  state(domain: string): DomainState | undefined {
    return this.#domains.get(domain);
  }

  set(domain: string, state: DomainState): void {
    this.#domains.set(domain, state);
  }

  /** A command line that arrived by SSH; undefined where it does not call virsh. */
  async shell(line: string): Promise<ProgramEnd | undefined> {
    const words = (line.match(/(?:'[^']*'|\\.|[^\s'\\])+/g) ?? []).map((word) =>
      word.replaceAll(/'([^']*)'|\\(.)/g, (_all, plain?: string, sign?: string) => plain ?? sign ?? ""),
    );
    const [env, locale, program, ...args] = words;
    return env === "env" && locale === "LC_ALL=C" && program === "virsh" ? callVirsh(args) : undefined;
  }

  virsh(args: readonly string[]): Promise<ProgramEnd> | ProgramEnd {
    const [flag, , command = "", ...rest] = args;
    if (flag !== "-c") return { stderr: "error: no valid connection\n", code: 1 };
    this.calls.push([command, ...rest].join(" "));
    switch (this.fault) {
      case "silent":
        return SILENCE;
      case "rubbish":
        return { stdout: "Last login: yesterday\n Id   Name   State\n----\n 1    node1   whatever\n" };
      case "gone":
        return unconnected(`Failed to connect socket to '${this.socket}': Connection refused`);
      case "forbidden":
        return unconnected(`Failed to connect socket to '${this.socket}': Permission denied`);
      default:
        return command === "list" ? { stdout: this.#list() } : this.#order(command, rest);
    }
  }

  #list(): string {
    let id = 0;
    const rows = [...this.#domains].map(([name, state]) => {
      id += 1;
      return { id: state === "shut off" ? "-" : String(id), name, state };
    });
    if (this.#options.table === "fixed") {
      const line = (...[first, second, third]: readonly string[]) =>
        ` ${first?.padEnd(5)} ${second?.padEnd(30)} ${third}\n`;
      const rule = `${"-".repeat(52)}\n`;
      return `${line("Id", "Name", "State")}${rule}${rows.map((row) => line(row.id, row.name, row.state)).join("")}\n`;
    }
    const width = Math.max(4, ...rows.map((row) => row.name.length));
    const line = (...[first, second, third]: readonly string[]) =>
      ` ${first?.padEnd(4)} ${second?.padEnd(width)}   ${third}\n`;
    const rule = `${"-".repeat(width + 18)}\n`;
    return `${line("Id", "Name", "State")}${rule}${rows.map((row) => line(row.id, row.name, row.state)).join("")}\n`;
  }

  #order(command: string, args: readonly string[]): ProgramEnd {
    const name = args[args.indexOf("--domain") + 1] ?? "";
    const state = this.#domains.get(name);
    if (state === undefined) return { stderr: `error: failed to get domain '${name}'\n\n`, code: 1 };
    if (this.fault === "busy")
      return this.#failed(
        command,
        name,
        "Timed out during operation: cannot acquire state change lock (held by agent)",
      );
    const refusal = refusalOf(command, state);
    if (refusal !== undefined)
      return command === "start" ? { stderr: `error: ${refusal}\n\n`, code: 1 } : this.#failed(command, name, refusal);
    this.commands.push(`${command} ${name}`);
    if (!this.#options.stuck) this.#obey(command, name);
    if (this.fault === "dies")
      return {
        stderr: `error: Disconnected from ${this.uri} due to end of file\nerror: Failed to ${command} domain '${name}'\nerror: End of file while reading data: Input/output error\n`,
        code: 1,
      };
    return { stdout: `Domain '${name}' ${DONE[command]}\n\n` };
  }

  #failed(command: string, name: string, why: string): ProgramEnd {
    return { stderr: `error: Failed to ${command} domain '${name}'\nerror: ${why}\n\n`, code: 1 };
  }

  #obey(command: string, name: string): void {
    const { lag = 0, deaf = false, transient = [] } = this.#options;
    const goal = command === "shutdown" && deaf ? undefined : GOALS[command];
    if (goal === undefined) return;
    const happen = () => {
      if (goal === "shut off" && transient.includes(name)) this.#domains.delete(name);
      else this.#domains.set(name, goal);
    };
    if (lag === 0) happen();
    else void this.#clock.sleep(lag, this.#life.signal).then(happen, () => undefined);
  }

  [Symbol.dispose](): void {
    this.#life.abort();
    hypervisors.delete(this.socket);
    this.#program[Symbol.dispose]();
  }
}

const DONE: Readonly<Record<string, string>> = {
  start: "started",
  shutdown: "is being shutdown",
  destroy: "destroyed",
  reset: "was reset",
  resume: "resumed",
  dompmwakeup: "successfully woken up",
};

const GOALS: Readonly<Record<string, DomainState>> = {
  start: "running",
  shutdown: "shut off",
  destroy: "shut off",
  resume: "running",
  dompmwakeup: "running",
};

function refusalOf(command: string, state: DomainState): string | undefined {
  const invalid = "Requested operation is not valid:";
  switch (command) {
    case "start":
      return state === "shut off" ? undefined : "Domain is already active";
    case "resume":
      return state === "paused" ? undefined : `${invalid} domain is already running`;
    case "dompmwakeup":
      return state === "pmsuspended" ? undefined : `${invalid} domain is not suspended`;
    case "shutdown":
      return state === "running" || state === "idle" ? undefined : `${invalid} domain is not running`;
    default:
      return state === "shut off" ? `${invalid} domain is not running` : undefined;
  }
}
