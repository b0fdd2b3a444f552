/**
 * A guest of Proxmox VE and the tasks that work on it, after qemu-server's `API2/Qemu.pm` and pve-container's
 * `API2/LXC/Status.pm`: what is refused at once, what fails as a task, and what holds the guest meanwhile. Its own time is
 * the clock's.
 */
import type { Clock } from "../../src/power/clock.ts";

/** Between two tellings of a node's guests to the cluster (ms). */
const TELLING_MS = 10_000;
/** Between two rounds of the HA manager (ms). */
const HA_ROUND_MS = 10_000;
/** How long a task waits for its guest's lock (ms). */
const LOCK_MS = 10_000;
/** How long a shutdown waits by itself (s). */
const SHUTDOWN_SECONDS = 60;

export interface GuestOptions {
  readonly type?: "qemu" | "lxc";
  readonly name?: string;
  readonly node?: string;
  readonly runs?: boolean;
  /** What QEMU says, where it is neither running nor stopped. */
  readonly qmpstatus?: string;
  /** Of its configuration: backup, migrate and the like. */
  readonly lock?: string;
  /** Is it under HA? */
  readonly ha?: boolean;
  readonly template?: boolean;
  /** Does it not heed a shutdown? */
  readonly hangs?: boolean;
}

export interface Task {
  readonly upid: string;
  readonly node: string;
  readonly log: string[];
  /** Absent while it runs. */
  exitstatus?: string;
  readonly life: AbortController;
}

/** What its node is like. Durations in ms. */
export interface Surroundings {
  readonly clock: Clock;
  /** From an order to its effect. */
  readonly lag: number;
  /** Tasks end well, and nothing happens. */
  readonly stuck: boolean;
  /** What a task that went well ends with. */
  readonly success: string;
  readonly newTask: (what: { readonly node: string; readonly kind: string; readonly id: number }) => Task;
}

/** Refused at once: status and words. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, words: string) {
    super(words);
    this.status = status;
  }
}

export class Guest {
  readonly id: number;
  readonly type: "qemu" | "lxc";
  readonly name: string;
  readonly template: boolean;
  readonly ha: boolean;
  readonly hangs: boolean;
  node: string;
  lock: string | undefined;
  qmpstatus: string | undefined;
  /** Of the HA manager. */
  haState: string;
  readonly #around: Surroundings;
  readonly #history: { readonly at: number; readonly runs: boolean }[];
  /** The task that holds it. */
  #holder: Task | undefined;
  /** How often it began to run anew. */
  starts = 0;

  constructor(id: number, options: GuestOptions, around: Surroundings) {
    this.id = id;
    this.type = options.type ?? "qemu";
    this.name = options.name ?? `guest-${id}`;
    this.template = options.template ?? false;
    this.ha = options.ha ?? false;
    this.hangs = options.hangs ?? false;
    this.node = options.node ?? "pve1";
    this.lock = options.lock;
    this.qmpstatus = options.qmpstatus;
    this.#around = around;
    this.#history = [{ at: 0, runs: options.runs ?? false }];
    this.haState = options.runs ? "started" : "stopped";
  }

  get runs(): boolean {
    return this.#history.at(-1)?.runs ?? false;
  }

  set runs(runs: boolean) {
    if (runs && !this.runs) this.starts += 1;
    this.#history.push({ at: this.#around.clock.now(), runs });
  }

  /** Its row in `/cluster/resources`: as its node last told it. */
  get row() {
    const told = Math.floor(this.#around.clock.now() / TELLING_MS) * TELLING_MS;
    const runs = this.#history.findLast(({ at }) => at <= told)?.runs ?? false;
    const { id: vmid, type, node, name, template, lock } = this;
    return {
      id: `${type}/${vmid}`,
      vmid,
      type,
      node,
      name,
      status: runs ? (this.qmpstatus ?? "running") : "stopped",
      template: template ? 1 : 0,
      maxmem: 2_147_483_648,
      ...(lock !== undefined && { lock }),
      ...(this.ha && { hastate: this.haState }),
    };
  }

  /** What `status/current` tells. */
  get current() {
    const status = this.runs ? "running" : "stopped";
    return {
      vmid: this.id,
      name: this.name,
      status,
      ...(this.type === "qemu" && { qmpstatus: this.runs ? (this.qmpstatus ?? "running") : "stopped" }),
      ...(this.lock !== undefined && { lock: this.lock }),
      ha: this.ha ? { managed: 1, state: this.haState } : { managed: 0 },
    };
  }

  /** Begins a task, or throws a Refusal. */
  command(action: string, given: URLSearchParams): Task {
    const { type, id, runs } = this;
    const what = type === "lxc" ? `CT ${id}` : `VM ${id}`;
    if (action === "start" && type === "lxc" && runs) throw new Refusal(500, `${what} already running`);
    if (action !== "start" && (type === "lxc" || action === "reset") && !runs)
      throw new Refusal(500, `${what} not running`);
    if (action === "shutdown" && this.qmpstatus === "paused") throw new Refusal(500, "VM is paused - cannot shutdown");
    if (action === "reset" && type === "lxc") throw new Refusal(501, `Method 'POST /reset' not implemented`);
    if (this.ha && action !== "reset") return this.#askHa(action);
    const prefix = type === "lxc" ? "vz" : "qm";
    const task = this.#around.newTask({ node: this.node, kind: `${prefix}${action}`, id });
    void this.#work(task, { action, timeout: Number(given.get("timeout") ?? SHUTDOWN_SECONDS) });
    return task;
  }

  /** The HA manager takes note, and acts in its next round. */
  #askHa(action: string): Task {
    const { clock, newTask, stuck } = this.#around;
    const runs = action === "start";
    const task = newTask({ node: this.node, kind: runs ? "hastart" : "hastop", id: this.id });
    task.log.push(`Requesting HA ${runs ? "start" : "stop"} for VM ${this.id}`);
    this.#end(task, undefined);
    if (!stuck) {
      void clock.sleep(HA_ROUND_MS).then(() => {
        this.haState = runs ? "started" : "stopped";
        this.runs = runs;
      });
    }
    return task;
  }

  async #work(task: Task, { action, timeout }: { readonly action: string; readonly timeout: number }): Promise<void> {
    try {
      if (this.#holder) await this.#pause(LOCK_MS, task);
      if (this.#holder) throw new Error(`can't lock file '/var/lock/qemu-server/lock-${this.id}.conf' - got timeout`);
      if (this.lock !== undefined) throw new Error(`${this.type === "lxc" ? "CT" : "VM"} is locked (${this.lock})`);
      if (action === "start" && this.template) throw new Error("you can't start a vm if it's a template");
      if (action === "start" && this.runs) throw new Error(`VM ${this.id} already running`);
      this.#holder = task;
      await this.#act(task, action, timeout);
      this.#end(task, undefined);
    } catch (error) {
      this.#end(task, error instanceof Error ? error.message : String(error));
    } finally {
      if (this.#holder === task) this.#holder = undefined;
    }
  }

  async #act(task: Task, action: string, timeout: number): Promise<void> {
    if (action === "shutdown" && this.hangs) {
      task.log.push("sending powerdown");
      await this.#pause(timeout * 1_000, task);
      throw new Error("VM quit/powerdown failed - got timeout");
    }
    if (this.#around.stuck) return;
    await this.#pause(this.#around.lag, task);
    if (action === "reboot" || action === "reset") this.runs = false;
    this.runs = action === "start" || action === "reboot" || action === "reset";
  }

  async #pause(ms: number, { life }: Task): Promise<void> {
    if (ms > 0) await this.#around.clock.sleep(ms, life.signal);
  }

  #end(task: Task, problem: string | undefined): void {
    task.exitstatus = problem ?? this.#around.success;
    task.log.push(problem === undefined ? `TASK ${task.exitstatus}` : `TASK ERROR: ${problem}`);
  }
}
