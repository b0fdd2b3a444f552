/**
 * TP-Link Kasa and Tapo plugs and strips, over the local protocol that their firmware speaks:
 *
 *     TCP 9999  {"system":{"set_relay_state":{"state":1}}}, each byte XORed with the one before: older Kasa
 *     HTTP 80   KLAP: two handshakes at /app, then JSON in AES at /app/request?seq=N: newer Kasa, and Tapo
 *
 * TP-Link documents neither; both are known from what others found out, see `sources`.
 */
import { z } from "zod";
import { type Context, defineDriver, type ListedOutlet, type QueryAnswer, type Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { choice, host, port, secret, text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { KASA_PROTOCOLS, openKasa } from "../wire/kasa.ts";
import { type KasaPlug, type KasaSocket, socketOf } from "../wire/kasa-plug.ts";

const HUB = z.object({
  host: host({ description: "Host name or IP address of the plug" }),
  user: text("E-mail address of the TP-Link account it belongs to; the first protocol needs none").optional(),
  password: secret("Password of that account").optional(),
  protocol: choice(KASA_PROTOCOLS, "What its firmware speaks; auto asks both").default("auto"),
  port: port("TCP port of the first protocol").default(9999),
  klap_port: port("TCP port of KLAP").default(80),
  discovery_port: port("UDP port where it tells what it speaks").default(20_002),
});
type Hub = z.output<typeof HUB>;

const OUTLET = z.object({
  outlet: z
    .union([z.int().min(1), z.string().min(1, "must not be empty")])
    .optional()
    .describe("Socket of a strip: its number, counted from 1, or its name in the app; a plug has one alone"),
});
type Outlet = z.output<typeof OUTLET>;

export default defineDriver({
  name: "kasa",
  title: "TP-Link Kasa and Tapo plugs and strips",
  family: "Smart plugs and relays",
  summary: "Switches a TP-Link Kasa or Tapo plug, or one socket of a strip, over its local network protocol.",
  sources: [
    "https://www.softscheck.com/en/reverse-engineering-tp-link-hs110/",
    "https://github.com/python-kasa/python-kasa/blob/a29d0610bacd084a2197a7025cf083d4d2a51b02/kasa/transports/klaptransport.py",
    "https://github.com/python-kasa/python-kasa/blob/a29d0610bacd084a2197a7025cf083d4d2a51b02/kasa/transports/xortransport.py",
    "https://github.com/python-kasa/python-kasa/blob/a29d0610bacd084a2197a7025cf083d4d2a51b02/kasa/protocols/smartprotocol.py",
    "https://github.com/python-kasa/python-kasa/issues/1740",
    "https://github.com/python-kasa/python-kasa/issues/1696",
    "https://github.com/home-assistant/core/issues/153390",
  ],
  notes: [
    "For plugs, strips and wall switches: HS100 to HS300, KP, EP and KS, and Tapo P100 to P316M. Nothing goes through TP-Link's cloud, but newer plugs must have been set up in the Kasa or Tapo app once, and want `user` and `password` of that account. Both are case-sensitive. A plug that forgets its account for a while answers with the factory's credentials or with none: those are tried as well.",
    "The state is the relay's, read from the plug before and after each command. Whether the machine behind it runs, a plug with a meter tells by its power: set `above` (HS110, HS300, KP115, KP125, EP25, P110, P115, P304M and others). Without a meter give the machine a `query`.",
    "Newer firmware lets only TP-Link's own apps in (a protocol called TPAP). Switch on Third-Party Compatibility in the app: Me > Third-Party Services. A new plug, and one with new firmware, needs it switched off and on again ([python-kasa 1696](https://github.com/python-kasa/python-kasa/issues/1696), [home-assistant 156474](https://github.com/home-assistant/core/issues/156474), [openhab 21144](https://github.com/openhab/openhab-addons/issues/21144)). Switch automatic updates of its firmware off.",
    "That switch puts some Kasa strips back to the first protocol until they are next without power ([home-assistant 153390](https://github.com/home-assistant/core/issues/153390)): leave `protocol: auto`, and give `user` and `password`. Since firmware 1.1 Kasa plugs hash the account as Tapo does ([python-kasa 1740](https://github.com/python-kasa/python-kasa/issues/1740)); that is found out by itself. Some refuse the right account until they are removed from the app and added again ([python-kasa 1580](https://github.com/python-kasa/python-kasa/pull/1580)).",
    "The old Tapo protocol (AES, firmware before 2024) is not supported: update the plug. In the app switch off what would act behind our back: schedules, timers, auto-off, and power protection with too low a limit; `maasochist doctor` tells of those that it finds.",
    "No real plug was at hand. The first protocol is tested against tplink-smarthome-simulator, KLAP against a simulator of our own that python-kasa's transports agree with; what a plug says in place of an answer when third parties are shut out is known from reports alone.",
    "The first protocol knows no password: whoever is on its network can switch such a plug. Keep plugs on a network of their own.",
  ],
  examples: [
    { title: "Minimal", yaml: "machines:\n  nuc1:\n    driver: kasa\n    host: 192.168.1.60\n" },
    {
      title: "A strip with meters and an account, which shows by its power whether the machines run",
      yaml: 'hubs:\n  rack-strip:\n    driver: kasa\n    host: 192.168.1.61\n    user: anna@example.com\n    password: !secret tplink\nmachines:\n  "node[1-3]": { hub: rack-strip, outlet: "{n}", above: 6W }\n  nas: { hub: rack-strip, outlet: NAS, above: 12W }\n',
    },
    {
      title: "One that answers on other ports, behind a router",
      yaml: "machines:\n  remote:\n    driver: kasa\n    host: lab.example.com\n    protocol: klap\n    klap_port: 8060\n    discovery_port: 20060\n    user: anna@example.com\n    password: !secret tplink\n    query: { driver: reachable, host: 192.168.7.20 }\n",
    },
  ],
  cuts: "mains",
  hub: HUB,
  outlet: OUTLET,
  // Two handshakes and three requests over a weak radio; then the session is good for a day.
  pace: { timeout: 8_000, idle: 600_000 },
  check: (_outlet, { user, password }): Finding[] =>
    (user === undefined) === (password === undefined)
      ? []
      : [mistake(user === undefined ? "password" : "user", "`user` and `password` go together")],
  connect: ({ port: legacyPort, klap_port: klapPort, discovery_port: discoveryPort, ...hub }, { signal }) =>
    openKasa({ ...hub, legacyPort, klapPort, discoveryPort, account: accountOf(hub) }, signal),
  identify: (plug, { signal }) => plug.identify(signal),
  on: (plug, outlet, ctx) => turn(plug, outlet, { closed: true, ctx }),
  off: (plug, outlet, ctx) => turn(plug, outlet, { closed: false, ctx }),
  query: async (plug, { outlet }, { signal }) => answer(socketOf(await plug.sockets(signal), outlet)),
  queryAll: async (plug, outlets, { signal }) => {
    const sockets = await plug.sockets(signal);
    return outlets.map(({ outlet }) => {
      try {
        return answer(socketOf(sockets, outlet));
      } catch (error) {
        return PowerError.from(error);
      }
    });
  },
  watts: async (plug, { outlet }, { signal }) => plug.watts(socketOf(await plug.sockets(signal), outlet), signal),
  list: async (plug, { signal }): Promise<ListedOutlet[]> =>
    (await plug.sockets(signal)).map(({ number, name, closed }) => ({
      outlet: String(number),
      label: name,
      state: closed ? "on" : "off",
    })),
  examine: async (plug, outlets, { signal }) => {
    const sockets = await plug.sockets(signal);
    const found: (readonly Trap[])[] = [];
    // A plug takes one question after the other.
    for (const { outlet } of outlets) found.push(await plug.examine(socketOf(sockets, outlet), signal));
    return found;
  },
});

function accountOf({ user, password }: Pick<Hub, "user" | "password">) {
  return user !== undefined && password ? { user, password } : undefined;
}

/** The sockets are read first: a strip that is told no socket would switch all. */
async function turn(
  plug: KasaPlug,
  { outlet }: Outlet,
  { closed, ctx: { signal } }: { readonly closed: boolean; readonly ctx: Context },
): Promise<void> {
  await plug.turn(socketOf(await plug.sockets(signal), outlet), closed, signal);
}

function answer({ closed, number, id }: KasaSocket): QueryAnswer {
  const what = id === undefined ? "relay" : `socket ${number}`;
  return closed ? { state: "on", evidence: `${what} closed` } : { state: "off", evidence: `${what} open` };
}
