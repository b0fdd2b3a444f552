import { readFileSync } from "node:fs";
import { join } from "node:path";
import mqtt from "mqtt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import driver from "../../src/drivers/mqtt.ts";
import { DEFAULT_PACE } from "../../src/power/driver.ts";
import { MqttRun, TASMOTA, TELLS } from "../drivers/mqtt-run.ts";
import { failureOf, until } from "../expecting.ts";
import { loneHub } from "../lone-hub.ts";
import { World } from "../maas/world.ts";
import { MqttPlug, type Speech } from "../simulators/mqtt.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { Mosquitto, PASSWORD, USER } from "./mosquitto.ts";
import { describeWith, missing } from "./need.ts";

const TLS = join(import.meta.dirname, "../fixtures/tls");
const pem = (name: string) => readFileSync(join(TLS, name), "utf8");

describeWith(missing({ mosquitto: "mosquitto", mosquitto_passwd: "mosquitto" }))(
  "the driver mqtt against mosquitto",
  () => {
    describe("lets itself in", () => {
      let broker: Mosquitto;
      let plug: MqttPlug;
      beforeAll(async () => {
        broker = await Mosquitto.start();
        plug = await MqttPlug.start({ url: `mqtt://127.0.0.1:${broker.open}`, speech: "tasmota" });
      });
      afterAll(async () => {
        await plug[Symbol.asyncDispose]();
        await broker[Symbol.asyncDispose]();
      });

      const certificate = { tls: true, ca: pem("authority.pem"), cert: pem("device.pem"), key: pem("device.key") };

      test.each([
        ["with a password", () => ({ port: broker.guarded, user: USER, password: PASSWORD })],
        ["over TLS", () => ({ port: broker.tls, tls: true, ca: pem("authority.pem") })],
        ["by a client certificate", () => ({ port: broker.certified, ...certificate })],
        ["with MQTT 3.1.1", () => ({ port: broker.open, version: "3.1.1" })],
      ])("%s", async (_how, hub) => {
        await using run = await MqttRun.open(hub());
        for (const state of ["on", "off"] as const) {
          await run.command(state, TASMOTA);
          await until(async () => (await run.query(TASMOTA)).state === state);
          expect(plug.closed()).toBe(state === "on");
        }
      });

      test.each([
        ["a wrong password", () => ({ port: broker.guarded, user: USER, password: "wrong one" }), "auth"],
        ["no password", () => ({ port: broker.guarded }), "auth"],
        ["an unknown authority", () => ({ port: broker.tls, tls: true }), "auth"],
        [
          "no client certificate",
          () => ({ port: broker.certified, ...certificate, cert: undefined, key: undefined }),
          "auth",
        ],
        [
          "a client certificate of nobody's",
          () => ({ port: broker.certified, ...certificate, cert: pem("alone.pem"), key: pem("alone.key") }),
          "auth",
        ],
        ["TLS where none is spoken", () => ({ port: broker.open, tls: true, insecure: true }), "unreachable"],
        ["no TLS where it is spoken", () => ({ port: broker.tls }), "unreachable"],
      ])("not with %s", async (_how, hub, code) => {
        const failure = await failureOf(MqttRun.open(hub()));
        expect(failure).toMatchObject({ code, mayHaveActed: false });
        expect(failure.hint).not.toBe("");
      });

      test("and is told what it may not do there", async () => {
        await using run = await MqttRun.open({ port: broker.guarded, user: USER, password: PASSWORD });
        const failure = await failureOf(run.command("on", TELLS));
        expect(failure).toMatchObject({
          code: "refused",
          mayHaveActed: false,
          message: expect.stringContaining("rack/4/set"),
        });
      });
    });

    test.each<[Speech, string]>([
      ["tasmota", "plug1"],
      ["zigbee2mqtt", "plug1"],
      ["shelly", "plug1"],
      ["shelly-gen1", "plug1"],
      ["esphome", "plug1#relay"],
      ["homeassistant", "switch.plug1"],
    ])("switches and reads a device that speaks %s, and leaves it alone when it is gone", async (preset, outlet) => {
      await using broker = await Mosquitto.start();
      await using plug = await MqttPlug.start({ url: `mqtt://127.0.0.1:${broker.open}`, speech: preset });
      await using run = await MqttRun.open({ port: broker.open });
      const settings = { preset, outlet };
      for (const state of ["on", "off"] as const) {
        await run.command(state, settings);
        await until(async () => (await run.query(settings)).state === state);
        expect(plug.closed()).toBe(state === "on");
      }
      await plug.vanish();
      await until(async () => (await failureOf(run.query(settings, 300))).code === "unreachable");
      expect(await failureOf(run.command("on", settings))).toMatchObject({
        code: "unreachable",
        hubAnswered: true,
        mayHaveActed: false,
      });
    });

    test("hears at once that nobody listens, so that nothing can have acted", async () => {
      await using broker = await Mosquitto.start();
      await using run = await MqttRun.open({ port: broker.open });
      expect(await failureOf(run.command("on", TASMOTA))).toMatchObject({
        code: "unreachable",
        mayHaveActed: false,
        message: expect.stringContaining("nobody listens on cmnd/plug1/POWER"),
      });
      expect(await failureOf(run.query(TASMOTA))).toMatchObject({ code: "unreachable" });
    });

    test("sends commands that expire, and are not retained", async () => {
      await using broker = await Mosquitto.start();
      const device = mqtt.connect(`mqtt://127.0.0.1:${broker.open}`, { protocolVersion: 5 });
      const heard: unknown[] = [];
      device.on("message", (_topic, _payload, { retain, properties }) => {
        heard.push({ retain, expiry: properties?.messageExpiryInterval });
      });
      await device.subscribeAsync("rack/4/set", { qos: 1, rap: true });
      await using run = await MqttRun.open({ port: broker.open });
      await run.command("on", TELLS);
      await until(() => heard.length > 0);
      await device.endAsync();
      expect(heard).toEqual([{ retain: false, expiry: 10 }]);
    });

    test("takes a state that survived a restart in the broker for no fresh one", async () => {
      await using broker = await Mosquitto.start();
      const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.open}`);
      await device.publishAsync("rack/4", "1", { qos: 1, retain: true });
      await device.endAsync();
      await using run = await MqttRun.open({ port: broker.open });
      await broker.die("SIGTERM");
      await broker.revive();
      await until(() =>
        run.query(TELLS).then(
          ({ state }) => state === "on",
          () => false,
        ),
      );
      expect(await run.query(TELLS)).toMatchObject({ state: "on", assumed: true });
    });

    test.each(["SIGTERM", "SIGKILL"] as const)(
      "ends an order in whose middle the broker ends by %s and comes back, with one command",
      async (signal) => {
        const clock = new VirtualClock();
        await using broker = await Mosquitto.start();
        const url = `mqtt://127.0.0.1:${broker.open}`;
        await using plug = await MqttPlug.start({ url, speech: "tasmota", clock, lag: 40_000 });
        await using world = await World.open({
          clock,
          hubs: `{ broker: { driver: mqtt, host: 127.0.0.1, port: ${broker.open} } }`,
          machines: "{ nuc1: { hub: broker, preset: tasmota, outlet: plug1 } }",
        });
        const maas = world.maas("nuc1");
        void clock.sleep(5_000).then(() => clock.busy(broker.die(signal)));
        void clock.sleep(20_000).then(() => clock.busy(broker.revive().then(() => plug.connected())));
        expect(await world.run(maas.on())).toBe("on");
        expect(plug.closed()).toBe(true);
        expect(plug.commands).toEqual(["ON"]);
        expect(maas.exchanges).toEqual(["POST /maas/nuc1/on 200", "GET /maas/nuc1/query 200"]);
      },
    );

    test("subscribes again after a restart, and hears what changes from then on", async () => {
      await using broker = await Mosquitto.start();
      await using plug = await MqttPlug.start({ url: `mqtt://127.0.0.1:${broker.open}`, speech: "tasmota" });
      const settings: unknown = driver.outlet.parse(TASMOTA);
      await using hub = loneHub({
        key: "broker",
        name: "broker",
        driver,
        settings: driver.hub?.parse({ host: "127.0.0.1", port: broker.open }),
        pace: { ...DEFAULT_PACE, ...driver.pace },
      });
      const lost: string[] = [];
      hub.watch([{ settings, heard: () => undefined, lost: ({ code }) => lost.push(code) }]);
      const pushed = (state: "on" | "off") => until(() => hub.pushed(settings)?.answer.state === state, 15_000);
      await pushed("off");
      await broker.die();
      await until(() => lost.length > 0);
      await broker.revive();
      await plug.connected();
      await pushed("off");
      plug.set(true);
      await pushed("on");
      expect(lost).toEqual(["unreachable"]);
    });
  },
);
