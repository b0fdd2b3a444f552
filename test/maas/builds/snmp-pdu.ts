/** Outlets of two PDUs, one of them with a meter. */
import { SnmpPdu } from "../../simulators/snmp-pdu.ts";
import type { Builder } from "../builds.ts";

function outlet({ name, mib, settings }: Readonly<Record<"name" | "mib" | "settings", string>>): Builder {
  return {
    name,
    on: "outlet 2 on",
    off: "outlet 2 off",
    measures: true,
    start: async (clock, behaviour = {}) => {
      const pdu = await SnmpPdu.start({ mib, clock, ...behaviour });
      return {
        hubs: `{ pdu: { driver: snmp-pdu, host: 127.0.0.1, port: ${pdu.port}, write_community: private, wait: 300ms, tries: 1 } }`,
        machine: `hub: pdu, outlet: 2, ${settings}`,
        commands: pdu.commands,
        get running() {
          return pdu.machine("2").running;
        },
        die: () => {
          pdu.agent.fault = "deaf";
          return Promise.resolve();
        },
        revive: () => {
          pdu.agent.fault = undefined;
          return Promise.resolve();
        },
        [Symbol.asyncDispose]: () => pdu[Symbol.asyncDispose](),
      };
    },
  };
}

export const builders: readonly Builder[] = [
  outlet({ name: "snmp-pdu, an outlet", mib: "apc-rpdu2", settings: "min_off: 5s" }),
  outlet({ name: "snmp-pdu, an outlet with a meter", mib: "eaton-marlin", settings: "above: 6W" }),
];
