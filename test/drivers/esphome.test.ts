import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/esphome.ts";
import { capabilities, cutsOf, isMomentary } from "../../src/power/driver.ts";
import { listen } from "../../src/wire/event-stream.ts";
import { HttpClient } from "../../src/wire/http.ts";
import { failureOf, until, within } from "../expecting.ts";
import { loneHub } from "../lone-hub.ts";
import { type EspEntity, EspHomeDevice, type EspHomeOptions, MAC, type Version } from "../simulators/esphome.ts";
import type { Guard } from "../simulators/http-device.ts";
import { RawDevice } from "../simulators/raw-device.ts";
import { Connected } from "./connected.ts";

const RELAY: EspEntity = { domain: "switch", name: "My Relay", state: false };
const VERSIONS: readonly Version[] = ["2025.12", "2026.1", "2026.7", "2026.8"];

async function open({ login = {}, entities = [RELAY], ...options }: Partial<EspHomeOptions> & { login?: object } = {}) {
  const device = await EspHomeDevice.start({ entities, ...options });
  const esp = await Connected.open(driver, { host: "127.0.0.1", port: device.port, ...login });
  return {
    device,
    esp,
    async [Symbol.asyncDispose]() {
      await esp[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
    },
  };
}

describe.each(VERSIONS)("with the version %s", (version) => {
  test.each(["My Relay", "my_relay", "switch/My Relay"])(
    "a switch is found as %s, switched and read",
    async (outlet) => {
      await using at = await open({ version });
      await at.esp.command("on", { outlet });
      expect(at.device.state("My Relay")).toBe(true);
      expect(await at.esp.query({ outlet })).toMatchObject({ state: "on" });
      await at.esp.command("off", { outlet });
      expect(at.device.state("My Relay")).toBe(false);
      expect(await at.esp.query({ outlet })).toMatchObject({ state: "off" });
      expect(at.device.commands).toEqual(["turn_on switch/My Relay", "turn_off switch/My Relay"]);
    },
  );

  test("lights, fans and binary sensors are read, and the first two are switched", async () => {
    const entities: EspEntity[] = [
      { domain: "light", name: "Lamp", state: true },
      { domain: "fan", name: "Fan", state: true },
      { domain: "binary_sensor", name: "Power LED", state: true },
    ];
    await using at = await open({ version, entities });
    for (const outlet of ["light/Lamp", "fan/Fan"]) {
      expect(await at.esp.query({ outlet })).toMatchObject({ state: "on" });
      await at.esp.command("off", { outlet });
      expect(await at.esp.query({ outlet })).toMatchObject({ state: "off" });
    }
    expect(await at.esp.query({ outlet: "binary_sensor/Power LED" })).toMatchObject({ state: "on" });
  });

  test("its list names what can be given as outlet, and each of them is found", async () => {
    const entities: EspEntity[] = [
      RELAY,
      { domain: "switch", name: "Küche 1", state: true },
      { domain: "light", name: "Lamp", state: true },
      { domain: "button", name: "Power button" },
      { domain: "sensor", name: "Power", state: 24.5, unit: "W" },
      { domain: "number", name: "Delay", state: 20 },
    ];
    await using at = await open({ version, entities });
    const list = await at.esp.list();
    expect(list).toEqual([
      { outlet: "switch/My Relay", state: "off" },
      { outlet: "switch/Küche 1", state: "on" },
      { outlet: "light/Lamp", state: "on" },
      { outlet: "button/Power button", state: "unknown" },
    ]);
    for (const { outlet } of list ?? []) await at.esp.command("on", { outlet });
    expect(at.device.commands).toEqual([
      "turn_on switch/My Relay",
      "turn_on switch/Küche 1",
      "turn_on light/Lamp",
      "press button/Power button",
    ]);
  });

  test("what changes is told, under whichever name it was asked for", async () => {
    const entities: EspEntity[] = [RELAY, { domain: "switch", name: "Other", state: true }];
    await using at = await open({ version, entities });
    await using watch = await at.esp.watch([{ outlet: "my_relay" }, { outlet: "Other" }]);
    await until(() => watch.told.length === 2);
    at.device.set("My Relay", true);
    at.device.set("Other", false);
    await until(() => watch.told.length === 4);
    expect(watch.told.map(({ outlet, answer }) => `${outlet} ${answer.state}`)).toEqual([
      "my_relay off",
      "Other on",
      "my_relay on",
      "Other off",
    ]);
  });
});

describe.each(["2026.1", "2026.7", "2026.8"] as const)("sub-devices of the version %s", (version) => {
  const entities: EspEntity[] = [
    { domain: "switch", name: "Relay", state: false },
    { domain: "switch", device: "Garage", name: "Relay", state: true },
  ];

  test("are told apart", async () => {
    await using at = await open({ version, entities });
    expect(await at.esp.query({ outlet: "Relay" })).toMatchObject({ state: "off" });
    expect(await at.esp.query({ outlet: "Garage/Relay" })).toMatchObject({ state: "on" });
    await at.esp.command("off", { outlet: "switch/Garage/relay" });
    expect(at.device.commands).toEqual(["turn_off switch/Garage/Relay"]);
    await using watch = await at.esp.watch([{ outlet: "Garage/Relay" }]);
    await until(() => watch.told.length > 0);
    expect(watch.told).toHaveLength(1);
  });

  test("that are not there are not taken for others", async () => {
    await using at = await open({ version, entities });
    expect(await failureOf(at.esp.command("on", { outlet: "Cellar/Relay" }))).toMatchObject({ code: "not_found" });
    expect(at.device.commands).toEqual([]);
  });
});

describe("an entity", () => {
  test("that is missing fails, and those that are there are named", async () => {
    await using at = await open();
    const failure = await failureOf(at.esp.command("on", { outlet: "Relais" }));
    expect(failure).toMatchObject({ code: "not_found", mayHaveActed: false });
    expect(failure.hint).toContain("switch/My Relay");
    expect(at.device.commands).toEqual([]);
  });

  test("that new firmware calls otherwise is found again", async () => {
    await using at = await open({ version: "2025.12" });
    await at.esp.command("on", { outlet: "my_relay" });
    at.device.version = "2026.8";
    await at.esp.command("off", { outlet: "my_relay" });
    expect(await at.esp.query({ outlet: "my_relay" })).toMatchObject({ state: "off" });
    expect(at.device.commands).toEqual(["turn_on switch/My Relay", "turn_off switch/My Relay"]);
  });

  test("once found is asked for at its place alone", async () => {
    await using at = await open({ version: "2025.12" });
    await at.esp.query({ outlet: "My Relay" });
    const before = at.device.requests.length;
    await at.esp.query({ outlet: "My Relay" });
    await at.esp.command("on", { outlet: "My Relay" });
    expect(at.device.requests.slice(before).map(({ method, url }) => `${method} ${url}`)).toEqual([
      "GET /switch/my_relay?detail=all",
      "POST /switch/my_relay/turn_on",
    ]);
  });

  test("with signs of URLs in its name is found", async () => {
    await using at = await open({ entities: [{ domain: "switch", name: "50% #1? (a+b)", state: false }] });
    await at.esp.command("on", { outlet: "50% #1? (a+b)" });
    expect(at.device.state("50% #1? (a+b)")).toBe(true);
  });

  test("whose state is only assumed by the device is assumed, in what is told as well", async () => {
    await using at = await open({ entities: [{ ...RELAY, assumed: true }] });
    expect(await at.esp.query({ outlet: "My Relay" })).toMatchObject({ state: "off", assumed: true });
    await using watch = await at.esp.watch([{ outlet: "My Relay" }]);
    at.device.set("My Relay", true);
    await until(() => watch.told.length === 2);
    expect(watch.told.map(({ answer }) => answer)).toMatchObject([
      { state: "off", assumed: true },
      { state: "on", assumed: true },
    ]);
  });

  test("may tell the state in place of a button that is pressed", async () => {
    const entities: EspEntity[] = [
      { domain: "button", name: "Power" },
      { domain: "binary_sensor", name: "LED", state: false },
    ];
    await using at = await open({ entities });
    at.device.obey = () => at.device.set("LED", at.device.state("LED") !== true);
    const outlet = { outlet: "button/Power", state: "LED" };
    await at.esp.command("on", outlet);
    expect(await at.esp.query(outlet)).toMatchObject({ state: "on" });
    await at.esp.command("off", outlet);
    expect(await at.esp.query(outlet)).toMatchObject({ state: "off" });
    expect(at.device.commands).toEqual(["press button/Power", "press button/Power"]);
  });

  test("that lets go by itself is pressed for off as well", async () => {
    await using at = await open();
    await at.esp.command("off", { outlet: "My Relay", momentary: true });
    expect(at.device.commands).toEqual(["turn_on switch/My Relay"]);
  });
});

describe("watts", () => {
  async function watts(sensor: Partial<EspEntity>, version: Version = "2026.8") {
    await using at = await open({ version, entities: [RELAY, { domain: "sensor", name: "Power", ...sensor }] });
    return await at.esp.watts({ outlet: "My Relay", watts: "Power" });
  }

  test.each(VERSIONS)("are what the sensor tells, with the version %s", async (version) => {
    expect(await watts({ state: 24.5, unit: "W" }, version)).toBe(24.5);
    expect(await watts({ state: 0.0245, unit: "kW" }, version)).toBeCloseTo(24.5, 6);
  });

  test.each([
    [{ state: null, unit: "W" }, "refused"],
    [{ state: 21.5, unit: "°C" }, "config"],
    [{ state: 24.5 }, "config"],
  ] as const)("of %j are none", async (sensor, code) => {
    expect(await failureOf(watts(sensor))).toMatchObject({ code });
  });
});

describe("a login", () => {
  const login = { user: "admin", password: "open: sesame" };
  const basic: Guard = { kind: "basic", expected: Buffer.from("admin:open: sesame").toString("base64") };

  test.each([
    ["digest", { kind: "digest", ...login }],
    ["Basic", basic],
  ] as const)("goes as %s where the device asks for it, for events as well", async (_kind, guard) => {
    await using at = await open({ guard, login });
    await at.esp.command("on", { outlet: "My Relay" });
    expect(at.device.state("My Relay")).toBe(true);
    expect(await at.esp.identify()).toMatchObject({ id: MAC.toLowerCase() });
    await using watch = await at.esp.watch([{ outlet: "My Relay" }]);
    await until(() => watch.told.length === 1);
  });

  test("goes as Basic to nobody who asks for digest", async () => {
    await using at = await open({ guard: { kind: "digest", ...login }, login: { ...login, password: "wrong-one" } });
    expect(await failureOf(at.esp.command("on", { outlet: "My Relay" }))).toMatchObject({ code: "auth" });
    expect(at.device.requests.filter(({ headers }) => headers.authorization?.startsWith("Basic"))).toEqual([]);
  });

  test.each([
    ["wrong", { ...login, password: "wrong-one" }],
    ["missing", {}],
  ])("that is %s fails as such, and is not told", async (_what, wrong) => {
    await using at = await open({ guard: basic, login: wrong });
    const outlet = { outlet: "My Relay" };
    for (const work of [() => at.esp.command("on", outlet), () => at.esp.watch([outlet])]) {
      const failure = await failureOf(work());
      expect(failure).toMatchObject({ code: "auth", mayHaveActed: false });
      expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("wrong-one");
    }
    expect(at.device.commands).toEqual([]);
  });
});

describe("a failure", () => {
  test.each([
    ["is silent", undefined, "timeout"],
    ["fails", 500, "refused"],
  ])("of a command at a device that %s may have acted", async (_what, status, code) => {
    await using at = await open();
    await at.esp.query({ outlet: "My Relay" });
    at.device.handler = (_request, response) => status && response.writeHead(status).end();
    const failure = await failureOf(at.esp.command("on", { outlet: "My Relay" }, 300));
    expect(failure).toMatchObject({ code, mayHaveActed: true });
  });

  test("of a command whose connection is reset may have acted", async () => {
    await using at = await open();
    await at.esp.query({ outlet: "My Relay" });
    at.device.handler = (_request, response) => response.socket?.resetAndDestroy();
    const failure = await failureOf(at.esp.command("on", { outlet: "My Relay" }));
    expect(failure).toMatchObject({ code: "unreachable", mayHaveActed: true });
  });

  test.each([
    ['{"id":"switch/My Relay","state":"HALF"}'],
    ['{"id":"switch/My Relay","value":true}'],
    ['{"id":"switch/My Relay","state":"OFF","value":true}'],
    ['{"state":"OFF"}'],
    ["<html>setup</html>"],
    [""],
  ])("of a reading is the answer %j", async (answer) => {
    await using at = await open();
    at.device.handler = (_request, response) => response.end(answer);
    expect(await failureOf(at.esp.query({ outlet: "My Relay" }))).toMatchObject({ code: "protocol" });
  });

  test("of a reading is the answer for another entity", async () => {
    await using at = await open();
    at.device.handler = (_request, response) => response.end('{"id":"switch/Other","state":"OFF","value":false}');
    expect(await failureOf(at.esp.query({ outlet: "My Relay" }))).toMatchObject({ code: "not_found" });
  });
});

describe("what a device tells unasked", () => {
  const outlets = [{ outlet: "My Relay" }];

  test("ends when it is wanted no more, and that is no loss", async () => {
    await using at = await open();
    const watch = await at.esp.watch(outlets);
    await until(() => watch.told.length === 1);
    await watch.end?.();
    await until(() => at.device.listeners === 0);
    expect(watch.losses).toEqual([]);
  });

  test("is lost with the connection, once", async () => {
    await using at = await open();
    await using watch = await at.esp.watch(outlets);
    await until(() => watch.told.length === 1);
    at.device.breakListeners();
    await until(() => watch.losses.length > 0);
    expect(watch.losses).toMatchObject([{ code: "unreachable" }]);
  });

  test("holds its log, which tells nothing", async () => {
    await using at = await open();
    await using watch = await at.esp.watch(outlets);
    at.device.log('{"id":"switch/My Relay","state":"ON","value":true}');
    at.device.set("My Relay", true);
    await until(() => watch.told.length === 2);
    expect(watch.told.map(({ answer }) => answer.state)).toEqual(["off", "on"]);
  });

  test("becomes unknown when it is no state any more", async () => {
    await using at = await open();
    await using watch = await at.esp.watch(outlets);
    at.device.tellRaw('event: state\r\ndata: {"id":"switch/My Relay","state":"HALF"}\r\n\r\n');
    await until(() => watch.told.length === 2);
    expect(watch.told[1]?.answer).toMatchObject({ state: "unknown" });
  });

  test.each(["event: state\r\ndata: <html>\r\n\r\n", `data: ${"x".repeat(70_000)}`])(
    "is lost at rubbish",
    async (rubbish) => {
      await using at = await open();
      await using watch = await at.esp.watch(outlets);
      at.device.tellRaw(rubbish);
      await until(() => watch.losses.length > 0);
      expect(watch.losses).toMatchObject([{ code: "protocol" }]);
    },
  );

  test.each([404, 503])("is nothing where it answers %i, and that says nothing against the device", async (status) => {
    await using at = await open();
    at.device.handler = (_request, response) => response.writeHead(status).end();
    expect(await failureOf(at.esp.watch(outlets))).toMatchObject({ code: "unsupported" });
  });

  test("is nothing for a button", async () => {
    await using at = await open({ entities: [{ domain: "button", name: "Power" }] });
    await using watch = await at.esp.watch([{ outlet: "button/Power" }]);
    expect(watch.end).toBeUndefined();
    expect(at.device.requests).toEqual([]);
  });

  test("is lost when nothing comes any more, and not while a ping comes", async () => {
    let pings = 0;
    let last = 0;
    await using device = await RawDevice.start((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
      const timer = setInterval(() => {
        pings += 1;
        last = Date.now();
        if (pings === 5) clearInterval(timer);
        socket.write("event: ping\r\ndata: {}\r\n\r\n");
      }, 60);
    });
    const stream = await new HttpClient().stream({ method: "GET", url: device.url, signal: within(2_000) });
    const losses: unknown[] = [];
    listen(stream, { silence: 200, heard: () => undefined, lost: (error) => losses.push(error) });
    await until(() => losses.length > 0);
    expect(losses).toMatchObject([{ code: "unreachable" }]);
    expect(pings).toBe(5);
    expect(Date.now() - last).toBeGreaterThan(150);
    await until(() => device.openConnections === 0);
  });

  test("serves a query of the hub without another request", async () => {
    await using device = await EspHomeDevice.start({ entities: [RELAY] });
    const settings = driver.outlet.parse({ outlet: "My Relay" });
    const hubSettings: unknown = driver.hub?.parse({ host: "127.0.0.1", port: device.port });
    const pace = { concurrency: 1, interval: 0, settle: 0, idle: 60_000, timeout: 5_000 };
    await using hub = loneHub({ key: "esp", name: "esp", driver, settings: hubSettings, pace });
    hub.watch([{ settings, heard: () => undefined, lost: () => undefined }]);
    await until(() => hub.pushed(settings)?.answer.state === "off");
    device.set("My Relay", true);
    await until(() => hub.pushed(settings)?.answer.state === "on");
    expect(device.requests.map(({ url }) => url)).toEqual(["/", "/events"]);
  });
});

describe("the identity", () => {
  test("is the MAC address that the device tells browsers", async () => {
    await using at = await open();
    expect(await at.esp.identify()).toEqual({ id: MAC.toLowerCase(), model: "plug-nuc1" });
  });

  test.each(["unknown", "hangs up"] as const)("is none where the firmware has it left out: %s", async (access) => {
    await using at = await open();
    at.device.access = access;
    expect(await at.esp.identify()).toBeUndefined();
  });

  test("that was told once is not taken for left out when the connection breaks", async () => {
    await using at = await open();
    await at.esp.identify();
    at.device.access = "hangs up";
    expect(await failureOf(at.esp.identify())).toMatchObject({ code: "unreachable" });
  });

  test("of another device at the address keeps a command from it", async () => {
    await using device = await EspHomeDevice.start({ entities: [RELAY] });
    const settings = driver.outlet.parse({ outlet: "My Relay" });
    const hubSettings: unknown = driver.hub?.parse({ host: "127.0.0.1", port: device.port });
    const pace = { concurrency: 1, interval: 0, settle: 0, idle: 20, timeout: 5_000 };
    await using hub = loneHub({ key: "esp", name: "esp", driver, settings: hubSettings, pace });
    const context = { machine: { name: "nuc1" }, last: undefined };
    const order = () =>
      hub.exchange({
        priority: "order",
        kind: "command",
        run: async (connection, signal) => driver.on?.(connection, settings, { ...context, signal }),
      });
    await order();
    expect(device.commands).toHaveLength(1);
    device.mac = "AA:BB:CC:00:53:08";
    await until(() => !hub.connected);
    expect(await failureOf(order())).toMatchObject({ code: "wrong_device", mayHaveActed: false });
    expect(device.commands).toHaveLength(1);
  });
});

describe("what the settings mean", () => {
  const outlet = (settings: object): unknown => driver.outlet.parse(settings);

  test.each([
    [{ outlet: "Relay" }, ["on", "off", "hard", "query"]],
    [{ outlet: "Relay", watts: "Power" }, ["on", "off", "hard", "query", "watts"]],
    [{ outlet: "button/Power" }, ["on", "off", "hard"]],
    [{ outlet: "button/Power", state: "LED" }, ["on", "off", "hard", "query"]],
    [{ outlet: "binary_sensor/LED" }, ["query"]],
  ])("%j can do %j", (settings, can) => {
    expect([...capabilities(driver, outlet(settings))].sort()).toEqual([...can].sort());
  });

  test.each([
    [{ outlet: "Relay" }, "mains", false],
    [{ outlet: "light/Lamp" }, "mains", false],
    [{ outlet: "button/Power" }, "button", true],
    [{ outlet: "Relay", momentary: true }, "button", true],
    [{ outlet: "button/Cut", cuts: "mains", momentary: false }, "mains", false],
  ])("%j cuts %s", (settings, cuts, momentary) => {
    expect(cutsOf(driver, outlet(settings))).toBe(cuts);
    expect(isMomentary(driver, outlet(settings))).toBe(momentary);
  });

  test.each([
    [{ outlet: "Relay" }, { user: "admin" }, "user: `user` and `password` go together"],
    [{ outlet: "Relay" }, { password: "x" }, "password: `user` and `password` go together"],
    [{ outlet: "sensor/Power" }, {}, "outlet: can neither"],
    [{ outlet: "Relay", watts: "switch/Relay" }, {}, "watts: is no sensor"],
    [{ outlet: "Relay", state: "button/Power" }, {}, "state: has no state"],
  ])("%j with the hub %j is found", (settings, hub, finding) => {
    const found = driver.check?.(outlet(settings), driver.hub?.parse({ host: "plug", ...hub }));
    expect(found?.map(({ key, problem }) => `${key}: ${problem}`)).toEqual([expect.stringContaining(finding)]);
  });

  test.each(["", "/Relay", "switch//Relay", "a/b/c/d/e"])("%j is no name", (name) => {
    expect(driver.outlet.safeParse({ outlet: name }).success).toBe(false);
  });
});
