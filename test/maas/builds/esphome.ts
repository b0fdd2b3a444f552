/** A plug with a meter that runs ESPHome, of the newest version and of one before the URLs changed. */
import { keptPort } from "../../kept-port.ts";
import { EspHomeDevice, type Version } from "../../simulators/esphome.ts";
import { FedMachine } from "../../simulators/fed-machine.ts";
import type { Builder } from "../builds.ts";

function plug(version: Version): Builder {
  return {
    name: `esphome ${version}, a plug with a meter`,
    on: "turn_on switch/Relay",
    off: "turn_off switch/Relay",
    measures: true,
    start: async (clock, behaviour = {}) => {
      const machine = new FedMachine({ clock, ...behaviour });
      const port = await keptPort();
      const device = await EspHomeDevice.start({
        version,
        port,
        entities: [
          { domain: "switch", name: "Relay", state: machine.fed },
          { domain: "sensor", name: "Power", state: machine.watts, unit: "W" },
        ],
      });
      machine.changed = () => {
        device.set("Relay", machine.fed);
        device.set("Power", machine.watts);
      };
      device.obey = (action) => machine.command(action === "turn_on" ? "on" : "off");
      return {
        machine: `driver: esphome, host: 127.0.0.1, port: ${port}, outlet: Relay, watts: Power, above: 6W`,
        commands: device.commands,
        get running() {
          return machine.running;
        },
        die: () => device.die(),
        revive: () => device.revive(),
        [Symbol.asyncDispose]: async () => {
          machine.end();
          await device[Symbol.asyncDispose]();
        },
      };
    },
  };
}

export const builders: readonly Builder[] = [plug("2026.8"), plug("2025.12")];
