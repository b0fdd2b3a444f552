/** The daemon's API over its local socket. */
import { type IncomingMessage, request } from "node:http";
import { userInfo } from "node:os";
import type { ReloadShape } from "../http/configuration-shapes.ts";
import type { Arrival } from "../http/probes.ts";
import type { DaemonStatus, HubShape, MachineShape } from "../http/shapes.ts";
import type { MachineTrap } from "../power/api.ts";
import type { ListedOutlet, Verb } from "../power/driver.ts";
import type { OrderRecord } from "../power/order.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT, exitFor } from "./exit-codes.ts";
import { locateStore } from "./locate.ts";

export interface EventShape {
  readonly id: number;
  readonly event: { readonly kind: string; readonly at: number; readonly machine?: string } & Record<string, unknown>;
}

export interface OrderOptions {
  readonly machine: string;
  readonly verb: Verb;
  readonly how?: "soft" | "hard" | undefined;
  readonly reason?: string | undefined;
  readonly force?: boolean | undefined;
  readonly wait: boolean;
  readonly timeoutMs?: number | undefined;
}

/** Longest that anything but an order may take (ms); a reading takes 10 s at most. */
const ANSWER_TIMEOUT_MS = 30_000;
/** As long as the API lets a caller wait for an order, where no other time is given (ms). */
const ORDER_TIMEOUT_MS = 600_000;

/** Finds the daemon and checks that it answers. Throws CliError with exit code 6 when it does not. */
export async function connectDaemon(cli: Cli): Promise<Client> {
  const { paths } = await locateStore(cli);
  const client = new Client(paths.socket);
  await client.status();
  return client;
}

export class Client {
  readonly socket: string;

  constructor(socket: string) {
    this.socket = socket;
  }

  status(): Promise<DaemonStatus> {
    return this.#json("GET", "/status");
  }

  async machines(): Promise<readonly MachineShape[]> {
    return (await this.#json<{ machines: MachineShape[] }>("GET", "/machines")).machines;
  }

  machine(name: string): Promise<MachineShape> {
    return this.#json("GET", `/machines/${encodeURIComponent(name)}`);
  }

  /** Measures now. */
  query(name: string): Promise<MachineShape> {
    return this.#json("POST", `/machines/${encodeURIComponent(name)}/query`);
  }

  async lock(name: string, reason: string): Promise<MachineShape> {
    return this.#json("POST", `/machines/${encodeURIComponent(name)}/lock`, { body: { reason } });
  }

  async unlock(name: string): Promise<MachineShape> {
    return this.#json("POST", `/machines/${encodeURIComponent(name)}/unlock`);
  }

  async trust(hub: string): Promise<void> {
    await this.#json("POST", `/hubs/${encodeURIComponent(hub)}/trust`);
  }

  reload(dryRun: boolean): Promise<ReloadShape> {
    return this.#json("POST", "/configuration/reload", { body: { dry_run: dryRun } });
  }

  /** Gives an order; answers it as it is when it ended, or still runs. Throws CliError when it was refused or failed. */
  async order(options: OrderOptions): Promise<OrderRecord> {
    const { machine, verb, how, reason, force, wait, timeoutMs } = options;
    const body = { machine, verb, how, reason, force, wait, timeout_ms: timeoutMs };
    const patience = (wait ? (timeoutMs ?? ORDER_TIMEOUT_MS) : 0) + ANSWER_TIMEOUT_MS;
    return (await this.#json<{ order: OrderRecord }>("POST", "/orders", { body, patience })).order;
  }

  async orders(filter: {
    readonly machine?: string | undefined;
    readonly limit: number;
  }): Promise<readonly OrderRecord[]> {
    return (await this.#json<{ orders: OrderRecord[] }>("GET", `/orders${search(filter)}`)).orders;
  }

  async orderById(id: string): Promise<OrderRecord> {
    return (await this.#json<{ order: OrderRecord }>("GET", `/orders/${encodeURIComponent(id)}`)).order;
  }

  async cancel(id: string): Promise<OrderRecord> {
    return (await this.#json<{ order: OrderRecord }>("POST", `/orders/${encodeURIComponent(id)}/cancel`)).order;
  }

  async events(filter: {
    readonly machine?: string | undefined;
    readonly since?: number | undefined;
    readonly limit: number;
  }): Promise<readonly EventShape[]> {
    return (await this.#json<{ events: EventShape[] }>("GET", `/events${search(filter)}`)).events;
  }

  async hubs(): Promise<readonly HubShape[]> {
    return (await this.#json<{ hubs: HubShape[] }>("GET", "/hubs")).hubs;
  }

  async outlets(hub: string): Promise<readonly ListedOutlet[]> {
    return (await this.#json<{ outlets: ListedOutlet[] }>("GET", `/hubs/${encodeURIComponent(hub)}/outlets`)).outlets;
  }

  /** Settings of the device's own that work against us. */
  async traps(hub: string): Promise<readonly MachineTrap[]> {
    return (await this.#json<{ traps: MachineTrap[] }>("GET", `/hubs/${encodeURIComponent(hub)}/traps`)).traps;
  }

  /** Lets the daemon look out for requests that carry the answered text in their path. */
  async expectProbe(): Promise<string> {
    return (await this.#json<{ probe: string }>("POST", "/probes")).probe;
  }

  /** How those have arrived. */
  async arrivals(probe: string): Promise<readonly Arrival[]> {
    return (await this.#json<{ arrivals: Arrival[] }>("GET", `/probes/${encodeURIComponent(probe)}`)).arrivals;
  }

  /** Live events behind `after`, until the signal aborts or the daemon ends. */
  async *follow(
    { after, ...filter }: { readonly machine?: string | undefined; readonly after?: number | undefined },
    signal: AbortSignal,
  ): AsyncGenerator<EventShape> {
    const { createParser } = await import("eventsource-parser");
    const headers = after === undefined ? {} : { "last-event-id": String(after) };
    const response = await this.#send("GET", `/events/stream${search(filter)}`, { signal, headers });
    const arrived: EventShape[] = [];
    const parser = createParser({ onEvent: ({ data }) => arrived.push(JSON.parse(data) as EventShape) });
    response.setEncoding("utf8");
    try {
      for await (const chunk of response) {
        parser.feed(String(chunk));
        yield* arrived.splice(0);
      }
    } catch (error) {
      throw signal.aborted ? error : unreachable(this.socket, error);
    }
  }

  async #json<T>(method: string, path: string, options: { body?: unknown; patience?: number } = {}): Promise<T> {
    const { body, patience = ANSWER_TIMEOUT_MS } = options;
    const response = await this.#send(method, path, { body, signal: AbortSignal.timeout(patience) });
    response.setEncoding("utf8");
    let text = "";
    try {
      for await (const chunk of response) text += String(chunk);
    } catch (error) {
      throw unreachable(this.socket, error);
    }
    const answer = parsed(text);
    if (answer === undefined || (response.statusCode ?? 500) >= 400) throw failureOf(answer);
    return answer as T;
  }

  #send(
    method: string,
    path: string,
    options: { readonly body?: unknown; readonly signal: AbortSignal; readonly headers?: Record<string, string> },
  ): Promise<IncomingMessage> {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    return new Promise((resolve, reject) => {
      const sent = request({
        socketPath: this.socket,
        method,
        path: `/api/v1${path}`,
        headers: {
          "x-local-user": localAccount(),
          "user-agent": "maasochist-cli",
          ...(body !== undefined && { "content-type": "application/json" }),
          ...options.headers,
        },
        signal: options.signal,
      });
      sent.once("response", resolve);
      sent.once("error", (error) => reject(unreachable(this.socket, error)));
      sent.end(body);
    });
  }
}

/** Who runs this; in a container an account may have a number and no name. */
function localAccount(): string {
  try {
    return userInfo().username.replaceAll(/[^\w.@\\-]/g, "_");
  } catch {
    return `uid${process.getuid?.() ?? ""}`;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function search(filter: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(filter).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, String(value)]],
  );
  return given.length > 0 ? `?${new URLSearchParams(given).toString()}` : "";
}

function failureOf(answer: unknown): CliError {
  const { error } = (answer ?? {}) as { error?: { code: string; message: string; hint: string } };
  if (!error)
    return new CliError("the daemon answered in a way this command does not know", {
      hint: "Are both of one version? See `maasochist version` and restart the daemon.",
    });
  return new CliError(error.message, { hint: error.hint, code: error.code, exitCode: exitFor(error.code) });
}

function unreachable(socket: string, error: unknown): CliError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "EACCES") {
    return new CliError(`this account may not speak to the daemon at ${socket}`, {
      exitCode: EXIT.denied,
      code: "denied",
      hint: "Run it as the daemon's own account, or with sudo.",
      cause: error,
    });
  }
  const nobody = code === "ENOENT" || code === "ECONNREFUSED";
  const said = nobody
    ? "no daemon answers at"
    : code === "ABORT_ERR"
      ? "the daemon is silent at"
      : "the daemon hung up at";
  return new CliError(`${said} ${socket}`, {
    exitCode: EXIT.unreachable,
    code: "daemon_unreachable",
    hint: nobody
      ? "Start it: `maasochist serve` (in a clone `npm start`), or `systemctl start maasochist`. The daemon of another configuration is found with -c FILE."
      : "See its log. Orders that were under way are told by `maasochist orders` when it runs again.",
    cause: error,
  });
}
