/**
 * PDUs over SNMP. What is read and written stands in a table of models, one row each:
 *
 *     GetBulk 1.3.6.1.4.1.318.1.1.12.3.5.1.1.4      every outlet's state: 1 on, 2 off (APC's rPDU)
 *     Set     1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.3    INTEGER 1: outlet 3 on
 *
 * The PDU takes a Set before it switches, so what it answers proves nothing.
 */
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { Pdu, recognise } from "../wire/pdu.ts";
import { customModel, customPdu } from "../wire/pdu-custom.ts";
import type { PduModel } from "../wire/pdu-model.ts";
import { PDU_MODELS, type PduModelName } from "../wire/pdu-models.ts";
import { SnmpAgent } from "../wire/snmp.ts";
import { snmpIdentity } from "../wire/snmp-identity.ts";
import { snmpFields, snmpFindings } from "../wire/snmp-settings.ts";

const ROWS = Object.entries<PduModel>(PDU_MODELS);
const NAMES = Object.keys(PDU_MODELS) as PduModelName[];

const HUB = z.object({
  ...snmpFields,
  model: z
    .enum(["auto", "custom", ...NAMES])
    .default("auto")
    .describe("Which PDU it is; auto asks it"),
  custom: customPdu
    .optional()
    .describe("OIDs and values of a PDU that has no model here, each OID with {outlet} in it"),
});
type Hub = z.output<typeof HUB>;

export default defineDriver({
  name: "snmp-pdu",
  title: "PDUs over SNMP",
  family: "Power distribution units",
  summary: "Switches the outlets of APC, Eaton, Raritan, CyberPower and other PDUs over SNMP version 1, 2c or 3.",
  sources: [
    "https://www.rfc-editor.org/rfc/rfc3416",
    "https://www.rfc-editor.org/rfc/rfc3414",
    ...new Set(ROWS.flatMap(([, { sources }]) => sources)),
  ],
  notes: [
    "SNMP has to be switched on in the PDU, for writing too, and for this host. Versions 1 and 2c send their communities in the clear; version 3 with `auth` and `priv` does not. Many PDUs have one community for reading and another for writing: that one is `write_community`. An agent does not answer a wrong community, so silence can mean that as well as a PDU that is gone.",
    "`model: auto` asks for `sysObjectID` and takes the row that fits it best. Where a device says it is something else, name the model. A model that does not fit finds no such table, and fails rather than reading wrong.",
    '`outlet` is the number that is printed. In a chain, or where outlets are counted by unit and branch, the number alone is of the first; others are written in full and in quotes, as `maasochist hubs outlets HUB` lists them: `"1.3"`. Without quotes YAML makes 1.10 into 1.1.',
    "A PDU takes the order first and switches then, some after a delay of their own. Its `pending` states are told as such: off, and on its way. A state that is neither, such as a blown fuse, is unknown and never off. The delays of `delayed on` and `delayed off` are not used; a cycle is off, proven, rest, on.",
    `Models, and what each asks for: ${ROWS.map(([name, row]) => described(name, row)).join(" ")}`,
    "Of those marked _one source_ every value comes from a single program or document that nothing else confirms: try them on an outlet that may go off (`maasochist test --full`).",
    "`custom` describes any other PDU, as in the third example: the OID of an outlet's state with its values, and the OIDs and values that switch it on and off. `{outlet}` stands for the outlet.",
    "Passwords of version 3 have at least 8 characters. Privacy by DES is not supported, for Node.js has none: choose AES in the PDU.",
    "MAAS has drivers of its own for APC (version 1, community `private`), Eaton and Raritan PDUs. None of the three sets a boot order, so nothing is lost here, and much is won: MAAS's cut the power of a machine that is on before they switch it on, know neither units nor version 3, and fix the community. Use MAAS's where a machine must not depend on this daemon.",
  ],
  examples: [
    {
      title: "Minimal",
      yaml: "hubs:\n  rack-pdu: { driver: snmp-pdu, host: 192.168.1.50, write_community: !secret pdu }\nmachines:\n  nuc1: { hub: rack-pdu, outlet: 3, query: { driver: reachable, host: 192.168.1.61 } }\n",
    },
    {
      title: "Version 3, two units of a chain, outlets with meters",
      yaml: 'hubs:\n  rack-pdu: { driver: snmp-pdu, host: 192.168.1.50, model: eaton-marlin, version: 3, user: maas, auth: !secret pdu_auth, auth_protocol: sha256, priv: !secret pdu_priv, interval: 200ms }\nmachines:\n  "nuc[1-8]": { hub: rack-pdu, outlet: "{n}", above: 6W }\n  "pi[1-8]": { hub: rack-pdu, outlet: "1.{n}", above: 2W, min_off: 3s }\n',
    },
    {
      title: "A PDU of its own OIDs",
      yaml: 'hubs:\n  old-pdu:\n    driver: snmp-pdu\n    host: 192.168.1.51\n    version: 1\n    community: !secret pdu\n    model: custom\n    custom:\n      state: "1.3.6.1.4.1.92.58.2.{outlet}.0"\n      state_on: [1]\n      state_off: [0]\n      on: { oid: "1.3.6.1.4.1.92.58.2.{outlet}.0", value: 1 }\n      off: { oid: "1.3.6.1.4.1.92.58.2.{outlet}.0", value: 0 }\nmachines:\n  nuc9: { hub: old-pdu, outlet: 1, query: { driver: reachable, host: 192.168.1.69 } }\n',
    },
  ],
  cuts: "mains",
  hub: HUB,
  outlet: z.object({
    outlet: z
      .union([
        z.int().min(0),
        text("").regex(/^\d+(\.\d+)*$/, 'is not an outlet such as 3 or "1.3"; in quotes where it has a dot'),
      ])
      .transform((outlet) => String(outlet).split(".").map(Number).join("."))
      .describe('Outlet as it is printed; of another unit in full and in quotes: "1.3"'),
  }),
  pace: { timeout: 10_000 },
  check: (_outlet, hub) => [...snmpFindings(hub), ...modelFindings(hub)],
  connect: async (hub, { signal }): Promise<Pdu> => {
    const agent = await SnmpAgent.open(hub, signal);
    try {
      if (hub.custom) return new Pdu(agent, customModel(hub.custom));
      return new Pdu(
        agent,
        hub.model === "auto" || hub.model === "custom" ? await recognise(agent, signal) : hub.model,
      );
    } catch (error) {
      agent.close();
      throw error;
    }
  },
  disconnect: ({ agent }) => agent.close(),
  identify: ({ agent }, { signal }) => snmpIdentity(agent, signal),
  on: (pdu, { outlet }, { signal }) => pdu.write("on", outlet, signal),
  off: (pdu, { outlet }, { signal }) => pdu.write("off", outlet, signal),
  query: (pdu, { outlet }, { signal }) => pdu.read(outlet, signal),
  queryAll: (pdu, outlets, { signal }) =>
    pdu.readAll(
      outlets.map(({ outlet }) => outlet),
      signal,
    ),
  watts: (pdu, { outlet }, { signal }) => pdu.watts(outlet, signal),
  list: (pdu, { signal }) => pdu.list(signal),
});

function described(name: string, { title, note, confirmed, watts }: PduModel): string {
  const facts = [...(watts === undefined ? [] : ["tells watts"]), ...(confirmed ? [] : ["_one source_"])];
  return `**\`${name}\`**: ${[title, ...facts].join("; ")}.${note === undefined ? "" : ` ${note}`}`;
}

function modelFindings({ model, custom }: Hub): Finding[] {
  if (model === "custom" && !custom) return [mistake("custom", "`model: custom` needs the PDU's OIDs")];
  if (model !== "custom" && custom) return [mistake("model", "must be custom where `custom` describes the PDU")];
  return [];
}
