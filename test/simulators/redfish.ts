/**
 * A Redfish service as DSP0266 and the ComputerSystem schema describe it, and as firmware deviates from them:
 *
 *     GET    /redfish/v1/                             open to all
 *     POST   /redfish/v1/SessionService/Sessions      201, X-Auth-Token, Location; DELETE the location
 *     GET    /redfish/v1/Systems, /redfish/v1/Systems/ID
 *     POST   …/ID/Actions/ComputerSystem.Reset        {"ResetType":…}: 204, or 202 and the location of a task's monitor
 *     PATCH  …/ID                                     {"Boot":{…}}
 *
 * Its own time is the clock's.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Clock, systemClock } from "../../src/power/clock.ts";

export const BMC_USER = "maas";
export const BMC_PASSWORD = "hidden-password";
const SYSTEMS = "/redfish/v1/Systems";
const SESSIONS = "/redfish/v1/SessionService/Sessions";
const ONE_SYSTEM: NonNullable<RedfishOptions["systems"]> = { "1": "off" };
const ALL_TYPES = [
  "On",
  "ForceOff",
  "GracefulShutdown",
  "GracefulRestart",
  "ForceRestart",
  "Nmi",
  "ForceOn",
  "PowerCycle",
];

export interface RedfishOptions {
  readonly clock?: Clock;
  readonly port?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Ids, and whether they run. */
  readonly systems?: Readonly<Record<string, "on" | "off">>;
  /** Members of a collection in one page. */
  readonly page?: number;
  /** `full`: all of them are taken. */
  readonly sessions?: "offered" | "none" | "full";
  readonly basic?: boolean;
  readonly uuid?: string;
  /** What ResetType may be. */
  readonly types?: readonly string[];
  /** Where it says so. */
  readonly told?: "values" | "info" | "nowhere";
  /** What it answers where the system is already as it is wanted. */
  readonly already?: 204 | 400 | 409;
  /** Works orders off as tasks; `failing` ones end in an exception. */
  readonly tasks?: "done" | "failing";
  /** Tells a system on its way as PoweringOn and PoweringOff. */
  readonly transitions?: boolean;
  /** How it takes a boot override. */
  readonly boot?: "plain" | "mode needed" | "mode refused" | "etag" | "settings" | "forgotten";
  /** From an order to its effect (ms). */
  readonly lag?: number;
  /** Takes orders, and does nothing. */
  readonly stuck?: boolean;
}

interface System {
  power: "on" | "off";
  towards?: "on" | "off";
  boot: Record<string, unknown>;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Status, body, headers. */
type Said = readonly [number, object?, Readonly<Record<string, string>>?];
type Handler = (request: Request, response: ServerResponse) => void;

export class RedfishBmc implements AsyncDisposable {
  readonly #options: RedfishOptions;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #systems = new Map<string, System>();
  readonly #tokens = new Map<string, string>();
  readonly #tasks = new Map<string, "Running" | "Completed" | "Exception">();
  readonly #life = new AbortController();
  #serial = 0;
  /** Every reset that it was told to do: `ForceOff 1`. */
  readonly commands: string[] = [];
  /** Requests with who made them: `token GET /redfish/v1/Systems`. */
  readonly requests: string[] = [];
  /** What each start came from, as far as it was told. */
  readonly starts: string[] = [];
  /** PowerState as firmware tells it that knows nothing, in place of the truth. */
  powerState: unknown;
  /** Answers in place of the service. */
  handler: Handler | undefined;

  private constructor(options: RedfishOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    for (const [id, power] of Object.entries(options.systems ?? ONE_SYSTEM))
      this.#systems.set(id, {
        power,
        boot: {
          BootSourceOverrideEnabled: "Disabled",
          BootSourceOverrideTarget: "None",
          BootSourceOverrideMode: "UEFI",
        },
      });
    this.#server = options.tls ? createTlsServer(options.tls) : createServer();
    this.#server.on(
      "request",
      (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response),
    );
  }

  static async start(options: RedfishOptions = {}): Promise<RedfishBmc> {
    const bmc = new RedfishBmc(options);
    await bmc.revive();
    return bmc;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What the driver is told of it. */
  get hub() {
    const https = this.#options.tls !== undefined;
    return { host: "127.0.0.1", port: this.port, https, user: BMC_USER, password: BMC_PASSWORD };
  }

  get openSessions(): number {
    return this.#tokens.size;
  }

  /** Sessions end, as by their timeout. */
  expireSessions(): void {
    this.#tokens.clear();
  }

  power(id = "1"): "on" | "off" {
    return this.#system(id).power;
  }

  /** It becomes so by hand. */
  set(power: "on" | "off", id = "1"): void {
    this.#system(id).power = power;
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

  #system(id: string): System {
    const system = this.#systems.get(id);
    if (!system) throw new Error(`there is no system ${id}`);
    return system;
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat((await incoming.toArray()) as Buffer[]).toString();
    const { method = "", url: path = "", headers } = incoming;
    const request = { method, path, headers, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
    const who = this.#who(headers);
    this.requests.push(`${who ?? "nobody"} ${method} ${path}`);
    if (this.handler) {
      this.handler(request, response);
      return;
    }
    const open = path === "/redfish/v1/" || (method === "POST" && path === SESSIONS);
    const [status, body, more] = who !== undefined || open ? this.#serve(request) : error(401, "NoValidSession");
    response.writeHead(status, { "content-type": "application/json", "odata-version": "4.0", ...more });
    response.end(body && JSON.stringify(body));
  }

  #who(headers: IncomingHttpHeaders): "token" | "basic" | undefined {
    const { basic = true } = this.#options;
    if (this.#tokens.has(String(headers["x-auth-token"]))) return "token";
    const expected = `Basic ${Buffer.from(`${BMC_USER}:${BMC_PASSWORD}`).toString("base64")}`;
    return basic && headers.authorization === expected ? "basic" : undefined;
  }

  #serve(request: Request): Said {
    const { method, path } = request;
    if (path === "/redfish/v1/") return [200, this.#root()];
    if (path.startsWith(SESSIONS)) return this.#serveSession(request);
    if (path.startsWith("/redfish/v1/TaskService/")) return this.#serveTask(path);
    if (method === "GET" && (path === SYSTEMS || path.startsWith(`${SYSTEMS}?`))) return this.#collection(path);
    const [, id = "", rest = ""] = /^\/redfish\/v1\/Systems\/([^/]+)(?:\/(.+))?$/.exec(path) ?? [];
    const system = this.#systems.get(decodeURIComponent(id));
    if (!system) return error(404, "ResourceMissingAtURI");
    const name = decodeURIComponent(id);
    if (method === "GET" && rest === "") return [200, this.#shape(name, system)];
    if (method === "GET" && rest === "ResetActionInfo") return [200, this.#actionInfo()];
    if (method === "GET" && rest === "SD") return [200, { "@odata.id": path, Boot: system.boot }];
    if (method === "PATCH" && (rest === "" || rest === "SD")) return this.#patch(system, request);
    if (method === "POST" && rest === "Actions/ComputerSystem.Reset") return this.#reset(name, system, request.body);
    return error(404, "ResourceMissingAtURI");
  }

  #root() {
    const { sessions = "offered", uuid = "92384634-2938-2342-8820-489239905423" } = this.#options;
    return {
      "@odata.id": "/redfish/v1/",
      "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot",
      Id: "RootService",
      Name: "Root Service",
      RedfishVersion: "1.15.0",
      UUID: uuid,
      Vendor: "Contoso",
      Product: "BMC 3000",
      Systems: { "@odata.id": SYSTEMS },
      Links: sessions === "none" ? {} : { Sessions: { "@odata.id": SESSIONS } },
    };
  }

  #serveSession({ method, path, body, headers }: Request): Said {
    if (method === "DELETE") {
      const token = [...this.#tokens].find(([, at]) => at === path)?.[0];
      if (token === undefined || token !== headers["x-auth-token"]) return error(404, "ResourceMissingAtURI");
      this.#tokens.delete(token);
      return [204];
    }
    if (this.#options.sessions === "full") return error(503, "SessionLimitExceeded");
    if (body["UserName"] !== BMC_USER || body["Password"] !== BMC_PASSWORD)
      return error(
        401,
        "ResourceAtUriUnauthorized",
        `While accessing as ${String(body["Password"])} an error occurred.`,
      );
    const token = randomBytes(16).toString("hex");
    this.#serial += 1;
    const location = `${SESSIONS}/${this.#serial}`;
    this.#tokens.set(token, location);
    // Absolute, under a name that only the service knows.
    return [201, { "@odata.id": location }, { "x-auth-token": token, location: `https://bmc.internal${location}` }];
  }

  #collection(path: string): Said {
    const { page = 100 } = this.#options;
    const skip = Number(/\$skip=(\d+)/.exec(path)?.[1] ?? 0);
    const ids = [...this.#systems.keys()];
    const next = skip + page < ids.length ? { "Members@odata.nextLink": `${SYSTEMS}?$skip=${skip + page}` } : {};
    const members = ids.slice(skip, skip + page).map((id) => ({ "@odata.id": `${SYSTEMS}/${encodeURIComponent(id)}` }));
    return [200, { "@odata.id": SYSTEMS, "Members@odata.count": ids.length, Members: members, ...next }];
  }

  #shape(id: string, { power, towards, boot }: System) {
    const { told = "values", types = ALL_TYPES, transitions, boot: taken } = this.#options;
    const at = `${SYSTEMS}/${encodeURIComponent(id)}`;
    const way = transitions && towards ? { on: "PoweringOn", off: "PoweringOff" }[towards] : undefined;
    const state = this.powerState === undefined ? (way ?? { on: "On", off: "Off" }[power]) : this.powerState;
    return {
      "@odata.id": at,
      "@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem",
      "@odata.etag": 'W/"4711"',
      ...(taken === "settings" && { "@Redfish.Settings": { SettingsObject: { "@odata.id": `${at}/SD` } } }),
      Id: id,
      Name: `System ${id}`,
      HostName: id === "1" ? "" : `host-${id}`,
      PowerState: state,
      Boot: boot,
      Actions: {
        "#ComputerSystem.Reset": {
          target: `${at}/Actions/ComputerSystem.Reset`,
          ...(told === "values" && { "ResetType@Redfish.AllowableValues": types }),
          ...(told === "info" && { "@Redfish.ActionInfo": `${at}/ResetActionInfo` }),
        },
      },
    };
  }

  #actionInfo() {
    const { types = ALL_TYPES } = this.#options;
    return {
      "@odata.type": "#ActionInfo.v1_3_0.ActionInfo",
      Id: "ResetActionInfo",
      Parameters: [{ Name: "ResetType", Required: true, DataType: "String", AllowableValues: types }],
    };
  }

  #patch(system: System, { path, body, headers }: Request): Said {
    const how = this.#options.boot ?? "plain";
    const asked = body["Boot"] as Record<string, unknown>;
    if (how === "etag" && headers["if-match"] !== 'W/"4711"') return error(428, "PreconditionRequired");
    if (how === "mode refused" && "BootSourceOverrideMode" in asked) return error(400, "PropertyNotWritable");
    if (how === "settings" && !path.endsWith("/SD")) return error(400, "OperationSupportedInFutureStateURI");
    if (how === "forgotten")
      system.boot = { ...system.boot, BootSourceOverrideTarget: "Pxe", BootSourceOverrideEnabled: "Disabled" };
    else if (how === "mode needed") system.boot = { ...system.boot, BootSourceOverrideMode: "Legacy", ...asked };
    else system.boot = { ...system.boot, ...asked };
    return [204];
  }

  #reset(id: string, system: System, { ResetType: type }: Readonly<Record<string, unknown>>): Said {
    const { types = ALL_TYPES, already = 204, tasks, stuck = false, lag = 0 } = this.#options;
    if (typeof type !== "string" || !types.includes(type)) return error(400, "ActionParameterNotSupported");
    const goal = /^(?:ForceOff|GracefulShutdown)$/.test(type) ? "off" : "on";
    const restarts = /Restart|Cycle/.test(type);
    if (!restarts && system.power === goal && already !== 204) return error(already, "NoOperation");
    this.commands.push(`${type} ${id}`);
    // On a system that is off a restart is taken, and does nothing.
    const happens = !stuck && !(restarts && system.power === "off");
    if (happens) system.towards = goal;
    const task = this.#newTask(tasks !== undefined);
    this.#after(lag, () => {
      if (task !== undefined) this.#tasks.set(task, tasks === "failing" ? "Exception" : "Completed");
      if (!happens || tasks === "failing") return;
      if (goal === "on") this.#start(system);
      system.power = goal;
      delete system.towards;
    });
    if (task === undefined) return [204];
    const body = { "@odata.id": task, TaskState: this.#tasks.get(task) };
    return [202, body, { location: `https://bmc.internal${task}/Monitor`, "retry-after": "1" }];
  }

  #start(system: System): void {
    const {
      BootSourceOverrideEnabled: enabled,
      BootSourceOverrideTarget: target,
      BootSourceOverrideMode: mode,
    } = system.boot;
    this.starts.push(enabled === "Once" ? `${String(target)} ${String(mode)}` : "disk");
    if (enabled === "Once") system.boot = { ...system.boot, BootSourceOverrideEnabled: "Disabled" };
  }

  #newTask(wanted: boolean): string | undefined {
    if (!wanted) return undefined;
    this.#serial += 1;
    const task = `/redfish/v1/TaskService/Tasks/${this.#serial}`;
    this.#tasks.set(task, "Running");
    return task;
  }

  /** DSP0266: a monitor answers 202 while the task works, then once what the request would have been answered. */
  #serveTask(path: string): Said {
    const task = path.replace(/\/Monitor$/, "");
    const state = this.#tasks.get(task);
    if (state === undefined) return error(404, "ResourceMissingAtURI");
    if (state === "Running") return [202, { "@odata.id": task, TaskState: state }];
    this.#tasks.delete(task);
    return state === "Completed" ? [204] : error(500, "InternalError");
  }

  #after(ms: number, happen: () => void): void {
    if (ms === 0) happen();
    else this.#clock.sleep(ms, this.#life.signal).then(happen, () => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort();
    if (this.#server.listening) await this.die();
  }
}

function error(status: number, id: string, message = `The request failed: ${id}.`): Said {
  const info = [{ MessageId: `Base.1.18.${id}`, Message: message, Severity: "Critical" }];
  const body = {
    error: { code: `Base.1.18.${id}`, message: "A general error has occurred.", "@Message.ExtendedInfo": info },
  };
  return [status, body];
}
