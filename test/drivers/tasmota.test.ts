import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/tasmota.ts";
import { failureOf } from "../expecting.ts";
import { HttpDevice } from "../simulators/http-device.ts";
import { TasmotaDevice, type TasmotaOptions } from "../simulators/tasmota.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { Connected } from "./connected.ts";
import { HubRun } from "./hub-run.ts";
import { findings } from "./run.ts";

function hubOf(device: TasmotaDevice, more: object = {}) {
  return { host: "127.0.0.1", port: device.port, ...more };
}

async function open(options: TasmotaOptions = {}, more: object = {}) {
  const device = await TasmotaDevice.start(options);
  const tasmota = await Connected.open(driver, hubOf(device, more), options.clock);
  return {
    device,
    tasmota,
    async [Symbol.asyncDispose]() {
      await tasmota[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
    },
  };
}

describe("a device with Tasmota", () => {
  test.each([
    ["POWER, as with one relay", {}, false],
    ["POWER1, as with SetOption26", {}, true],
    ["POWER1, as with several relays", { relays: 2 }, false],
  ])("is switched and read where it says %s", async (_what, options, indexed) => {
    await using at = await open(options);
    at.device.config.indexed = indexed;
    await at.tasmota.command("on", {});
    expect(at.device.machine().fed).toBe(true);
    expect(await at.tasmota.query({})).toEqual({ state: "on", evidence: "closed" });
    await at.tasmota.command("off", {});
    expect(at.device.machine().fed).toBe(false);
    expect(await at.tasmota.query({})).toEqual({ state: "off", evidence: "open" });
    expect(at.device.commands).toEqual(["Power1 1", "Power1 0"]);
  });

  test("is switched by its relay's number, and its other relays are left alone", async () => {
    await using at = await open({ relays: 4 });
    await at.tasmota.command("on", { outlet: "3" });
    expect([1, 2, 3, 4].map((relay) => at.device.machine(relay).fed)).toEqual([false, false, true, false]);
  });

  test("tells the states of several relays in one exchange", async () => {
    await using device = await TasmotaDevice.start({ relays: 2 });
    await using run = new HubRun(driver, hubOf(device));
    device.machine(2).set("on");
    await run.query({ outlet: 1 });
    const before = device.requests.length;
    expect(await run.queryAll([{ outlet: 1 }, { outlet: 2 }, { outlet: 5 }])).toMatchObject([
      { value: { state: "off" } },
      { value: { state: "on" } },
      { reason: { code: "not_found" } },
    ]);
    expect(device.requests.length - before).toBe(1);
  });

  test.each([
    ["one relay and one meter", { meter: "one" }, [24.5]],
    ["one relay and old firmware", { meter: "one", old: true }, [24.5]],
    ["a meter for each relay", { meter: "each", relays: 2 }, [24.5, 0]],
  ] as const)("tells watts: %s", async (_what, options, watts) => {
    await using at = await open(options);
    at.device.machine(1).set("on");
    const told = await Promise.all(watts.map((_, index) => at.tasmota.watts({ outlet: index + 1 })));
    expect(told).toEqual(watts);
  });

  test.each([
    ["none", 1],
    ["one", 2],
  ] as const)("tells no watts of a relay where its meters are %s", async (meter, relays) => {
    await using at = await open({ meter, relays, initial: "on" });
    expect(await failureOf(at.tasmota.watts({ outlet: 1 }))).toMatchObject({ code: "unsupported" });
  });

  test("says who it is", async () => {
    await using at = await open();
    const firmware = "15.0.1(release-tasmota)";
    expect(await at.tasmota.identify()).toEqual({ id: "a4:cf:12:c6:58:cc", model: "ESP8266EX", firmware });
  });

  test("is asked as from its own page, for SetOption128", async () => {
    await using at = await open();
    await at.tasmota.query({});
    expect(at.device.requests[0]?.headers.referer).toBe(`http://127.0.0.1:${at.device.port}/`);
  });
});

describe("a web password", () => {
  const password = "a&b=c #%20 grün";

  test("is sent so that every sign of it arrives", async () => {
    await using at = await open({ password }, { password });
    await at.tasmota.command("on", {});
    expect(at.device.machine().fed).toBe(true);
  });

  test.each([
    ["that is wrong", { password: "other" }, false, /refuses/],
    ["that is wrong, with the status 200 of old firmware", { password: "other" }, true, /refuses/],
    ["that is missing", {}, false, /asks for a password/],
  ])("%s is a failure in which nothing acted", async (_what, settings, old, message) => {
    await using at = await open({ password, old }, settings);
    const failed = { code: "auth", mayHaveActed: false, message: expect.stringMatching(message) };
    expect(await failureOf(at.tasmota.command("on", {}))).toMatchObject(failed);
    expect(await failureOf(at.tasmota.query({}))).toMatchObject(failed);
    expect(at.device.commands).toEqual([]);
  });
});

describe("no state is made of", () => {
  test.each([
    ["a relay that it has not", { outlet: 2 }, false],
    ["a relay that it has not, with old firmware", { outlet: 2 }, true],
  ])("%s", async (_what, outlet, old) => {
    await using at = await open({ old, initial: "on" });
    expect(await failureOf(at.tasmota.query(outlet))).toMatchObject({ code: "not_found" });
    expect(await failureOf(at.tasmota.command("on", outlet))).toMatchObject({ code: "not_found" });
  });

  test("words of its own for on and off", async () => {
    await using at = await open();
    at.device.config.stateTexts = ["AUS", "AN"];
    const failure = await failureOf(at.tasmota.query({}));
    expect(failure).toMatchObject({ code: "protocol", hint: expect.stringContaining("StateText1 OFF") });
  });

  test("its main page, which it shows in place of an answer where commands are not allowed", async () => {
    await using at = await open();
    at.device.fault = "page";
    const hint = expect.stringContaining("SetOption128 1");
    expect(await failureOf(at.tasmota.query({}))).toMatchObject({ code: "protocol", hint });
  });

  test.each(["{}", "[]", "null", '{"POWER":true}', '{"POWER2":"ON"}', '{"StatusSTS":{"POWER":"ON"}}'])(
    "the answer %s",
    async (text) => {
      await using device = await HttpDevice.start();
      device.handler = (_request, response) => response.end(text);
      await using tasmota = await Connected.open(driver, { host: "127.0.0.1", port: device.port });
      await failureOf(tasmota.query({}));
      expect(await failureOf(tasmota.command("on", {}))).toMatchObject({
        code: expect.stringMatching(/^(?:protocol|not_found)$/),
      });
    },
  );
});

describe("a command", () => {
  test.each([
    ["busy", "busy", false],
    ["reset", "unreachable", true],
    ["rubbish", "protocol", true],
    ["page", "protocol", true],
  ] as const)("that meets %s is %s", async (fault, code, mayHaveActed) => {
    await using at = await open();
    at.device.fault = fault;
    expect(await failureOf(at.tasmota.command("off", {}))).toMatchObject({ code, mayHaveActed });
  });
});

describe("a setting of the device", () => {
  test.each([
    ["PulseTime in seconds", { pulseTime: [0, 113] }, "closed (PulseTime opens it 13 s after each on)"],
    ["PulseTime in tenths of a second", { pulseTime: [0, 15] }, "closed (PulseTime opens it 1.5 s after each on)"],
    ["PulseTime of another relay", { pulseTime: [15, 0] }, "closed"],
    [
      "PowerOnState 5 with PulseTime",
      { powerOnState: 5, pulseTime: [0, 130] },
      "closed (PulseTime closes it 30 s after each off)",
    ],
    ["PowerOnState 2", { powerOnState: 2 }, "closed (PowerOnState 2 flips it when mains return)"],
    ["PowerOnState 4", { powerOnState: 4 }, "closed (PowerOnState 4 keeps it closed for ever)"],
    ["PowerLock", { powerLock: 0b10 }, "closed (PowerLock keeps it as it is)"],
    ["PowerLock of another relay", { powerLock: 0b01 }, "closed"],
    ["Interlock", { interlock: "1,2 3,4" }, "closed (Interlock opens relay 1 when it closes)"],
    ["Interlock of other relays", { interlock: "1,3" }, "closed"],
  ])("that works against orders is told beside the state: %s", async (_what, config, evidence) => {
    await using at = await open({ relays: 4 });
    Object.assign(at.device.config, config);
    at.device.machine(2).set("on");
    expect(await at.tasmota.query({ outlet: 2 })).toEqual({ state: "on", evidence });
  });

  test("is found in old firmware as well", async () => {
    await using at = await open({ old: true });
    at.device.config.pulseTime = [113];
    expect(await at.tasmota.query({})).toMatchObject({ evidence: expect.stringContaining("13 s after each on") });
  });

  test("is told in the list of relays, beside their names", async () => {
    await using at = await open({ relays: 2 });
    at.device.config.names = ["nuc1", ""];
    at.device.config.pulseTime = [113];
    expect(await at.tasmota.list()).toEqual([
      { outlet: "1", label: "nuc1; PulseTime opens it 13 s after each on", state: "off" },
      { outlet: "2", state: "off" },
    ]);
  });

  test("is asked for again after ten minutes, and not before", async () => {
    const clock = new VirtualClock();
    await using at = await open({ clock });
    await at.tasmota.query({});
    at.device.config.powerOnState = 4;
    expect(await at.tasmota.query({})).toMatchObject({ evidence: "open" });
    await clock.run(clock.sleep(600_000));
    expect(await at.tasmota.query({})).toMatchObject({ evidence: expect.stringContaining("PowerOnState 4") });
  });

  test.each([
    ["PowerOnState 4", { powerOnState: 4 }],
    ["PowerLock", { powerLock: 1 }],
  ])("that holds the relay makes an off a refusal, not a success: %s", async (name, config) => {
    await using at = await open({ initial: "on" });
    Object.assign(at.device.config, config);
    const failure = await failureOf(at.tasmota.command("off", {}));
    expect(failure).toMatchObject({ code: "refused", hint: expect.stringContaining(name.slice(0, 9)) });
    expect(at.device.machine().fed).toBe(true);
  });

  test("that would cut another machine off makes an on a refusal, and nothing is sent", async () => {
    await using at = await open({ relays: 3 });
    at.device.config.interlock = "1,2";
    at.device.machine(1).set("on");
    const failure = await failureOf(at.tasmota.command("on", { outlet: 2 }));
    expect(failure).toMatchObject({
      code: "refused",
      mayHaveActed: false,
      hint: expect.stringContaining("Interlock 0"),
    });
    expect(at.device.commands).toEqual([]);
    await at.tasmota.command("on", { outlet: 3 });
    await at.tasmota.command("off", { outlet: 1 });
    await at.tasmota.command("on", { outlet: 2 });
    expect([1, 2, 3].map((relay) => at.device.machine(relay).fed)).toEqual([false, true, true]);
  });

  test("that cannot be read keeps nobody from switching and reading", async () => {
    await using at = await open();
    at.device.deaf = /^PulseTime$/;
    await at.tasmota.command("on", {}, 5_000);
    expect(await at.tasmota.query({}, 1_000)).toEqual({ state: "on", evidence: "closed" });
  });
});

test("relays are counted from 1", () => {
  expect(findings({ driver, outlet: { outlet: 0 } })).toEqual(["outlet: Tasmota counts its relays from 1"]);
  expect(findings({ driver, outlet: {} })).toEqual([]);
});
