import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/mqtt.ts";
import { DEFAULT_PACE } from "../../src/power/driver.ts";
import { until } from "../expecting.ts";
import { loneHub } from "../lone-hub.ts";
import { MqttPlug } from "../simulators/mqtt.ts";
import { TestBroker } from "../simulators/mqtt-broker.ts";
import { Bench, TASMOTA, TELLS } from "./mqtt-run.ts";

describe("what devices tell unasked", () => {
  test("is passed on, beginning with what they are now", async () => {
    await using at = await Bench.open("tasmota");
    await using watch = await at.run.watch([TASMOTA]);
    await until(() => watch?.told.length === 1);
    at.plug.set(true);
    await until(() => watch?.told.length === 2);
    expect(watch?.told).toEqual(["0 off", "0 on"]);
  });

  test("is told apart by relay", async () => {
    await using at = await Bench.open("shelly", { relays: 2 });
    const relay = (relay: number) => ({ preset: "shelly", outlet: `plug1#${relay}` });
    await using watch = await at.run.watch([relay(0), relay(1)]);
    await until(() => watch?.told.length === 2);
    at.plug.set(true, 1);
    await until(() => watch?.told.length === 3);
    expect(watch?.told).toEqual(["0 off", "1 off", "1 on"]);
  });

  test("is void when the last will says that the device is gone, until it is back and asked", async () => {
    await using at = await Bench.open("tasmota", { initial: "on" });
    await using watch = await at.run.watch([TASMOTA]);
    await until(() => watch?.told.length === 1);
    await at.plug.vanish();
    await until(() => watch?.told.at(-1) === "0 unknown");
    await at.plug.return();
    await until(() => watch?.told.at(-1) === "0 on");
    expect(watch?.told.slice(0, 2)).toEqual(["0 on", "0 unknown"]);
  });

  test("is confirmed by an ESPHome device when it answers", async () => {
    await using at = await Bench.open("esphome", { initial: "on" });
    await using watch = await at.run.watch([{ preset: "esphome", outlet: "plug1#relay" }]);
    await until(() => watch?.told.length === 1);
    at.plug.set(false);
    await until(() => watch?.told.length === 2);
    expect(watch?.told).toEqual(["0 on", "0 off"]);
  });

  test("is assumed where the broker retained it from a device that cannot be asked", async () => {
    await using at = await Bench.open("tasmota");
    await at.broker.retain("rack/4", "1");
    await at.broker.retain("rack/alive", "online");
    await using watch = await at.run.watch([{ ...TELLS, availability: "rack/alive" }]);
    await at.broker.tell("rack/4", "0");
    await until(() => watch?.told.length === 2);
    expect(watch?.told).toEqual(["0 on, assumed", "0 off"]);
  });

  test("does not count without a sign of life: nothing would tell that the device died", async () => {
    await using at = await Bench.open("zigbee2mqtt", { availability: false });
    expect(await at.run.watch([{ ...TASMOTA, availability: false }, TELLS])).toBeUndefined();
    const zigbee = { preset: "zigbee2mqtt", outlet: "plug1" };
    await using watch = await at.run.watch([zigbee]);
    at.plug.set(true);
    expect(await at.run.query(zigbee)).toMatchObject({ state: "on" });
    expect(watch?.told).toEqual([]);
  });

  test("ends when nobody wants it any more", async () => {
    await using at = await Bench.open("tasmota");
    const watch = await at.run.watch([TASMOTA]);
    await until(() => watch?.told.length === 1);
    await watch?.[Symbol.asyncDispose]();
    at.plug.set(true);
    expect(await at.run.query(TASMOTA)).toMatchObject({ state: "on" });
    expect(watch?.told).toEqual(["0 off"]);
  });

  test("is lost with the connection, and told so once", async () => {
    await using at = await Bench.open("tasmota");
    await using watch = await at.run.watch([TASMOTA]);
    await until(() => watch?.told.length === 1);
    await at.broker.die();
    await until(() => watch?.told.length === 2);
    await at.broker.revive();
    await at.plug.connected();
    expect(await at.run.query(TASMOTA)).toMatchObject({ state: "off" });
    expect(watch?.told).toEqual(["0 off", "lost: unreachable"]);
  });
});

test("a hub subscribes again when its broker is back, and hears what changes from then on", async () => {
  await using broker = await TestBroker.start();
  await using plug = await MqttPlug.start({ url: `mqtt://127.0.0.1:${broker.port}`, speech: "tasmota" });
  const settings: unknown = driver.outlet.parse(TASMOTA);
  await using hub = loneHub({
    key: "broker",
    name: "broker",
    driver,
    settings: driver.hub?.parse({ host: "127.0.0.1", port: broker.port }),
    pace: { ...DEFAULT_PACE, ...driver.pace },
  });
  const lost: string[] = [];
  hub.watch([{ settings, heard: () => undefined, lost: ({ code }) => lost.push(code) }]);
  const pushed = (state: "on" | "off") => until(() => hub.pushed(settings)?.answer.state === state, 10_000);
  await pushed("off");
  await broker.die();
  await until(() => lost.length > 0);
  expect(hub.pushed(settings)).toBeUndefined();
  await broker.revive();
  await plug.connected();
  await pushed("off");
  plug.set(true);
  await pushed("on");
  expect(lost).toEqual(["unreachable"]);
});
