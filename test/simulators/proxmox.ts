/**
 * A Proxmox VE cluster at its API, after pve-http-server's `AnyEvent.pm` and pve-manager's `PVE/API2`: every node answers
 * at an address of its own and passes on what concerns another one. Its own time is the clock's.
 *
 *     GET    /api2/json/cluster/resources
 *     GET    /api2/json/nodes/NODE/qemu|lxc/ID/status/current
 *     POST   /api2/json/nodes/NODE/qemu|lxc/ID/status/start|stop|shutdown|reset|reboot   a UPID
 *     GET    /api2/json/nodes/NODE/tasks/UPID/status and …/log; DELETE ends the task
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/power/clock.ts";
import { Guest, type GuestOptions, Refusal, type Task } from "./proxmox-guest.ts";

export const PVE_TOKEN_ID = "maas@pve!power";
export const PVE_TOKEN = "0f8fad5b-d9cb-469f-a165-70867728950e";
const TLS = join(import.meta.dirname, "../fixtures/tls");
const ONE_GUEST: NonNullable<ProxmoxOptions["guests"]> = { 100: {} };

export interface ProxmoxOptions {
  readonly clock?: Clock;
  readonly port?: number;
  /** The first is at 127.0.0.1, the next at 127.0.0.2 and so on. */
  readonly nodes?: readonly string[];
  readonly guests?: Readonly<Record<number, GuestOptions>>;
  /** From an order to its effect (ms). */
  readonly lag?: number;
  /** Tasks end well, and nothing happens. */
  readonly stuck?: boolean;
  /** What a task that went well ends with. */
  readonly success?: string;
  /** Since 8.4 the words of a failure are in the answer, before that only behind its status. */
  readonly words?: "body" | "status";
  /** What the token may. */
  readonly rights?: readonly ("VM.Audit" | "VM.PowerMgmt")[];
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface Asked {
  readonly method: string;
  readonly path: readonly string[];
  readonly form: URLSearchParams;
  /** The node whose address was asked. */
  readonly by: string;
}

export class SimulatedProxmox implements AsyncDisposable {
  readonly #options: ProxmoxOptions;
  readonly #clock: Clock;
  readonly #servers = new Map<string, Server>();
  readonly #guests = new Map<number, Guest>();
  readonly #tasks = new Map<string, Task>();
  readonly #life = new AbortController();
  readonly #down = new Set<string>();
  #port = 0;
  /** Every order that a guest was given: `start 100`. */
  readonly commands: string[] = [];
  /** `pve1 GET /cluster/resources`: by whom, and what. */
  readonly requests: string[] = [];
  /** Answers in place of the API, at every node or at one. */
  handler: Handler | undefined;
  readonly handlers = new Map<string, Handler>();
  /** Called before a request is served: `POST /nodes/pve1/qemu/100/status/start`. */
  before: (request: string) => void = () => undefined;
  /** The state that the table tells of every guest, in place of the truth. */
  tells: string | undefined;

  private constructor(options: ProxmoxOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { lag = 0, stuck = false, success = "OK" } = options;
    const around = { clock: this.#clock, lag, stuck, success, newTask: this.#newTask };
    for (const [id, guest] of Object.entries(options.guests ?? ONE_GUEST))
      this.#guests.set(Number(id), new Guest(Number(id), guest, around));
  }

  static async start(options: ProxmoxOptions = {}): Promise<SimulatedProxmox> {
    const cluster = new SimulatedProxmox(options);
    await cluster.revive();
    return cluster;
  }

  get nodes(): readonly string[] {
    return this.#options.nodes ?? ["pve1"];
  }

  get hosts(): readonly string[] {
    return this.nodes.map((_node, index) => `127.0.0.${index + 1}`);
  }

  /** What the driver is told of it. */
  get hub() {
    const [host = "", ...others] = this.hosts;
    return {
      host,
      other_hosts: others,
      port: this.#port,
      user: PVE_TOKEN_ID,
      token: PVE_TOKEN,
      ...(others.length > 0 ? { insecure: true } : { ca: readFileSync(join(TLS, "authority.pem"), "utf8") }),
    };
  }

  guest(id = 100): Guest {
    const guest = this.#guests.get(id);
    if (!guest) throw new Error(`there is no guest ${id}`);
    return guest;
  }

  /** The API of every node, or of one, is gone: connections are refused. The guests are not touched. */
  async die(nodes: readonly string[] = this.nodes): Promise<void> {
    for (const node of nodes) {
      const server = this.#servers.get(node);
      if (!server) continue;
      this.#servers.delete(node);
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    }
  }

  async revive(): Promise<void> {
    this.#port ||= this.#options.port ?? 0;
    for (const [index, node] of this.nodes.entries()) {
      if (this.#servers.has(node)) continue;
      const server = createServer({
        cert: readFileSync(join(TLS, "device.pem")),
        key: readFileSync(join(TLS, "device.key")),
      });
      server.on("request", (request, response) => void this.#receive(node, request, response));
      server.listen(this.#port, this.hosts[index]);
      await once(server, "listening");
      this.#port = (server.address() as AddressInfo).port;
      this.#servers.set(node, server);
    }
  }

  /** The whole node is gone; the others notice. */
  async fail(node: string): Promise<void> {
    this.#down.add(node);
    await this.die([node]);
  }

  /** It is cut off from the others, who do not notice yet. */
  cutOff(node: string): void {
    this.#cut.add(node);
  }

  readonly #cut = new Set<string>();

  readonly #newTask = ({
    node,
    kind,
    id,
  }: {
    readonly node: string;
    readonly kind: string;
    readonly id: number;
  }): Task => {
    const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, "0");
    const upid = `UPID:${node}:${hex(this.#tasks.size + 1)}:0001036A:${hex(Math.floor(this.#clock.now() / 1_000))}:${kind}:${id}:${PVE_TOKEN_ID}:`;
    const life = new AbortController();
    this.#life.signal.addEventListener("abort", () => life.abort(), { once: true });
    const task = { upid, node, log: [], life };
    this.#tasks.set(upid, task);
    return task;
  };

  async #receive(by: string, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat((await incoming.toArray()) as Buffer[]).toString();
    const { method = "", url = "", headers } = incoming;
    const { pathname } = new URL(url, "https://pve");
    const asked = `${method} ${pathname.replace("/api2/json", "")}`;
    this.requests.push(`${by} ${decodeURIComponent(asked)}`);
    this.before(asked);
    const handler = this.handlers.get(by) ?? this.handler;
    if (handler) {
      handler(incoming, response);
      return;
    }
    try {
      if (headers.authorization !== `PVEAPIToken=${PVE_TOKEN_ID}=${PVE_TOKEN}`)
        throw new Refusal(401, `no such token: ${headers.authorization ?? "none"}`);
      const path = pathname.split("/").slice(3).map(decodeURIComponent);
      const data = this.#serve({ method, path, by, form: new URLSearchParams(text) });
      response.writeHead(200, { "content-type": "application/json;charset=UTF-8" });
      response.end(JSON.stringify({ data }));
    } catch (error) {
      const { status, message } = error instanceof Refusal ? error : new Refusal(500, String(error));
      const { words = "body" } = this.#options;
      response.writeHead(status, message);
      // Whoever is not let in is told in the status line alone, in every version.
      response.end(
        status === 401 ? "" : JSON.stringify({ data: null, ...(words === "body" && { message: `${message}\n` }) }),
      );
    }
  }

  #serve(asked: Asked): unknown {
    const { method, path, by } = asked;
    if (method === "GET" && path.join("/") === "cluster/resources") return this.#table();
    const [nodes, node = "", kind = "", id = "", ...rest] = path;
    if (nodes !== "nodes" || !this.nodes.includes(node)) throw new Refusal(501, `Method '${method}' not implemented`);
    if (node !== by && (this.#down.has(node) || this.#cut.has(node))) throw new Refusal(595, "No route to host");
    if (kind === "tasks") return this.#serveTask(method, this.#task(node, id), rest.join("/"));
    const guest = this.#guests.get(Number(id));
    if (guest?.node !== node || guest.type !== kind)
      throw new Refusal(500, `Configuration file 'nodes/${node}/${kind}/${id}.conf' does not exist`);
    const [status, action = ""] = rest;
    if (status !== "status") throw new Refusal(501, "not implemented");
    if (method === "GET" && action === "current") {
      this.#check("VM.Audit", id);
      return guest.current;
    }
    if (method !== "POST") throw new Refusal(501, "not implemented");
    this.#check("VM.PowerMgmt", id);
    this.commands.push(`${action} ${id}`);
    return guest.command(action, asked.form).upid;
  }

  #table() {
    const nodes = this.nodes.map((node) => ({
      id: `node/${node}`,
      type: "node",
      node,
      status: this.#down.has(node) ? "offline" : "online",
      level: "",
    }));
    const storages = this.nodes.map((node) => ({
      id: `storage/${node}/local`,
      type: "storage",
      node,
      storage: "local",
    }));
    const seen = this.#may("VM.Audit") ? [...this.#guests.values()] : [];
    const rows = seen.map(({ row }) => (this.tells === undefined ? row : { ...row, status: this.tells }));
    return [...rows, ...nodes, ...storages, { id: "pool/lab", type: "pool", pool: "lab" }];
  }

  #task(node: string, upid: string): Task {
    const task = this.#tasks.get(upid);
    if (task?.node !== node) throw new Refusal(400, "Parameter verification failed. upid: no such task");
    return task;
  }

  #serveTask(method: string, task: Task, what: string): unknown {
    const { upid, node, exitstatus, log, life } = task;
    if (method === "DELETE" && what === "") {
      life.abort(new Error("received interrupt"));
      return null;
    }
    if (what === "log") return log.map((t, index) => ({ n: index + 1, t }));
    if (what !== "status") throw new Refusal(501, "not implemented");
    return { upid, node, status: exitstatus === undefined ? "running" : "stopped", ...(exitstatus && { exitstatus }) };
  }

  #may(right: "VM.Audit" | "VM.PowerMgmt"): boolean {
    return this.#options.rights?.includes(right) ?? true;
  }

  #check(right: "VM.Audit" | "VM.PowerMgmt", id: string): void {
    if (!this.#may(right)) throw new Refusal(403, `Permission check failed (/vms/${id}, ${right})`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new Error("it is over"));
    await this.die();
  }
}
