/**
 * A device with ESPHome's web server, after its documents and its source:
 *
 *     GET  /DOMAIN/ENTITY[?detail=all]     what it is doing; 404 where there is no such entity
 *     POST /DOMAIN/ENTITY/ACTION           200 at once; 411 without Content-Length; 404 for another action
 *     GET  /events                         `ping` with its title, every entity with all details, then each as it changes
 *     OPTIONS /                            name and MAC address, where a browser asks for access
 *
 * What entities are called depends on its version; sub-devices stand before the name since 2026.1.
 */
import type { ServerResponse } from "node:http";
import { HttpDevice, type HttpDeviceOptions, type Received } from "./http-device.ts";

export const MAC = "AA:BB:CC:00:53:07";

/**
 * `2025.12`: URLs and IDs made of the name. `2026.1`: URLs by name as well, and `name_id`. `2026.7`: URLs by name alone.
 * `2026.8`: `id` is by name too.
 */
export type Version = "2025.12" | "2026.1" | "2026.7" | "2026.8";

export interface EspEntity {
  readonly domain: "switch" | "light" | "fan" | "button" | "binary_sensor" | "sensor" | "number";
  readonly name: string;
  readonly device?: string;
  /** On or off, or a number with its unit. */
  readonly state?: boolean | number | null;
  readonly unit?: string;
  readonly assumed?: boolean;
}

export interface EspHomeOptions extends Pick<HttpDeviceOptions, "guard" | "port"> {
  readonly version?: Version;
  readonly entities: readonly EspEntity[];
}

const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  switch: ["turn_on", "turn_off", "toggle"],
  light: ["turn_on", "turn_off", "toggle"],
  fan: ["turn_on", "turn_off", "toggle"],
  button: ["press"],
};

export class EspHomeDevice implements AsyncDisposable {
  readonly #http: HttpDevice;
  #entities: EspEntity[];
  readonly #listeners = new Set<ServerResponse>();
  version: Version;
  /** Every action that arrived: `turn_on switch/Relay`. */
  readonly commands: string[] = [];
  /** What an action does; by default it sets the state. */
  obey: (action: string, entity: EspEntity) => void = (action, entity) => this.#setBy(action, entity);
  /** How it answers a browser that asks for access: with its MAC address, not at all, or by hanging up. */
  access: "told" | "unknown" | "hangs up" = "told";
  mac = MAC;
  /** Answers in place of the device. */
  handler: ((request: Received, response: ServerResponse) => void) | undefined;

  private constructor({ entities, version = "2026.8" }: EspHomeOptions, http: HttpDevice) {
    this.#entities = [...entities];
    this.version = version;
    this.#http = http;
    http.handler = (request, response) => (this.handler ?? this.#answer)(request, response);
  }

  static async start(options: EspHomeOptions): Promise<EspHomeDevice> {
    return new EspHomeDevice(options, await HttpDevice.start(options));
  }

  get port(): number {
    return this.#http.port;
  }

  get requests(): readonly Received[] {
    return this.#http.requests;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  state(name: string): EspEntity["state"] {
    return this.#entities.find((entity) => entity.name === name)?.state;
  }

  /** It became so, and everybody who listens is told. */
  set(name: string, state: boolean | number): void {
    this.#entities = this.#entities.map((entity) => (entity.name === name ? { ...entity, state } : entity));
    for (const entity of this.#entities.filter((known) => known.name === name))
      for (const listener of this.#listeners) tell(listener, "state", this.#report(entity, false));
  }

  /** A line of its log goes to everybody who listens. */
  log(line: string): void {
    for (const listener of this.#listeners) listener.write(`event: log\r\ndata: ${line}\r\n\r\n`);
  }

  /** Writes to everybody who listens, as it is. */
  tellRaw(text: string): void {
    for (const listener of this.#listeners) listener.write(text);
  }

  breakListeners(): void {
    for (const listener of this.#listeners) listener.destroy();
  }

  die(): Promise<void> {
    return this.#http.die();
  }

  revive(): Promise<void> {
    return this.#http.revive();
  }

  readonly #answer = (request: Received, response: ServerResponse): void => {
    const { method, url, headers } = request;
    const { pathname, searchParams } = new URL(url, "http://device");
    if (method === "OPTIONS" && headers["access-control-request-private-network"] !== undefined)
      this.#introduce(response);
    else if (method === "POST" && headers["content-length"] === undefined) response.writeHead(411).end();
    else if (method === "GET" && pathname === "/events") this.#listen(response);
    else if (method === "GET") this.#tell(pathname, searchParams.get("detail") === "all", response);
    else if (method === "POST") this.#command(pathname, response);
    else response.writeHead(404).end();
  };

  #introduce(response: ServerResponse): void {
    if (this.access === "hangs up") response.socket?.destroy();
    else if (this.access === "unknown") response.writeHead(404).end();
    else {
      response.setHeader("Access-Control-Allow-Private-Network", "true");
      response.setHeader("Private-Network-Access-Name", "plug-nuc1");
      response.setHeader("Private-Network-Access-ID", this.mac);
      response.end();
    }
  }

  #tell(path: string, detailed: boolean, response: ServerResponse): void {
    const entity = this.#entities.find((known) => this.#pathsOf(known).includes(path));
    if (!entity) response.writeHead(404).end();
    else response.setHeader("content-type", "application/json").end(JSON.stringify(this.#report(entity, detailed)));
  }

  #command(path: string, response: ServerResponse): void {
    const [, place = "", action = ""] = /^(.*)\/([^/]+)$/.exec(path) ?? [];
    const entity = this.#entities.find((known) => this.#pathsOf(known).includes(place));
    if (!entity || !ACTIONS[entity.domain]?.includes(action)) {
      response.writeHead(404).end();
      return;
    }
    // It answers, and does it when its loop comes round.
    response.end();
    this.commands.push(
      `${action} ${[entity.domain, ...(entity.device ? [entity.device] : []), entity.name].join("/")}`,
    );
    this.obey(action, entity);
  }

  #setBy(action: string, { name, domain }: EspEntity): void {
    if (domain !== "button") this.set(name, action === "toggle" ? this.state(name) !== true : action === "turn_on");
  }

  #listen(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.write("\r\n");
    tell(response, "ping", { title: "Plug", comment: "", ota: true, log: true, lang: "en", uptime: 12 });
    for (const entity of this.#entities) tell(response, "state", this.#report(entity, true));
    this.#listeners.add(response);
    response.on("close", () => this.#listeners.delete(response));
  }

  #pathsOf({ domain, device, name }: EspEntity): string[] {
    const byName = [domain, ...(device === undefined ? [] : [device]), name].map(encodeURIComponent).join("/");
    const byId = `${domain}/${objectId(name)}`;
    const between = device === undefined ? byId : `${domain}/${encodeURIComponent(device)}/${objectId(name)}`;
    const paths = { "2025.12": [byId], "2026.1": [byName, between], "2026.7": [byName], "2026.8": [byName] };
    return paths[this.version].map((path) => `/${path}`);
  }

  #report({ domain, device, name, state, unit, assumed = false }: EspEntity, detailed: boolean) {
    const byName = [domain, ...(device === undefined ? [] : [device]), name].join("/");
    const ids =
      this.version === "2026.8"
        ? { id: byName }
        : { ...(this.version !== "2025.12" && { name_id: byName }), id: `${domain}-${objectId(name)}` };
    const switched = typeof state === "boolean";
    const word = state === null ? "NA" : switched ? (state ? "ON" : "OFF") : `${String(state)} ${unit ?? ""}`.trim();
    // Lights had no `value` before names were in the URLs, and have their word there since.
    const value = domain === "light" ? (this.version === "2025.12" ? {} : { value: word }) : { value: state };
    return {
      ...ids,
      ...(detailed && { domain, name, ...(device !== undefined && { device }), icon: "", entity_category: 0 }),
      ...(domain !== "button" && { ...value, state: word }),
      ...(detailed && domain === "switch" && { assumed_state: assumed }),
      ...(detailed && unit !== undefined && { uom: unit }),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#http[Symbol.asyncDispose]();
  }
}

/** `str_sanitize(str_snake_case(name))`: byte by byte. */
function objectId(name: string): string {
  const bytes = Buffer.from(name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()).replaceAll(" ", "_"));
  return bytes.toString("latin1").replaceAll(/[^a-z0-9_-]/gu, "_");
}

function tell(response: ServerResponse, event: string, data: object): void {
  response.write(`retry: 30000\r\nid: 4711\r\nevent: ${event}\r\ndata: ${JSON.stringify(data)}\r\n\r\n`);
}
