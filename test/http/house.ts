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
import { type Api, buildApi } from "../../src/http/api.ts";
import { Authenticator } from "../../src/http/auth.ts";
import { buildServer } from "../../src/http/server.ts";
import type { DaemonStatus } from "../../src/http/shapes.ts";
import { Sightings } from "../../src/http/sightings.ts";
import type { AccessRules, Grant, TokenGrant, UserGrant } from "../../src/power/access.ts";
import { Credentials } from "../../src/store/credentials.ts";
import { SqliteJournal } from "../../src/store/journal.ts";
import { FileMemory } from "../../src/store/memory.ts";
import { pathsBeside } from "../../src/store/paths.ts";
import { Lab } from "../power/lab.ts";
import type { VirtualClock } from "../virtual-clock.ts";

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
  readonly machines: (lab: Lab) => void;
  readonly tokens?: readonly TokenGrant[];
  readonly users?: readonly UserGrant[];
}

export class House implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "maasochist-house-"));
  readonly paths = pathsBeside(join(this.#folder, "maasochist.db"));
  readonly credentials = new Credentials(this.paths.credentials);
  readonly sightings = new Sightings();
  /** What the journal said of itself. */
  readonly problems: (string | undefined)[] = [];
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
  readonly #stopping = new AbortController();
  readonly #access: AccessRules;
  #api: Api | undefined;
  #server: Server | undefined;

  private constructor({ machines, tokens = [], users = [] }: HouseOptions) {
    this.#access = { tokens, users };
    machines(this.lab);
  }

  static async open(options: HouseOptions): Promise<House> {
    const house = new House(options);
    await house.#open();
    return house;
  }

  async #open(): Promise<void> {
    await this.journal.open();
    const { lab, clock, sightings, journal, credentials } = this;
    const { power } = lab;
    const authenticator = new Authenticator({ now: () => clock.now(), rules: () => [this.#access, credentials.rules] });
    const authenticate = ({ headers, socket }: IncomingMessage) =>
      authenticator.authenticate(headers.authorization, () => socket.remoteAddress ?? "");
    const onFault = (error: unknown) => this.faults.push(error);
    this.#api = await buildApi({
      reload: () => Promise.resolve({ applied: false, restart: [], problems: [] }),
      power,
      history: journal,
      authenticate,
      sightings,
      clock,
      onFault,
      status: () => this.#status(),
    });
    const { handle } = this.#api;
    this.#server = buildServer({
      maas: { power, clock, authenticate, sightings, hold: 100_000, stopping: this.#stopping.signal },
      api: () => Promise.resolve(handle),
      onFault,
    });
    this.#server.listen(0, "0.0.0.0");
    await once(this.#server, "listening");
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
    const problems = [this.journal.problem, this.#memory.problem, this.credentials.problem];
    return {
      version: "0.0.0",
      startedAt: 0,
      pid: process.pid,
      configuration: "/etc/maasochist/maasochist.yaml",
      configuredAt: 0,
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
        ...(text !== undefined && { "content-type": "application/json" }),
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
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text,
      json: <T>() => JSON.parse(text) as T,
    };
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
