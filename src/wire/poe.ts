/**
 * A switch that feeds its ports by PoE: POWER-ETHERNET-MIB (RFC 3621), and what Cisco adds to it. A port is named by its
 * number, or by group and number where it is not of group 1.
 */
import type { Answer, ListedOutlet, QueryAnswer } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { forwardingTable } from "./forwarding-table.ts";
import { numberOf, type SnmpAgent } from "./snmp.ts";
import { valuesOf } from "./snmp-values.ts";

/** pethPsePortAdminEnable: true(1), false(2). */
const ADMIN_ENABLE = "1.3.6.1.2.1.105.1.1.1.3";
/** pethPsePortDetectionStatus. */
const DETECTION_STATUS = "1.3.6.1.2.1.105.1.1.1.6";
/** cpeExtPsePortEnable. */
const CISCO_ENABLE = "1.3.6.1.4.1.9.9.402.1.2.1.1";
/** cpeExtPsePortPwrConsumption, in milliwatts. */
const CISCO_CONSUMPTION = "1.3.6.1.4.1.9.9.402.1.2.1.9";

/** Addresses behind one port, from which on it leads to another switch. */
const MOST_MACS = 16;

const STATES: Readonly<Record<number, Answer>> = {
  1: { state: "off", evidence: "port disabled" },
  2: { state: "off", evidence: "port enabled, nothing draws power" },
  3: { state: "on", evidence: "port delivers power" },
  4: { state: "unknown", reason: "the port has a fault", evidence: "port says fault" },
  5: { state: "unknown", reason: "the port is being tested", evidence: "port says test" },
  6: { state: "unknown", reason: "the port has an error", evidence: "port says otherFault" },
};

/** What is written, with Cisco's extension, to switch a port on. */
export const CISCO_MODES = { auto: 1, static: 2, limit: 3 } as const;
const CISCO_DISABLE = 4;
export type CiscoMode = keyof typeof CISCO_MODES;

export class PoeSwitch {
  readonly agent: SnmpAgent;
  readonly #cisco: CiscoMode | undefined;

  /** `cisco`: it is switched by Cisco's extension, on in this mode. */
  constructor(agent: SnmpAgent, cisco: CiscoMode | undefined) {
    this.agent = agent;
    this.#cisco = cisco;
  }

  async read(port: string, signal: AbortSignal): Promise<Answer> {
    const [value] = await this.agent.get([`${DETECTION_STATUS}.${indexOf(port)}`], signal);
    return value ? stateOf(numberOf(value)) : Promise.reject(missing(port));
  }

  /** In one exchange where they stand together. */
  async readAll(ports: readonly string[], signal: AbortSignal): Promise<readonly (QueryAnswer | PowerError)[]> {
    const oids = ports.map((port) => `${DETECTION_STATUS}.${indexOf(port)}`);
    const values = await valuesOf(this.agent, oids, signal);
    return oids.map((oid, index) => {
      const value = values.get(oid);
      if (value === undefined) return missing(ports[index] ?? "");
      try {
        return stateOf(numberOf({ oid, value }));
      } catch (error) {
        return PowerError.from(error);
      }
    });
  }

  async enable(port: string, signal: AbortSignal): Promise<void> {
    await (this.#cisco
      ? this.#write(CISCO_ENABLE, port, { value: CISCO_MODES[this.#cisco], signal })
      : this.#write(ADMIN_ENABLE, port, { value: 1, signal }));
  }

  async disable(port: string, signal: AbortSignal): Promise<void> {
    await (this.#cisco
      ? this.#write(CISCO_ENABLE, port, { value: CISCO_DISABLE, signal })
      : this.#write(ADMIN_ENABLE, port, { value: 2, signal }));
  }

  async watts(port: string, signal: AbortSignal): Promise<number> {
    const unmetered = () =>
      new PowerError("unsupported", `the switch tells no watts of port ${port}`, { hint: "Take `above` away." });
    if (!this.#cisco) throw unmetered();
    const [value] = await this.agent.get([`${CISCO_CONSUMPTION}.${indexOf(port)}`], signal);
    if (!value) throw unmetered();
    return numberOf(value) / 1_000;
  }

  /** Every port that can feed, with the addresses that the switch has seen there. */
  async list(signal: AbortSignal): Promise<readonly ListedOutlet[]> {
    const states = await this.agent.below(DETECTION_STATUS, signal);
    const behind = await forwardingTable(this.agent, signal);
    return [...states].map(([index, value]) => {
      const [group = 1, number = 0] = index.split(".").map(Number);
      const { name, macs = [] } = behind({ group, number }) ?? {};
      const uplink = macs.length > MOST_MACS;
      const label = [...(name === undefined ? [] : [name]), ...(uplink ? [`${macs.length} addresses: an uplink`] : [])];
      return {
        outlet: group === 1 ? `${number}` : `${group}.${number}`,
        state: typeof value === "number" ? (STATES[value]?.state ?? "unknown") : "unknown",
        ...(label.length > 0 && { label: label.join(", ") }),
        ...(macs.length > 0 && !uplink && { macs }),
      };
    });
  }

  async #write(
    column: string,
    port: string,
    { value, signal }: { readonly value: number; readonly signal: AbortSignal },
  ) {
    await this.agent.set([{ oid: `${column}.${indexOf(port)}`, value }], signal);
  }
}

function indexOf(port: string): string {
  return port.includes(".") ? port : `1.${port}`;
}

function stateOf(value: number): Answer {
  const told = STATES[value];
  if (told) return told;
  throw new PowerError("protocol", `a port's detection status is ${value}, which RFC 3621 does not have`);
}

function missing(port: string): PowerError {
  return new PowerError("not_found", `the switch has no port ${port} that feeds by PoE`, {
    hint: "Check `outlet`: some switches count groups of ports. `maasochist hubs outlets HUB` lists what it has.",
  });
}
