/**
 * Home Assistant, as far as its REST and WebSocket documents and its source describe what callers see:
 *
 *     GET  /api/states, /api/states/ENTITY          404 `{"message":"Entity not found."}`
 *     POST /api/services/DOMAIN/SERVICE             400 where there is no such service; else 200 and the states that changed, which
 *                                                   are none where the entity is missing or unavailable
 *     GET  /api/websocket                           auth_required, auth, auth_ok or auth_invalid; subscribe_entities, ping
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { type Clock, systemClock } from "../../src/power/clock.ts";

export const TOKEN = "eyJhbGciOiJIUzI1NiJ9.hidden-token";

export interface Entity {
  readonly state: string;
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** When it was last told (ms since 1970); absent: now. */
  readonly reportedAt?: number;
}

export interface HomeAssistantOptions {
  readonly clock?: Clock;
  readonly port?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly entities?: Readonly<Record<string, Entity>>;
}

/** Services that change something, by domain. */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  switch: ["turn_on", "turn_off", "toggle"],
  light: ["turn_on", "turn_off", "toggle"],
  fan: ["turn_on", "turn_off", "toggle"],
  input_boolean: ["turn_on", "turn_off", "toggle"],
  script: ["turn_on", "turn_off", "toggle"],
  scene: ["turn_on"],
  automation: ["turn_on", "turn_off", "toggle", "trigger"],
  button: ["press"],
  input_button: ["press"],
  homeassistant: ["turn_on", "turn_off", "toggle", "update_entity"],
};

/** Status and body. */
type Said = readonly [number, object | string];
type Handler = (request: { readonly method: string; readonly path: string }, response: ServerResponse) => void;

export class HomeAssistantHouse implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #subscribers = new Map<WebSocket, { readonly id: number; readonly entities: readonly string[] }>();
  readonly #entities = new Map<string, Entity>();
  readonly #port: number;
  /** Every service that was called and acts: `switch.turn_on switch.nuc1`. */
  readonly commands: string[] = [];
  /** Entities that were asked of their devices. */
  readonly refreshed: string[] = [];
  /** Requests by path. */
  readonly requests: string[] = [];
  /** What a service does; by default it sets the state. */
  obey: (service: string, entity: string) => void = (service, entity) => this.#setBy(service, entity);
  /** Brings a state up to date when the device is asked. */
  refresh: (entity: string) => void = () => undefined;
  /** Answers in place of the REST API. */
  handler: Handler | undefined;
  /** Answers to what comes over the WebSocket, in place of the house. */
  says: ((message: Record<string, unknown>, socket: WebSocket) => void) | undefined;
  /** Does a proxy in between pass WebSockets on? */
  upgrades = true;

  private constructor({ clock = systemClock, port = 0, tls, entities = {} }: HomeAssistantOptions) {
    this.#clock = clock;
    this.#port = port;
    this.#server = tls ? createTlsServer(tls) : createServer();
    for (const [id, entity] of Object.entries(entities)) this.#entities.set(id, entity);
    this.#server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void this.#answer(request, response);
    });
    this.#server.on("upgrade", (request: IncomingMessage, socket, head) => {
      if (this.upgrades && request.url === "/api/websocket")
        this.#sockets.handleUpgrade(request, socket, head, (webSocket) => this.#welcome(webSocket));
      else socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    });
  }

  static async start(options: HomeAssistantOptions = {}): Promise<HomeAssistantHouse> {
    const house = new HomeAssistantHouse(options);
    await house.revive();
    return house;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that tell states, each authorized. */
  get listeners(): number {
    return this.#subscribers.size;
  }

  state(entity: string): string | undefined {
    return this.#entities.get(entity)?.state;
  }

  /** It became so, and everybody who listens is told; undefined: it is gone. */
  set(entity: string, now: Entity | undefined): void {
    const before = this.#entities.get(entity);
    if (now) this.#entities.set(entity, now);
    else this.#entities.delete(entity);
    for (const [socket, { id, entities }] of this.#subscribers) {
      if (entities.includes(entity)) send(socket, { id, type: "event", event: difference(entity, before, now) });
    }
  }

  /** Connections that tell states break, without a word. */
  breakListeners(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  async die(): Promise<void> {
    this.breakListeners();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async revive(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat((await request.toArray()) as Buffer[]).toString();
    const { method = "", url: path = "" } = request;
    this.requests.push(`${method} ${path}`);
    if (this.handler) {
      this.handler({ method, path }, response);
      return;
    }
    const [status, said] =
      request.headers.authorization === `Bearer ${TOKEN}`
        ? await this.#rest({ method, path, body })
        : [401, "401: Unauthorized"];
    const json = typeof said === "object";
    response.writeHead(status, { "content-type": json ? "application/json" : "text/plain" });
    response.end(json ? JSON.stringify(said) : said);
  }

  async #rest({ method, path, body }: Readonly<Record<"method" | "path" | "body", string>>): Promise<Said> {
    const [, kind, first = "", second = ""] = /^\/api\/(states|services)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? [];
    if (method === "POST" && kind === "services") return await this.#serve(`${first}.${second}`, body);
    if (method !== "GET" || kind !== "states") return [404, "404: Not Found"];
    if (first === "") return [200, [...this.#entities.keys()].map((id) => this.#shape(id))];
    return this.#entities.has(first) ? [200, this.#shape(first)] : [404, { message: "Entity not found." }];
  }

  #shape(entity: string) {
    const {
      state,
      attributes = {},
      reportedAt = this.#clock.now(),
    } = this.#entities.get(entity) ?? { state: "unknown" };
    const time = new Date(reportedAt).toISOString().replace("Z", "000+00:00");
    const times = { last_changed: time, last_reported: time, last_updated: time };
    return { entity_id: entity, state, attributes, ...times, context: {} };
  }

  async #serve(service: string, body: string): Promise<Said> {
    const [domain = "", verb = ""] = service.split(".");
    if (!SERVICES[domain]?.includes(verb)) return [400, "400: Bad Request"];
    const { entity_id: entity } = JSON.parse(body) as { entity_id: string };
    // The services of one domain know no entities of another.
    const known = domain === "homeassistant" || entity.startsWith(`${domain}.`);
    const present = known && this.#entities.has(entity) && this.state(entity) !== "unavailable";
    if (verb === "update_entity") {
      this.refreshed.push(entity);
      if (present) this.refresh(entity);
      return [200, []];
    }
    this.commands.push(`${service} ${entity}`);
    if (present) this.obey(service, entity);
    return [200, present ? [this.#shape(entity)] : []];
  }

  #setBy(service: string, entity: string): void {
    const { attributes = {} } = this.#entities.get(entity) ?? {};
    const now = service.endsWith("turn_on") ? "on" : service.endsWith("turn_off") ? "off" : undefined;
    if (now) this.set(entity, { state: now, attributes });
  }

  #welcome(socket: WebSocket): void {
    send(socket, { type: "auth_required", ha_version: "2026.11.1" });
    let authorized = false;
    socket.on("close", () => this.#subscribers.delete(socket));
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Record<string, unknown>;
      if (this.says) this.says(message, socket);
      else if (authorized) this.#converse(message, socket);
      else {
        authorized = message["type"] === "auth" && message["access_token"] === TOKEN;
        send(socket, authorized ? { type: "auth_ok" } : { type: "auth_invalid", message: "Invalid access token" });
        if (!authorized) socket.close();
      }
    });
  }

  #converse({ id, type, entity_ids: ids }: Record<string, unknown>, socket: WebSocket): void {
    if (type === "ping") send(socket, { id, type: "pong" });
    else if (type === "subscribe_entities") {
      const entities = ids as string[];
      this.#subscribers.set(socket, { id: Number(id), entities });
      send(socket, { id, type: "result", success: true, result: null });
      const added = entities.flatMap((entity) => {
        const now = this.#entities.get(entity);
        return now ? [[entity, compressed(now)]] : [];
      });
      send(socket, { id, type: "event", event: { a: Object.fromEntries(added) } });
    } else {
      const error = { code: "unknown_command", message: "Unknown command." };
      send(socket, { id, type: "result", success: false, error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.die();
    this.#sockets.close();
  }
}

function compressed({ state, attributes = {} }: Entity) {
  return { s: state, a: attributes, c: "01J9", lc: 1_790_000_000.5, lu: 1_790_000_000.5 };
}

/** As `_state_diff_event` makes it. */
function difference(entity: string, before: Entity | undefined, now: Entity | undefined) {
  if (!now) return { r: [entity] };
  if (!before) return { a: { [entity]: compressed(now) } };
  const old = before.attributes ?? {};
  const attributes = now.attributes ?? {};
  const added = Object.entries(attributes).filter(([name, value]) => old[name] !== value);
  const removed = Object.keys(old).filter((name) => !(name in attributes));
  const plus = {
    ...(before.state !== now.state && { s: now.state }),
    ...(added.length > 0 && { a: Object.fromEntries(added) }),
    lc: 1_790_000_001.5,
  };
  return { c: { [entity]: { "+": plus, ...(removed.length > 0 && { "-": { a: removed } }) } } };
}

function send(socket: WebSocket, message: object): void {
  socket.send(JSON.stringify(message));
}
