/** A plug with Tasmota, its meter and a web password. */
import { keptPort } from "../../kept-port.ts";
import { TasmotaDevice } from "../../simulators/tasmota.ts";
import type { Builder } from "../builds.ts";

const PASSWORD = "hidden-password";

export const builders: readonly Builder[] = [
  {
    name: "tasmota, a plug with a meter",
    on: "Power1 1",
    off: "Power1 0",
    measures: true,
    start: async (clock, behaviour = {}) => {
      const port = await keptPort();
      const device = await TasmotaDevice.start({ clock, port, password: PASSWORD, ...behaviour });
      return {
        machine: `driver: tasmota, host: 127.0.0.1, port: ${port}, password: ${PASSWORD}, above: 6W`,
        commands: device.commands,
        get running() {
          return device.machine().running;
        },
        die: () => device.die(),
        revive: () => device.revive(),
        [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
      };
    },
  },
];
