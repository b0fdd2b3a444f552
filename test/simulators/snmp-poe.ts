/**
 * A switch that feeds its ports by PoE, as POWER-ETHERNET-MIB (RFC 3621) and CISCO-POWER-ETHERNET-EXT-MIB have it, with
 * the forwarding table of Q-BRIDGE-MIB (RFC 4363) or BRIDGE-MIB (RFC 4188). At each port hangs a machine that runs when fed.
 */
import { FedMachine, type FedMachineOptions } from "./fed-machine.ts";
import { SimulatedSnmpAgent, type SnmpAgentOptions, type SnmpObject } from "./snmp-agent.ts";

const PETH_PORT = "1.3.6.1.2.1.105.1.1.1";
const CISCO_PORT = "1.3.6.1.4.1.9.9.402.1.2.1";
const ADMIN = { true: 1, false: 2 } as const;
/** pethPsePortDetectionStatus. */
export const DETECTION = { disabled: 1, searching: 2, deliveringPower: 3, fault: 4, test: 5, otherFault: 6 } as const;
/** cpeExtPsePortEnable. */
const CISCO = { auto: 1, static: 2, limit: 3, disable: 4 } as const;

export interface SnmpPoeOptions extends FedMachineOptions, Omit<SnmpAgentOptions, "objects"> {
  /** `group.port` of each; default two of group 1, and one of group 2. */
  readonly ports?: readonly string[];
  /** Has it Cisco's extension, and is it switched by that alone? */
  readonly cisco?: boolean;
  /** Interfaces' names by port of the bridge. */
  readonly interfaces?: Readonly<Record<number, string>>;
  /** Port of the bridge by MAC address; 0 where it is not learned. */
  readonly seen?: Readonly<Record<string, number>>;
  /** By VLAN, as Q-BRIDGE-MIB has it, or without, as BRIDGE-MIB has it. */
  readonly vlan?: number;
}

export class SnmpPoe implements AsyncDisposable {
  readonly agent: SimulatedSnmpAgent;
  /** Every command that arrived: `port 1.3 off`. */
  readonly commands: string[];
  readonly #machines: ReadonlyMap<string, FedMachine>;
  /** Detection status that is told in place of a port's own. */
  readonly shown: Map<string, number>;
  /** Ports at which nothing hangs. */
  readonly empty: Set<string>;

  private constructor(
    parts: Pick<SnmpPoe, "agent" | "commands" | "shown" | "empty">,
    machines: ReadonlyMap<string, FedMachine>,
  ) {
    this.agent = parts.agent;
    this.commands = parts.commands;
    this.shown = parts.shown;
    this.empty = parts.empty;
    this.#machines = machines;
  }

  static async start(options: SnmpPoeOptions = {}): Promise<SnmpPoe> {
    const { ports = ["1.3", "1.4", "2.3"], cisco = false } = options;
    const commands: string[] = [];
    const shown = new Map<string, number>();
    const empty = new Set<string>();
    const machines = new Map(ports.map((port) => [port, new FedMachine(options)]));
    const objects: Record<string, SnmpObject> = {
      "1.3.6.1.2.1.1.1.0": { value: () => "Simulated PoE switch" },
      "1.3.6.1.2.1.17.1.1.0": { value: () => Buffer.from("00000c0a0b0c", "hex") },
      ...forwarding(options),
    };
    for (const [port, machine] of machines) {
      let mode: number = CISCO.auto;
      const status = () => {
        if (!machine.fed) return "disabled";
        return empty.has(port) ? "searching" : "deliveringPower";
      };
      const order = (enable: boolean) => {
        commands.push(`port ${port} ${enable ? "on" : "off"}`);
        machine.command(enable ? "on" : "off");
        return undefined;
      };
      objects[`${PETH_PORT}.3.${port}`] = {
        value: () => (machine.fed ? ADMIN.true : ADMIN.false),
        ...(!cisco && {
          set: (value) => (value === ADMIN.true || value === ADMIN.false ? order(value === ADMIN.true) : 10),
        }),
      };
      objects[`${PETH_PORT}.6.${port}`] = { value: () => shown.get(port) ?? DETECTION[status()] };
      if (!cisco) continue;
      objects[`${CISCO_PORT}.1.${port}`] = {
        value: () => (machine.fed ? mode : CISCO.disable),
        set: (value) => {
          if (value < CISCO.auto || value > CISCO.disable) return 10;
          if (value !== CISCO.disable) mode = value;
          return order(value !== CISCO.disable);
        },
      };
      objects[`${CISCO_PORT}.9.${port}`] = { value: () => Math.round(machine.watts * 1_000) };
    }
    const agent = await SimulatedSnmpAgent.start({ ...options, objects });
    return new SnmpPoe({ agent, commands, shown, empty }, machines);
  }

  get port(): number {
    return this.agent.port;
  }

  machine(port: string): FedMachine {
    const machine = this.#machines.get(port);
    if (!machine) throw new Error(`there is no port ${port}`);
    return machine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.#machines.values()) machine.end();
    await this.agent[Symbol.asyncDispose]();
  }
}

/** Interfaces are numbered from 10101, as they are on many switches: not as their ports. */
function forwarding({ interfaces = {}, seen = {}, vlan }: SnmpPoeOptions): Record<string, SnmpObject> {
  const named = Object.entries(interfaces).flatMap(([port, name]) => [
    [`1.3.6.1.2.1.17.1.4.1.2.${port}`, { value: () => 10_100 + Number(port) }] as const,
    [`1.3.6.1.2.1.31.1.1.1.1.${10_100 + Number(port)}`, { value: () => name }] as const,
  ]);
  const learned = Object.entries(seen).map(([mac, port]) => {
    const index = mac.split(":").map((byte) => Number.parseInt(byte, 16));
    const column = vlan === undefined ? "1.3.6.1.2.1.17.4.3.1.2" : `1.3.6.1.2.1.17.7.1.2.2.1.2.${vlan}`;
    return [`${column}.${index.join(".")}`, { value: () => port }] as const;
  });
  return Object.fromEntries([...named, ...learned]);
}
