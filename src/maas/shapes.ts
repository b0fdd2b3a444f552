/** What of MAAS's answers is used here. Keys that a version lacks have a default; those that are not used are not kept. */
import { isIPv4 } from "node:net";
import { z } from "zod";

const NAMED = z.object({ name: z.string() });

export const VERSION = z.object({ version: z.string(), subversion: z.string().default("") });

export const USER = z.object({ username: z.string(), is_superuser: z.boolean() });

export const POWER_TYPES = z.array(NAMED);

export const RACK = z.object({
  system_id: z.string(),
  hostname: z.string(),
  ip_addresses: z.array(z.string()).default([]),
});

export const SUBNET = z.object({ id: z.number(), cidr: z.string() });

const ADDRESSES = z.array(z.object({ ip_address: z.string().nullish() })).nullish();

const INTERFACE = z.object({
  mac_address: z.string().nullish(),
  /** What is configured for it, and what it was given by DHCP. */
  links: ADDRESSES,
  discovered: ADDRESSES,
  /** `primary_rack` is the system_id of the controller that serves the machine's network. */
  vlan: z.object({ primary_rack: z.string().nullish(), secondary_rack: z.string().nullish() }).nullish(),
});

export const MACHINE = z.object({
  system_id: z.string(),
  hostname: z.string(),
  fqdn: z.string().default(""),
  /** `New`, `Ready`, `Deployed`, … */
  status_name: z.string().default(""),
  /** Empty: none is set. */
  power_type: z.string().nullish(),
  power_state: z.string().default("unknown"),
  locked: z.boolean().default(false),
  architecture: z.string().nullish(),
  tag_names: z.array(z.string()).default([]),
  ip_addresses: z.array(z.string()).default([]),
  interface_set: z.array(INTERFACE).default([]),
  boot_interface: INTERFACE.nullish(),
});

/** Texts mostly; a version may keep numbers or booleans. */
export const POWER_PARAMETERS = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

export const POWER_STATE = z.object({ state: z.string() });

export const EVENTS = z.object({
  events: z.array(
    z.object({
      id: z.number(),
      level: z.string(),
      /** As MAAS writes times: `Wed, 27 Aug. 2014 09:52:34`. */
      created: z.string(),
      type: z.string(),
      description: z.string().default(""),
    }),
  ),
});

export type MaasVersion = z.infer<typeof VERSION>;
export type MaasUser = z.infer<typeof USER>;
export type MaasRack = z.infer<typeof RACK>;
export type MaasSubnet = z.infer<typeof SUBNET>;
export type MaasMachine = z.infer<typeof MACHINE>;
export type MaasEvent = z.infer<typeof EVENTS>["events"][number];
export type PowerParameters = Readonly<Record<string, string>>;

/**
 * Where the machine is now: that of the interface it boots from before others, IPv4 before IPv6. Undefined where MAAS has
 * no address for it, as of one that is released.
 */
export function addressOf({ ip_addresses: all, boot_interface: boot }: MaasMachine): string | undefined {
  const ofBoot = [...(boot?.links ?? []), ...(boot?.discovered ?? [])].map(({ ip_address: address }) => address);
  const rank = (address: string) => (ofBoot.includes(address) ? 0 : 2) + (isIPv4(address) ? 0 : 1);
  return all.toSorted((a, b) => rank(a) - rank(b))[0];
}

/** Every MAC address of the machine, lower-case with colons; that of the interface it boots from first. */
export function macsOf({ interface_set, boot_interface }: MaasMachine): string[] {
  const all = [...(boot_interface ? [boot_interface] : []), ...interface_set];
  return [...new Set(all.flatMap(({ mac_address: mac }) => (mac ? [mac.toLowerCase()] : [])))];
}
