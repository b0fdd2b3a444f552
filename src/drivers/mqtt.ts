/**
 * Whatever listens and talks over an MQTT broker: plugs with Tasmota, Zigbee2MQTT, Shelly, ESPHome, entities of Home
 * Assistant, and anything else by its topics:
 *
 *     publish: { on: { topic: rack/4/set, payload: "1" } }    what to send: never retained, so that no command comes twice
 *     publish: { query: { topic: rack/4/get } }               asks; what comes on `state` after that is fresh
 *     state: rack/4                                           by `values`, `property`, regular expressions or `expression`
 *
 * MQTT 5.0 and 3.1.1, by OASIS. How the devices of the presets speak stands in src/wire/mqtt-dialects.ts.
 */
import type { Clock } from "../power/clock.ts";
import { type Context, defineDriver, type Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { MqttBroker } from "../wire/mqtt.ts";
import { brokerFindings, outletFindings } from "../wire/mqtt-check.ts";
import { command, read, retained, watch } from "../wire/mqtt-device.ts";
import { MQTT_VERBS } from "../wire/mqtt-dialects.ts";
import { deviceOf, MQTT_HUB, MQTT_OUTLET, type MqttSettings } from "../wire/mqtt-settings.ts";

interface Hub {
  readonly broker: MqttBroker;
  readonly clock: Clock;
}

export default defineDriver({
  name: "mqtt",
  title: "MQTT",
  family: "Smart plugs and relays",
  summary: "Switches and reads devices over an MQTT broker, with presets for Tasmota, Zigbee2MQTT, Shelly and others.",
  sources: [
    "https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html",
    "https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/mqtt-v3.1.1.html",
    "https://tasmota.github.io/docs/MQTT/",
    "https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html",
    "https://www.zigbee2mqtt.io/guide/configuration/device-availability.html",
    "https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt",
    "https://shelly-api-docs.shelly.cloud/gen1/#mqtt-support",
    "https://esphome.io/components/mqtt/",
    "https://www.home-assistant.io/integrations/mqtt_statestream/",
  ],
  notes: [
    "A state that came because it was asked for (`publish: { query: … }`, which every preset has) is fresh. Without that the state is as old as the message that told it, and no proof of a command before which it came; `max_age` makes it unknown after a while. What the broker retained is of unknown age: it is told as assumed, and an order acts on it as if nothing were known. A payload that is neither on nor off, such as `unavailable`, reads unknown.",
    "A broker's acknowledgement only tells that the broker has the command. So an order is done when the device tells the state. Commands are never retained. With MQTT 5 they also expire after 10 s, so that none waits for a device that is gone, and a command on a topic where nobody listens fails at once. A retained command that something else left in the broker switches a Tasmota or Shelly again each time it connects: look with `mosquitto_sub -v --retained-only -t 'cmnd/#'`, and clear it with `mosquitto_pub -r -n -t TOPIC`; `maasochist doctor` looks for one on the topics of your machines.",
    "Where the device says that it is gone, by `availability` (its last will), nothing is sent and the state is no state. States that it tells unasked are taken while it is known to be there, so only with `availability`.",
    "`tasmota`: `outlet` is its Topic, `base` its FullTopic where that is not `%prefix%/%topic%/`; the second of several relays is `plug1#2`. `POWER` and `POWER1` are both heard (SetOption26). `PulseTime`, `Interlock`, `PowerLock` and `PowerOnState` of the device may defeat an order; the driver `tasmota` looks at them over HTTP.",
    "`zigbee2mqtt`: `outlet` is the friendly name, with an endpoint `plug1#l1`. Switch on its availability feature, or a plug without current fails only by not answering. It answers from the device, but tells its own picture of it whenever the device reports something else at that moment. `power: power` reads watts of a plug that has them.",
    "`shelly` (Gen2 and later): `outlet` is the topic prefix; the second of several relays is `plug1#1`. Enable _MQTT Control_ and _Generic status update over MQTT_. `power: apower` reads watts. `shelly-gen1`: `outlet` is its id, as in `shellies/ID/relay/0`. The driver `shelly` needs no broker.",
    "`esphome`: `outlet` is the node name and the switch as its topics call it, `bench-plug#relay`; `base` a `topic_prefix` of one's own. Nothing asks a switch for its state over MQTT, so the state is the one that it told last, while it answers to `esphome/ping` (`discover_ip`, which is on by default). With `retain: false` there is none until it changes.",
    "`homeassistant`: `outlet` is an entity such as `switch.rack_plug`. It needs MQTT Statestream with `base_topic: homeassistant`, and two automations with an MQTT trigger that you make: one on `homeassistant/+/+/set` that calls `homeassistant.turn_on` or `homeassistant.turn_off` by the payload ON or OFF, and one on `homeassistant/+/+/get` that publishes `{{ states(…) }}` of the entity on its topic `…/state`. The driver `home-assistant` needs neither.",
    "Topics are case-sensitive, and written without + and #. `{name}`, `{mac}`, `{address}` and, in a range, `{n}` stand for the machine's own values in them.",
  ],
  examples: [
    {
      title: "Tasmota",
      yaml: "hubs:\n  broker: { driver: mqtt, host: 192.168.1.5 }\nmachines:\n  nuc1:\n    hub: broker\n    preset: tasmota\n    outlet: plug1\n    query: { driver: reachable, host: 192.168.1.60 }\n",
    },
    {
      title: "Zigbee2MQTT, with a meter that tells whether the machine runs; TLS with a client certificate",
      yaml: 'hubs:\n  broker:\n    driver: mqtt\n    host: broker.example\n    port: 8883\n    user: maasochist\n    password: !secret broker\n    tls: true\n    ca: !file ca.pem\n    cert: !file client.pem\n    key: !file client.key\nmachines:\n  "node[1-4]":\n    hub: broker\n    preset: zigbee2mqtt\n    outlet: rack/plug{n}\n    power: power\n    above: 6W\n',
    },
    {
      title: "Shelly, ESPHome and Home Assistant",
      yaml: "hubs:\n  broker: { driver: mqtt, host: 192.168.1.5, user: maasochist, password: !secret broker }\nmachines:\n  left: { hub: broker, preset: shelly, outlet: shellypro2pm-30c6f7800000#0, power: apower, above: 6W }\n  right: { hub: broker, preset: shelly, outlet: shellypro2pm-30c6f7800000#1, power: apower, above: 6W }\n  bench: { hub: broker, preset: esphome, outlet: bench-plug#relay, query: { driver: reachable, host: 192.168.1.61 } }\n  lab: { hub: broker, preset: homeassistant, outlet: switch.lab_plug, query: { driver: reachable, host: 192.168.1.62 } }\n",
    },
    {
      title: "A board of one's own",
      yaml: 'hubs:\n  broker: { driver: mqtt, host: 192.168.1.5 }\nmachines:\n  board:\n    hub: broker\n    cuts: button\n    publish:\n      on: { topic: rack/4/set, payload: "1" }\n      off: { topic: rack/4/set, payload: "0" }\n      query: { topic: rack/4/get }\n    state: rack/4\n    expression: "led = \'lit\'"\n    availability: rack/alive\n    offline: "dead"\n',
    },
  ],
  cuts: ({ cuts, preset }) => cuts ?? (preset === undefined ? "unknown" : "mains"),
  momentary: ({ momentary }) => momentary,
  hub: MQTT_HUB,
  outlet: MQTT_OUTLET,
  perVerb: ["publish"],
  pace: { concurrency: 20, timeout: 8_000, idle: 600_000 },
  without: (outlet) => {
    const { publish, state, power } = deviceOf(outlet);
    return [
      ...MQTT_VERBS.filter((verb) => (verb === "query" ? state.length === 0 : publish[verb] === undefined)),
      ...(power === undefined || state.length === 0 ? (["watts"] as const) : []),
      "soft",
    ];
  },
  check: (outlet, hub) => [...brokerFindings(hub), ...outletFindings(outlet, deviceOf(outlet))],
  connect: async (settings, { signal, clock }): Promise<Hub> => {
    const { tls, ca, pin_sha256: pin, insecure, cert, key, client_id: clientId, ...broker } = settings;
    const secured = tls ? { ca, pin, insecure, cert, key } : undefined;
    return { broker: await MqttBroker.open({ ...broker, clientId, tls: secured }, { clock, signal }), clock };
  },
  disconnect: ({ broker }) => broker.close(),
  on: ({ broker }, outlet, { signal }) => command(broker, deviceOf(outlet), { verb: "on", signal }),
  off: ({ broker }, outlet, { signal }) => command(broker, deviceOf(outlet), { verb: "off", signal }),
  cycle: ({ broker }, outlet, { signal }) => command(broker, deviceOf(outlet), { verb: "cycle", signal }),
  reset: ({ broker }, outlet, { signal }) => command(broker, deviceOf(outlet), { verb: "reset", signal }),
  query,
  queryAll: (hub, outlets, ctx) =>
    Promise.all(
      outlets.map((outlet) =>
        query(hub, outlet, ctx).catch((error: unknown) => {
          // A broker that is gone fails them all.
          if (!hub.broker.open) throw error;
          return PowerError.from(error);
        }),
      ),
    ),
  watch: ({ broker, clock }, outlets, listener, { signal }) => {
    const watched = new Map(outlets.map((outlet) => [outlet, deviceOf(outlet)] as const));
    return watch(broker, watched, { listener, signal, now: () => clock.now() });
  },
  examine: async ({ broker }, outlets, { signal }) => {
    const found: (readonly Trap[])[] = [];
    // Outlets may share a topic, which is looked at for one after the other.
    for (const outlet of outlets) found.push(await retained(broker, deviceOf(outlet), signal));
    return found;
  },
  watts: async (hub, outlet, ctx) => {
    const { watts } = await query(hub, outlet, ctx);
    if (watts !== undefined) return watts;
    throw new PowerError("protocol", `the device tells no number as ${outlet.power}`, {
      hint: "Correct `power`: the property of the JSON payload on `state` that holds watts.",
    });
  },
});

function query({ broker, clock }: Hub, outlet: MqttSettings, { signal }: Pick<Context, "signal">) {
  return read(broker, deviceOf(outlet), { signal, now: () => clock.now() });
}
