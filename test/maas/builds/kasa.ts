import { KasaDevice, type KasaDeviceOptions } from "../../simulators/kasa.ts";
import type { Builder } from "../builds.ts";

interface Way {
  readonly name: string;
  /** Which of its sockets feeds the machine. */
  readonly socket: number;
  readonly device: KasaDeviceOptions;
  readonly settings: string;
}

function plug({ name, socket, device: options, settings }: Way): Builder {
  const which = options.sockets === undefined ? "all" : `socket ${socket}`;
  return {
    name,
    on: `${which} on`,
    off: `${which} off`,
    measures: true,
    start: async (clock, behaviour = {}) => {
      const device = await KasaDevice.start({ ...options, clock, ...behaviour });
      const { hardware } = device;
      return {
        hubs: `{ plug: ${JSON.stringify({ driver: "kasa", ...device.settings })} }`,
        machine: `hub: plug, ${settings}`,
        commands: hardware.commands,
        get running() {
          return hardware.socket(socket).machine.running;
        },
        die: () => device.die(),
        revive: () => device.revive(),
        [Symbol.asyncDispose]: () => device[Symbol.asyncDispose](),
      };
    },
  };
}

export const builders: readonly Builder[] = [
  plug({
    name: "kasa, a plug of the first protocol with a meter",
    socket: 1,
    device: { legacy: true, meter: "W" },
    settings: "above: 6W",
  }),
  plug({
    name: "kasa, a strip with meters over KLAP",
    socket: 2,
    device: { klap: 2, sockets: 3, meter: "mW", tells: "KLAP" },
    settings: 'outlet: "2", above: 6W',
  }),
];
