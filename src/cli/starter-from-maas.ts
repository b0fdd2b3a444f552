/** The starter configuration of `init --from-maas`: MAAS's machines, each to be given what switches it. */
import type { MaasClient } from "../maas/client.ts";
import { reaches, reachFor } from "../maas/reach.ts";
import { type MaasMachine, macsOf } from "../maas/shapes.ts";
import { NAME_PATTERN } from "../power/names.ts";
import type { Secret } from "../power/secret.ts";
import { number } from "./words.ts";

/** Power types by which MAAS switches nothing. */
const POWERLESS: readonly string[] = ["", "manual"];

export interface MaasInventory {
  readonly url: string;
  readonly version: string;
  readonly machines: readonly MaasMachine[];
  /** Where to listen so that MAAS polls it; undefined: no address of this host is in a rack controller's subnet. */
  readonly listen: string | undefined;
}

/** What MAAS has, and which of these addresses of this host it would poll. Throws MaasError. */
export async function takeInventory(
  client: MaasClient,
  own: readonly string[],
  signal: AbortSignal,
): Promise<MaasInventory> {
  const { version } = await client.version(signal);
  const machines = await client.machines({}, signal);
  const network = { racks: await client.rackControllers(signal), subnets: await client.subnets(signal) };
  const reach = reachFor(reaches(own, network));
  const listen = reach?.kind === "polled" ? new URL(reach.url).host : undefined;
  return { url: client.url, version, machines, listen };
}

/** As YAML; those that MAAS cannot switch come first. */
export function starterFromMaas({ url, version, machines }: MaasInventory, listen: string): string {
  const powerless = machines.filter(isPowerless);
  const powered = machines.filter((machine) => !isPowerless(machine));
  const names = namesFor([...powerless, ...powered]);
  const entries = (some: readonly MaasMachine[]) =>
    some.map((machine) => entry(names.get(machine) ?? machine.system_id, machine)).join("\n");
  const parts = [
    ...(powerless.length > 0
      ? [
          `  # MAAS cannot switch ${number(powerless.length, "machine")}: no power type is set.\n\n${entries(powerless)}`,
        ]
      : []),
    ...(powered.length > 0
      ? [
          `  # MAAS has another way to switch ${number(powered.length, "machine")}. Leave them out, or take them over with\n  # \`maasochist maas register --replace\`.\n\n${entries(powered)}`,
        ]
      : []),
  ];
  return `# yaml-language-server: $schema=./maasochist.schema.json
# MAASochist: what MAAS may switch. Check it with: maasochist config check

server:
  # Where MAAS reaches this daemon: an address of this host in a subnet of your rack controllers.
  listen: ${quoted(listen)}
  # url: http://192.168.1.10:6227

# MAAS ${version}; its API key stands in secrets.yaml.
maas: { url: ${quoted(url)}, key: !secret maas_key }

machines:${machines.length === 0 ? " {}\n  # MAAS has no machines yet.\n" : `\n${GUIDE}\n${parts.join("\n")}`}`;
}

const GUIDE = `  # A machine takes no orders until it has a driver: put one in the place of \`query: { driver: assumed }\`, which only
  # stands in for it, and take \`enabled: false\` out. \`maasochist drivers\` tells all of them and their settings; such as:
  #   driver: shelly, host: 192.168.1.41                      a plug that it is on
  #   supply: { hub: pdu, outlet: 3 }                         an outlet of a PDU under \`hubs:\`
  #   on: { driver: wake-on-lan }                             its own network card
  #   off: { driver: ssh, user: maas, key: !file id_ed25519, sudo: true }
  #   query: { driver: reachable, silence: off }
  # Then: maasochist maas register NAME
`;

export function secretsFromMaas(key: Secret): string {
  return `# Read by !secret NAME. Keep it to yourself: chmod 600, and out of git.\nmaas_key: ${key.reveal()}\n`;
}

function entry(name: string, machine: MaasMachine): string {
  const { hostname, system_id: id, status_name: status, architecture, power_type: type } = machine;
  const { fqdn, tag_names: tags, ip_addresses: addresses } = machine;
  const facts = [fqdn === "" ? hostname : fqdn, status, architecture ?? "", type ? `power type ${type}` : ""];
  const [mac] = macsOf(machine);
  const [address] = addresses;
  const lines = [
    `  # ${inComment(facts.filter((fact) => fact !== "").join(", "))}`,
    `  ${quoted(name)}:`,
    "    enabled: false",
    ...(mac === undefined ? [] : [`    mac: ${JSON.stringify(mac)}`]),
    ...(address === undefined ? [] : [`    # address: ${inComment(address)}`]),
    ...(tags.length === 0 ? [] : [`    tags: [${tags.map(quoted).join(", ")}]`]),
    `    maas: { system_id: ${quoted(id)} }`,
    "    query: { driver: assumed }",
  ];
  return `${lines.join("\n")}\n`;
}

function isPowerless({ power_type: type }: MaasMachine): boolean {
  return POWERLESS.includes(type ?? "");
}

/** Host names; where two machines have the same one, or none that is a name here, their system_ids tell them apart. */
function namesFor(machines: readonly MaasMachine[]): ReadonlyMap<MaasMachine, string> {
  const count = new Map<string, number>();
  for (const { hostname } of machines) count.set(hostname, (count.get(hostname) ?? 0) + 1);
  return new Map(
    machines.map((machine) => {
      const { hostname, system_id: id } = machine;
      const isOwn = count.get(hostname) === 1 && NAME_PATTERN.test(hostname);
      return [machine, isOwn ? hostname : NAME_PATTERN.test(hostname) ? `${hostname}-${id}` : `machine-${id}`];
    }),
  );
}

const WORDS: readonly string[] = ["true", "false", "null"];

/** As it is where YAML takes it for a text, else in quotes. */
function quoted(text: string): string {
  return /^[A-Za-z][\w.-]*$/.test(text) && !WORDS.includes(text.toLowerCase()) ? text : JSON.stringify(text);
}

function inComment(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
}
