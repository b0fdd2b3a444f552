/** A server behind an IPMI controller. */
import { Bmc, IPMI_PASSWORD, IPMI_USER } from "../../simulators/ipmi.ts";
import type { Builder } from "../builds.ts";

const IPMI: Builder = {
  name: "ipmi",
  on: "on",
  off: "off",
  measures: true,
  start: (clock, { initial = "off", lag = 0, stuck = false } = {}) => {
    const bmc = Bmc.start({ clock, lag, stuck, power: initial === "on" ? "on" : "off" });
    return Promise.resolve({
      machine: `driver: ipmi, host: 127.0.0.1, port: ${bmc.port}, user: ${IPMI_USER}, password: ${IPMI_PASSWORD}`,
      commands: bmc.commands,
      get running() {
        return bmc.power === "on";
      },
      die: () => {
        bmc.fault = "gone";
        return Promise.resolve();
      },
      revive: () => {
        bmc.fault = undefined;
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(bmc[Symbol.dispose]()),
    });
  },
};

export const builders: readonly Builder[] = [IPMI];
