import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/home-assistant.ts";
import { systemClock } from "../../src/power/clock.ts";
import { capabilities, cutsOf, isMomentary } from "../../src/power/driver.ts";
import { Secret } from "../../src/power/secret.ts";
import { watchEntities } from "../../src/wire/home-assistant-push.ts";
import { failureOf, until, within } from "../expecting.ts";
import { loneHub } from "../lone-hub.ts";
import { type Entity, HomeAssistantHouse, type HomeAssistantOptions, TOKEN } from "../simulators/home-assistant.ts";
import { Connected } from "./connected.ts";

const PLUG = { outlet: "switch.nuc1" };

function hubOf(house: HomeAssistantHouse) {
  return { host: "127.0.0.1", port: house.port, token: TOKEN };
}

async function open(entities: Readonly<Record<string, Entity>>, options: HomeAssistantOptions = {}) {
  const house = await HomeAssistantHouse.start({ entities, ...options });
  const ha = await Connected.open(driver, hubOf(house));
  return {
    house,
    ha,
    async [Symbol.asyncDispose]() {
      await ha[Symbol.asyncDispose]();
      await house[Symbol.asyncDispose]();
    },
  };
}

describe("a command", () => {
  test.each([
    ["on", { outlet: "switch.nuc1" }, "switch.turn_on switch.nuc1"],
    ["off", { outlet: "light.nuc1" }, "light.turn_off light.nuc1"],
    ["off", { outlet: "input_boolean.nuc1" }, "input_boolean.turn_off input_boolean.nuc1"],
    ["off", { outlet: "group.rack" }, "homeassistant.turn_off group.rack"],
    ["on", { outlet: "button.nuc1" }, "button.press button.nuc1"],
    ["off", { outlet: "button.nuc1" }, "button.press button.nuc1"],
    ["off", { outlet: "input_button.nuc1" }, "input_button.press input_button.nuc1"],
    ["off", { outlet: "switch.nuc1", momentary: true }, "switch.turn_on switch.nuc1"],
    ["off", { outlet: "switch.nuc1", run: { off: "script.nuc1_off" } }, "script.turn_on script.nuc1_off"],
    ["cycle", { run: { cycle: "automation.nuc1" } }, "automation.trigger automation.nuc1"],
    ["reset", { run: { reset: "button.nuc1_reset" } }, "button.press button.nuc1_reset"],
    ["on", { run: { on: "scene.nuc1" } }, "scene.turn_on scene.nuc1"],
  ] as const)("%s by %j is the service that does it", async (verb, outlet, command) => {
    const [, entity = ""] = command.split(" ");
    await using at = await open({ [entity]: { state: "unknown" } });
    await at.ha.command(verb, outlet);
    expect(at.house.commands).toEqual([command]);
  });

  test("leaves other entities alone", async () => {
    await using at = await open({ "switch.nuc1": { state: "off" }, "switch.nuc2": { state: "off" } });
    await at.ha.command("on", PLUG);
    expect([at.house.state("switch.nuc1"), at.house.state("switch.nuc2")]).toEqual(["on", "off"]);
  });

  test("is refused where the entity is unavailable, which Home Assistant would answer with 200", async () => {
    await using at = await open({ "switch.nuc1": { state: "unavailable" } });
    expect(await failureOf(at.ha.command("on", PLUG))).toMatchObject({ code: "refused", mayHaveActed: false });
    expect(at.house.commands).toEqual([]);
  });

  test("for an entity that is missing fails, and says where to look", async () => {
    await using at = await open({});
    const failure = await failureOf(at.ha.command("on", PLUG));
    expect(failure).toMatchObject({ code: "not_found", mayHaveActed: false });
    expect(failure.message).toContain("switch.nuc1");
    expect(at.house.commands).toEqual([]);
  });

  test("for an entity that cannot be switched is refused, and nothing has acted", async () => {
    await using at = await open({ "camera.door": { state: "idle" } });
    const failure = await failureOf(at.ha.command("on", { outlet: "camera.door" }));
    expect(failure).toMatchObject({ code: "refused", mayHaveActed: false });
  });

  test.each([
    ["no answer", undefined, "timeout"],
    ["an error of the device", [500, "500 Internal Server Error"], "refused"],
    ["an answer that is none of Home Assistant's", [200, "<html>login</html>"], "protocol"],
  ] as const)("that met %s may have acted", async (_what, said, code) => {
    await using at = await open({});
    at.house.handler = ({ method }, response) => {
      if (method === "GET") response.end(JSON.stringify({ entity_id: "switch.nuc1", state: "off" }));
      else if (said) response.writeHead(said[0]).end(said[1]);
    };
    expect(await failureOf(at.ha.command("on", PLUG, 300))).toMatchObject({ code, mayHaveActed: true });
  });

  test("with a wrong token fails as such, and the token is not told", async () => {
    await using house = await HomeAssistantHouse.start({ entities: { "switch.nuc1": { state: "off" } } });
    await using ha = await Connected.open(driver, { ...hubOf(house), token: "eyJ-wrong-token" });
    const failure = await failureOf(ha.command("on", PLUG));
    expect(failure).toMatchObject({ code: "auth", mayHaveActed: false });
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("eyJ-wrong-token");
    expect(house.commands).toEqual([]);
  });
});

describe("a reading", () => {
  async function read(entity: Entity, settings: object = {}) {
    await using at = await open({ "switch.nuc1": entity });
    return await at.ha.query({ ...PLUG, ...settings });
  }

  test.each(["on", "off"])("of %s is that", async (state) => {
    expect(await read({ state })).toEqual({ state, evidence: `switch.nuc1 ${state}` });
  });

  test.each(["unavailable", "unknown"])("of %s is unknown, and never off", async (state) => {
    expect(await read({ state })).toMatchObject({ state: "unknown", reason: expect.stringContaining("switch.nuc1") });
  });

  test("that Home Assistant only assumes is assumed", async () => {
    expect(await read({ state: "on", attributes: { assumed_state: true } })).toMatchObject({
      state: "on",
      assumed: true,
    });
  });

  test.each(["playing", "42", "", "OFF"])("of %j is a mistake in the configuration, not a state", async (state) => {
    expect(await failureOf(read({ state }))).toMatchObject({ code: "config" });
  });

  test("that was heard of longer ago than allowed is unknown", async () => {
    const reportedAt = systemClock.now() - 600_000;
    expect(await read({ state: "off", reportedAt }, { max_age: "5m" })).toMatchObject({ state: "unknown" });
    expect(await read({ state: "off", reportedAt }, { max_age: "20m" })).toMatchObject({ state: "off" });
    expect(await read({ state: "off", reportedAt })).toMatchObject({ state: "off" });
  });

  test("comes from another entity where that is said", async () => {
    await using at = await open({ "button.nuc1": { state: "unknown" }, "binary_sensor.led": { state: "on" } });
    expect(await at.ha.query({ outlet: "button.nuc1", state: "binary_sensor.led" })).toMatchObject({ state: "on" });
  });

  test("asks the device first where that is wanted", async () => {
    await using at = await open({ "switch.nuc1": { state: "on" } });
    at.house.refresh = (entity) => at.house.set(entity, { state: "off" });
    expect(await at.ha.query(PLUG)).toMatchObject({ state: "on" });
    expect(await at.ha.query({ ...PLUG, refresh: true })).toMatchObject({ state: "off" });
    expect(at.house.refreshed).toEqual(["switch.nuc1"]);
    expect(at.house.commands).toEqual([]);
  });

  test("of another entity than was asked for is a failure", async () => {
    await using at = await open({});
    at.house.handler = (_request, response) => response.end(JSON.stringify({ entity_id: "switch.nuc2", state: "off" }));
    expect(await failureOf(at.ha.query(PLUG))).toMatchObject({ code: "protocol" });
  });

  test("fails when the connection is reset", async () => {
    await using at = await open({});
    at.house.handler = (_request, response) => response.socket?.resetAndDestroy();
    expect(await failureOf(at.ha.query(PLUG))).toMatchObject({ code: "unreachable" });
  });
});

describe("watts", () => {
  async function watts(state: string, unit?: string) {
    const attributes = unit === undefined ? {} : { unit_of_measurement: unit };
    await using at = await open({ "sensor.power": { state, attributes } });
    return await at.ha.watts({ ...PLUG, watts: "sensor.power" });
  }

  test.each([
    ["24.5", "W", 24.5],
    ["0.0245", "kW", 24.5],
    ["2450", "mW", 2.45],
    ["-0.2", "W", -0.2],
  ])("of %s %s are %d", async (state, unit, value) => {
    expect(await watts(state, unit)).toBeCloseTo(value, 6);
  });

  test.each([
    ["unavailable", "W", "refused"],
    ["unknown", "W", "refused"],
    ["21.5", "°C", "config"],
    ["24.5", undefined, "config"],
    ["", "W", "config"],
  ])("of %j %s are none", async (state, unit, code) => {
    expect(await failureOf(watts(state, unit))).toMatchObject({ code });
  });
});

test("the list has what can be switched, pressed, run or read, with its names", async () => {
  await using at = await open({
    "switch.nuc1": { state: "on", attributes: { friendly_name: "NUC 1" } },
    "light.lamp": { state: "unavailable" },
    "script.nuc3_on": { state: "off" },
    "sun.sun": { state: "above_horizon" },
    "sensor.power": { state: "24.5" },
  });
  expect(await at.ha.list()).toEqual([
    { outlet: "switch.nuc1", label: "NUC 1", state: "on" },
    { outlet: "light.lamp", state: "unknown" },
    { outlet: "script.nuc3_on", state: "off" },
  ]);
});

test("the list of a large house is read as a whole", async () => {
  const attributes = { friendly_name: "x".repeat(1_000) };
  const entities = Object.fromEntries(
    Array.from({ length: 3_000 }, (_, n) => [`switch.s${n}`, { state: "on", attributes }]),
  );
  await using at = await open(entities);
  expect(await at.ha.list()).toHaveLength(3_000);
});

describe("pushed states", () => {
  test("come when they are asked for, and when they change", async () => {
    await using at = await open({ "switch.nuc1": { state: "off" }, "switch.nuc2": { state: "on" } });
    await using watch = await at.ha.watch([PLUG, { outlet: "switch.nuc2" }]);
    await until(() => watch.told.length === 2);
    at.house.set("switch.nuc1", { state: "on" });
    await until(() => watch.told.length === 3);
    expect(watch.told.map(({ outlet, answer }) => `${outlet} ${answer.state}`)).toEqual([
      "switch.nuc1 off",
      "switch.nuc2 on",
      "switch.nuc1 on",
    ]);
  });

  test("know when a state is only assumed, or becomes unavailable, strange, or gone", async () => {
    await using at = await open({ "switch.nuc1": { state: "on", attributes: { assumed_state: true } } });
    await using watch = await at.ha.watch([PLUG]);
    const changes = [
      { state: "off", attributes: { assumed_state: true } },
      { state: "off" },
      { state: "unavailable" },
      { state: "playing" },
      undefined,
      { state: "on" },
    ];
    for (const change of changes) at.house.set("switch.nuc1", change);
    await until(() => watch.told.length === 7);
    expect(watch.told.map(({ answer }) => `${answer.state}${answer.assumed ? ", assumed" : ""}`)).toEqual([
      "on, assumed",
      "off, assumed",
      "off",
      "unknown",
      "unknown",
      "unknown",
      "on",
    ]);
  });

  test("come for the entity that tells the state, and not where age counts or nothing tells one", async () => {
    await using at = await open({ "binary_sensor.led": { state: "on" }, "switch.nuc1": { state: "on" } });
    await using watch = await at.ha.watch([
      { outlet: "button.nuc1", state: "binary_sensor.led" } as { outlet: string },
      { outlet: "switch.nuc1", max_age: "1m" } as { outlet: string },
    ]);
    await until(() => watch.told.length === 1);
    expect(watch.told).toEqual([{ outlet: "button.nuc1", answer: { state: "on", evidence: "binary_sensor.led on" } }]);
    await using nothing = await at.ha.watch([{ outlet: "button.nuc1" }]);
    expect(nothing.end).toBeUndefined();
  });

  test("are lost with the connection, once", async () => {
    await using at = await open({ "switch.nuc1": { state: "off" } });
    await using watch = await at.ha.watch([PLUG]);
    at.house.breakListeners();
    await until(() => watch.losses.length > 0);
    expect(watch.losses).toMatchObject([{ code: "unreachable" }]);
  });

  test("end when they are wanted no more, and that is no loss", async () => {
    await using at = await open({ "switch.nuc1": { state: "off" } });
    const watch = await at.ha.watch([PLUG]);
    expect(at.house.listeners).toBe(1);
    await watch.end?.();
    await until(() => at.house.listeners === 0);
    expect(watch.losses).toEqual([]);
  });

  test.each([
    ["a proxy passes no WebSockets on", (house: HomeAssistantHouse) => (house.upgrades = false)],
    [
      "Home Assistant does not know the command",
      (house: HomeAssistantHouse) => {
        house.says = ({ id, type }, socket) =>
          socket.send(JSON.stringify(type === "auth" ? { type: "auth_ok" } : { id, type: "result", success: false }));
      },
    ],
  ])("are not there where %s, and that says nothing against the hub", async (_why, spoil) => {
    await using at = await open({ "switch.nuc1": { state: "off" } });
    spoil(at.house);
    expect(await failureOf(at.ha.watch([PLUG]))).toMatchObject({ code: "unsupported" });
    expect(await at.ha.query(PLUG)).toMatchObject({ state: "off" });
  });

  test("are refused with a wrong token, and the token is not told", async () => {
    await using house = await HomeAssistantHouse.start();
    await using ha = await Connected.open(driver, { ...hubOf(house), token: "eyJ-wrong-token" });
    const failure = await failureOf(ha.watch([PLUG]));
    expect(failure).toMatchObject({ code: "auth" });
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("eyJ-wrong-token");
  });

  test("are unreachable where nobody listens", async () => {
    await using at = await open({});
    await at.house.die();
    expect(await failureOf(at.ha.watch([PLUG]))).toMatchObject({ code: "unreachable" });
  });

  test.each(["no JSON", '{"id":1}', '{"id":1,"type":"event","event":{"a":{"switch.nuc1":{"s":1}}}}'])(
    "are lost at the rubbish %s",
    async (rubbish) => {
      await using at = await open({ "switch.nuc1": { state: "off" } });
      at.house.says = ({ id, type }, socket) => {
        if (type === "auth") return socket.send('{"type":"auth_ok"}');
        socket.send(JSON.stringify({ id, type: "result", success: true }));
        setTimeout(() => socket.send(rubbish), 50);
      };
      await using watch = await at.ha.watch([PLUG]);
      await until(() => watch.losses.length > 0);
      expect(watch.losses).toMatchObject([{ code: "protocol" }]);
      expect(watch.told).toEqual([]);
    },
  );

  test("are lost when Home Assistant gives no sign of life any more, and not before", async () => {
    await using house = await HomeAssistantHouse.start({ entities: { "switch.nuc1": { state: "off" } } });
    const losses: unknown[] = [];
    const end = await watchEntities(
      { base: `http://127.0.0.1:${house.port}`, token: new Secret(TOKEN), tls: {}, clock: systemClock },
      {
        entities: ["switch.nuc1"],
        signal: within(5_000),
        state: () => undefined,
        lost: (error) => losses.push(error),
        pingEvery: 40,
      },
    );
    let pings = 0;
    house.says = ({ id }, socket) => {
      pings += 1;
      if (pings < 3) socket.send(JSON.stringify({ id, type: "pong" }));
    };
    await until(() => losses.length > 0);
    expect(losses).toMatchObject([{ code: "unreachable" }]);
    expect(pings).toBe(3);
    end();
  });

  test("serve a query of the hub without another request, until they are lost", async () => {
    await using house = await HomeAssistantHouse.start({ entities: { "switch.nuc1": { state: "off" } } });
    const settings = driver.outlet.parse(PLUG);
    const hubSettings: unknown = driver.hub?.parse(hubOf(house));
    const pace = { concurrency: 4, interval: 0, settle: 0, idle: 60_000, timeout: 5_000 };
    await using hub = loneHub({ key: "ha", name: "ha", driver, settings: hubSettings, pace });
    const losses: unknown[] = [];
    hub.watch([{ settings, heard: () => undefined, lost: (error) => losses.push(error) }]);
    await until(() => hub.pushed(settings)?.answer.state === "off");
    house.set("switch.nuc1", { state: "on" });
    await until(() => hub.pushed(settings)?.answer.state === "on");
    expect(house.requests).toEqual([]);
    house.breakListeners();
    await until(() => losses.length === 1);
    expect(hub.pushed(settings)).toBeUndefined();
    await until(() => hub.pushed(settings)?.answer.state === "on");
  });
});

describe("https", () => {
  const TLS = join(import.meta.dirname, "../fixtures/tls");
  const pem = (name: string) => readFileSync(join(TLS, `${name}.pem`), "utf8");
  const device = { cert: pem("device"), key: readFileSync(join(TLS, "device.key"), "utf8") };
  const pin = new X509Certificate(device.cert).fingerprint256;

  test.each([
    ["its authority", { ca: pem("authority") }],
    ["its fingerprint", { pin_sha256: pin }],
  ])("is trusted by %s, for requests and for pushed states", async (_how, trust) => {
    await using house = await HomeAssistantHouse.start({ tls: device, entities: { "switch.nuc1": { state: "off" } } });
    await using ha = await Connected.open(driver, { ...hubOf(house), https: true, ...trust });
    await ha.command("on", PLUG);
    await using watch = await ha.watch([PLUG]);
    await until(() => watch.told.length === 1);
    expect(watch.told[0]?.answer.state).toBe("on");
  });

  test.each([
    ["an unknown authority", {}, "auth"],
    ["another fingerprint", { pin_sha256: "00".repeat(32) }, "wrong_device"],
  ])("with %s gets no token", async (_how, trust, code) => {
    await using house = await HomeAssistantHouse.start({ tls: device, entities: { "switch.nuc1": { state: "off" } } });
    await using ha = await Connected.open(driver, { ...hubOf(house), https: true, ...trust });
    expect(await failureOf(ha.query(PLUG))).toMatchObject({ code });
    expect(await failureOf(ha.watch([PLUG]))).toMatchObject({ code });
    expect(house.requests).toEqual([]);
  });
});

describe("what the settings mean", () => {
  const outlet = (settings: object): unknown => driver.outlet.parse(settings);

  test.each([
    [{ outlet: "switch.a" }, ["on", "off", "query", "hard"]],
    [{ outlet: "switch.a", watts: "sensor.w" }, ["on", "off", "query", "watts", "hard"]],
    [{ outlet: "binary_sensor.a" }, ["query"]],
    [{ outlet: "button.a" }, ["on", "off", "hard"]],
    [{ outlet: "button.a", state: "binary_sensor.led" }, ["on", "off", "query", "hard"]],
    [{ outlet: "binary_sensor.a", run: { on: "script.on", off: "script.off" } }, ["on", "off", "query", "hard"]],
    [{ run: { reset: "button.reset" } }, ["reset"]],
  ])("%j can do %j", (settings, can) => {
    expect([...capabilities(driver, outlet(settings))].sort()).toEqual([...can].sort());
  });

  test("a button is momentary, and others when that is said", () => {
    const momentary = (settings: object) => isMomentary(driver, outlet(settings));
    expect(momentary({ outlet: "button.a" })).toBe(true);
    expect(momentary({ outlet: "input_button.a", momentary: false })).toBe(false);
    expect(momentary({ outlet: "switch.a" })).toBe(false);
    expect(momentary({ outlet: "switch.a", momentary: true })).toBe(true);
    expect(momentary({ run: { on: "script.a" } })).toBe(false);
  });

  test("what off takes away is not known until it is said", () => {
    expect(cutsOf(driver, outlet({ outlet: "switch.a" }))).toBe("unknown");
    expect(cutsOf(driver, outlet({ outlet: "switch.a", cuts: "mains" }))).toBe("mains");
  });

  test.each([
    [{}, {}, "outlet: names what"],
    [{ outlet: "script.a" }, {}, "outlet: does the same"],
    [{ outlet: "switch.a", state: "button.b" }, {}, "state: has no state"],
    [{ run: { on: "switch.a" } }, {}, "run: switch.a is neither"],
    [PLUG, { insecure: true }, "insecure: needs https"],
    [PLUG, { token: "a\nb" }, "token: holds a line break"],
  ])("%j with the hub %j is found", (settings, hub, finding) => {
    const found = driver.check?.(outlet(settings), driver.hub?.parse({ host: "ha", token: TOKEN, ...hub }));
    expect(found?.map(({ key, problem }) => `${key}: ${problem}`)).toEqual([expect.stringContaining(finding)]);
  });

  test.each(["switch", "switch.", "Switch.Nuc1", "switch.a b", "switch.a/../b", ""])("%j is no entity", (id) => {
    expect(driver.outlet.safeParse({ outlet: id }).success).toBe(false);
  });
});
