/**
 * Behind which port of a switch a MAC address was seen: Q-BRIDGE-MIB (RFC 4363), else BRIDGE-MIB (RFC 4188). Both number
 * the bridge's ports; which of them is which PoE port no MIB says, so it is told by the interface's name.
 */
import { numberOf, type SnmpAgent, textOf } from "./snmp.ts";

/** dot1qTpFdbPort, by VLAN and address. */
const Q_FDB_PORT = "1.3.6.1.2.1.17.7.1.2.2.1.2";
/** dot1dTpFdbPort, by address. */
const FDB_PORT = "1.3.6.1.2.1.17.4.3.1.2";
/** dot1dBasePortIfIndex. */
const PORT_INTERFACE = "1.3.6.1.2.1.17.1.4.1.2";
const IF_NAME = "1.3.6.1.2.1.31.1.1.1.1";

const MAC_BYTES = 6;

export interface PoePort {
  readonly group: number;
  readonly number: number;
}

export interface Behind {
  /** The interface's. */
  readonly name: string;
  /** Lower case with colons, sorted. */
  readonly macs: readonly string[];
}

/** Throws PowerError. */
export async function forwardingTable(
  agent: SnmpAgent,
  signal: AbortSignal,
): Promise<(port: PoePort) => Behind | undefined> {
  const interfaces = await agent.below(PORT_INTERFACE, signal);
  const names = await agent.below(IF_NAME, signal);
  const byVlan = await agent.below(Q_FDB_PORT, signal);
  const seen = byVlan.size > 0 ? byVlan : await agent.below(FDB_PORT, signal);
  const macs = new Map<number, Set<string>>();
  for (const [index, value] of seen) {
    const port = numberOf({ oid: index, value });
    // The switch's own, and those it has not learned.
    if (port === 0) continue;
    macs.set(port, (macs.get(port) ?? new Set()).add(macOf(index)));
  }
  const ports = [...interfaces].map(([port, value]) => {
    const name = textOf(names.get(String(value)));
    return { name, macs: [...(macs.get(Number(port)) ?? [])].sort() };
  });
  return (wanted) => {
    const fitting = ports.filter(({ name }) => isNamed(name, wanted));
    return fitting.length === 1 ? fitting[0] : undefined;
  };
}

/** The last numbers of an index are the address's bytes. */
function macOf(index: string): string {
  const bytes = index.split(".").slice(-MAC_BYTES).map(Number);
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** `Gi2/0/3` is port 3 of group 2, `g3`, `0/3` and `Port 3` are port 3 of group 1; VLANs and bundles of ports are none. */
function isNamed(name: string, { group, number }: PoePort): boolean {
  if (/^(?:vl|po|lag|trk|tr|bond|lo|tunnel|mgmt|cpu)/i.test(name) && !/^port/i.test(name)) return false;
  const numbers = (name.match(/\d+/g) ?? []).map(Number);
  if (numbers.at(-1) !== number) return false;
  const unit = numbers.length > 1 ? (numbers[0] ?? 0) : group === 1 ? 1 : 0;
  return unit === group || (unit === 0 && group === 1);
}
