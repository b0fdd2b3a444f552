/**
 * Ports of switches that feed by PoE, over SNMP (POWER-ETHERNET-MIB, RFC 3621):
 *
 *     Set     1.3.6.1.2.1.105.1.1.1.3.1.7    pethPsePortAdminEnable: 1 on, 2 off (group 1, port 7)
 *     GetBulk 1.3.6.1.2.1.105.1.1.1.6.1      pethPsePortDetectionStatus: 1 disabled, 2 searching, 3 deliveringPower
 *
 * With Cisco's extension, 1.3.6.1.4.1.9.9.402.1.2.1.1.1.7 cpeExtPsePortEnable: 1 auto, 2 static, 3 limit, 4 disable.
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { choice, text } from "../wire/fields.ts";
import { CISCO_MODES, type CiscoMode, PoeSwitch } from "../wire/poe.ts";
import { SnmpAgent } from "../wire/snmp.ts";
import { snmpIdentity } from "../wire/snmp-identity.ts";
import { snmpFields, snmpFindings } from "../wire/snmp-settings.ts";

const MODES = Object.keys(CISCO_MODES) as [CiscoMode, ...CiscoMode[]];

export default defineDriver({
  name: "snmp-poe",
  title: "PoE ports over SNMP",
  family: "Power distribution units",
  summary: "Switches the power of a managed switch's PoE ports over SNMP version 1, 2c or 3.",
  sources: [
    "https://www.rfc-editor.org/rfc/rfc3621",
    "https://www.rfc-editor.org/rfc/rfc4188",
    "https://www.rfc-editor.org/rfc/rfc4363",
    "https://github.com/netdisco/netdisco-mibs/blob/master/cisco/CISCO-POWER-ETHERNET-EXT-MIB.my",
    "https://github.com/labgrid-project/labgrid/blob/master/labgrid/driver/power/poe_mib.py",
  ],
  notes: [
    "On is a port that delivers power. A port that is enabled and searches reads off: nothing draws power there, be it that nothing is plugged in, or that what is plugged in is fed otherwise. A port with a fault is unknown, never off.",
    "SNMP has to be switched on in the switch, for writing too, and for this host. An agent does not answer a wrong community, so silence can mean that as well as a switch that is gone. Versions 1 and 2c send their communities in the clear; version 3 with `auth` and `priv` does not. Its passwords have at least 8 characters; privacy is by AES.",
    "`outlet` is the port's number in group 1, or group and port in quotes: `\"2.7\"`, the seventh port of a stack's second switch. Many switches count groups from 1, some have one group for all. It is the number of the PoE port, not of the interface (`ifIndex`).",
    "`maasochist hubs outlets HUB` lists every port, with the addresses that the switch has seen there, so that a machine's port is found by its MAC address. Which interface a PoE port is, it tells by the interface's name (`Gi2/0/3`, `g3`, `Port 3`); where that is not clear it lists none.",
    "What is set here is not saved in the switch: after it restarted, a port is as its stored configuration has it. A switch that feeds the way to this daemon, or to itself, should not be switched by it: protect such a machine with `protect: people` or `cut: never`.",
    "`extension: cisco` switches by Cisco's own object, for switches that refuse the standard one or need the mode `static` or `limit` kept, and tells the watts of a port. The standard has no watts: without the extension leave `above` out.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: 'hubs:\n  switch: { driver: snmp-poe, host: 192.168.1.51, write_community: !secret poe }\nmachines:\n  "pi[01-24]": { hub: switch, outlet: "{n}", query: { driver: reachable, host: "192.168.1.1{n}" } }\n',
    },
    {
      title: "Version 3, a stack of Cisco switches, machines told by their watts",
      yaml: 'hubs:\n  stack: { driver: snmp-poe, host: 192.168.1.52, version: 3, user: maas, auth: !secret poe_auth, auth_protocol: sha256, priv: !secret poe_priv, extension: cisco, mode: static }\nmachines:\n  "pi[1-8]": { hub: stack, outlet: "{n}", above: 2W }\n  "cam[1-8]": { hub: stack, outlet: "2.{n}", above: 2W }\n',
    },
  ],
  cuts: "port",
  hub: z.object({
    ...snmpFields,
    extension: choice(["none", "cisco"], "The vendor's own way to switch a port").default("none"),
    mode: choice(MODES, "How a port is enabled with Cisco's extension").default("auto"),
  }),
  outlet: z.object({
    outlet: z
      .union([
        z.int().min(0),
        text("").regex(/^\d+(\.\d+)?$/, 'is not a port such as 7 or "2.7"; in quotes where it has a dot'),
      ])
      .transform((port) => String(port).split(".").map(Number).join(".").replace(/^1\./, ""))
      .describe('Port of group 1; of another group with its number and in quotes: "2.7"'),
  }),
  pace: { timeout: 10_000 },
  check: (_outlet, hub) => snmpFindings(hub),
  connect: async (hub, { signal }): Promise<PoeSwitch> =>
    new PoeSwitch(await SnmpAgent.open(hub, signal), hub.extension === "cisco" ? hub.mode : undefined),
  disconnect: ({ agent }) => agent.close(),
  identify: ({ agent }, { signal }) => snmpIdentity(agent, signal),
  on: (poe, { outlet }, { signal }) => poe.enable(outlet, signal),
  off: (poe, { outlet }, { signal }) => poe.disable(outlet, signal),
  query: (poe, { outlet }, { signal }) => poe.read(outlet, signal),
  queryAll: (poe, outlets, { signal }) =>
    poe.readAll(
      outlets.map(({ outlet }) => outlet),
      signal,
    ),
  watts: (poe, { outlet }, { signal }) => poe.watts(outlet, signal),
  list: (poe, { signal }) => poe.list(signal),
});
