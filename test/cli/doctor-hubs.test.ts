/** `doctor` on hubs: devices on real sockets, some of them with settings that work against us. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { until } from "../expecting.ts";
import { keptPort } from "../kept-port.ts";
import { MqttPlug } from "../simulators/mqtt.ts";
import { TestBroker } from "../simulators/mqtt-broker.ts";
import { ShellyDevice } from "../simulators/shelly.ts";
import { TasmotaDevice } from "../simulators/tasmota.ts";
import { configuration, Place } from "./cli.ts";
import { DIAGNOSES_MS, diagnose } from "./diagnosis.ts";

const QUERY = "query: { driver: assumed }";

/** A machine on its plug. */
function onPlug(name: string, driver: string, device: { readonly port: number }, more = ""): string {
  return `  ${name}: { driver: ${driver}, host: 127.0.0.1, port: ${device.port}${more}, ${QUERY} }\n`;
}

describe("doctor on hubs", { timeout: DIAGNOSES_MS }, () => {
  test("tells of one that is dead, hangs, does not let us in, or is another device now", async () => {
    await using dead = await ShellyDevice.start();
    await using hanging = await ShellyDevice.start();
    await using locked = await ShellyDevice.start({ password: "secret-of-the-plug" });
    await using swapped = await ShellyDevice.start({ port: await keptPort() });
    await using place = await Place.serving(
      onPlug("dead", "shelly", dead) +
        onPlug("hanging", "shelly", hanging, ", timeout: 500ms") +
        onPlug("locked", "shelly", locked, ", password: not-the-right-one") +
        onPlug("swapped", "shelly", swapped),
    );
    // Who they are is known from here on.
    await until(() => swapped.requests.length > 1);
    await dead.die();
    hanging.fault = "silent";
    swapped.mac = "A8032ABE54DD";
    // Its session ends with its connections.
    await swapped.die();
    await until(
      async () => (await diagnose(place)).amiss.filter((code) => code === "hub-unreachable").length === 2,
      20_000,
    );
    await swapped.revive();
    await until(async () => (await diagnose(place)).amiss.includes("hub-wrong-device"), 30_000);
    const diagnosis = await diagnose(place);
    expect(diagnosis.amiss).toEqual(
      expect.arrayContaining(["hub-unreachable", "hub-timeout", "hub-auth", "hub-wrong-device"]),
    );
    expect(diagnosis.message("hub-wrong-device")).toMatch(/a8:03:2a:be:54:dd answers for .*; on it: swapped$/);
    expect(diagnosis.found("hub-wrong-device").next).toContain("maasochist hubs trust ");
    expect(diagnosis.findings.map(({ message, next }) => `${message} ${next}`).join("\n")).not.toMatch(
      /not-the-right-one|secret-of-the-plug/,
    );
    expect(diagnosis.code).toBe(1);
  });

  test("tells of one that is slow, and of an outlet that there is not", async () => {
    await using slow = await ShellyDevice.start();
    await using shelly = await ShellyDevice.start();
    await using place = await Place.serving(
      onPlug("slow", "shelly", slow, ", timeout: 8s") +
        onPlug("nowhere", "shelly", shelly, ", outlet: 7").replace(`, ${QUERY}`, ""),
    );
    // First contact takes several requests, each of which would be late.
    await until(() => slow.requests.length > 2);
    slow.answersAfter = 4_200;
    const diagnosis = await diagnose(place);
    expect(diagnosis.message("machine-unreadable")).toMatch(/^nowhere cannot be read: .*has no relay 7 \[not_found\]$/);
    expect(diagnosis.found("hub-slow").facts["timeout"]).toBe("8000 ms");
  });

  test("tells what a plug's own settings would do against us, and how to end it", async () => {
    await using shelly = await ShellyDevice.start();
    Object.assign(shelly.config, { autoOff: 60, onMains: "off" });
    await using tasmota = await TasmotaDevice.start({ relays: 2 });
    Object.assign(tasmota.config, { powerLock: 1, interlock: "1,2" });
    await using broker = await TestBroker.start();
    await using _plug = await MqttPlug.start({ url: `mqtt://127.0.0.1:${broker.port}`, speech: "tasmota" });
    await broker.retain("cmnd/plug1/POWER", "OFF");
    await using place = await Place.serving(
      `${onPlug("s", "shelly", shelly)}${onPlug("t", "tasmota", tasmota)}  m: { driver: mqtt, host: 127.0.0.1, port: ${broker.port}, preset: tasmota, outlet: plug1, ${QUERY} }\n`,
    );
    const diagnosis = await diagnose(place);
    expect(diagnosis.amiss).toEqual(
      expect.arrayContaining(["device-timer", "device-mains", "device-held", "device-interlock", "device-retained"]),
    );
    expect(diagnosis.found("device-timer")).toMatchObject({
      message: expect.stringMatching(/ of s: opens by itself 60 s after each on$/),
      next: expect.stringMatching(/clear its auto-off timer/),
    });
    expect(diagnosis.found("device-held").next).toBe("In its console: `PowerLock1 0`.");
    expect(diagnosis.message("device-retained")).toMatch(/ of m: obeys OFF whenever it connects/);
    const commands = broker.published.filter(({ topic, payload }) => topic.startsWith("cmnd/") && payload !== "");
    expect([...shelly.commands, ...tasmota.commands, ...commands]).toEqual([]);
  });

  test("tells that the settings of a device cannot be read, where its state can", async () => {
    await using shelly = await ShellyDevice.start();
    shelly.refuses = /GetConfig/;
    await using place = await Place.serving(onPlug("s", "shelly", shelly));
    const diagnosis = await diagnose(place);
    expect(diagnosis.message("device-unexamined")).toMatch(/^the own settings of .* \(shelly\) cannot be read: /);
    expect(diagnosis.amiss).not.toContain("machine-unreadable");
  });

  test("asks devices itself where no daemon runs, knows them again, and writes nothing down", async () => {
    await using shelly = await ShellyDevice.start();
    shelly.config.autoOff = 60;
    const machines = onPlug("s", "shelly", shelly);
    await using place = Place.with({ "maasochist.yaml": configuration(machines) });
    const diagnosis = await diagnose(place);
    expect(diagnosis.well).toContain("hubs");
    expect(diagnosis.amiss).toEqual(expect.arrayContaining(["daemon-absent", "device-timer"]));
    expect(readdirSync(place.path)).toEqual(["maasochist.yaml"]);
    await using daemon = await place.serve();
    await until(() => existsSync(place.file("maasochist.memory.jsonl")));
    await daemon.end("SIGTERM");
    const kept = readFileSync(place.file("maasochist.memory.jsonl"), "utf8");
    shelly.mac = "A8032ABE54DD";
    expect((await diagnose(place)).amiss).toContain("hub-wrong-device");
    expect(readFileSync(place.file("maasochist.memory.jsonl"), "utf8")).toBe(kept);
    expect(shelly.commands).toEqual([]);
  });

  test("leaves machines alone that are switched off in the configuration", async () => {
    await using shelly = await ShellyDevice.start({ generation: 1 });
    await using place = await Place.serving(onPlug("s", "shelly", shelly, ", outlet: 7, enabled: false"));
    expect((await diagnose(place)).amiss).not.toContain("machine-unreadable");
  });
});
