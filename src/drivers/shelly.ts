/**
 * Shelly plugs, relays and DIN modules of every generation, on the local network without a cloud.
 *
 *     GET  /shelly                                                                    tells which generation it is
 *     GET  /relay/0?turn=on                                                           first generation
 *     POST /rpc  {"id":1,"method":"Switch.Set","params":{"id":0,"on":true}}           later ones
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { duration, host, index, port, secret, text } from "../wire/fields.ts";
import {
  refuseWithoutPassword,
  type ShellyInfo,
  type ShellyOptions,
  type ShellyRelays,
  shellyIdentity,
  shellyInfo,
} from "../wire/shelly.ts";
import { ShellyRest } from "../wire/shelly-rest.ts";
import { ShellyRpc } from "../wire/shelly-rpc.ts";

interface Shelly {
  readonly options: ShellyOptions;
  readonly relays: ShellyRelays;
}

export default defineDriver({
  name: "shelly",
  title: "Shelly plugs, relays and DIN modules",
  family: "Smart plugs and relays",
  summary: "Switches the relays of a Shelly of any generation over the local network, without a cloud or a broker.",
  sources: [
    "https://shelly-api-docs.shelly.cloud/gen1/",
    "https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch",
    "https://shelly-api-docs.shelly.cloud/gen2/General/Authentication",
    "https://shelly-api-docs.shelly.cloud/gen2/General/CommonErrors",
    "https://github.com/home-assistant-libs/aioshelly/tree/main/fixtures",
  ],
  notes: [
    "The generation is found by asking, so the same settings serve all of them. `outlet` counts relays from 0: a Shelly Pro 4PM has 0 to 3. `maasochist hubs outlets HUB` lists them with their names. Dimmers, and devices that are set up for a roller or cover, have no relay to switch.",
    "The state is the relay's own, asked for at every reading; several machines on one Shelly are read in one exchange. A relay that is closed feeds a machine, but does not tell whether it runs. With `above` the meter tells it. A device without a meter has no watts to tell; the figure that can be typed into a Shelly 1 in place of one ([evcc#2533](https://github.com/evcc-io/evcc/pull/2533)) is not taken for a measurement.",
    "Where a password is set, give it: `Authentication` of later generations (the user is always `admin`), `Restrict login` of the first, whose user can be another one. The first generation gets it as Basic, in the clear, and only when it asks for one; later ones by digest.",
    "With `cycle:` as in the second example, off and on are one command: the device closes its relay by itself after `rest`, even when it feeds the switch or the router through which it is reached. Without it a cycle is an off and an on. An off still needs a way back to the device: protect a machine that carries your network with `protect: people` or `cut: never`.",
    "The device's own timers, auto-off and auto-on, undo what was ordered; `maasochist hubs outlets HUB` and `maasochist doctor` tell where they are set. What it does when mains return is its _power-on default_ (Gen1) or _initial state_: `restore last` fits a machine that MAAS switches. In the mode _detached_ a wired button leaves the relay alone.",
    "Firmware 2.0.0 of later generations runs out of logins, and then answers 429, until it is left alone for a while or restarted ([core#177257](https://github.com/home-assistant/core/issues/177257), [core#178327](https://github.com/home-assistant/core/issues/178327)), and its logins expire every hour ([aioshelly#1230](https://github.com/home-assistant-libs/aioshelly/issues/1230)). Both are met here by a new login; firmware 2.0.1 is to mend its own part ([openhab-addons#21179](https://github.com/openhab/openhab-addons/issues/21179)). Another program that asks the same device with a wrong password locks everybody out for ten minutes.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: "machines:\n  nuc1: { driver: shelly, host: 192.168.1.41, query: { driver: reachable, host: 192.168.1.61 } }\n",
    },
    {
      title: "A password, a meter, a DIN module with several relays, a cycle by the device itself",
      yaml: 'hubs:\n  "plug[1-2]": { driver: shelly, host: "192.168.1.4{n}", password: !secret shelly }\n  rack: { driver: shelly, host: 192.168.1.50, password: !secret shelly }\nmachines:\n  "nuc[1-2]": { hub: "plug{n}", above: 6W, cycle: { hub: "plug{n}", rest: 10s } }\n  "pi[0-3]": { hub: rack, outlet: "{n}", above: 2W, min_off: 3s }\n',
    },
  ],
  cuts: "mains",
  hub: z.object({
    host: host({ from: "address" }),
    port: port("Port of its web interface").default(80),
    user: text("User of a first-generation device; later ones always have admin").default("admin"),
    password: secret("Password, where one is set").optional(),
  }),
  outlet: z.object({
    outlet: index("Relay, counted from 0").default(0),
    rest: duration("How long its own cycle leaves the relay open, in whole seconds", { least: 1_000 }).prefault("5s"),
  }),
  connect: async (options, { signal }): Promise<Shelly> => {
    const info = await shellyInfo(options, signal);
    refuseWithoutPassword(info, options);
    return { options, relays: relaysOf(info, options) };
  },
  disconnect: ({ relays }) => relays.close(),
  identify: async ({ options }, { signal }) => shellyIdentity(await shellyInfo(options, signal)),
  on: ({ relays }, { outlet }, { signal }) => relays.set(outlet, true, { signal }),
  off: ({ relays }, { outlet }, { signal }) => relays.set(outlet, false, { signal }),
  cycle: ({ relays }, { outlet, rest }, { signal }) =>
    relays.set(outlet, false, { flipAfter: Math.ceil(rest / 1_000), signal }),
  query: ({ relays }, { outlet }, { signal }) => relays.read(outlet, signal),
  queryAll: ({ relays }, outlets, { signal }) =>
    relays.readAll(
      outlets.map(({ outlet }) => outlet),
      signal,
    ),
  watts: ({ relays }, { outlet }, { signal }) => relays.watts(outlet, signal),
  list: ({ relays }, { signal }) => relays.list(signal),
  examine: ({ relays }, outlets, { signal }) =>
    relays.examine(
      outlets.map(({ outlet }) => outlet),
      signal,
    ),
});

function relaysOf(info: ShellyInfo, options: ShellyOptions): ShellyRelays {
  if (info.gen !== undefined) return new ShellyRpc(options);
  const { password, ...open } = options;
  // A device that asks for no password is not told one.
  return new ShellyRest(info.auth ? { ...open, password } : open, { meters: info.num_meters });
}
