/**
 * Where MAAS finds the daemon. MAAS polls in the background only a BMC whose address is a literal IP in a subnet in which
 * a rack controller has an address: canonical/maas src/maasserver/models/node.py, get_bmc_accessible_nodes; models/bmc.py,
 * extract_ip_address.
 */
import { BlockList, isIP } from "node:net";
import type { MaasMachine, MaasRack, MaasSubnet } from "./shapes.ts";

export interface Network {
  readonly racks: readonly MaasRack[];
  readonly subnets: readonly MaasSubnet[];
}

/** `outside`: a literal IP that no rack controller has a subnet with; `name`: no literal IP. */
export type ReachKind = "polled" | "outside" | "name" | "loopback";

export interface Reach {
  readonly url: string;
  readonly host: string;
  readonly kind: ReachKind;
  /** The subnet that the address is in, where MAAS has one. */
  readonly subnet?: string;
  /** system_ids of the rack controllers with an address in that subnet. */
  readonly racks: readonly string[];
}

/** What MAAS makes of each address. */
export function reaches(urls: readonly string[], network: Network): Reach[] {
  return urls.map((url) => reachOf(url, network));
}

/** The address for a machine: one in a subnet of its own rack controllers, else one that is polled at all, else the first. */
export function reachFor(found: readonly Reach[], machine?: MaasMachine): Reach | undefined {
  const own = machine ? racksOf(machine) : [];
  return (
    found.find(({ kind, racks }) => kind === "polled" && racks.some((rack) => own.includes(rack))) ??
    found.find(({ kind }) => kind === "polled") ??
    found.find(({ kind }) => kind !== "loopback") ??
    found[0]
  );
}

/** What MAAS makes of the address, in a few words; with what to do where that is not well. */
export function reachWords({ kind, subnet }: Reach): { readonly said: string; readonly next?: string } {
  switch (kind) {
    case "polled":
      return { said: `in subnet ${subnet ?? "?"} of a rack controller: MAAS polls it` };
    case "outside":
      return {
        said: `${subnet === undefined ? "in no subnet that MAAS knows" : `in subnet ${subnet}, without a rack controller`}: MAAS does not poll it in the background`,
        next: "Listen on an address in a rack controller's subnet, and set `server.url` to it.",
      };
    case "name":
      return {
        said: "a host name: MAAS does not poll it in the background",
        next: "Set `server.url` to a literal IP address in a rack controller's subnet.",
      };
    case "loopback":
      return {
        said: "an address that only this host reaches",
        next: "Listen on this host's address in a rack controller's subnet, such as `server: { listen: 192.168.1.10:6227 }`.",
      };
    default:
      return kind satisfies never;
  }
}

function reachOf(url: string, { racks, subnets }: Network): Reach {
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, "") : url;
  if (host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127.")))
    return { url, host, kind: "loopback", racks: [] };
  if (isIP(host) === 0) return { url, host, kind: "name", racks: [] };
  const subnet = subnetOf(host, subnets);
  const near = racks.filter((rack) =>
    rack.ip_addresses.some((address) => subnet !== undefined && subnetOf(address, subnets) === subnet),
  );
  return {
    url,
    host,
    kind: near.length > 0 ? "polled" : "outside",
    ...(subnet && { subnet: subnet.cidr }),
    racks: near.map(({ system_id: id }) => id),
  };
}

/** The narrowest subnet that holds the address, as MAAS picks it. */
function subnetOf(address: string, subnets: readonly MaasSubnet[]): MaasSubnet | undefined {
  return subnets
    .filter(({ cidr }) => contains(cidr, address))
    .toSorted((a, b) => prefixOf(b.cidr) - prefixOf(a.cidr))[0];
}

function prefixOf(cidr: string): number {
  return Number(cidr.split("/")[1]);
}

function contains(cidr: string, address: string): boolean {
  const [base = ""] = cidr.split("/");
  const family = isIP(base);
  if (family === 0 || isIP(address) !== family) return false;
  const name = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(base, prefixOf(cidr), name);
  return list.check(address, name);
}

/** system_ids of the controllers that serve the network that the machine boots from. */
function racksOf({ boot_interface, interface_set }: MaasMachine): string[] {
  return [...(boot_interface ? [boot_interface] : []), ...interface_set].flatMap(({ vlan }) =>
    [vlan?.primary_rack, vlan?.secondary_rack].filter((rack) => typeof rack === "string"),
  );
}
