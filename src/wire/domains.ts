/**
 * The domains of one libvirt, as `virsh list --all` tells them, all in one call:
 *
 *      Id   Name    State
 *     -------------------------
 *      3    node1   running
 *      -    node2   shut off
 *
 * What failed is judged by the state that is there afterwards: the words of `start` and its like are not the same in all
 * versions, and what is so already is no failure.
 */
import type { Answer, ListedOutlet } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import { type Meaning, meaningOf } from "./meaning.ts";
import type { Virsh, VirshEnded } from "./virsh.ts";

/** Names of virshDomainStateToString in tools/virsh-util.c, and what they mean for power. */
const STATES = {
  running: { state: "on" },
  // Waits for something to do.
  idle: { state: "on" },
  "in shutdown": { state: "on", towards: "off" },
  "shut off": { state: "off" },
  paused: { state: "unknown", reason: "it is paused: it neither runs nor is it off" },
  pmsuspended: { state: "unknown", reason: "it sleeps: it neither runs nor is it off" },
  crashed: { state: "unknown", reason: "it crashed, and still occupies the hypervisor" },
  dying: { state: "unknown", reason: "it is about to end" },
  "no state": { state: "unknown", reason: "libvirt does not know" },
} as const satisfies Record<string, Answer>;
type DomainState = keyof typeof STATES;

const HEADER = /^\s*Id\s+Name\s+State\s*$/;
/** Names may hold blanks: the state is the last that fits. */
const LINE = new RegExp(`^\\s*(?:\\d+|-)\\s+(.*?)\\s+(${Object.keys(STATES).join("|")})\\s*$`);

const GROUP = "Let the account use libvirt: `usermod -aG libvirt NAME` there, and log in anew.";
const NOT_FOUND =
  "Check `outlet`: it is the domain's name, as `virsh list --all` shows it. A transient domain is gone when it is off: define it (`virsh define`).";
const OTHER_WAY = "Install netcat-openbsd there, or use `via: ssh`.";

/** Words of virsh, of libvirt's RPC client and of OpenSSH. What comes before a connection stands cannot have acted. */
const UNCONNECTED: readonly Meaning[] = [
  {
    said: /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    code: "wrong_device",
    acted: false,
    hint: "If it was installed anew, correct `known_hosts` with ssh-keygen -R; if not, another machine has its address.",
  },
  {
    said: /Host key verification failed/,
    code: "auth",
    acted: false,
    hint: "Add its key with ssh-keyscan to `known_hosts`, or to that of the daemon's account.",
  },
  {
    said: /Permission denied \((?:publickey|password|keyboard-interactive|gssapi)/,
    code: "auth",
    acted: false,
    hint: "Check `user`, and that the public half of `key` is in its authorized_keys.",
  },
  {
    said: /(?:Failed to connect socket to|\bnc:) .*Permission denied/,
    code: "auth",
    acted: false,
    hint: GROUP,
  },
  { said: /authentication (?:unavailable|failed|cancelled)|access denied/, code: "auth", acted: false, hint: GROUP },
  {
    said: /(?:\bnc|netcat|virt-ssh-helper)['"]?: (?:command )?not found/,
    code: "config",
    acted: false,
    hint: OTHER_WAY,
  },
  {
    said: /no connection driver available/,
    code: "config",
    acted: false,
    hint: "Check `uri`: such as qemu:///system.",
  },
  {
    said: /Failed to connect socket to/,
    code: "unreachable",
    acted: false,
    hint: "Start libvirt there (`systemctl start libvirtd`, or virtqemud), or check `uri`.",
  },
  { said: /ssh: |Connection (?:refused|reset|closed)|timed out|No route/, code: "unreachable", acted: false },
  { said: /failed to connect to the hypervisor/, code: "unreachable", acted: false },
];

const CONNECTED: readonly Meaning[] = [
  { said: /failed to get domain|Domain not found/, code: "not_found", acted: false, hint: NOT_FOUND },
  { said: /cannot acquire state change lock/, code: "busy", acted: false },
  {
    said: /End of file while reading data|client socket is closed|Disconnected from|keepalive/,
    code: "unreachable",
    acted: true,
  },
  { said: /access denied|authentication/, code: "auth", acted: false, hint: GROUP },
];

export class Domains {
  readonly #virsh: Virsh;

  constructor(virsh: Virsh) {
    this.#virsh = virsh;
  }

  /** All of them in one call. */
  async list(signal: AbortSignal): Promise<ListedOutlet[]> {
    return [...(await this.#states(signal))].map(([outlet, state]) => ({ outlet, state: STATES[state].state }));
  }

  async read(name: string, signal: AbortSignal): Promise<Answer> {
    const [answer = this.#unknown(name)] = await this.readAll([name], signal);
    if (answer instanceof PowerError) throw answer;
    return answer;
  }

  async readAll(names: readonly string[], signal: AbortSignal): Promise<(Answer | PowerError)[]> {
    const states = await this.#states(signal);
    return names.map((name) => {
      const state = states.get(name);
      return state === undefined ? this.#unknown(name) : { ...STATES[state], evidence: `domain ${state}` };
    });
  }

  /** Starts it; resumes what is paused, wakes what sleeps, and starts anew what crashed. */
  async start(name: string, signal: AbortSignal): Promise<void> {
    const refusal = await this.#order(["start"], name, signal);
    if (!refusal) return;
    const state = await this.#stateAfter(refusal, name, signal);
    switch (state) {
      case "running":
      case "idle":
        return;
      case "paused":
        return this.#must(["resume"], name, signal);
      case "pmsuspended":
        return this.#must(["dompmwakeup"], name, signal);
      case "crashed":
        await this.#must(["destroy"], name, signal);
        return this.#must(["start"], name, signal);
      case "in shutdown":
      case "dying":
        throw new PowerError("busy", `domain ${name} on ${this.#virsh.host} is still shutting down`);
      default:
        throw refusal;
    }
  }

  /** `command` takes its current away, or asks it to end. */
  async stop(command: readonly string[], name: string, signal: AbortSignal): Promise<void> {
    const refusal = await this.#order(command, name, signal);
    if (refusal && (await this.#stateAfter(refusal, name, signal)) !== "shut off") throw refusal;
  }

  async reset(name: string, signal: AbortSignal): Promise<void> {
    await this.#must(["reset"], name, signal);
  }

  async #must(command: readonly string[], name: string, signal: AbortSignal): Promise<void> {
    const refusal = await this.#order(command, name, signal);
    if (refusal) throw refusal;
  }

  /** Why it was refused, where libvirt understood and said no. Throws any other failure. */
  async #order(command: readonly string[], name: string, signal: AbortSignal): Promise<PowerError | undefined> {
    const args = [...command, "--domain", name];
    const ended = await this.#virsh.run(args, signal);
    if (ended.code === 0) return undefined;
    const failure = this.#failure(args, ended);
    if (failure.code !== "refused") throw failure;
    return failure;
  }

  /** What became of it all the same; the refusal counts where that cannot be read. */
  async #stateAfter(refusal: PowerError, name: string, signal: AbortSignal): Promise<DomainState | undefined> {
    const states = await this.#states(signal).catch(() => undefined);
    if (!states) throw refusal;
    return states.get(name);
  }

  async #states(signal: AbortSignal): Promise<ReadonlyMap<string, DomainState>> {
    const args = ["list", "--all"];
    const ended = await this.#virsh.run(args, signal);
    if (ended.code !== 0) throw this.#failure(args, ended);
    // The login's shell may have greeted before.
    const lines = ended.stdout.split("\n");
    const header = lines.findIndex((line) => HEADER.test(line));
    const states = lines.slice(header + 1).filter((line) => !/^[\s-]*$/.test(line));
    const domains = new Map<string, DomainState>();
    for (const line of states) {
      const [, name = "", state = ""] = LINE.exec(line) ?? [];
      if (isState(state)) domains.set(name, state);
    }
    if (header >= 0 && domains.size === states.length) return domains;
    const said = clip(ended.stdout, this.#virsh.secrets) || "nothing";
    throw new PowerError("protocol", `this is no list of domains from virsh on ${this.#virsh.host}: ${said}`);
  }

  #failure(args: readonly string[], { code, stdout, stderr }: VirshEnded): PowerError {
    const { host, secrets } = this.#virsh;
    const unconnected = /failed to connect to the hypervisor/.test(stderr);
    const meaning = meaningOf(stderr, unconnected ? UNCONNECTED : CONNECTED, { who: `libvirt on ${host}`, secrets });
    if (meaning) return meaning;
    const said = clip((stderr.trim() || stdout).replaceAll(/^error: /gm, ""), secrets);
    const how = code === undefined ? "was killed" : `exited with ${code}`;
    // It begins its own words so; anything else is not virsh that speaks.
    return new PowerError(
      /^error: /m.test(stderr) ? "refused" : "protocol",
      `virsh ${args.join(" ")} on ${host} ${how}${said === "" ? "" : `: ${said}`}`,
      { mayHaveActed: true },
    );
  }

  #unknown(name: string): PowerError {
    return new PowerError("not_found", `there is no domain ${name} on ${this.#virsh.host}`, {
      hint: NOT_FOUND,
    });
  }
}

function isState(name: string): name is DomainState {
  return Object.hasOwn(STATES, name);
}
