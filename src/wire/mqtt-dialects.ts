/**
 * How devices speak over MQTT: their topics and payloads, as they come from their makers.
 *
 *     tasmota       cmnd/plug1/POWER ON              stat/plug1/POWER ON, asked for by an empty payload
 *     zigbee2mqtt   zigbee2mqtt/plug1/set {"state":"ON"}     zigbee2mqtt/plug1 {"state":"ON"}, asked for on …/get
 *     shelly        plug1/command/switch:0 on        plug1/status/switch:0 {"output":true}, asked for by `status_update`
 *     shelly-gen1   shellies/plug1/relay/0/command on        shellies/plug1/relay/0 on, asked for by `update` for all
 *     esphome       plug1/switch/relay/command ON    plug1/switch/relay/state ON, retained; a ping tells that it is there
 *     homeassistant homeassistant/switch/plug1/set ON        homeassistant/switch/plug1/state on, by an automation
 */
import type { Message } from "./mqtt.ts";

export const DIALECTS = ["tasmota", "zigbee2mqtt", "shelly", "shelly-gen1", "esphome", "homeassistant"] as const;
export type DialectName = (typeof DIALECTS)[number];

export const MQTT_VERBS = ["on", "off", "cycle", "reset", "query"] as const;
export type MqttVerb = (typeof MQTT_VERBS)[number];

export interface Dialect {
  /** What to send for each verb; for `query`, to be told the state. */
  readonly publish: { readonly [Verb in MqttVerb]?: Message | undefined };
  /** Where it tells its state. */
  readonly state: readonly string[];
  /** Where it answers `publish.query`, when that is not where it tells its state. */
  readonly reply?: string | undefined;
  /** The property of a JSON payload in which the state stands: `state`, `relays.0.ison`. */
  readonly property?: string | undefined;
  readonly values: { readonly on: string; readonly off: string };
  /** Where it tells whether it is there. */
  readonly availability: readonly string[];
}

export interface DialectNames {
  readonly device: string;
  readonly relay?: string | undefined;
  /** What the topics begin with, where that was changed on the device. */
  readonly base?: string | undefined;
}

const ON_OFF = { on: "ON", off: "OFF" };

/** `{"POWER":"ON"}` and `{"POWER1":"ON"}` are the same relay: SetOption26. */
function tasmota({ device, relay, base = "%prefix%/%topic%/" }: DialectNames): Dialect {
  const full = base.endsWith("/") ? base : `${base}/`;
  const topic = (prefix: string, of: string) => full.replaceAll("%prefix%", prefix).replaceAll("%topic%", device) + of;
  const power = topic("cmnd", `POWER${relay ?? ""}`);
  const first = relay === undefined || relay === "1";
  return {
    publish: {
      on: { topic: power, payload: "ON" },
      off: { topic: power, payload: "OFF" },
      query: { topic: power, payload: "" },
    },
    state: (first ? ["POWER", "POWER1"] : [`POWER${relay}`]).map((name) => topic("stat", name)),
    values: ON_OFF,
    availability: [topic("tele", "LWT")],
  };
}

function zigbee2mqtt({ device, relay, base = "zigbee2mqtt" }: DialectNames): Dialect {
  const property = relay === undefined ? "state" : `state_${relay}`;
  const set = (value: string) => ({ topic: `${base}/${device}/set`, payload: JSON.stringify({ [property]: value }) });
  return {
    publish: {
      on: set("ON"),
      off: set("OFF"),
      query: { topic: `${base}/${device}/get`, payload: JSON.stringify({ [property]: "" }) },
    },
    state: [`${base}/${device}`],
    property,
    values: ON_OFF,
    availability: [`${base}/${device}/availability`, `${base}/bridge/state`],
  };
}

function shelly({ device, relay = "0", base }: DialectNames): Dialect {
  const prefix = base === undefined ? device : `${base}/${device}`;
  const command = (payload: string) => ({ topic: `${prefix}/command/switch:${relay}`, payload });
  return {
    publish: { on: command("on"), off: command("off"), query: command("status_update") },
    state: [`${prefix}/status/switch:${relay}`],
    property: "output",
    values: { on: "true", off: "false" },
    availability: [`${prefix}/online`],
  };
}

function shellyGen1({ device, relay = "0", base = "shellies" }: DialectNames): Dialect {
  const prefix = `${base}/${device}`;
  const command = (payload: string) => ({ topic: `${prefix}/relay/${relay}/command`, payload });
  return {
    publish: { on: command("on"), off: command("off"), query: { topic: `${prefix}/command`, payload: "update" } },
    state: [`${prefix}/relay/${relay}`],
    values: ON_OFF,
    availability: [`${prefix}/online`],
  };
}

/** It answers no question about its state, but tells every change, retained; and all of it anew when it connects. */
function esphome({ device, relay = "", base = device }: DialectNames): Dialect {
  const command = (payload: string) => ({ topic: `${base}/switch/${relay}/command`, payload });
  return {
    publish: { on: command("ON"), off: command("OFF"), query: { topic: `esphome/ping/${device}`, payload: "" } },
    state: [`${base}/switch/${relay}/state`],
    reply: `esphome/discover/${device}`,
    values: ON_OFF,
    availability: [`${base}/status`],
  };
}

/** The states as MQTT Statestream publishes them; `set` and `get` are an automation's. */
function homeassistant({ device, base = "homeassistant" }: DialectNames): Dialect {
  const entity = `${base}/${device.replace(".", "/")}`;
  return {
    publish: {
      on: { topic: `${entity}/set`, payload: "ON" },
      off: { topic: `${entity}/set`, payload: "OFF" },
      query: { topic: `${entity}/get`, payload: "" },
    },
    state: [`${entity}/state`],
    values: ON_OFF,
    availability: ["homeassistant/status"],
  };
}

const MAKERS = {
  tasmota,
  zigbee2mqtt,
  shelly,
  "shelly-gen1": shellyGen1,
  esphome,
  homeassistant,
} as const satisfies Readonly<Record<DialectName, (names: DialectNames) => Dialect>>;

export function dialect(name: DialectName, names: DialectNames): Dialect {
  return MAKERS[name](names);
}
