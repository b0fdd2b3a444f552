/** A plug with a meter, both of them entities of Home Assistant. */
import { keptPort } from "../../kept-port.ts";
import { FedMachine } from "../../simulators/fed-machine.ts";
import { HomeAssistantHouse, TOKEN } from "../../simulators/home-assistant.ts";
import type { Builder } from "../builds.ts";

const RELAY = "switch.nuc1";
const METER = "sensor.nuc1_power";

export const builders: readonly Builder[] = [
  {
    name: "home-assistant, a plug with a meter",
    on: `switch.turn_on ${RELAY}`,
    off: `switch.turn_off ${RELAY}`,
    measures: true,
    start: async (clock, behaviour = {}) => {
      const machine = new FedMachine({ clock, ...behaviour });
      const port = await keptPort();
      const house = await HomeAssistantHouse.start({ clock, port });
      const show = () => {
        house.set(RELAY, { state: machine.fed ? "on" : "off" });
        house.set(METER, { state: String(machine.watts), attributes: { unit_of_measurement: "W" } });
      };
      machine.changed = show;
      house.obey = (service) => machine.command(service.endsWith("turn_on") ? "on" : "off");
      show();
      return {
        hubs: `{ ha: { driver: home-assistant, host: 127.0.0.1, port: ${port}, token: ${TOKEN} } }`,
        machine: `hub: ha, outlet: ${RELAY}, watts: ${METER}, above: 6W, cuts: mains`,
        commands: house.commands,
        get running() {
          return machine.running;
        },
        die: () => house.die(),
        revive: () => house.revive(),
        [Symbol.asyncDispose]: async () => {
          machine.end();
          await house[Symbol.asyncDispose]();
        },
      };
    },
  },
];
