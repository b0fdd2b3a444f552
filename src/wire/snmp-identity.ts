/** Which device answers to SNMP. */
import type { Identity } from "../power/driver.ts";
import { clip } from "./clip.ts";
import { type SnmpAgent, type SnmpValue, textOf } from "./snmp.ts";

/** Of a description only its beginning is a model (characters). */
const LONGEST_MODEL = 60;

const SYS_DESCR = "1.3.6.1.2.1.1.1.0";
/** RFC 4188, dot1dBaseBridgeAddress: a switch's own. */
const BRIDGE_ADDRESS = "1.3.6.1.2.1.17.1.1.0";
/** RFC 2863: the first interfaces, of which one may be the loopback. */
const PHYSICAL_ADDRESSES = [1, 2, 3].map((number) => `1.3.6.1.2.1.2.2.1.6.${number}`);
/** RFC 3411: unique to an engine, which an agent of version 2c often has too. */
const ENGINE_ID = "1.3.6.1.6.3.10.2.1.1.0";

/** Which device it is, by its first hardware address, or by its SNMP engine. Throws PowerError. */
export async function snmpIdentity(agent: SnmpAgent, signal: AbortSignal): Promise<Identity | undefined> {
  const oids = [SYS_DESCR, BRIDGE_ADDRESS, ...PHYSICAL_ADDRESSES, ENGINE_ID];
  const [description, ...ids] = await agent.get(oids, signal);
  const id = ids.map((found) => hexOf(found?.value)).find((hex) => /[^0:]/.test(hex));
  if (id === undefined) return undefined;
  const model = clip(textOf(description?.value).slice(0, LONGEST_MODEL));
  return { id, ...(model !== "" && { model }) };
}

function hexOf(value: SnmpValue["value"] | undefined): string {
  return Buffer.isBuffer(value) ? (value.toString("hex").match(/../g) ?? []).join(":") : "";
}
