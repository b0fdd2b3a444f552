/** What drivers find among a device's own settings that works against us; only by reading. */
import { describe, expect, test } from "vitest";
import kasa from "../../src/drivers/kasa.ts";
import mqtt from "../../src/drivers/mqtt.ts";
import shelly from "../../src/drivers/shelly.ts";
import tasmota from "../../src/drivers/tasmota.ts";
import { failureOf } from "../expecting.ts";
import { KasaDevice } from "../simulators/kasa.ts";
import { TestBroker } from "../simulators/mqtt-broker.ts";
import { ShellyDevice } from "../simulators/shelly.ts";
import { TasmotaDevice } from "../simulators/tasmota.ts";
import { Connected } from "./connected.ts";

type Examined = Awaited<ReturnType<Connected["examine"]>>;

/** `timer: opens by itself …`, for each outlet. */
function told(examined: Examined): string[][] | undefined {
  return examined?.map((traps) => traps.map(({ kind, problem }) => `${kind}: ${problem}`));
}

describe.each([
  [1, { onMains: "last" }, { off: "off", on: "on", follows: "switch" }],
  [2, { onMains: "restore_last" }, { off: "off", on: "on", follows: "match_input" }],
] as const)("a Shelly whose generation is %i", (generation, well, words) => {
  async function open() {
    const device = await ShellyDevice.start({ generation, relays: 2 });
    const hub = await Connected.open(shelly, { host: "127.0.0.1", port: device.port });
    return {
      device,
      hub,
      async [Symbol.asyncDispose]() {
        await hub[Symbol.asyncDispose]();
        await device[Symbol.asyncDispose]();
      },
    };
  }

  test("has nothing against us where it restores its last state and has no timer", async () => {
    await using at = await open();
    Object.assign(at.device.config, well);
    expect(told(await at.hub.examine([{ outlet: 0 }, { outlet: 1 }]))).toEqual([[], []]);
    expect(at.device.commands).toEqual([]);
  });

  test("tells its timers and what it does when mains return, of the relay that has them", async () => {
    await using at = await open();
    Object.assign(at.device.config, { autoOff: 90, autoOn: 5, onMains: words.off });
    expect(told(await at.hub.examine([{ outlet: 1 }, { outlet: 0 }]))).toEqual([
      [],
      [
        "timer: opens by itself 90 s after each on",
        "timer: closes by itself 5 s after each off",
        "mains: stays open when mains return",
      ],
    ]);
    at.device.config.onMains = words.on;
    expect(told(await at.hub.examine([{ outlet: 0 }]))?.[0]).toContain("mains: closes when mains return");
    at.device.config.onMains = words.follows;
    expect(told(await at.hub.examine([{ outlet: 0 }]))?.[0]).toContain(
      "mains: follows the switch wired to it when mains return",
    );
    expect(at.device.commands).toEqual([]);
  });

  test("tells that it holds a relay open for too much power", async () => {
    await using at = await open();
    at.device.fault = "overpower";
    expect(told(await at.hub.examine([{ outlet: 0 }]))).toEqual([["held: is held open by the device: overpower"]]);
  });

  test("fails where it does not answer, and does not pass for one without timers", async () => {
    await using at = await open();
    await at.device.die();
    expect(await failureOf(Promise.resolve(at.hub.examine([{ outlet: 0 }])))).toMatchObject({ code: "unreachable" });
  });
});

test("a Shelly of the first generation tells that a schedule switches it", async () => {
  await using device = await ShellyDevice.start({ generation: 1 });
  await using hub = await Connected.open(shelly, { host: "127.0.0.1", port: device.port });
  device.config.schedule = true;
  expect(told(await hub.examine([{ outlet: 0 }]))).toEqual([["timer: is switched by a schedule of its own"]]);
});

describe("a Tasmota", () => {
  test.each([
    [{}, []],
    [{ pulseTime: [113] }, ["timer: PulseTime opens it 13 s after each on"]],
    [{ powerOnState: 4 }, ["held: PowerOnState 4 keeps it closed for ever"]],
    [{ powerLock: 1 }, ["held: PowerLock keeps it as it is"]],
    [{ interlock: "1,2" }, ["interlock: Interlock opens relay 2 when it closes"]],
    [{ powerOnState: 0 }, ["mains: PowerOnState 0 leaves it open when mains return"]],
    [{ powerOnState: 1 }, ["mains: PowerOnState 1 closes it when mains return"]],
    [{ powerOnState: 2 }, ["mains: PowerOnState 2 flips it when mains return"]],
  ])("with %j tells %j", async (config, expected) => {
    await using device = await TasmotaDevice.start({ relays: 2 });
    await using hub = await Connected.open(tasmota, { host: "127.0.0.1", port: device.port });
    Object.assign(device.config, config);
    expect(told(await hub.examine([{ outlet: 1 }]))).toEqual([expected]);
    expect(device.commands).toEqual([]);
  });

  test("is asked anew each time, and says how to end what it tells", async () => {
    await using device = await TasmotaDevice.start();
    await using hub = await Connected.open(tasmota, { host: "127.0.0.1", port: device.port });
    expect(told(await hub.examine([{ outlet: 1 }]))).toEqual([[]]);
    Object.assign(device.config, { pulseTime: [113] });
    expect(await hub.examine([{ outlet: 1 }])).toMatchObject([[{ mend: "In its console: `PulseTime1 0`." }]]);
  });
});

describe("a Kasa or Tapo", () => {
  test("of the first dialect tells its schedules and a timer under way", async () => {
    await using device = await KasaDevice.start({ legacy: true });
    await using hub = await Connected.open(kasa, device.settings);
    expect(told(await hub.examine([{}]))).toEqual([[]]);
    Object.assign(device.hardware.app, { schedules: 2, countdown: true });
    expect(told(await hub.examine([{}]))).toEqual([
      ["timer: is switched by a schedule of its own", "timer: is about to be switched by a timer of its own"],
    ]);
    expect(device.hardware.commands).toEqual([]);
  });

  test("of the second dialect tells auto-off, its protection, and what it does when mains return", async () => {
    await using device = await KasaDevice.start({ klap: 2, sockets: 2 });
    await using hub = await Connected.open(kasa, device.settings);
    expect(told(await hub.examine([{ outlet: 1 }, { outlet: 2 }]))).toEqual([[], []]);
    Object.assign(device.hardware.app, { autoOff: 20, protection: "overloaded", onMains: "custom" });
    expect(told(await hub.examine([{ outlet: 2 }]))).toEqual([
      [
        "timer: opens by itself 20 min after each on",
        "held: is held open by its power protection (overloaded)",
        "mains: does not go back to its last state when mains return",
      ],
    ]);
    expect(device.hardware.commands).toEqual([]);
  });
});

describe("a device behind a broker", () => {
  const outlet = { preset: "tasmota", outlet: "plug1" };

  test("has nothing against us where the broker keeps no command for it", async () => {
    await using broker = await TestBroker.start();
    await using hub = await Connected.open(mqtt, { host: "127.0.0.1", port: broker.port });
    await broker.retain("stat/plug1/POWER", "ON");
    expect(told(await hub.examine([outlet]))).toEqual([[]]);
  });

  test("tells of a command that the broker keeps for it, each time it is asked, and leaves it there", async () => {
    await using broker = await TestBroker.start();
    await using hub = await Connected.open(mqtt, { host: "127.0.0.1", port: broker.port });
    await broker.retain("cmnd/plug1/POWER", "OFF");
    for (let times = 0; times < 2; times++) {
      expect(await hub.examine([outlet])).toEqual([
        [
          {
            kind: "retained",
            problem: "obeys OFF whenever it connects, which the broker keeps on cmnd/plug1/POWER",
            mend: "Clear it: mosquitto_pub -r -n -t 'cmnd/plug1/POWER'",
          },
        ],
      ]);
    }
    expect(broker.published).toEqual([]);
  });
});
