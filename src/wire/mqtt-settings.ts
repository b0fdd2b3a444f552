/** Settings of the driver `mqtt`, and the device that they make. */
import { z } from "zod";
import { CUTS } from "../power/driver.ts";
import { choice, duration, flag, host, port, secret, text } from "./fields.ts";
import { httpAccessFields } from "./http-access.ts";
import { MQTT_VERSIONS } from "./mqtt-connect.ts";
import type { MqttDevice } from "./mqtt-device.ts";
import { DIALECTS, dialect } from "./mqtt-dialects.ts";
import { stateRegexFields } from "./state-match.ts";

function topic(description: string) {
  return z
    .string()
    .regex(/^[^#+\0]+$/, "is no topic: it is empty, or holds + or #, which stand for many")
    .describe(description);
}

/** One topic, or several. */
function topics(description: string) {
  const one = topic(description);
  return z.union([one.transform((alone) => [alone]), z.array(one).min(1)]).describe(description);
}

const { ca, pin_sha256, insecure } = httpAccessFields;

export const MQTT_HUB = z.object({
  host: host({ description: "Host name or IP address of the broker" }),
  port: port("Port of the broker; for TLS mostly 8883").default(1883),
  user: text("User at the broker").optional(),
  password: secret("Password of the user").optional(),
  tls: flag("Speak TLS").default(false),
  ca,
  pin_sha256,
  insecure,
  cert: text("Client certificate to show: PEM text, so `!file client.pem`").optional(),
  key: secret("Key of the client certificate: PEM text, so `!file client.key`").optional(),
  client_id: text("Client id, where the broker wants a certain one; default a new one for each connection").optional(),
  version: choice(MQTT_VERSIONS, "Version of MQTT; auto tries 5 and falls back to 3.1.1").default("auto"),
});

const MESSAGE = z
  .strictObject({ topic: topic("Topic"), payload: z.string().default("").describe("Payload") })
  .optional();

export const MQTT_OUTLET = z.object({
  preset: choice(DIALECTS, "How the device speaks; the settings below then change single things").optional(),
  outlet: z
    .string()
    .regex(/^[^#+\0]+(?:#[^#+\0/]+)?$/, "is no name as topics have it, with or without # and a relay after it")
    .optional()
    .describe(
      "Device, as its topics call it: Topic (Tasmota), friendly name (Zigbee2MQTT), topic prefix (Shelly), node name (ESPHome), entity (Home Assistant). A relay follows a #: plug1#2 (Tasmota, from 1), plug1#1 (Shelly, from 0), plug1#l2 (Zigbee2MQTT), plug1#my_relay (ESPHome)",
    ),
  base: text("What its topics begin with, where that was changed; for Tasmota its FullTopic").optional(),
  publish: z
    .strictObject({ on: MESSAGE, off: MESSAGE, cycle: MESSAGE, reset: MESSAGE, query: MESSAGE })
    .default({})
    .describe("Message for each verb: { topic, payload }; that for query asks the device to tell its state"),
  state: topics("Topic where it tells its state, or a list of such").optional(),
  reply: topic(
    "Topic where it answers the query, where that is not `state`, and every change is told there",
  ).optional(),
  values: z
    .strictObject({ on: text("On"), off: text("Off") })
    .optional()
    .describe("Payloads, or values of `property`, that mean on and off, in any case"),
  property: text("Property of a JSON payload that holds the state, such as state or relays.0.ison").optional(),
  expression: text("JSONata over a JSON payload; gives true, false, 1, 0, on, off or unknown").optional(),
  ...stateRegexFields,
  power: text("Property of the same JSON payload that holds watts").optional(),
  availability: z
    .union([z.literal(false).transform((): string[] => []), topics("Topics")])
    .optional()
    .describe("Topic where it tells that it is gone (last will), or a list of such; false for none"),
  offline: text("Payload there that means gone; default offline or false, plain or as `state` of JSON").optional(),
  max_age: duration("How long a state is believed that was not asked for", { least: 1_000 }).optional(),
  answer_within: duration("How long the device may take to answer the query", { least: 100 }).prefault("4s"),
  qos: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .default(1)
    .describe("Quality of service of messages and subscriptions"),
  momentary: flag("The messages press a button that toggles").default(false),
  cuts: choice(CUTS, "What its off takes away; default mains with a preset, else unknown").optional(),
});
export type MqttSettings = z.output<typeof MQTT_OUTLET>;

/** What the preset says, and what the settings say instead. */
export function deviceOf(settings: MqttSettings): MqttDevice {
  const { preset, base, publish, expression } = settings;
  const [device, relay] = settings.outlet?.split("#") ?? [];
  const known = preset !== undefined && device !== undefined ? dialect(preset, { device, relay, base }) : undefined;
  const otherwise = expression ?? settings.on_regex;
  return {
    publish: { ...known?.publish, ...publish },
    state: settings.state ?? known?.state ?? [],
    reply: settings.reply ?? known?.reply,
    property: settings.property ?? (otherwise === undefined ? known?.property : undefined),
    values: settings.values ?? known?.values ?? { on: "ON", off: "OFF" },
    availability: settings.availability ?? known?.availability ?? [],
    maxAge: settings.max_age,
    answerWithin: settings.answer_within,
    expression,
    on_regex: settings.on_regex,
    off_regex: settings.off_regex,
    power: settings.power,
    offline: settings.offline,
    qos: settings.qos,
  };
}
