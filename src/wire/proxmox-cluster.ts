/**
 * The guests of a Proxmox cluster, virtual machines and containers: where each is, what it does, and what it is told.
 *
 *     GET  /cluster/resources                              guests with id, name, kind, node, status; nodes with theirs
 *     GET  /nodes/NODE/qemu|lxc/ID/status/current          what its own node sees now
 *     POST /nodes/NODE/qemu|lxc/ID/status/ACTION           the UPID of a task
 *     GET  /nodes/NODE/tasks/UPID/status                   running; stopped, with `exitstatus` OK, `WARNINGS: 1` or what went wrong
 *     GET  /nodes/NODE/tasks/UPID/log                      its lines
 *
 * The table is no picture of now: each node tells its guests' states every 10 s, and what it told stands for 5 minutes
 * when it tells nothing more. So the table says where a guest is; what it does is asked at its node, unless many ask who
 * are content with an older answer.
 */
import { z } from "zod";
import type { Clock } from "../power/clock.ts";
import type { Answer, BatchContext, Followed, ListedOutlet } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import type { ProxmoxApi } from "./proxmox.ts";
import { type GuestState, stateOf } from "./proxmox-state.ts";

/** A state in the table may be as old (ms): 10 s between two tellings, the time they take, and two caches of 2 s. */
const TABLE_AGE_MS = 15_000;
/** Guests asked at their nodes at once. */
const AT_ONCE = 8;
/** A container is asked to go down for so long (s) when it is reset, and killed then. */
const RESET_SECONDS = "5";
/** Lines of a task's log that are read; the last ones are quoted. */
const LOG_LINES = "500";
const QUOTED = 300;

const FLAG = z.union([z.boolean(), z.number()]).optional();
const GUEST = z.looseObject({
  type: z.enum(["qemu", "lxc"]),
  vmid: z.number(),
  node: z.string(),
  status: z.string().default("unknown"),
  name: z.string().optional(),
  lock: z.string().optional(),
  hastate: z.string().optional(),
  template: FLAG,
});
type Guest = z.output<typeof GUEST>;
const NODE = z.looseObject({ type: z.literal("node"), node: z.string(), status: z.string().optional() });
/** Storages, pools and whatever else a version tells of. */
const OTHER = z.looseObject({ type: z.string().regex(/^(?!(?:qemu|lxc|node)$)/) });
const TABLE = z.array(z.union([GUEST, NODE, OTHER]));
const CURRENT = z.looseObject({
  status: z.string(),
  qmpstatus: z.string().optional(),
  lock: z.string().optional(),
  ha: z.looseObject({ managed: FLAG, state: z.string().nullish() }).optional(),
});
const UPID = z.string().regex(/^UPID:[^:/]+:[^/]+:$/);
const TASK = z.looseObject({ status: z.enum(["running", "stopped"]), exitstatus: z.string().optional() });
const LOG = z.array(z.looseObject({ t: z.string() }));

export interface Order {
  /** Id or name of the guest. */
  readonly outlet: string;
  readonly verb: "start" | "stop" | "shutdown" | "reset";
  readonly form?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

interface Table {
  readonly guests: readonly Guest[];
  /** Nodes that the cluster does not see. */
  readonly offline: ReadonlySet<string>;
  /** When its states were true at the least (ms since 1970). */
  readonly at: number;
}

interface Sent extends Omit<Order, "signal"> {
  readonly guest: Guest;
}

type Row = z.output<typeof TABLE>[number];

export class ProxmoxCluster {
  readonly #api: ProxmoxApi;
  readonly #clock: Clock;
  /** When guests were last told something, or seen by an order (ms since 1970): what the table says of before is void. */
  readonly #touched = new Map<number, number>();
  /** Shutdowns sent from here that may still hold their guest. */
  readonly #shutdowns = new Map<number, string>();

  constructor(api: ProxmoxApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  close(): Promise<void> {
    return this.#api.close();
  }

  /** What the guest does now, as its node sees it. Throws PowerError. */
  async state(outlet: string, signal: AbortSignal): Promise<Answer> {
    return this.#current(find(outlet, await this.#table(signal)), signal);
  }

  /**
   * The same of many: in one request, and up to 15 s old, where no order decides by it, and nothing was told to the guest
   * since. An answer or a failure for each.
   */
  async states(
    outlets: readonly string[],
    { signal, forOrders = false }: BatchContext,
  ): Promise<readonly (Answer | PowerError)[]> {
    const table = await this.#table(signal);
    const answer = async (outlet: string): Promise<Answer> => {
      const guest = find(outlet, table);
      if (forOrders) this.#touched.set(guest.vmid, this.#clock.now());
      if ((this.#touched.get(guest.vmid) ?? 0) >= table.at) return this.#current(guest, signal);
      return { ...stateOf({ ...guest, ha: guest.hastate }), at: table.at };
    };
    const answers: (Answer | PowerError)[] = [];
    for (let begin = 0; begin < outlets.length; begin += AT_ONCE) {
      const some = outlets.slice(begin, begin + AT_ONCE);
      answers.push(
        ...(await Promise.all(some.map((outlet) => answer(outlet).catch((error: unknown) => PowerError.from(error))))),
      );
    }
    return answers;
  }

  async list(signal: AbortSignal): Promise<readonly ListedOutlet[]> {
    const { guests, offline } = await this.#table(signal);
    return guests
      .filter(({ template }) => !template)
      .map((guest) => {
        const what = `${guest.type === "lxc" ? "container" : "VM"} on ${guest.node}`;
        const state = offline.has(guest.node) ? "unknown" : told(guest);
        return { outlet: String(guest.vmid), label: guest.name ? `${guest.name}, ${what}` : what, state };
      });
  }

  /**
   * Tells the guest; what is worked off later is to be followed. That it is so already is success.
   * Throws PowerError.
   */
  async order({ signal, ...order }: Order): Promise<Followed | undefined> {
    const guest = find(order.outlet, await this.#table(signal));
    if (order.verb === "stop") await this.#endShutdown(guest, signal);
    try {
      return await this.#send({ ...order, guest }, signal);
    } catch (error) {
      if (!(error instanceof PowerError) || error.code !== "refused") throw error;
      const now = await this.#table(signal).then(
        (table) => find(order.outlet, table),
        () => guest,
      );
      // The node it was on knows it no more.
      if (now.node !== guest.node) return this.#send({ ...order, guest: now }, signal);
      await this.#forgive({ ...order, guest: now }, error, signal);
      return undefined;
    }
  }

  async #table(signal: AbortSignal): Promise<Table> {
    const at = this.#clock.now() - TABLE_AGE_MS;
    const rows = await this.#api.call(TABLE, { path: ["cluster", "resources"], signal });
    const offline = rows.filter(isNode).flatMap(({ node, status }) => (status === "offline" ? node : []));
    return { guests: rows.filter(isGuest), offline: new Set(offline), at };
  }

  async #current(guest: Guest, signal: AbortSignal): Promise<Answer> {
    return stateOf(await this.#told(guest, signal));
  }

  /** What its node tells of it now. */
  async #told(guest: Guest, signal: AbortSignal): Promise<GuestState> {
    const path = [...pathOf(guest), "status", "current"];
    const { status, qmpstatus, lock, ha } = await this.#api.call(CURRENT, { path, signal });
    return { status, qmpstatus, lock, ha: (ha?.managed && ha.state) || undefined, node: guest.node };
  }

  async #send(sent: Sent, signal: AbortSignal): Promise<Followed> {
    const { guest, verb, form } = sent;
    this.#touched.set(guest.vmid, this.#clock.now());
    // A container cannot be reset: its restart is one task, which kills what does not go down.
    const restarts = verb === "reset" && guest.type === "lxc";
    const path = [...pathOf(guest), "status", restarts ? "reboot" : verb];
    const given = restarts ? { timeout: RESET_SECONDS } : form;
    const task = await this.#api.call(UPID, { method: "POST", path, signal, ...(given && { form: given }) });
    if (verb === "shutdown") this.#shutdowns.set(guest.vmid, task);
    return { follow: (signal) => this.#follow(sent, task, signal) };
  }

  async #follow(sent: Sent, task: string, signal: AbortSignal): Promise<"pending" | "done"> {
    const { status, exitstatus = "no result" } = await this.#api.call(TASK, {
      path: [...pathTo(task), "status"],
      signal,
    });
    if (status === "running") return "pending";
    this.#touched.set(sent.guest.vmid, this.#clock.now());
    if (this.#shutdowns.get(sent.guest.vmid) === task) this.#shutdowns.delete(sent.guest.vmid);
    if (exitstatus === "OK" || /^WARNINGS: \d+$/.test(exitstatus)) return "done";
    const log = await this.#log(task, signal).catch(() => "");
    const message = `${sent.verb} of ${nameOf(sent.guest)} failed: ${clip(log || exitstatus, [], QUOTED)}`;
    await this.#forgive(sent, new PowerError("refused", message, { mayHaveActed: true }), signal);
    return "done";
  }

  async #log(task: string, signal: AbortSignal): Promise<string> {
    const lines = await this.#api.call(LOG, { path: [...pathTo(task), "log"], query: { limit: LOG_LINES }, signal });
    return lines.map(({ t }) => t).join("; ");
  }

  /** Nothing failed where the guest is as it was wanted. Else throws the failure, as `busy` where something holds the guest. */
  async #forgive({ guest, verb }: Sent, failure: PowerError, signal: AbortSignal): Promise<void> {
    const now = await this.#told(guest, signal).catch(() => undefined);
    if (now && verb !== "reset" && stateOf(now).state === (verb === "start" ? "on" : "off")) return;
    if (now?.lock === undefined) throw failure;
    const { message, mayHaveActed } = failure;
    throw new PowerError("busy", `${message} (locked: ${clip(now.lock)})`, {
      cause: failure,
      mayHaveActed,
      hint: "Wait until what holds it is over. A lock left behind is taken away with `qm unlock` or `pct unlock`.",
    });
  }

  /** A shutdown holds its guest until it is over, and a stop would wait in vain. */
  async #endShutdown({ vmid }: Guest, signal: AbortSignal): Promise<void> {
    const task = this.#shutdowns.get(vmid);
    if (task === undefined) return;
    this.#shutdowns.delete(vmid);
    // Where it is over already there is nothing to end; where it cannot be ended the stop will say so.
    await this.#api.call(z.unknown(), { method: "DELETE", path: pathTo(task), signal }).catch(() => undefined);
  }
}

function isGuest(row: Row): row is Guest {
  return row.type === "qemu" || row.type === "lxc";
}

function isNode(row: Row): row is z.output<typeof NODE> {
  return row.type === "node";
}

/** By id, else by name. Throws PowerError. */
function find(outlet: string, { guests, offline }: Table): Guest {
  const byId = guests.filter(({ vmid }) => String(vmid) === outlet);
  const fitting = byId.length > 0 ? byId : guests.filter(({ name }) => name === outlet);
  const [guest, second] = fitting;
  if (!guest) {
    throw new PowerError("not_found", `there is no guest ${outlet} that the token may see`, {
      hint: "`maasochist hubs outlets HUB` lists those it may. A token of its own rights needs VM.Audit on /vms.",
    });
  }
  if (second) {
    const ids = fitting.map(({ vmid }) => vmid).join(", ");
    throw new PowerError("config", `several guests are named ${outlet}: ${ids}`, { hint: "Write the id as `outlet`." });
  }
  if (offline.has(guest.node)) {
    throw new PowerError("busy", `${nameOf(guest)} is on ${clip(guest.node)}, which the cluster does not see`, {
      hint: "Start the node, or have the cluster move the guest.",
    });
  }
  return guest;
}

/** In the table; unknown where it is a word that this does not know. */
function told(guest: Guest): "on" | "off" | "unknown" {
  try {
    return stateOf(guest).state;
  } catch {
    return "unknown";
  }
}

function nameOf({ type, vmid }: Guest): string {
  return `${type === "lxc" ? "container" : "VM"} ${vmid}`;
}

function pathOf({ node, type, vmid }: Guest): string[] {
  return ["nodes", node, type, String(vmid)];
}

/** A task is where it runs, wherever its guest is by now. */
function pathTo(task: string): string[] {
  return ["nodes", task.split(":")[1] ?? "", "tasks", task];
}
