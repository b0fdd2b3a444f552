/**
 * Entities of devices that run ESPHome with its `web_server:`, over its REST API; states come as events.
 *
 *     POST /switch/Relay/turn_on   200, before it is done
 *     GET  /switch/Relay           {"id":"switch/Relay","state":"ON","value":true}
 *     GET  /events                 event: state
 *
 * Firmware before 2026.1 has `/switch/relay`; which of both a device knows is found by asking it.
 */
import { z } from "zod";
import { type Answer, CUTS, defineDriver } from "../power/driver.ts";
import { messageOf, PowerError } from "../power/errors.ts";
import { EspHome } from "../wire/esphome.ts";
import {
  BUTTONS,
  DOMAINS,
  type Entity,
  entityOf,
  type Report,
  reportAnswer,
  reportWatts,
  SWITCHES,
} from "../wire/esphome-entities.ts";
import { choice, flag, host, port, secret, text } from "../wire/fields.ts";
import { mistake } from "../wire/finding.ts";
import { plainBase } from "../wire/http-json.ts";

function entityField(description: string) {
  return z
    .string()
    .regex(/^[^/]+(?:\/[^/]+){0,3}$/, "is no name such as Relay, light/Lamp or switch/Garage/Relay")
    .describe(description);
}

const OUTLET = z.object({
  outlet: entityField(
    "Name of a switch, as its configuration has it; others as light/NAME, fan/NAME or button/NAME; of a sub-device as DEVICE/NAME",
  ),
  state: entityField("Name of the binary sensor that tells the state in place of the outlet").optional(),
  watts: entityField("Name of the sensor that tells the power drawn, in W or kW").optional(),
  momentary: flag("The outlet is a press that toggles; default true for buttons").optional(),
  cuts: choice(CUTS, "What its off takes away; default mains, and button for what is pressed").optional(),
});
type Outlet = z.output<typeof OUTLET>;

export default defineDriver({
  name: "esphome",
  title: "ESPHome",
  family: "Smart plugs and relays",
  summary: "Switches relays, and presses buttons, of devices that run ESPHome with its web server.",
  sources: [
    "https://esphome.io/web-api/",
    "https://github.com/esphome/esphome/blob/dev/esphome/components/web_server/web_server.cpp",
    "https://github.com/esphome/esphome/blob/dev/esphome/components/web_server_idf/web_server_idf.cpp",
    "https://github.com/esphome/esphome/pull/12627",
    "https://github.com/esphome/esphome/pull/17113",
    "https://github.com/esphome/esphome/pull/17586",
    "https://github.com/esphome/esphome/pull/5669",
  ],
  notes: [
    "The device's configuration needs `web_server:`, best with `auth:`; a device that only Home Assistant speaks to has none. Digest or Basic is sent as the device asks for it: Basic, in the clear, where its firmware is built on ESP-IDF.",
    "`outlet` is the entity's `name:`, as `maasochist hubs outlets HUB` shows it; the ID that versions before 2026.1 made of it, such as `my_relay`, works as well, whichever version the device has. URLs with that ID ended with 2026.7 ([#17113](https://github.com/esphome/esphome/pull/17113)). Entities that are `internal: true` are not listed. Before 2026.1 two entities whose names differ only in letters beyond ASCII have one URL ([#12627](https://github.com/esphome/esphome/pull/12627)): give them other names.",
    "The state is what the device says its output is, asked for at every reading; changes come as events. An entity with `assumed_state: true` counts as assumed; a template switch that is `optimistic` without it passes off what it was ordered as its state, so set both. The device answers a command before it obeys; what it then does is read.",
    "Which device answers is told by its MAC address, where the firmware has `enable_private_network_access`, as it has by default; it is pinned at first contact.",
    "Mind `restore_mode` of the switch: `ALWAYS_OFF`, the default, opens the relay whenever the device restarts, and cuts the machine; `RESTORE_DEFAULT_ON` or `ALWAYS_ON` keep it fed. With `api:` in its configuration a device restarts by itself when nobody speaks to it over that for 15 minutes: where no Home Assistant does, leave `api:` out or set `reboot_timeout: 0s` there.",
    "For a power button wired to the front panel use a `button:` or a switch that lets go by itself, with `momentary: true`, and the LED as `state`: a binary sensor reads off until the device has read it once. A web server takes memory that an ESP8266 hardly has; where it becomes unstable, use `mqtt`.",
  ],
  examples: [
    {
      title: "Minimal: a plug",
      yaml: "machines:\n  nuc1: { driver: esphome, host: 192.168.1.41, outlet: Relay, query: { driver: reachable, host: 192.168.1.61 } }\n",
    },
    {
      title: "A password, a meter, a board of relays, a power button with its LED",
      yaml: 'hubs:\n  plug: { driver: esphome, host: 192.168.1.42, user: admin, password: !secret esphome }\n  board: { driver: esphome, host: 192.168.1.43 }\nmachines:\n  nuc1: { hub: plug, outlet: Relay, watts: Power, above: 6W }\n  "pi[1-4]": { hub: board, outlet: "Relay {n}", query: { driver: reachable, host: "192.168.1.7{n}" } }\n  tower: { hub: board, outlet: button/Power button, state: Power LED, settle: 2s }\n',
    },
  ],
  cuts: (outlet) => outlet.cuts ?? (isPressed(outlet) ? "button" : "mains"),
  momentary: isPressed,
  hub: z.object({
    host: host({ from: "address" }),
    port: port("Port of its web server").default(80),
    user: text("User of its web server").optional(),
    password: secret("Password of its web server").optional(),
  }),
  outlet: OUTLET,
  // Finding an entity by the device's own list takes a few seconds.
  pace: { timeout: 10_000 },
  check: ({ outlet, watts, state }, { user, password }) => [
    ...((user === undefined) === (password === undefined)
      ? []
      : [mistake(user === undefined ? "password" : "user", "`user` and `password` go together")]),
    ...([...SWITCHES, ...BUTTONS, "binary_sensor"].includes(entityOf(outlet, "switch").domain)
      ? []
      : [mistake("outlet", "can neither be switched nor read")]),
    ...(watts === undefined || entityOf(watts, "sensor").domain === "sensor" ? [] : [mistake("watts", "is no sensor")]),
    ...(state !== undefined && BUTTONS.includes(entityOf(state, "binary_sensor").domain)
      ? [mistake("state", "has no state of its own")]
      : []),
  ],
  without: (outlet) => [
    ...(outlet.watts === undefined ? (["watts"] as const) : []),
    ...(readBy(outlet) === undefined ? (["query"] as const) : []),
    ...(outletOf(outlet).domain === "binary_sensor" ? (["on", "off"] as const) : []),
  ],
  connect: ({ host, port, user, password }) => new EspHome({ base: plainBase({ host, port }), user, password }),
  disconnect: (device) => device.close(),
  identify: (device, { signal }) => device.identify(signal),
  on: (device, outlet, { signal }) => device.command(outletOf(outlet), isButton(outlet) ? "press" : "turn_on", signal),
  off: (device, outlet, { signal }) =>
    device.command(outletOf(outlet), isButton(outlet) ? "press" : isPressed(outlet) ? "turn_on" : "turn_off", signal),
  query: async (device, outlet, { signal }) => {
    const entity = readBy(outlet);
    if (!entity) throw new PowerError("unsupported", "a button has no state");
    return reportAnswer(await device.report(entity, signal), entity);
  },
  watch: async (device, outlets, listener, { signal }) => {
    const read = outlets.flatMap((outlet) => {
      const entity = readBy(outlet);
      return entity ? [{ outlet, entity }] : [];
    });
    if (read.length === 0) return undefined;
    return device.watch({
      entities: read.map(({ entity }) => entity),
      signal,
      lost: (error) => listener.lost(error),
      told: (told, report) => {
        for (const { outlet, entity } of read)
          if (entity === told) listener.state(outlet, pushedAnswer(report, entity));
      },
    });
  },
  watts: async (device, { watts }, { signal }) => {
    if (watts === undefined) throw new PowerError("unsupported", "no sensor tells its watts");
    const entity = entityOf(watts, "sensor");
    return reportWatts(await device.report(entity, signal), entity);
  },
  list: (device, { signal }) =>
    device.list(
      DOMAINS.filter((domain) => domain !== "sensor"),
      signal,
    ),
});

function outletOf({ outlet }: Outlet): Entity {
  return entityOf(outlet, "switch");
}

function isButton(outlet: Outlet): boolean {
  return BUTTONS.includes(outletOf(outlet).domain);
}

function isPressed(outlet: Outlet): boolean {
  return outlet.momentary ?? isButton(outlet);
}

/** The entity that tells the state. */
function readBy(outlet: Outlet): Entity | undefined {
  if (outlet.state !== undefined) return entityOf(outlet.state, "binary_sensor");
  return isButton(outlet) ? undefined : outletOf(outlet);
}

/** Nobody waits for a failure here, and what was told before does not hold any more. */
function pushedAnswer(report: Report, entity: Entity): Answer {
  try {
    return reportAnswer(report, entity);
  } catch (error) {
    return { state: "unknown", reason: messageOf(error) };
  }
}
