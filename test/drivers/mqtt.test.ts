import { describe, expect, test } from "vitest";
import { failureOf, until } from "../expecting.ts";
import type { Speech } from "../simulators/mqtt.ts";
import { TestBroker } from "../simulators/mqtt-broker.ts";
import { Bench, MqttRun, type Settings, TASMOTA, TELLS } from "./mqtt-run.ts";

const SPEECHES: readonly (readonly [Speech, string])[] = [
  ["tasmota", "plug1"],
  ["zigbee2mqtt", "plug1"],
  ["shelly", "plug1"],
  ["shelly-gen1", "plug1"],
  ["esphome", "plug1#relay"],
  ["homeassistant", "switch.plug1"],
];

describe.each(SPEECHES)("a device that speaks %s", (preset, outlet) => {
  test("is switched and read", async () => {
    await using at = await Bench.open(preset);
    const settings = { preset, outlet };
    // A word that was on its way before it was asked may pass for the answer.
    const reads = (state: string) => until(async () => (await at.run.query(settings)).state === state);
    await reads("off");
    await at.run.command("on", settings);
    await reads("on");
    expect(at.plug.closed()).toBe(true);
    await at.run.command("off", settings);
    await reads("off");
    expect(at.plug.closed()).toBe(false);
    expect(at.plug.commands).toEqual(["ON", "OFF"]);
    expect(at.broker.received.filter(({ retain }) => retain)).toEqual([]);
  });

  test("is asked, so that its state is of now and measured", async () => {
    await using at = await Bench.open(preset, { initial: "on" });
    const { at: since, assumed } = await at.run.query({ preset, outlet });
    expect({ since, assumed, questions: at.plug.questions }).toEqual({
      since: undefined,
      assumed: undefined,
      questions: 1,
    });
  });

  test("is no state when it does not answer, whatever the broker retains", async () => {
    await using at = await Bench.open(preset, { initial: "on", retain: true });
    at.plug.tell();
    at.plug.fault = "silent";
    const failure = await failureOf(at.run.query({ preset, outlet, answer_within: "100ms" }));
    expect(failure).toMatchObject({ code: "timeout", mayHaveActed: false });
  });

  test("is left alone once its last will says that it is gone", async () => {
    await using at = await Bench.open(preset);
    const settings = { preset, outlet };
    await at.run.query(settings);
    await at.plug.vanish();
    await until(async () => (await failureOf(at.run.query(settings, 300))).code === "unreachable");
    const sent = at.broker.received.length;
    const failure = await failureOf(at.run.command("on", settings));
    expect(failure).toMatchObject({
      code: "unreachable",
      mayHaveActed: false,
      message: expect.stringContaining("it is not there"),
    });
    expect(at.broker.received).toHaveLength(sent);
    await at.plug.return();
    await until(() =>
      at.run.command("on", settings).then(
        () => true,
        () => false,
      ),
    );
    await until(() => at.plug.closed());
  });
});

describe("the right relay", () => {
  test.each([
    ["plug1", 0],
    ["plug1#1", 0],
    ["plug1#2", 1],
    ["plug1#3", 2],
  ])("of a Tasmota with three, by %s", async (outlet, index) => {
    await using at = await Bench.open("tasmota", { relays: 3 });
    const settings = { ...TASMOTA, outlet };
    await at.run.command("on", settings);
    await until(() => at.plug.closed(index));
    expect([0, 1, 2].filter((each) => at.plug.closed(each))).toEqual([index]);
    expect(await at.run.query(settings)).toMatchObject({ state: "on" });
    expect(await at.run.query({ ...TASMOTA, outlet: index === 2 ? "plug1#2" : "plug1#3" })).toMatchObject({
      state: "off",
    });
  });

  test("of a Tasmota that calls its only one POWER1", async () => {
    await using at = await Bench.open("tasmota", { numbered: true, initial: "on" });
    expect(await at.run.query(TASMOTA)).toMatchObject({ state: "on" });
    await at.run.command("off", { ...TASMOTA, outlet: "plug1#1" });
    await until(() => !at.plug.closed());
  });

  test.each([
    ["zigbee2mqtt", "l1", "l2"],
    ["shelly", 0, 1],
    ["shelly-gen1", 0, 1],
  ] as const)("of two by %s", async (preset, first, second) => {
    await using at = await Bench.open(preset, { relays: 2 });
    await at.run.command("on", { preset, outlet: `plug1#${second}` });
    await until(() => at.plug.closed(1));
    expect(at.plug.closed(0)).toBe(false);
    const both = [first, second].map((relay) => ({ preset, outlet: `plug1#${relay}` }));
    expect(await at.run.queryAll(both)).toMatchObject([{ state: "off" }, { state: "on" }]);
  });
});

test.each([
  ["zigbee2mqtt", "power"],
  ["shelly", "apower"],
] as const)("watts of %s come with its state", async (preset, power) => {
  await using at = await Bench.open(preset, { initial: "on" });
  const settings = { preset, outlet: "plug1", power };
  expect(await at.run.query(settings)).toMatchObject({ state: "on", watts: 25 });
  expect(await at.run.watts(settings)).toBe(25);
  const failure = await failureOf(at.run.watts({ ...settings, power: "wattage" }));
  expect(failure).toMatchObject({ code: "protocol", message: expect.stringContaining("wattage") });
});

test("topics of another FullTopic and of another base are used", async () => {
  await using broker = await TestBroker.start();
  await using run = await MqttRun.open({ port: broker.port });
  await run.command("on", { ...TASMOTA, base: "home/%topic%/%prefix%" });
  await run.command("on", { preset: "zigbee2mqtt", outlet: "rack/plug1", base: "z2m" });
  await run.command("on", { preset: "shelly", outlet: "plug1", base: "lab" });
  expect(broker.received.map(({ topic }) => topic)).toEqual([
    "home/plug1/cmnd/POWER",
    "z2m/rack/plug1/set",
    "lab/plug1/command/switch:0",
  ]);
});

describe("an ESPHome switch", () => {
  test("is on where that was told before we came, as long as it answers", async () => {
    await using at = await Bench.open("esphome", { initial: "on" });
    const answer = await at.run.query({ preset: "esphome", outlet: "plug1#relay" });
    expect(answer).toEqual({ state: "on", evidence: "retained ON, and it answers" });
  });

  test("is unknown where it answers, and keeps its state to itself", async () => {
    await using at = await Bench.open("esphome", { initial: "on", retain: false });
    const answer = await at.run.query({ preset: "esphome", outlet: "plug1#relay" });
    expect(answer).toMatchObject({ state: "unknown", reason: expect.stringContaining("nothing is retained") });
  });
});

describe("a state that is told unasked", () => {
  const NOON = Date.UTC(2026, 0, 1, 12);

  async function scene() {
    let now = NOON;
    const clock = { now: () => now, sleep: () => Promise.resolve() };
    const broker = await TestBroker.start();
    const run = await MqttRun.open({ port: broker.port }, clock);
    const later = (ms: number) => {
      now += ms;
    };
    return {
      broker,
      run,
      later,
      [Symbol.asyncDispose]: async () => {
        await run[Symbol.asyncDispose]();
        await broker[Symbol.asyncDispose]();
      },
    };
  }

  test("is unknown before anything was told", async () => {
    await using at = await scene();
    expect(await at.run.query(TELLS)).toMatchObject({ state: "unknown", reason: expect.stringContaining("rack/4") });
  });

  test("is assumed where the broker retained it", async () => {
    await using at = await scene();
    await at.broker.retain("rack/4", "1");
    expect(await at.run.query(TELLS)).toMatchObject({ state: "on", assumed: true, evidence: "retained 1" });
  });

  test("is measured, and as old as the message", async () => {
    await using at = await scene();
    await at.run.query(TELLS);
    at.later(1_000);
    await at.broker.tell("rack/4", "1");
    await until(async () => (await at.run.query(TELLS)).state === "on");
    at.later(60_000);
    expect(await at.run.query(TELLS)).toEqual({ state: "on", at: NOON + 1_000, evidence: "told 1" });
  });

  test("is unknown once it is older than max_age", async () => {
    await using at = await scene();
    const settings = { ...TELLS, max_age: "10m" };
    await at.run.query(settings);
    await at.broker.tell("rack/4", "0");
    await until(async () => (await at.run.query(settings)).state === "off");
    at.later(600_001);
    expect(await at.run.query(settings)).toMatchObject({ state: "unknown", reason: expect.stringContaining("10m") });
  });

  test("is heard when the command itself was the first exchange", async () => {
    await using at = await scene();
    await at.run.command("on", TELLS);
    await at.broker.tell("rack/4", "1");
    await until(async () => (await at.run.query(TELLS)).state === "on");
    expect((await at.run.query(TELLS)).assumed).toBeUndefined();
  });
});

describe("a payload", () => {
  async function stateOf(payload: string, settings: Settings) {
    await using broker = await TestBroker.start();
    await using run = await MqttRun.open({ port: broker.port });
    await broker.retain("rack/4", payload);
    return await run.query({ state: "rack/4", ...settings });
  }

  test.each([
    ["ON", { values: { on: "ON", off: "OFF" } }, "on"],
    [' "off"\n', { values: { on: "ON", off: "OFF" } }, "off"],
    [
      '{"relays":[{"ison":false},{"ison":true}]}',
      { property: "relays.1.ison", values: { on: "true", off: "false" } },
      "on",
    ],
    ['{"state":"ON"}', { property: "state" }, "on"],
    ["outlet 4: closed", { on_regex: "4: closed", off_regex: "4: open" }, "on"],
    ['{"led":"dark"}', { expression: "led = 'lit'" }, "off"],
    ['{"led":null}', { expression: "led" }, "unknown"],
  ])("%j by %j means %s", async (payload, settings, state) => {
    expect(await stateOf(payload, settings)).toMatchObject({ state });
  });

  test.each([
    ["unavailable", { values: { on: "on", off: "off" } }],
    ["", { values: { on: "on", off: "off" } }],
    ["<html>busy", { property: "state" }],
    ['{"state":"blinking"}', { property: "state" }],
    ["standby", { on_regex: "closed", off_regex: "open" }],
    ["no JSON", { expression: "led" }],
  ])("%j by %j is no state", async (payload, settings) => {
    expect(await stateOf(payload, settings)).toMatchObject({ state: "unknown" });
  });

  test("without the property is passed over until the answer comes", async () => {
    await using broker = await TestBroker.start();
    await using run = await MqttRun.open({ port: broker.port });
    const asked = run.query({ preset: "zigbee2mqtt", outlet: "plug1" });
    await until(() => broker.received.length > 0);
    await broker.tell("zigbee2mqtt/plug1", '{"linkquality":88}');
    await broker.tell("zigbee2mqtt/plug1", '{"state":"ON"}');
    expect(await asked).toEqual({ state: "on", evidence: "told ON" });
  });

  test("of an expression that fails is a mistake in the configuration", async () => {
    const failure = await failureOf(stateOf('{"led":"x"}', { expression: "led + 1" }));
    expect(failure).toMatchObject({ code: "config", mayHaveActed: false });
  });
});

describe("one device that does not answer", () => {
  test("does not keep the others from being read", async () => {
    await using at = await Bench.open("tasmota", { initial: "on" });
    const silent = { ...TASMOTA, outlet: "plug2", answer_within: "200ms" };
    const [here, gone] = await at.run.queryAll([TASMOTA, silent]);
    expect(here).toMatchObject({ state: "on" });
    expect(gone).toMatchObject({ code: "timeout" });
  });

  test("fails all of them at once where it is the broker", async () => {
    await using at = await Bench.open("tasmota");
    await at.run.query(TASMOTA);
    await at.broker.die();
    expect(await failureOf(at.run.queryAll([TASMOTA, TASMOTA]))).toMatchObject({ code: "unreachable" });
  });
});

describe("a command", () => {
  test("may have acted when the broker takes it and does not confirm it", async () => {
    await using at = await Bench.open("tasmota");
    at.broker.unconfirmed.add("cmnd/plug1/POWER");
    expect(await failureOf(at.run.command("on", TASMOTA, 300))).toMatchObject({ code: "timeout", mayHaveActed: true });
  });

  test("may have acted when the connection breaks under it", async () => {
    await using at = await Bench.open("tasmota");
    at.broker.unconfirmed.add("cmnd/plug1/POWER");
    const failed = failureOf(at.run.command("on", TASMOTA));
    await until(() => at.broker.received.length > 0);
    await at.broker.die();
    expect(await failed).toMatchObject({ code: "unreachable", mayHaveActed: true });
  });

  test("that was not confirmed is not sent again when the broker is back", async () => {
    await using at = await Bench.open("tasmota");
    at.broker.unconfirmed.add("cmnd/plug1/POWER");
    const failed = failureOf(at.run.command("on", TASMOTA));
    await until(() => at.broker.received.length > 0);
    await at.broker.die();
    await failed;
    at.broker.unconfirmed.clear();
    await at.broker.revive();
    await at.plug.connected();
    await until(() =>
      at.run.query(TASMOTA).then(
        () => true,
        () => false,
      ),
    );
    expect(at.plug.commands).toEqual([]);
  });

  test("cannot have acted when the broker is gone", async () => {
    await using at = await Bench.open("tasmota");
    await at.broker.die();
    await until(async () => (await failureOf(at.run.command("on", TASMOTA))).code === "unreachable");
    expect(await failureOf(at.run.command("on", TASMOTA))).toMatchObject({ code: "unreachable", mayHaveActed: false });
  });

  test.each([0, 2])("goes out at QoS %i where that is wanted", async (qos) => {
    await using at = await Bench.open("tasmota");
    await at.run.command("on", { ...TASMOTA, qos });
    await until(() => at.plug.closed());
    expect(at.broker.received.at(-1)).toMatchObject({ topic: "cmnd/plug1/POWER", qos, retain: false });
  });

  test("has the topic and payload of its verb", async () => {
    await using broker = await TestBroker.start();
    await using run = await MqttRun.open({ port: broker.port });
    const publish = {
      on: { topic: "rack/4", payload: '{"to":1}' },
      off: { topic: "rack/4/off" },
      cycle: { topic: "rack/4", payload: "again" },
      reset: { topic: "rack/4", payload: "reset" },
    };
    for (const verb of ["on", "off", "cycle", "reset"] as const) await run.command(verb, { publish });
    expect(broker.received.map(({ topic, payload }) => `${topic} ${payload}`)).toEqual([
      'rack/4 {"to":1}',
      "rack/4/off ",
      "rack/4 again",
      "rack/4 reset",
    ]);
  });
});
