/**
 * A MAAS region with its API 2.0 on a real socket: keys, forms, refusals and machines as canonical/maas has them
 * (src/maasserver/api, views, middleware.py), in three versions where they differ. Its racks really call webhooks.
 *
 * Versions: the filter by MAC address compares texts from 3.4 to 3.7 and takes any writing in 3.8; `System_Id` goes with
 * every webhook before 3.5; whoever may not edit a machine is told otherwise since OpenFGA (3.8; the wording is a guess).
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Conclusion } from "../maas/client.ts";
import { type ApiRequest, answerApi } from "./maas-api.ts";
import { MaasMachineRecord, type MachineSeed } from "./maas-machine.ts";
import { type ApiUser, OAuth } from "./maas-oauth.ts";
import { driveWebhook, type PowerAction, polledAddress } from "./maas-rack.ts";

export const ADMIN: ApiUser = { username: "admin", admin: true, key: "AdminConsumer1:AdminToken2:AdminSecret3" };
export const USER: ApiUser = { username: "guest", admin: false, key: "GuestConsumer1:GuestToken2:GuestSecret3" };

export interface SimulatedRack {
  readonly systemId: string;
  readonly hostname: string;
  readonly addresses: readonly string[];
}

export interface SimulatedMaasOptions {
  readonly version?: string;
  readonly machines?: readonly MachineSeed[];
  readonly racks?: readonly SimulatedRack[];
  readonly subnets?: readonly string[];
  /** Its clock (ms since 1970). */
  readonly now?: () => number;
  /** One that it keeps when it restarts; absent: any. */
  readonly port?: number;
}

export interface MaasEventRecord {
  readonly id: number;
  readonly systemId: string;
  readonly hostname: string;
  readonly type: string;
  readonly description: string;
  readonly level: "DEBUG" | "INFO" | "ERROR";
  /** ms since 1970. */
  readonly at: number;
}

const ALPHABET = "346789abcdefghkmnpqrstwxy";
const RACK: SimulatedRack = { systemId: "rack01", hostname: "maas", addresses: ["192.0.2.2"] };

export class SimulatedMaas implements AsyncDisposable {
  readonly version: string;
  readonly now: () => number;
  readonly machines: MaasMachineRecord[] = [];
  readonly racks: readonly SimulatedRack[];
  readonly subnets: readonly string[];
  readonly events: MaasEventRecord[] = [];
  readonly oauth: OAuth;
  /** Origins that the racks' network leads elsewhere: where nobody has the address that a test uses. */
  readonly routes = new Map<string, string>();
  /** Every request, in its order: `GET machines/?hostname=nuc1 200`. */
  readonly requests: string[] = [];
  /** How the next requests are answered in place of what is asked: each one once. */
  readonly trouble: ((response: ServerResponse) => void)[] = [];
  /** Told of every request before it is answered. */
  onRequest: ((request: ApiRequest) => void) | undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #port: number;
  #serial = 0;

  private constructor(options: SimulatedMaasOptions) {
    const { version = "3.6.2", machines = [], racks = [RACK], subnets = ["192.0.2.0/24"], now = Date.now } = options;
    this.version = version;
    this.now = now;
    this.racks = racks;
    this.subnets = subnets;
    this.oauth = new OAuth([ADMIN, USER], now);
    this.#port = options.port ?? 0;
    for (const seed of machines) this.add(seed);
  }

  static async start(options: SimulatedMaasOptions = {}): Promise<SimulatedMaas> {
    const maas = new SimulatedMaas(options);
    await maas.revive();
    return maas;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/MAAS`;
  }

  /** Connections are refused. */
  async die(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async revive(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  add(seed: MachineSeed): MaasMachineRecord {
    this.#serial += 1;
    const machine = new MaasMachineRecord(seed, systemId(this.#serial));
    this.machines.push(machine);
    return machine;
  }

  /** The machine of that host name. */
  machine(hostname: string): MaasMachineRecord {
    const found = this.machines.find((machine) => machine.hostname === hostname);
    if (!found) throw new Error(`there is no ${hostname}`);
    return found;
  }

  /** What a person's click in MAAS does: the state that it then shows, or its words for why it failed. */
  async power(machine: MaasMachineRecord, action: PowerAction): Promise<Conclusion> {
    const { routes, version } = this;
    const conclusion = await driveWebhook(machine, action, { routes, version });
    const known = ["on", "off", "unknown"].includes(conclusion);
    machine.powerState = known ? conclusion : "error";
    if (!known)
      this.note(machine, action === "query" ? "Failed to query node's BMC" : "Failed to power node", conclusion);
    return conclusion;
  }

  /** Is there anybody who polls the machine in the background? */
  polls(machine: MaasMachineRecord): boolean {
    const address = polledAddress(machine);
    const network = (ip: string) => ip.split(".").slice(0, 3).join(".");
    return (
      address !== undefined &&
      this.racks.some(({ addresses }) => addresses.some((rack) => network(rack) === network(address)))
    );
  }

  note(
    { systemId, hostname }: MaasMachineRecord,
    type: string,
    description: string,
    level: MaasEventRecord["level"] = "ERROR",
  ): void {
    const at = this.now();
    this.events.push({ id: this.events.length + 1, systemId, hostname, type, description, level, at });
  }

  /** What a user asks MAAS for, as it notes it before it acts: `releasing node`. */
  wish(machine: MaasMachineRecord, user: string, event: string): void {
    this.note(machine, `User ${event}`, `(${user})`, "DEBUG");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString();
    const { method = "", url = "", headers } = request;
    const asked: ApiRequest = { method, url: new URL(url, "http://maas"), headers, body };
    this.onRequest?.(asked);
    response.setHeader("Date", new Date(this.now()).toUTCString());
    const trouble = this.trouble.shift();
    if (trouble) trouble(response);
    else await answerApi(this, asked, response);
    this.requests.push(`${method} ${url.replace("/MAAS/api/2.0/", "")} ${response.statusCode}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.die();
  }
}

/** As MAAS makes them: six letters and digits, of which no two look alike. */
function systemId(serial: number): string {
  // A step that shares no factor with the number of ids: each comes once.
  let rest = (serial * 7_654_321) % ALPHABET.length ** 6;
  return Array.from({ length: 6 }, () => {
    const letter = ALPHABET[rest % ALPHABET.length] ?? "";
    rest = Math.floor(rest / ALPHABET.length);
    return letter;
  }).join("");
}

/** Trouble: a region that starts. */
export function starting(retryAfter: string): (response: ServerResponse) => void {
  return (response) =>
    response
      .writeHead(503, { "Content-Type": "text/plain; charset=utf-8", "Retry-After": retryAfter })
      .end("Unable to connect to any rack controller; no connections available.");
}

/** Trouble: the web server in front of a region that is gone. */
export function badGateway(response: ServerResponse): void {
  response
    .writeHead(502, { "Content-Type": "text/html" })
    .end("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>");
}
