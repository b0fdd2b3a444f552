/** Many values of one table, in as few exchanges as can be. */
import { partsOf, type SnmpAgent, type SnmpValue } from "./snmp.ts";

/** The values of these OIDs, asked for in as few exchanges as their places in the agent's order allow. */
export async function valuesOf(
  agent: SnmpAgent,
  oids: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SnmpValue["value"]>> {
  const wanted = new Set(oids);
  const found = new Map<string, SnmpValue["value"]>();
  const ordered = [...wanted].sort(byPlace);
  for (let first = ordered[0]; first !== undefined; first = ordered.find((oid) => wanted.has(oid))) {
    const values = await agent.following(before(first), spread(ordered.filter((oid) => wanted.has(oid))), signal);
    for (const { oid, value } of values) if (wanted.delete(oid)) found.set(oid, value);
    // What the answer went past is not there.
    const last = values.at(-1)?.oid;
    for (const oid of wanted) if (oid === first || (last !== undefined && byPlace(oid, last) <= 0)) wanted.delete(oid);
  }
  return found;
}

/** What comes right before an OID, whether or not there is anything. */
function before(oid: string): string {
  const parts = partsOf(oid);
  const last = parts.at(-1) ?? 0;
  return [...parts.slice(0, -1), ...(last === 0 ? [] : [last - 1])].join(".");
}

/** How many values lie from the first of these to the last, where they differ in one number alone; else how many they are. */
function spread(oids: readonly string[]): number {
  const [first, last] = [partsOf(oids[0] ?? ""), partsOf(oids.at(-1) ?? "")];
  const steps = last.map((part, index) => part - (first[index] ?? 0)).filter((step) => step !== 0);
  return steps.length === 1 && first.length === last.length ? Math.abs(steps[0] ?? 0) + 1 : oids.length;
}

function byPlace(one: string, other: string): number {
  const [first, second] = [partsOf(one), partsOf(other)];
  for (const [index, part] of first.entries()) {
    const against = second[index];
    if (against === undefined) return 1;
    if (part !== against) return part - against;
  }
  return first.length - second.length;
}
