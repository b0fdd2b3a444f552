/**
 * A plug with a machine behind it, as an MQTT client that speaks like one of these, after their documents:
 *
 *     tasmota       https://tasmota.github.io/docs/MQTT/ and /Commands/: cmnd, stat, tele, LWT, SetOption26
 *     zigbee2mqtt   https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html: set, get, availability, bridge/state
 *     shelly        https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt: command, status, online
 *     shelly-gen1   https://shelly-api-docs.shelly.cloud/gen1/#mqtt-support: relay, command, online
 *     esphome       https://esphome.io/components/mqtt/: command, state, status, esphome/ping, esphome/discover
 *     homeassistant https://www.home-assistant.io/integrations/mqtt_statestream/ and the automations of the driver's page
 */
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import type { Clock } from "../../src/power/clock.ts";
import { until } from "../expecting.ts";

export type Speech = "tasmota" | "zigbee2mqtt" | "shelly" | "shelly-gen1" | "esphome" | "homeassistant";

/** How it fails: hears nothing, tells rubbish, obeys and tells nothing, does nothing and tells what it is. */
export type MqttFault = "silent" | "rubbish" | "mute" | "stuck";

export interface MqttPlugOptions {
  readonly url: string;
  readonly speech: Speech;
  readonly name?: string;
  /** Number of relays. */
  readonly relays?: number;
  /** Tasmota's SetOption26: the only relay is called POWER1. */
  readonly numbered?: boolean;
  /** Zigbee2MQTT's availability feature. */
  readonly availability?: boolean;
  /** Are its states retained? ESPHome's and Home Assistant's are; Tasmota's with PowerRetain. */
  readonly retain?: boolean;
  readonly clock?: Clock;
  readonly initial?: "on" | "off" | "halted";
  /** From a command to its effect, and from current to running (ms). */
  readonly lag?: number;
  readonly boot?: number;
  readonly connection?: IClientOptions;
}

const LOAD_W = 25;
const HALTED_W = 0.9;

export class MqttPlug implements AsyncDisposable {
  readonly #options: MqttPlugOptions;
  readonly #script: Script;
  readonly #client: MqttClient;
  readonly #closed: boolean[];
  #running: boolean;
  #life = new AbortController();
  fault: MqttFault | undefined;
  /** Every command that arrived: `ON`, or `ON 2` for another relay than the first. */
  readonly commands: string[] = [];
  /** How often it was asked for its state. */
  questions = 0;
  /** Has it said hello on this connection? */
  #ready = false;

  private constructor(options: MqttPlugOptions) {
    const { speech, initial = "off", relays = 1, connection } = options;
    this.#options = options;
    this.#script = SCRIPTS[speech](options);
    this.#closed = Array.from({ length: relays }, (_, index) => index === 0 && initial !== "off");
    this.#running = initial === "on";
    const { will } = this.#script;
    this.#client = mqtt.connect(options.url, {
      clientId: `device-${options.name ?? "plug1"}`,
      reconnectPeriod: 20,
      ...(will && { will: { ...will, payload: Buffer.from(will.payload), qos: 0, retain: true } }),
      ...connection,
    });
    this.#client.on("error", () => undefined);
    this.#client.on("connect", () => void this.#begin());
    this.#client.on("message", (topic, payload, { retain }) => this.#hear(topic, payload.toString(), retain));
  }

  static async start(options: MqttPlugOptions): Promise<MqttPlug> {
    const plug = new MqttPlug(options);
    await plug.connected();
    return plug;
  }

  /** Resolves when it is connected and has said hello. */
  connected(): Promise<void> {
    return until(() => this.#client.connected && this.#ready);
  }

  get running(): boolean {
    return this.#running;
  }

  /** Is the relay closed? The first is 0. */
  closed(relay = 0): boolean {
    return this.#closed[relay] ?? false;
  }

  get watts(): number {
    return this.closed() ? (this.#running ? LOAD_W : HALTED_W) : 0;
  }

  /** By hand at the device: it tells the change. */
  set(closed: boolean, relay = 0): void {
    this.#switch(relay, closed);
  }

  /** It says what it would say when asked. */
  tell(): void {
    this.#report(0, false);
  }

  /** It loses its current: its last will is published. */
  async vanish(): Promise<void> {
    this.#client.options.reconnectPeriod = 0;
    this.#ready = false;
    this.#client.stream.destroy();
    await until(() => !this.#client.connected);
  }

  async return(): Promise<void> {
    this.#client.options.reconnectPeriod = 20;
    this.#client.reconnect();
    await this.connected();
  }

  async #begin(): Promise<void> {
    await this.#client.subscribeAsync(this.#script.hears, { qos: 1 });
    for (const { topic, payload } of this.#script.hello)
      await this.#client.publishAsync(topic, payload, { qos: 1, retain: true });
    if (this.#script.tellsAtOnce) for (const relay of this.#closed.keys()) this.#report(relay, false);
    this.#ready = true;
  }

  #hear(topic: string, payload: string, retained: boolean): void {
    if (this.fault === "silent") return;
    const heard = this.#script.hear(topic, payload);
    if (!heard) return;
    const { relay, wish } = heard;
    if (wish === undefined) {
      this.questions += 1;
      for (const index of relay === "all" ? this.#closed.keys() : [relay]) this.#report(index, true);
      return;
    }
    const index = relay === "all" ? 0 : relay;
    this.commands.push(`${wish ? "ON" : "OFF"}${index === 0 ? "" : ` ${index + 1}`}${retained ? " retained" : ""}`);
    const { lag = 0, clock } = this.#options;
    if (this.fault === "stuck") this.#report(index, false);
    else if (lag === 0 || !clock) this.#switch(index, wish);
    else void clock.sleep(lag).then(() => this.#switch(index, wish));
  }

  #switch(relay: number, closed: boolean): void {
    const changed = this.#closed[relay] !== closed;
    this.#closed[relay] = closed;
    if (relay === 0 && changed) this.#feed(closed);
    if (changed || !this.#script.tellsChangesAlone) this.#report(relay, false);
  }

  #feed(fed: boolean): void {
    const { boot = 0, clock } = this.#options;
    this.#life.abort();
    this.#life = new AbortController();
    if (!fed || boot === 0 || !clock) this.#running = fed;
    else
      void clock.sleep(boot, this.#life.signal).then(
        () => {
          this.#running = true;
        },
        () => undefined,
      );
  }

  #report(relay: number, asked: boolean): void {
    if (this.fault === "mute") return;
    for (const { topic, payload } of this.#script.report(relay, {
      closed: this.closed(relay),
      watts: this.watts,
      asked,
    })) {
      const told = this.fault === "rubbish" ? "<html>busy" : payload;
      this.#client.publish(topic, told, { qos: 0, retain: this.#options.retain ?? this.#script.retains ?? false });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort();
    await this.#client.endAsync(true);
  }
}

interface Line {
  readonly topic: string;
  readonly payload: string;
}

interface Script {
  readonly hears: string[];
  readonly hello: readonly Line[];
  readonly will?: Line;
  /** A wish, or without one a question. */
  hear(topic: string, payload: string): { readonly relay: number | "all"; readonly wish?: boolean } | undefined;
  report(
    relay: number,
    state: { readonly closed: boolean; readonly watts: number; readonly asked: boolean },
  ): readonly Line[];
  readonly retains?: boolean;
  readonly tellsAtOnce?: boolean;
  readonly tellsChangesAlone?: boolean;
}

type Wish = { readonly wish?: boolean } | undefined;

function wishOf(payload: string): Wish {
  if (/^(?:on|1|true)$/i.test(payload)) return { wish: true };
  return /^(?:off|0|false)$/i.test(payload) ? { wish: false } : undefined;
}

const word = (closed: boolean) => (closed ? "ON" : "OFF");

const SCRIPTS: Readonly<Record<Speech, (options: MqttPlugOptions) => Script>> = {
  tasmota: ({ name = "plug1", relays = 1, numbered = false }) => ({
    hears: [`cmnd/${name}/#`],
    hello: [{ topic: `tele/${name}/LWT`, payload: "Online" }],
    will: { topic: `tele/${name}/LWT`, payload: "Offline" },
    tellsAtOnce: true,
    hear: (topic, payload) => {
      const [, number = "1"] = /\/power(\d*)$/i.exec(topic) ?? [];
      const relay = Number(number || "1") - 1;
      if (!/\/power\d*$/i.test(topic) || relay >= relays) return undefined;
      if (payload === "" || payload === "?") return { relay };
      const wish = wishOf(payload);
      return wish && { relay, ...wish };
    },
    report: (relay, { closed }) => {
      const key = relays > 1 || numbered ? `POWER${relay + 1}` : "POWER";
      return [
        { topic: `stat/${name}/RESULT`, payload: JSON.stringify({ [key]: word(closed) }) },
        { topic: `stat/${name}/${key}`, payload: word(closed) },
      ];
    },
  }),
  zigbee2mqtt: ({ name = "plug1", relays = 1, availability = true }) => {
    const key = (relay: number) => (relays > 1 ? `state_l${relay + 1}` : "state");
    return {
      hears: [`zigbee2mqtt/${name}/set`, `zigbee2mqtt/${name}/get`],
      hello: [
        { topic: "zigbee2mqtt/bridge/state", payload: '{"state":"online"}' },
        ...(availability ? [{ topic: `zigbee2mqtt/${name}/availability`, payload: '{"state":"online"}' }] : []),
      ],
      will: { topic: "zigbee2mqtt/bridge/state", payload: '{"state":"offline"}' },
      hear: (topic, payload) => {
        const asked = JSON.parse(payload) as Record<string, string>;
        const relay = [...Array(relays).keys()].find((each) => key(each) in asked);
        if (relay === undefined) return undefined;
        return topic.endsWith("/get") ? { relay } : { relay, ...wishOf(asked[key(relay)] ?? "") };
      },
      report: (relay, { closed, watts }) => [
        {
          topic: `zigbee2mqtt/${name}`,
          payload: JSON.stringify({
            linkquality: 120,
            update: { state: "idle" },
            power: watts,
            [key(relay)]: word(closed),
          }),
        },
      ],
    };
  },
  shelly: ({ name = "plug1" }) => ({
    hears: [`${name}/command/+`],
    hello: [{ topic: `${name}/online`, payload: "true" }],
    will: { topic: `${name}/online`, payload: "false" },
    hear: (topic, payload) => {
      const relay = Number(/\/switch:(\d)$/.exec(topic)?.[1] ?? Number.NaN);
      if (payload === "status_update") return { relay };
      const wish = wishOf(payload);
      return wish && { relay, ...wish };
    },
    report: (relay, { closed, watts }) => [
      {
        topic: `${name}/status/switch:${relay}`,
        payload: JSON.stringify({ id: relay, source: "MQTT", output: closed, apower: watts, voltage: 230.1 }),
      },
    ],
  }),
  "shelly-gen1": ({ name = "plug1" }) => ({
    hears: [`shellies/${name}/command`, `shellies/${name}/relay/+/command`, "shellies/command"],
    hello: [{ topic: `shellies/${name}/online`, payload: "true" }],
    will: { topic: `shellies/${name}/online`, payload: "false" },
    tellsAtOnce: true,
    hear: (topic, payload) => {
      if (payload === "update") return { relay: "all" };
      const wish = wishOf(payload);
      return wish && { relay: Number(/relay\/(\d)/.exec(topic)?.[1]), ...wish };
    },
    report: (relay, { closed }) => [
      { topic: `shellies/${name}/relay/${relay}`, payload: word(closed).toLowerCase() },
      { topic: `shellies/${name}/relay/${relay}/power`, payload: "0.00" },
    ],
  }),
  esphome: ({ name = "plug1" }) => ({
    hears: [`${name}/switch/relay/command`, `esphome/ping/${name}`, "esphome/discover"],
    hello: [{ topic: `${name}/status`, payload: "online" }],
    will: { topic: `${name}/status`, payload: "offline" },
    retains: true,
    tellsAtOnce: true,
    tellsChangesAlone: true,
    hear: (topic, payload) => (topic.startsWith("esphome/") ? { relay: 0 } : { relay: 0, ...wishOf(payload) }),
    report: (_relay, { closed, asked }) => [
      asked
        ? { topic: `esphome/discover/${name}`, payload: JSON.stringify({ ip: "192.0.2.9", name, port: 6053 }) }
        : { topic: `${name}/switch/relay/state`, payload: word(closed) },
    ],
  }),
  homeassistant: ({ name = "switch/plug1" }) => ({
    hears: ["homeassistant/+/+/set", "homeassistant/+/+/get"],
    hello: [{ topic: "homeassistant/status", payload: "online" }],
    will: { topic: "homeassistant/status", payload: "offline" },
    retains: true,
    tellsAtOnce: true,
    hear: (topic, payload) => (topic.endsWith("/get") ? { relay: 0 } : { relay: 0, ...wishOf(payload) }),
    report: (_relay, { closed }) => [{ topic: `homeassistant/${name}/state`, payload: word(closed).toLowerCase() }],
  }),
};
