/** A PDU with an SNMP agent: its outlets laid out by one vendor's MIB, on each a machine that runs when it is fed. */
import { FedMachine, type FedMachineOptions } from "./fed-machine.ts";
import { PDU_MIBS, type PduMib } from "./pdu-mibs.ts";
import { SimulatedSnmpAgent, type SnmpAgentOptions, type SnmpObject } from "./snmp-agent.ts";

export interface SnmpPduOptions extends FedMachineOptions, Omit<SnmpAgentOptions, "objects"> {
  /** Name in PDU_MIBS. */
  readonly mib: string;
  /** What stands for each outlet behind a column; default those of the MIB. */
  readonly outlets?: Readonly<Record<string, string>>;
  /** Answers a Set with this error, and does nothing. */
  readonly refusal?: number;
  /** What it says it is; default what the MIB's devices say. */
  readonly objectId?: string;
}

export class SnmpPdu implements AsyncDisposable {
  readonly mib: PduMib;
  readonly agent: SimulatedSnmpAgent;
  /** Every command that arrived: `outlet 3 off`. */
  readonly commands: string[];
  readonly #machines: ReadonlyMap<string, FedMachine>;
  /** Shown in place of an outlet's own state: the MIB's name for it, or a value. */
  readonly shown: Map<string, string | number>;

  private constructor(
    parts: Pick<SnmpPdu, "mib" | "agent" | "commands" | "shown">,
    machines: ReadonlyMap<string, FedMachine>,
  ) {
    this.mib = parts.mib;
    this.agent = parts.agent;
    this.commands = parts.commands;
    this.shown = parts.shown;
    this.#machines = machines;
  }

  static async start(options: SnmpPduOptions): Promise<SnmpPdu> {
    const mib = PDU_MIBS[options.mib];
    if (!mib) throw new Error(`there is no MIB ${options.mib}`);
    const commands: string[] = [];
    const shown = new Map<string, string | number>();
    const machines = new Map<string, FedMachine>();
    const objects: Record<string, SnmpObject> = {
      "1.3.6.1.2.1.1.1.0": { value: () => `Simulated PDU (${mib.from})` },
      "1.3.6.1.2.1.1.2.0": { value: () => options.objectId ?? mib.objectId, oid: true },
      "1.3.6.1.2.1.2.2.1.6.1": { value: () => Buffer.alloc(0) },
      "1.3.6.1.2.1.2.2.1.6.2": { value: () => Buffer.from("00c0b7010203", "hex") },
    };
    for (const [outlet, index] of Object.entries(options.outlets ?? mib.outlets)) {
      const machine = new FedMachine(options);
      machines.set(outlet, machine);
      const state = () => {
        const name = shown.get(outlet) ?? (machine.fed ? mib.feeding[0] : mib.open[0]);
        return typeof name === "number" ? name : (mib.states[name] ?? 0);
      };
      const write = (column: string) => (value: number) => {
        if (options.refusal !== undefined) return options.refusal;
        const verb = (["on", "off"] as const).find((verb) => mib[verb][0] === column && mib[verb][1] === value);
        if (!verb) return 10; // wrongValue
        commands.push(`outlet ${outlet} ${verb}`);
        machine.command(verb);
        return undefined;
      };
      objects[`${mib.state}.${index}`] = { value: state };
      for (const column of new Set([mib.on[0], mib.off[0]]))
        objects[`${column}.${index}`] = { value: column === mib.state ? state : () => -1, set: write(column) };
      if (mib.name !== undefined) objects[`${mib.name}.${index}`] = { value: () => `rack ${outlet}` };
      if (mib.watts !== undefined) objects[`${mib.watts}.${index}`] = { value: () => Math.round(machine.watts) };
    }
    return new SnmpPdu(
      { mib, commands, shown, agent: await SimulatedSnmpAgent.start({ ...options, objects }) },
      machines,
    );
  }

  get port(): number {
    return this.agent.port;
  }

  machine(outlet: string): FedMachine {
    const machine = this.#machines.get(outlet);
    if (!machine) throw new Error(`there is no outlet ${outlet}`);
    return machine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.#machines.values()) machine.end();
    await this.agent[Symbol.asyncDispose]();
  }
}
