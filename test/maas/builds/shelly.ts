/** Shelly plugs of the first generation and of a later one, with a password. */
import { keptPort } from "../../kept-port.ts";
import { ShellyDevice, type ShellyOptions } from "../../simulators/shelly.ts";
import type { Builder } from "../builds.ts";

const PASSWORD = "hidden-password";

function plug({
  name,
  generation,
  settings,
}: Pick<Required<ShellyOptions>, "generation"> & Record<"name" | "settings", string>): Builder {
  return {
    name,
    on: "relay 0 on",
    off: "relay 0 off",
    measures: true,
    start: async (clock, behaviour = {}) => {
      const port = await keptPort();
      const device = await ShellyDevice.start({ clock, port, generation, password: PASSWORD, ...behaviour });
      return {
        machine: `driver: shelly, host: 127.0.0.1, port: ${port}, password: ${PASSWORD}, ${settings}`,
        commands: device.commands,
        get running() {
          return device.machine().running;
        },
        die: () => device.die(),
        revive: () => device.revive(),
        [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
      };
    },
  };
}

export const builders: readonly Builder[] = [
  plug({ name: "shelly, a plug of the first generation", generation: 1, settings: "min_off: 5s" }),
  plug({ name: "shelly, a plug of a later generation with a meter", generation: 2, settings: "above: 6W" }),
];
