/** Servers behind a Redfish controller: one that obeys at once, one that works orders off as tasks. */
import { keptPort } from "../../kept-port.ts";
import { BMC_PASSWORD, BMC_USER, RedfishBmc, type RedfishOptions } from "../../simulators/redfish.ts";
import type { Builder } from "../builds.ts";

function redfish(name: string, options: RedfishOptions): Builder {
  return {
    name,
    on: "On 1",
    off: "ForceOff 1",
    measures: true,
    start: async (clock, { initial = "off", lag = 0, stuck = false } = {}) => {
      const port = await keptPort();
      const power = initial === "on" ? "on" : "off";
      const bmc = await RedfishBmc.start({ ...options, clock, port, lag, stuck, systems: { "1": power } });
      return {
        machine: `driver: redfish, host: 127.0.0.1, port: ${port}, https: false, user: ${BMC_USER}, password: ${BMC_PASSWORD}`,
        commands: bmc.commands,
        get running() {
          return bmc.power() === "on";
        },
        die: () => bmc.die(),
        revive: () => bmc.revive(),
        [Symbol.asyncDispose]: () => bmc[Symbol.asyncDispose](),
      };
    },
  };
}

export const builders: readonly Builder[] = [
  redfish("redfish", {}),
  redfish("redfish, with tasks and transitions", { tasks: "done", transitions: true, told: "info", sessions: "none" }),
];
