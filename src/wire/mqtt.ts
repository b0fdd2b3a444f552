/**
 * A broker, and what was heard on its topics. *Open*: topics are subscribed to when first needed, and what comes on them
 * is kept with the time it came. *Lost*: everything that was heard is forgotten, for whatever changes now is not heard;
 * whoever listens is told. The next use opens it again, with subscriptions of its own.
 *
 * Nothing is ever sent twice, and no message is ever sent with `retain`: a retained command would switch a device again
 * whenever that connects.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { MqttClient } from "mqtt";
import type { Clock } from "../power/clock.ts";
import { messageOf, PowerError } from "../power/errors.ts";
import { abortCode, unlessAborted } from "./abort.ts";
import { type BrokerSettings, brokerName, connectBroker } from "./mqtt-connect.ts";

/** Longest the broker may take to let us in (ms). */
const OPEN_MS = 8_000;
/** Longest it may take to say goodbye (ms). */
const CLOSE_MS = 1_000;
/** Those that look for what they retain in the background send it so much later than their answer to a ping (ms). */
const RETAINED_MS = 50;
/** A message that waits longer in the broker for somebody who is gone is dropped (s); MQTT 5 alone can say so. */
const EXPIRY_S = 10;
/** The codes of an acknowledgement that matter here: MQTT 5, 3.4.2.1. */
const NO_SUBSCRIBERS = 16;

export type Qos = 0 | 1 | 2;

export interface Heard {
  readonly topic: string;
  readonly text: string;
  /** The broker kept it: nobody knows since when it has been true. */
  readonly retained: boolean;
  /** When it came (ms since 1970). */
  readonly at: number;
}

export interface Message {
  readonly topic: string;
  readonly payload: string;
}

export interface Sending {
  readonly qos: Qos;
  /** Is it a command? */
  readonly acts: boolean;
  readonly signal: AbortSignal;
}

export class MqttBroker {
  readonly #settings: BrokerSettings;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  #opening: Promise<MqttClient> | undefined;
  /** Topics, each with when it is subscribed to. */
  #subscriptions = new Map<string, Promise<void>>();
  readonly #last = new Map<string, Heard>();
  readonly #ears = new Set<Ear>();

  private constructor(settings: BrokerSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Throws PowerError as `connectBroker` does. */
  static async open(
    settings: BrokerSettings,
    { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  ): Promise<MqttBroker> {
    const broker = new MqttBroker(settings, clock);
    try {
      await broker.#client(signal);
      return broker;
    } catch (error) {
      await broker.close();
      throw error;
    }
  }

  get name(): string {
    return brokerName(this.#settings);
  }

  /** False from when the connection broke until the next use. */
  get open(): boolean {
    return this.#opening !== undefined;
  }

  /** The newest message on a topic that is subscribed to. */
  last(topic: string): Heard | undefined {
    return this.#last.get(topic);
  }

  /** Resolves when the topics are subscribed to, and what the broker retains of them has come. Throws PowerError. */
  async subscribe(topics: readonly string[], { qos, signal }: Pick<Sending, "qos" | "signal">): Promise<void> {
    const client = await this.#client(signal);
    const missing = topics.filter((topic) => !this.#subscriptions.has(topic));
    if (missing.length > 0) {
      const subscriptions = this.#subscriptions;
      const subscribed = this.#within(client, { signal, what: "a subscription" }, async () => {
        // No messages of our own, where MQTT 5 allows to say so.
        await client.subscribeAsync(missing, { qos, nl: true }).catch((error: unknown) => {
          throw this.#denied(`to listen on ${missing.join(", ")}`, error);
        });
        await answersPing(client);
        await pause(RETAINED_MS);
      });
      for (const topic of missing) subscriptions.set(topic, subscribed);
      subscribed.catch(() => {
        for (const topic of missing) subscriptions.delete(topic);
      });
    }
    await unlessAborted(Promise.all(topics.flatMap((topic) => this.#subscriptions.get(topic) ?? [])), signal);
  }

  /** What the broker keeps on topics that nobody here listens on; they are let go again. Throws PowerError. */
  async kept(topics: readonly string[], sending: Pick<Sending, "qos" | "signal">): Promise<readonly Heard[]> {
    const looked = [...new Set(topics)].filter((topic) => !this.#subscriptions.has(topic));
    try {
      await this.subscribe(looked, sending);
      return looked.flatMap((topic) => this.#last.get(topic) ?? []).filter(({ retained }) => retained);
    } finally {
      const client = await this.#opening?.catch(() => undefined);
      if (client?.connected && looked.length > 0) await client.unsubscribeAsync(looked).catch(() => undefined);
      for (const topic of looked) {
        this.#subscriptions.delete(topic);
        this.#last.delete(topic);
      }
    }
  }

  /** Hears what comes on these topics from now on. They must be subscribed to. */
  ear(topics: readonly string[]): Ear {
    const ear = new Ear(new Set(topics), () => this.#ears.delete(ear));
    this.#ears.add(ear);
    return ear;
  }

  /**
   * Resolves when the broker has taken the message: `unheard` where it says that nobody listens, which brokers that
   * speak MQTT 5 tell. Throws PowerError, with `mayHaveActed` for a command that was sent.
   */
  async publish({ topic, payload }: Message, { qos, acts, signal }: Sending): Promise<"taken" | "unheard"> {
    const client = await this.#client(signal);
    signal.throwIfAborted();
    let unheard = false;
    let id: number | undefined;
    const onPacket = (packet: { readonly cmd: string; readonly messageId?: number; readonly reasonCode?: number }) => {
      const acknowledges = (packet.cmd === "puback" || packet.cmd === "pubrec") && packet.messageId === id;
      if (acknowledges && packet.reasonCode === NO_SUBSCRIBERS) unheard = true;
    };
    client.on("packetreceive", onPacket);
    try {
      await this.#within(client, { signal, acts, what: `a message on ${topic}` }, async () => {
        const properties = { messageExpiryInterval: EXPIRY_S };
        const sent = client.publishAsync(topic, payload, { qos, retain: false, properties });
        id = qos === 0 ? undefined : client.getLastMessageId();
        await sent.catch((error: unknown) => {
          throw this.#denied(`to publish on ${topic}`, error);
        });
      });
    } finally {
      client.off("packetreceive", onPacket);
    }
    return unheard ? "unheard" : "taken";
  }

  async close(): Promise<void> {
    this.#over.abort(new PowerError("unreachable", `the connection to ${this.name} was closed`));
    for (const ear of this.#ears) ear.close();
    const client = await this.#opening?.catch(() => undefined);
    if (!client?.connected) return;
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    const timer = setTimeout(() => client.stream.destroy(), CLOSE_MS);
    // The library would wait without end for what was not confirmed.
    client.end(Object.keys(client.outgoing).length > 0);
    await closed;
    clearTimeout(timer);
  }

  #client(signal: AbortSignal): Promise<MqttClient> {
    this.#opening ??= this.#open();
    return unlessAborted(this.#opening, signal);
  }

  /** Not within the time of whoever asks first: others may wait for it as well. */
  #open(): Promise<MqttClient> {
    const late = new AbortController();
    const why = new PowerError("timeout", `${this.name} did not let us in within ${OPEN_MS / 1_000} s`);
    const timer = setTimeout(() => late.abort(why), OPEN_MS);
    const opening = connectBroker(this.#settings, AbortSignal.any([late.signal, this.#over.signal]));
    opening
      .then(
        (client) => {
          client.on("message", (topic, payload, { retain }) => this.#heard(topic, payload, retain));
          client.once("close", () => this.#lost(opening));
        },
        () => this.#lost(opening),
      )
      .finally(() => clearTimeout(timer));
    return opening;
  }

  #heard(topic: string, payload: Buffer, retained: boolean): void {
    const heard = { topic, text: payload.toString(), retained, at: this.#clock.now() };
    this.#last.set(topic, heard);
    for (const ear of this.#ears) ear.hear(heard);
  }

  #lost(opening: Promise<MqttClient>): void {
    if (this.#opening !== opening) return;
    this.#opening = undefined;
    this.#subscriptions = new Map();
    this.#last.clear();
    for (const ear of this.#ears) ear.fail(this.#broken());
  }

  #broken(acts = false): PowerError {
    return new PowerError("unreachable", `the connection to ${this.name} broke`, { mayHaveActed: acts });
  }

  #denied(what: string, error: unknown): unknown {
    if (error instanceof PowerError) return error;
    return new PowerError("refused", `${this.name} does not allow us ${what}: ${messageOf(error)}`, {
      cause: error,
      hint: "Correct what the broker lets this user do (its access control list), or the topic.",
    });
  }

  /** The work, unless the connection breaks or the signal aborts before it is done. */
  async #within(
    client: MqttClient,
    { signal, what, acts = false }: { readonly signal: AbortSignal; readonly what: string; readonly acts?: boolean },
    work: () => Promise<void>,
  ): Promise<void> {
    let settle = () => {};
    const broken = new Promise<never>((_, reject) => {
      const onClose = () => reject(this.#broken(acts));
      const onAbort = () =>
        reject(
          new PowerError(abortCode(signal), `${this.name} did not confirm ${what} in time`, { mayHaveActed: acts }),
        );
      client.once("close", onClose);
      signal.addEventListener("abort", onAbort, { once: true });
      settle = () => {
        client.off("close", onClose);
        signal.removeEventListener("abort", onAbort);
      };
    });
    try {
      await Promise.race([work(), broken]);
    } finally {
      settle();
    }
  }
}

/** A broker sends what it retains once it confirmed a subscription, and most do so before they answer a ping. */
async function answersPing(client: MqttClient): Promise<void> {
  await new Promise<void>((resolve) => {
    const onPacket = ({ cmd }: { readonly cmd: string }) => {
      if (cmd !== "pingresp") return;
      client.off("packetreceive", onPacket);
      resolve();
    };
    client.on("packetreceive", onPacket);
    client.sendPing();
  });
}

/** Hears messages in the order in which they come. */
export class Ear implements Disposable {
  readonly #topics: ReadonlySet<string>;
  readonly #forget: () => void;
  #heard: Heard[] = [];
  #failure: PowerError | undefined;
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(topics: ReadonlySet<string>, forget: () => void) {
    this.#topics = topics;
    this.#forget = forget;
  }

  hear(heard: Heard): void {
    if (!this.#topics.has(heard.topic)) return;
    this.#heard.push(heard);
    this.#wake();
  }

  fail(failure: PowerError): void {
    this.#failure ??= failure;
    this.#wake();
  }

  /** The next message; undefined once it is closed. Rejects with the signal's reason, or when the connection breaks. */
  async next(signal?: AbortSignal): Promise<Heard | undefined> {
    for (;;) {
      const heard = this.#heard.shift();
      if (heard) return heard;
      if (this.#closed) return undefined;
      if (this.#failure) throw this.#failure;
      await unlessAborted(
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        signal,
      );
    }
  }

  close(): void {
    this.#closed = true;
    this.#forget();
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
