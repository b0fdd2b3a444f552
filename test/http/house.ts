/**
 * Everything between a caller's socket and simulated machines, as the daemon puts it together: store in a folder of its own,
 * access rules, power control, MAAS's dialect and the API. Time alone is a test's.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type IncomingMessage, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configurationServices } from "../../src/app/configuration-services.ts";
import type { Reloader } from "../../src/app/reloader.ts";
import { type Api, buildApi } from "../../src/http/api.ts";
import { addressOf } from "../../src/http/arrival.ts";
import { Authenticator } from "../../src/http/auth.ts";
import { buildPage } from "../../src/http/page.ts";
import { Probes } from "../../src/http/probes.ts";
import { buildServer, type Front } from "../../src/http/server.ts";
import { Sessions } from "../../src/http/sessions.ts";
import type { DaemonStatus } from "../../src/http/shapes.ts";
import { Sightings } from "../../src/http/sightings.ts";
import { Tallies } from "../../src/http/tallies.ts";
import type { AccessRules, Grant, TokenGrant, UserGrant } from "../../src/power/access.ts";
import { Credentials } from "../../src/store/credentials.ts";
import { SqliteJournal } from "../../src/store/journal.ts";
import { FileMemory } from "../../src/store/memory.ts";
import { pathsBeside } from "../../src/store/paths.ts";
import { Lab } from "../power/lab.ts";
import type { VirtualClock } from "../virtual-clock.ts";
import { type Described, describedBy } from "./described.ts";
import { HouseFile } from "./house-file.ts";

/** A token that the configuration has; it is its own name. */
export function token(name: string, grant: Partial<Grant> = {}): TokenGrant {
  const sha256 = createHash("sha256").update(name).digest("hex");
  return { name, role: "operator", machines: ["*"], from: [], ...grant, sha256 };
}

export function bearer(secret: string): string {
  return `Bearer ${Buffer.from(secret).toString("latin1")}`;
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

export interface Asking {
  readonly method?: string;
  /** The `Authorization` header. */
  readonly as?: string;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The caller's own address. */
  readonly from?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  /** The body read as JSON. */
  json<T>(): T;
}

export interface HouseOptions {
  readonly machines?: (lab: Lab) => void;
  /** The configuration file, where a test is about it: its machines are there beside the others. */
  readonly yaml?: string;
  readonly tokens?: readonly TokenGrant[];
  readonly users?: readonly UserGrant[];
  /** From where metrics are told without a credential. */
  readonly openMetricsFrom?: readonly string[];
  /** How its one listener differs from others. */
  readonly front?: Front;
}

export class House implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "maasochist-house-"));
  /** Where the dashboard is, once a test has built it. */
  readonly pages = join(this.#folder, "dashboard");
  readonly paths = pathsBeside(join(this.#folder, "maasochist.db"));
  readonly credentials = new Credentials(this.paths.credentials);
  readonly sightings = new Sightings();
  readonly #probes = new Probes();
  /** What the journal said of itself. */
  readonly problems: (string | undefined)[] = [];
  /** What of the OpenAPI document its answers have shown to be so. */
  readonly kept = new Set<string>();
  /** Who was turned away before it could ask, and why. */
  readonly refused: string[] = [];
  /** What the house did wrong by its own fault. */
  readonly faults: unknown[] = [];
  readonly journal = new SqliteJournal({
    path: this.paths.database,
    keep: 90 * 86_400_000,
    now: () => this.clock.now(),
    onProblem: (problem) => this.problems.push(problem),
  });
  readonly #memory = new FileMemory(this.paths.memory);
  readonly lab = new Lab({ store: { journal: this.journal, memory: this.#memory } });
  readonly tallies = new Tallies();
  readonly #openMetricsFrom: readonly string[];
  readonly #stopping = new AbortController();
  readonly #access: AccessRules;
  readonly #front: Front;
  readonly #yaml: string | undefined;
  #file: HouseFile | undefined;
  #reloader: Reloader | undefined;
  #api: Api | undefined;
  #server: Server | undefined;

  private constructor({ machines, yaml, tokens = [], users = [], openMetricsFrom = [], front = {} }: HouseOptions) {
    this.#yaml = yaml;
    this.#openMetricsFrom = openMetricsFrom;
    this.#access = { tokens, users };
    this.#front = front;
    machines?.(this.lab);
  }

  static async open(options: HouseOptions): Promise<House> {
    const house = new House(options);
    await house.#open();
    return house;
  }

  async #open(): Promise<void> {
    await this.journal.open();
    const { lab, clock, sightings, journal, credentials } = this;
    this.#file = await HouseFile.write(join(this.#folder, "maasochist.yaml"), this.#yaml);
    for (const machine of this.#file.configuration.machines) lab.add(machine.facts.name, machine);
    const { power } = lab;
    const reloader = this.#file.reloader(power, () => clock.now());
    this.#reloader = reloader;
    power.listen((signal) => this.tallies.hear(signal));
    const authenticator = new Authenticator({ now: () => clock.now(), rules: () => [this.#access, credentials.rules] });
    const authenticate = (request: IncomingMessage) =>
      authenticator.authenticate(request.headers.authorization, () => addressOf(request));
    const sessions = new Sessions({ authenticator, now: () => clock.now(), base: this.#front.base ?? "" });
    const onFault = (error: unknown) => this.faults.push(error);
    this.#api = await buildApi({
      configuration: configurationServices(reloader, { env: {}, measure: (machine) => power.tryOut(machine) }),
      power,
      history: journal,
      authenticate: (request) => sessions.authenticate(request),
      access: {
        sessions,
        credentials,
        configured: () => this.#access,
        version: "0.0.0",
        note: (event) => journal.note(event),
      },
      sightings,
      metrics: {
        power,
        tallies: this.tallies,
        sightings,
        version: "0.0.0",
        troubles: () => ({ journal: journal.problem }),
        configuredAt: () => 0,
        openFrom: () => this.#openMetricsFrom,
      },
      probes: this.#probes,
      clock,
      onFault,
      answered: () => undefined,
      status: () => this.#status(),
    });
    const { handle } = this.#api;
    this.#server = buildServer(
      {
        maas: {
          power,
          clock,
          authenticate,
          sightings,
          hold: 100_000,
          stopping: this.#stopping.signal,
          answered: (route, { status }) => this.tallies.webhook(route, status),
        },
        probes: this.#probes,
        api: () => Promise.resolve(handle),
        page: () => Promise.resolve(buildPage({ folder: this.pages, base: this.#front.base ?? "", onFault })),
        onFault,
        onRefused: (address, why) => this.refused.push(`${address} ${why}`),
      },
      this.#front,
    );
    this.#server.listen(0, "0.0.0.0");
    await once(this.#server, "listening");
  }

  /** Its configuration file. */
  get file(): HouseFile {
    if (!this.#file) throw new Error("it is not open");
    return this.#file;
  }

  get clock(): VirtualClock {
    return this.lab.clock;
  }

  get port(): number {
    const address = this.#server?.address();
    if (typeof address !== "object" || address === null) throw new Error("it does not listen");
    return address.port;
  }

  #status(): DaemonStatus {
    const problems = [this.journal.problem, this.#memory.problem, this.credentials.problem, this.#reloader?.problem];
    return {
      version: "0.0.0",
      startedAt: 0,
      pid: process.pid,
      configuration: "/etc/maasochist/maasochist.yaml",
      configuredAt: this.#reloader?.loadedAt ?? 0,
      listening: [],
      url: "http://192.0.2.1:6227",
      machines: this.lab.power.names.length,
      warnings: this.lab.power.names.map((name) => ({ code: "w", message: `of ${name}`, file: "x.yaml", line: 1 })),
      problems: problems.filter((problem) => problem !== undefined),
    };
  }

  /** Sends a request over a connection of its own; answers when its head has come. */
  async send(path: string, { method = "GET", as, body, headers = {}, from }: Asking = {}): Promise<IncomingMessage> {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const sent = request({
      host: "127.0.0.1",
      port: this.port,
      agent: false,
      method,
      path,
      headers: {
        ...(as !== undefined && { authorization: as }),
        ...(text !== undefined && {
          "content-type": "application/json",
          "content-length": String(Buffer.byteLength(text)),
        }),
        ...headers,
      },
      ...(from !== undefined && { localAddress: from }),
    });
    sent.end(text);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    return response;
  }

  /** Sends a request and answers all that comes back. */
  async ask(path: string, asking: Asking = {}): Promise<Answer> {
    const response = await this.send(path, asking);
    const text = Buffer.concat((await response.toArray()) as Buffer[]).toString();
    await this.#check(path, asking, response, text);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text,
      json: <T>() => JSON.parse(text) as T,
    };
  }

  /** Every route that its API has: `GET /api/v1/machines/:name`. */
  get routes(): readonly string[] {
    return this.#api?.routes ?? [];
  }

  /** What its API promises. */
  described(): Promise<Described> {
    if (!this.#api) throw new Error("it is not open");
    return describedBy(this.#api);
  }

  /** What is answered must be as the OpenAPI document says. */
  async #check(path: string, { method = "GET", body }: Asking, response: IncomingMessage, text: string): Promise<void> {
    // What a listener does not serve it does not promise either.
    if (method === "HEAD" || this.#front.serve) return;
    const described = await this.described();
    const { statusCode: status = 0, headers } = response;
    const kept = described.check({ method, path, sent: body, status, type: headers["content-type"], text });
    if (kept !== undefined) this.kept.add(kept);
  }

  /** Ends what is served, as a daemon that stops does. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#api?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#server?.closeAllConnections();
    this.#server?.close();
    await this.lab[Symbol.asyncDispose]();
    this.journal.close();
    this.#memory.close();
    rmSync(this.#folder, { recursive: true });
  }
}
