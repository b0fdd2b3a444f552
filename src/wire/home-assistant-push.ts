/**
 * States that Home Assistant tells unasked, over its WebSocket at /api/websocket:
 *
 *     ←  {"type":"auth_required"}            →  {"type":"auth","access_token":"…"}
 *     ←  {"type":"auth_ok"}                  →  {"id":1,"type":"subscribe_entities","entity_ids":["switch.nuc1"]}
 *     ←  {"id":1,"type":"result","success":true}
 *     ←  {"id":1,"type":"event","event":{"a":{"switch.nuc1":{"s":"off","a":{…}}}}}          all that there are
 *     ←  {"id":1,"type":"event","event":{"c":{"switch.nuc1":{"+":{"s":"on"}}},"r":[…]}}     what changed, and went
 *
 * `subscribe_entities` is what its own pages use: it tells of the entities asked for alone, where `subscribe_events` tells
 * of the whole house.
 */
import { z } from "zod";
import { PowerError } from "../power/errors.ts";
import { unlessAborted } from "./abort.ts";
import { clip } from "./clip.ts";
import type { EntityState, HomeAssistantOptions } from "./home-assistant.ts";
import { JsonSocket } from "./json-socket.ts";

/** How often it is asked for a sign of life (ms); without one until the next time it is taken for gone. */
const PING_MS = 30_000;
const SUBSCRIPTION = 1;

const MESSAGE = z.object({
  type: z.string(),
  id: z.int().optional(),
  success: z.boolean().optional(),
  error: z.object({ message: z.string() }).optional(),
  message: z.string().optional(),
  event: z.unknown().optional(),
});
const ATTRIBUTES = z.record(z.string(), z.unknown());
const EVENT = z.object({
  a: z.record(z.string(), z.object({ s: z.string(), a: ATTRIBUTES.default({}) })).default({}),
  c: z
    .record(
      z.string(),
      z.object({
        "+": z.object({ s: z.string().optional(), a: ATTRIBUTES.default({}) }).prefault({}),
        "-": z.object({ a: z.array(z.string()).default([]) }).prefault({}),
      }),
    )
    .default({}),
  r: z.array(z.string()).default([]),
});

export interface WatchEntitiesOptions {
  readonly entities: readonly string[];
  /** Counts until Home Assistant has agreed. */
  readonly signal: AbortSignal;
  readonly state: (state: EntityState) => void;
  /** Called at most once. */
  readonly lost: (error: PowerError) => void;
  /** Milliseconds. */
  readonly pingEvery?: number;
}

/** Tells states from now until the function it answers is called. Throws PowerError. */
export async function watchEntities(ha: HomeAssistantOptions, options: WatchEntitiesOptions): Promise<() => void> {
  const watch = new EntityWatch(ha, options);
  await watch.open();
  return () => watch.end();
}

class EntityWatch {
  readonly #ha: HomeAssistantOptions;
  readonly #options: WatchEntitiesOptions;
  readonly #known = new Map<string, EntityState>();
  /** Settles when Home Assistant agreed, or refused. */
  #settle: (failure?: PowerError) => void = () => undefined;
  #agreed = false;
  #lively = true;
  #socket: JsonSocket | undefined;
  #pinging: NodeJS.Timeout | undefined;

  constructor(ha: HomeAssistantOptions, options: WatchEntitiesOptions) {
    this.#ha = ha;
    this.#options = options;
  }

  async open(): Promise<void> {
    const { base, tls } = this.#ha;
    const { signal } = this.#options;
    const agreement = new Promise<void>((resolve, reject) => {
      this.#settle = (failure) => (failure ? reject(failure) : resolve());
    });
    agreement.catch(() => undefined);
    this.#socket = await JsonSocket.open({
      url: `${base}/api/websocket`,
      tls,
      signal,
      heard: (message, socket) => this.#hear(message, socket),
      lost: (error) => this.#fail(error),
    });
    try {
      await unlessAborted(agreement, signal);
    } catch (error) {
      this.end();
      throw error;
    }
    this.#agreed = true;
    const { pingEvery = PING_MS } = this.#options;
    let id = SUBSCRIPTION;
    this.#pinging = setInterval(() => {
      if (!this.#lively) return this.#fail(new PowerError("unreachable", `${base} is silent`));
      this.#lively = false;
      id += 1;
      this.#socket?.send({ id, type: "ping" });
    }, pingEvery).unref();
  }

  end(): void {
    clearInterval(this.#pinging);
    this.#socket?.close();
  }

  #fail(error: PowerError): void {
    this.end();
    if (this.#agreed) this.#options.lost(error);
    else this.#settle(error);
  }

  #hear(message: unknown, socket: JsonSocket): void {
    this.#lively = true;
    const read = this.#understood(MESSAGE, message);
    if (!read) return;
    const { type, id, success, error, message: words, event } = read;
    const { token } = this.#ha;
    const said = (text = "") => clip(text, [token.reveal()], 200) || "it says nothing more";
    if (type === "auth_required") socket.send({ type: "auth", access_token: token.reveal() });
    if (type === "auth_invalid") this.#fail(new PowerError("auth", `Home Assistant refuses the token: ${said(words)}`));
    if (type === "auth_ok")
      socket.send({ id: SUBSCRIPTION, type: "subscribe_entities", entity_ids: this.#options.entities });
    if (id !== SUBSCRIPTION) return;
    if (type === "result" && success) this.#settle();
    if (type === "result" && !success)
      this.#fail(new PowerError("unsupported", `Home Assistant pushes no states: ${said(error?.message)}`));
    if (type === "event") this.#apply(event);
  }

  #apply(event: unknown): void {
    const read = this.#understood(EVENT, event);
    if (!read) return;
    const { a: added, c: changed, r: removed } = read;
    for (const [entity, { s: state, a: attributes }] of Object.entries(added))
      this.#tell({ entity_id: entity, state, attributes });
    for (const [entity, { "+": now, "-": gone }] of Object.entries(changed)) {
      const before = this.#known.get(entity);
      if (!before) continue;
      const kept = Object.entries(before.attributes).filter(([name]) => !gone.a.includes(name));
      const attributes = { ...Object.fromEntries(kept), ...now.a };
      this.#tell({ entity_id: entity, state: now.s ?? before.state, attributes });
    }
    // An entity goes when its integration is taken out, and comes back when it is loaded again.
    for (const entity of removed) this.#tell({ entity_id: entity, state: "unavailable", attributes: {} });
  }

  #understood<T>(schema: z.ZodType<T>, data: unknown): T | undefined {
    const read = schema.safeParse(data);
    if (!read.success)
      this.#fail(new PowerError("protocol", "that is nothing that Home Assistant says on its WebSocket"));
    return read.data;
  }

  #tell(state: EntityState): void {
    this.#known.set(state.entity_id, state);
    this.#options.state(state);
  }
}
