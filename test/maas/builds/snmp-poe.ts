/** A port of a switch that feeds by PoE, and one of Cisco's that tells its watts. */
import { SnmpPoe } from "../../simulators/snmp-poe.ts";
import type { Builder } from "../builds.ts";

function port({ name, cisco }: { readonly name: string; readonly cisco: boolean }): Builder {
  return {
    name,
    on: "port 1.3 on",
    off: "port 1.3 off",
    measures: true,
    start: async (clock, behaviour = {}) => {
      const poe = await SnmpPoe.start({ clock, cisco, ...behaviour });
      const extension = cisco ? "extension: cisco, " : "";
      return {
        hubs: `{ switch: { driver: snmp-poe, host: 127.0.0.1, port: ${poe.port}, write_community: private, ${extension}wait: 300ms, tries: 1 } }`,
        machine: `hub: switch, outlet: 3${cisco ? ", above: 6W" : ""}`,
        commands: poe.commands,
        get running() {
          return poe.machine("1.3").running;
        },
        die: () => {
          poe.agent.fault = "deaf";
          return Promise.resolve();
        },
        revive: () => {
          poe.agent.fault = undefined;
          return Promise.resolve();
        },
        [Symbol.asyncDispose]: () => poe[Symbol.asyncDispose](),
      };
    },
  };
}

export const builders: readonly Builder[] = [
  port({ name: "snmp-poe, a port", cisco: false }),
  port({ name: "snmp-poe, a port that tells its watts", cisco: true }),
];
