/** Which machine of MAAS is which of ours: by its system_id, else by MAC address, else by host name; never by a guess. */
import type { MaasClient } from "./client.ts";
import { type MaasMachine, macsOf } from "./shapes.ts";

/** A machine as the configuration has it. */
export interface OwnMachine {
  readonly name: string;
  /** Lower-case, with colons. */
  readonly mac?: string;
  readonly systemId?: string;
  /** Its host name in MAAS, where it is not the machine's name. */
  readonly hostname?: string;
  /** False: it takes no orders. */
  readonly enabled: boolean;
}

export type MatchedBy = "system_id" | "mac" | "hostname";

export type Match =
  | { readonly kind: "found"; readonly by: MatchedBy; readonly machine: MaasMachine }
  | { readonly kind: "missing"; readonly reason: string }
  | { readonly kind: "ambiguous"; readonly machines: readonly MaasMachine[]; readonly reason: string };

/** What MAAS has of these machines, and which is which. Throws MaasError. */
export async function matchMachines(
  client: MaasClient,
  own: readonly OwnMachine[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Match>> {
  const found = await client.machines(
    {
      ids: own.flatMap(({ systemId }) => systemId ?? []),
      macs: own.flatMap(({ mac }) => mac ?? []),
      hostnames: own.flatMap((machine) => spellings(hostnameOf(machine))),
    },
    signal,
  );
  return matches(own, found);
}

/** Which of these is which, without asking. */
export function matches(own: readonly OwnMachine[], found: readonly MaasMachine[]): ReadonlyMap<string, Match> {
  const single = new Map(own.map((machine) => [machine.name, matchOne(machine, found)]));
  const claims = new Map<string, string[]>();
  for (const [name, match] of single) {
    if (match.kind !== "found") continue;
    const { system_id: id } = match.machine;
    claims.set(id, [...(claims.get(id) ?? []), name]);
  }
  return new Map(
    [...single].map(([name, match]): [string, Match] => {
      if (match.kind !== "found") return [name, match];
      const others = (claims.get(match.machine.system_id) ?? []).filter((other) => other !== name);
      if (others.length === 0) return [name, match];
      const reason = `${words(match.machine)} fits ${others.join(", ")} as well`;
      return [name, { kind: "ambiguous", machines: [match.machine], reason }];
    }),
  );
}

function matchOne(own: OwnMachine, found: readonly MaasMachine[]): Match {
  const { systemId, mac, hostname } = own;
  if (systemId !== undefined) {
    const machine = found.find(({ system_id: id }) => id === systemId);
    if (machine) return { kind: "found", by: "system_id", machine };
    return { kind: "missing", reason: `MAAS has no machine ${systemId}` };
  }
  const byMac = mac === undefined ? [] : found.filter((machine) => macsOf(machine).includes(mac));
  const byName = found.filter((machine) => isCalled(machine, hostnameOf(own)));
  if (byMac.length > 1) return ambiguous(byMac, `the address ${mac}`);
  const [machine] = byMac;
  if (machine) {
    if (hostname === undefined || byName.includes(machine)) return { kind: "found", by: "mac", machine };
    const reason = `${mac} is that of ${words(machine)}, and not of "${hostname}"`;
    return { kind: "ambiguous", machines: [machine, ...byName], reason };
  }
  const [named, ...more] = byName;
  if (!named) return { kind: "missing", reason: notFound(own) };
  return more.length === 0 ? { kind: "found", by: "hostname", machine: named } : ambiguous(byName, "the host name");
}

function ambiguous(machines: readonly MaasMachine[], what: string): Match {
  const ids = machines.map(({ system_id: id }) => id).join(", ");
  return { kind: "ambiguous", machines, reason: `${machines.length} machines have ${what} (${ids})` };
}

function notFound({ mac, ...own }: OwnMachine): string {
  const name = `host name "${hostnameOf({ ...own })}"`;
  return `MAAS has no machine with ${mac === undefined ? name : `the address ${mac} or the ${name}`}`;
}

function hostnameOf({ name, hostname }: Pick<OwnMachine, "name" | "hostname">): string {
  return hostname ?? name;
}

/** MAAS's filter takes the short name, exactly as it is kept. */
function spellings(hostname: string): string[] {
  const short = hostname.split(".", 1)[0] ?? hostname;
  return [short, short.toLowerCase()];
}

/** A name with dots is the whole name, domain included. */
function isCalled({ hostname, fqdn }: MaasMachine, sought: string): boolean {
  const lower = sought.toLowerCase();
  return hostname.toLowerCase() === lower || (lower.includes(".") && fqdn.toLowerCase() === lower);
}

function words({ hostname, system_id: id }: MaasMachine): string {
  return `${hostname} (${id})`;
}
