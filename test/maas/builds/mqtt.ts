import { MqttPlug, type Speech } from "../../simulators/mqtt.ts";
import { TestBroker } from "../../simulators/mqtt-broker.ts";
import type { Builder } from "../builds.ts";

interface Way {
  readonly name: string;
  readonly speech: Speech;
  readonly more?: string;
}

function plug({ name, speech, more = "" }: Way): Builder {
  return {
    name,
    on: "ON",
    off: "OFF",
    measures: true,
    start: async (clock, { stuck = false, ...behaviour } = {}) => {
      const broker = await TestBroker.start();
      const url = `mqtt://127.0.0.1:${broker.port}`;
      const plug = await MqttPlug.start({ url, speech, clock, ...behaviour });
      if (stuck) plug.fault = "stuck";
      return {
        hubs: `{ broker: { driver: mqtt, host: 127.0.0.1, port: ${broker.port} } }`,
        machine: `hub: broker, preset: ${speech}, outlet: plug1${more}`,
        commands: plug.commands,
        get running() {
          return plug.running;
        },
        die: () => broker.die(),
        revive: async () => {
          await broker.revive();
          await plug.connected();
        },
        [Symbol.asyncDispose]: async () => {
          await plug[Symbol.asyncDispose]();
          await broker[Symbol.asyncDispose]();
        },
      };
    },
  };
}

export const builders: readonly Builder[] = [
  plug({ name: "mqtt, a Tasmota plug", speech: "tasmota" }),
  plug({ name: "mqtt, a Zigbee plug with a meter", speech: "zigbee2mqtt", more: ", power: power, above: 6W" }),
];
