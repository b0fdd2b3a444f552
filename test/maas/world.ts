/**
 * The whole daemon in this process, as it serves: configuration text, store in a folder, real sockets on both sides. Time
 * alone is a test's: it moves only while no exchange with a device is open, and nothing is on its way to or from MAAS.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pino } from "pino";
import { type Daemon, startDaemon } from "../../src/app/daemon.ts";
import { formatProblem, type Loaded, loadConfiguration, parseConfiguration } from "../../src/config/index.ts";
import { drivers } from "../../src/drivers/index.ts";
import type { MachineShape } from "../../src/http/shapes.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { Maas, type MaasOptions } from "./client.ts";
import { ObservedLine } from "./line.ts";
import type { WebhookSettings } from "./request.ts";

export const TOKEN = "mso_abcdefghijklmnopqrstuvwxyz012345";

export interface WorldOptions {
  readonly clock?: VirtualClock;
  /** YAML in flow style. */
  readonly machines: string;
  readonly hubs?: string;
  readonly access?: string;
  readonly server?: string;
  /** The MAAS that it asks; absent: none. */
  readonly maas?: string;
}

const ACCESS = `{ tokens: [{ name: maas, token: ${TOKEN}, role: maas }] }`;
/** Of the configuration alone; the daemon's own settings are as they come. */
const SERVER = '{ listen: "127.0.0.1:0" }';

export class World implements AsyncDisposable {
  readonly clock: VirtualClock;
  readonly daemon: Daemon;
  readonly line = new ObservedLine();
  readonly #folder: string;
  #stopped = false;

  private constructor(daemon: Daemon, clock: VirtualClock, folder: string) {
    this.daemon = daemon;
    this.clock = clock;
    this.#folder = folder;
  }

  static async open(options: WorldOptions): Promise<World> {
    const { clock = new VirtualClock(), machines, hubs = "{}", access = ACCESS, server = SERVER, maas } = options;
    const folder = mkdtempSync(join(tmpdir(), "maasochist-maas-"));
    const text = `server: ${server}\naccess: ${access}\nstore: { path: ./maasochist.db }\nhubs: ${hubs}\nmachines: ${machines}\n${maas === undefined ? "" : `maas: ${maas}\n`}`;
    const file = join(folder, "maasochist.yaml");
    return World.#start(await parseConfiguration(text, { file, drivers, env: {} }), clock, folder);
  }

  /** The daemon of a configuration in a folder of its own, which is gone afterwards. */
  static async openFile(file: string, clock: VirtualClock): Promise<World> {
    return World.#start(await loadConfiguration(file, { drivers, env: {} }), clock, dirname(file));
  }

  static async #start({ configuration, problems }: Loaded, clock: VirtualClock, folder: string): Promise<World> {
    if (!configuration) throw new Error(problems.map((problem) => formatProblem(problem, { color: false })).join("\n"));
    const daemon = await startDaemon({ configuration, clock, env: {}, log: pino({ level: "silent" }) });
    return new World(daemon, clock, folder);
  }

  /** `http://127.0.0.1:40123`. */
  get url(): string {
    return `http://${this.daemon.addresses[0]}`;
  }

  /** MAAS, with the machine's URIs in its form. */
  maas(
    machine: string,
    { settings, ...options }: Omit<Partial<MaasOptions>, "settings"> & { settings?: Partial<WebhookSettings> } = {},
  ): Maas {
    const uri = `${this.url}/maas/${machine}`;
    const uris = { onUri: `${uri}/on`, offUri: `${uri}/off`, queryUri: `${uri}/query` };
    const { clock, line } = this;
    return new Maas({ clock, line, ...options, settings: { token: TOKEN, ...uris, ...settings } });
  }

  /** Lets time pass until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise, { idle: () => !this.daemon.power.busy && this.line.quiet });
  }

  wait(ms: number): Promise<void> {
    return this.run(this.clock.sleep(ms));
  }

  /** Sends these bytes as some caller, and answers everything that comes back before the connection ends. */
  async raw(bytes: string): Promise<string> {
    const socket = connect(Number(new URL(this.url).port), "127.0.0.1");
    this.line.opened(socket);
    socket.write(bytes);
    try {
      return Buffer.concat(await socket.toArray()).toString();
    } finally {
      this.line.closed(socket);
    }
  }

  /** A person's order through the local socket, as the command line gives it; answered when it is accepted. */
  async order(order: { readonly machine: string; readonly verb: string }): Promise<void> {
    await this.#local("POST", "/api/v1/orders", { ...order, wait: false });
  }

  /** What a person sees of a machine. */
  machine(name: string): Promise<MachineShape> {
    return this.see(`/machines/${name}`);
  }

  /** What the API answers to a person. */
  async see<T>(path: string): Promise<T> {
    return (await this.#local("GET", `/api/v1${path}`)) as T;
  }

  #local(method: string, path: string, body?: object): Promise<unknown> {
    const answer = new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "x-local-user": "anna" };
      const asked = request({ socketPath: this.daemon.paths.socket, method, path, headers }, (response) => {
        response.toArray().then((chunks: Buffer[]) => {
          const text = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text));
          else reject(new Error(text));
        }, reject);
      });
      asked.on("error", reject).end(body && JSON.stringify(body));
    });
    return this.clock.busy(answer);
  }

  /** The daemon ends, as by SIGTERM. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.run(Promise.resolve(this.daemon[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.line[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
