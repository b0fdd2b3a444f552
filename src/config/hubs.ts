/** The entries under `hubs:`. */
import type { z } from "zod";
import type { Driver } from "../power/driver.ts";
import { refuse, refuseUnknownKeys } from "./check-value.ts";
import { type Member, membersOf } from "./member.ts";
import { checkedFields, keysOf, ownEntries, paceFields, shapeOf } from "./member-fields.ts";
import { PACE } from "./schema.ts";
import { lineOf, type Span } from "./source.ts";
import { addressOf, driverOf, type KnownHub, paceOf, type UseServices } from "./use.ts";
import { type Entry, joined, type MapValue } from "./value.ts";

/** What each hub was resolved to, for `config show`. */
export type HubEntries = Map<string, ReadonlyMap<string, Entry>>;

/** Makes the hubs known to the services. */
export function buildHubs(map: MapValue, services: UseServices): HubEntries {
  const { hubs, broken, problems } = services;
  const shown: HubEntries = new Map();
  for (const [written, { key, value }] of map.entries) {
    const members = membersOf(written, key, problems);
    const driver = value.kind === "map" ? hubDriver(written, { key, entry: value }, services) : undefined;
    if (value.kind !== "map") {
      refuse(value, `hub "${written}" must be a map such as { driver: …, host: … }`, problems);
    }
    for (const member of members) {
      const known = hubs.get(member.name);
      if (value.kind !== "map" || !driver) broken.add(member.name);
      else if (known) {
        problems.error(key, { code: "twice", message: `hub "${member.name}" is already given at ${lineOf(known.at)}` });
      } else shown.set(member.name, buildHub(member, { key, entry: value, driver }, services));
    }
  }
  return shown;
}

interface Written {
  readonly key: Span;
  readonly entry: MapValue;
}

function hubDriver(name: string, { key, entry }: Written, services: UseServices): Driver | undefined {
  const { problems } = services;
  const given = entry.entries.get("driver");
  if (!given) {
    problems.error(key, { code: "no-driver", message: `hub "${name}" has no \`driver:\`` });
    return undefined;
  }
  const driver = driverOf(given.value, services);
  if (!driver) return undefined;
  if (!driver.hub) {
    problems.error(given.value.at, {
      code: "no-hub",
      message: `${driver.name} talks to no shared thing, so it makes no hub`,
      hint: "Use it at the machine: { driver: …, … }.",
    });
    return undefined;
  }
  const own = new Set(keysOf(driver.hub));
  const known = new Set(["driver", ...own, ...Object.keys(paceFields(own))]);
  refuseUnknownKeys(entry, { known, of: `of hub ${name} (${driver.name})` }, problems);
  return driver;
}

function buildHub(
  member: Member,
  { key, entry, driver }: Written & { readonly driver: Driver },
  { hubs, named, problems }: UseServices,
): ReadonlyMap<string, Entry> {
  const { name } = member;
  const fields = ownEntries(entry, shapeOf(driver.hub), { member, problems });
  const paceOwn = ownEntries(entry, paceFields(new Set(keysOf(driver.hub))), { member, problems });
  const settings: unknown = checkedFields(driver.hub as z.ZodObject, entry, fields, problems);
  const pace = checkedFields(PACE, entry, paceOwn, problems);
  const address = settings === undefined ? undefined : addressOf(driver, fields.entries, settings);
  // Known even where it is wrong: machines that name it are not to be blamed as well.
  const hub: KnownHub = {
    spec: {
      key: name,
      name,
      ...(address?.written !== undefined && { address: address.written }),
      driver,
      settings,
      pace: paceOf(driver, pace ?? {}),
    },
    at: key,
    identity: address === undefined ? name : `${driver.name}:${address.full}`,
    inline: false,
  };
  hubs.set(name, hub);
  const other = named.get(hub.identity);
  if (other) {
    problems.warning(key, {
      code: "same-hub",
      message: `hub "${name}" has the address of hub "${other.spec.name}" at ${lineOf(other.at)}`,
      hint: "Exchanges on one device should take turns: make them one hub, unless the two really do not share anything.",
    });
  } else named.set(hub.identity, hub);
  const given = entry.entries.get("driver");
  return joined(new Map(given && [["driver", given]]), fields.entries, paceOwn.entries);
}
