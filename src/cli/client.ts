/** The daemon's API over its local socket. */
import { type IncomingMessage, request } from "node:http";
import { userInfo } from "node:os";
import type { DaemonStatus, HubShape, MachineShape } from "../http/shapes.ts";
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

  /** Gives an order; answers it as it is when it ended, or still runs. Throws CliError when it was refused or failed. */
  async order(options: OrderOptions): Promise<OrderRecord> {
    const { machine, verb, how, reason, force, wait, timeoutMs } = options;
    const body = { machine, verb, how, reason, force, wait, timeout_ms: timeoutMs };
    return (await this.#json<{ order: OrderRecord }>("POST", "/orders", body)).order;
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

  /** Live events until the signal aborts or the daemon ends. */
  async *follow(filter: { readonly machine?: string | undefined }, signal: AbortSignal): AsyncGenerator<EventShape> {
    const { EventSourceParserStream } = await import("eventsource-parser/stream");
    const response = await this.#send("GET", `/events/stream${search(filter)}`, { signal });
    const { Readable } = await import("node:stream");
    const text = Readable.toWeb(response).pipeThrough(new TextDecoderStream() as never) as ReadableStream<string>;
    const messages = text.pipeThrough(new EventSourceParserStream());
    for await (const message of messages as unknown as AsyncIterable<{ data: string }>)
      yield JSON.parse(message.data) as EventShape;
  }

  async #json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, { body });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const answer: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if ((response.statusCode ?? 500) >= 400) throw failureOf(answer);
    return answer as T;
  }

  #send(
    method: string,
    path: string,
    options: { readonly body?: unknown; readonly signal?: AbortSignal },
  ): Promise<IncomingMessage> {
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    return new Promise((resolve, reject) => {
      const sent = request({
        socketPath: this.socket,
        method,
        path: `/api/v1${path}`,
        headers: {
          "x-local-user": userInfo().username,
          "user-agent": "maasochist-cli",
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(options.signal && { signal: options.signal }),
      });
      sent.once("response", resolve);
      sent.once("error", (error) => reject(unreachable(this.socket, error)));
      sent.end(body);
    });
  }
}

function search(filter: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(filter).flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, String(value)]],
  );
  return given.length > 0 ? `?${new URLSearchParams(given).toString()}` : "";
}

function failureOf(answer: unknown): CliError {
  const { error } = answer as { error?: { code: string; message: string; hint: string } };
  if (!error)
    return new CliError("the daemon answered in a way this command does not know", {
      hint: "Are both of one version? See `maasochist version` and restart the daemon.",
    });
  return new CliError(error.message, { hint: error.hint, code: error.code, exitCode: exitFor(error.code) });
}

function unreachable(socket: string, error: NodeJS.ErrnoException): CliError {
  if (error.code === "EACCES") {
    return new CliError(`this account may not speak to the daemon at ${socket}`, {
      exitCode: EXIT.denied,
      code: "denied",
      hint: "Run it as the daemon's own account, or with sudo.",
      cause: error,
    });
  }
  return new CliError(`no daemon answers at ${socket}`, {
    exitCode: EXIT.unreachable,
    code: "daemon_unreachable",
    hint: "Start it: `maasochist serve`, or `systemctl start maasochist`. With another configuration, name it with -c.",
    cause: error,
  });
}
