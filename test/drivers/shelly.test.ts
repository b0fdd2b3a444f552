import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/shelly.ts";
import { failureOf } from "../expecting.ts";
import { World } from "../maas/world.ts";
import { HttpDevice } from "../simulators/http-device.ts";
import { ShellyDevice, type ShellyOptions } from "../simulators/shelly.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { Connected } from "./connected.ts";
import { HubRun } from "./hub-run.ts";

const GENERATIONS = [1, 2] as const;

function hubOf(device: ShellyDevice, more: object = {}) {
  return { host: "127.0.0.1", port: device.port, ...more };
}

async function open(options: ShellyOptions, more: object = {}) {
  const device = await ShellyDevice.start(options);
  const shelly = await Connected.open(driver, hubOf(device, more));
  return {
    device,
    shelly,
    async [Symbol.asyncDispose]() {
      await shelly[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
    },
  };
}

describe.each(GENERATIONS)("a Shelly whose generation is %i", (generation) => {
  test("is switched by its relay's number, and its other relays are left alone", async () => {
    await using at = await open({ generation, relays: 4 });
    await at.shelly.command("on", { outlet: "2" });
    expect([0, 1, 2, 3].map((relay) => at.device.machine(relay).fed)).toEqual([false, false, true, false]);
    await at.shelly.command("on", { outlet: 3 });
    await at.shelly.command("off", { outlet: 2 });
    expect([0, 1, 2, 3].map((relay) => at.device.machine(relay).fed)).toEqual([false, false, false, true]);
  });

  test("tells the state of each relay, several in one exchange", async () => {
    await using device = await ShellyDevice.start({ generation, relays: 2 });
    await using run = new HubRun(driver, hubOf(device));
    device.machine(1).set("on");
    await run.query({ outlet: 0 });
    const before = device.requests.length;
    expect(await run.queryAll([{ outlet: 0 }, { outlet: 1 }, { outlet: 7 }])).toMatchObject([
      { value: { state: "off", evidence: "open" } },
      { value: { state: "on", evidence: "closed" } },
      { reason: { code: "not_found" } },
    ]);
    expect(device.requests.length - before).toBe(1);
  });

  test("tells the watts of each relay", async () => {
    await using at = await open({ generation, relays: 2 });
    at.device.machine(1).set("on");
    expect([await at.shelly.watts({ outlet: 0 }), await at.shelly.watts({ outlet: 1 })]).toEqual([0, 24.5]);
  });

  test("without a meter tells no watts, not even those that somebody typed in", async () => {
    await using at = await open({ generation, meter: false, initial: "on" });
    expect(await failureOf(at.shelly.watts({}))).toMatchObject({ code: "unsupported" });
    expect(await at.shelly.query({})).toEqual({ state: "on", evidence: "closed" });
  });

  test("cycles by itself, and closes its relay again though nobody reaches it meanwhile", async () => {
    const clock = new VirtualClock();
    await using device = await ShellyDevice.start({ generation, clock, initial: "on" });
    await using shelly = await Connected.open(driver, hubOf(device));
    await shelly.command("cycle", { rest: "6500ms" });
    expect(device.commands).toEqual(["relay 0 off, back after 7"]);
    expect(device.machine().fed).toBe(false);
    await device.die();
    await clock.run(clock.sleep(6_999));
    expect(device.machine().fed).toBe(false);
    await clock.run(clock.sleep(1));
    expect(device.machine().fed).toBe(true);
  });

  test("is cycled by one command where the configuration says so", async () => {
    const clock = new VirtualClock();
    await using device = await ShellyDevice.start({ generation, clock, initial: "on" });
    await using world = await World.open({
      clock,
      hubs: `{ plug: { driver: shelly, host: 127.0.0.1, port: ${device.port} } }`,
      machines: "{ nuc1: { hub: plug, above: 6W, cycle: { hub: plug, rest: 5s } } }",
    });
    const begun = clock.now();
    await world.order({ machine: "nuc1", verb: "cycle" });
    await world.wait(60_000);
    expect(device.commands).toEqual(["relay 0 off, back after 5"]);
    expect(world.daemon.power.machine("nuc1").lastOrder).toMatchObject({ state: "done", grade: "accepted" });
    expect((world.daemon.power.machine("nuc1").lastOrder?.endedAt ?? 0) - begun).toBeGreaterThanOrEqual(5_000);
    expect(device.machine().running).toBe(true);
  });

  test("says who it is", async () => {
    await using at = await open({ generation });
    expect(await at.shelly.identify()).toEqual(
      generation === 1
        ? { id: "a8:03:2a:be:54:dc", model: "SHPLG-S", firmware: "20230913-113421/v1.14.0-gcb84623" }
        : { id: "a8:03:2a:be:54:dc", model: "SPSW-104PE16EU", firmware: "2.0.0" },
    );
  });

  test("that took another one's address is not switched", async () => {
    await using device = await ShellyDevice.start({ generation });
    await using run = new HubRun(driver, hubOf(device));
    await run.query();
    device.fault = "reset";
    await failureOf(run.query());
    device.fault = undefined;
    device.mac = "A8032A000001";
    expect(await failureOf(run.command("on"))).toMatchObject({ code: "wrong_device", mayHaveActed: false });
    expect(device.commands).toEqual([]);
  });

  test("lists its relays with their names, and with the timers of its own that undo what is ordered", async () => {
    await using at = await open({ generation, relays: 2 });
    at.device.config.name = "nuc1";
    at.device.machine(1).set("on");
    expect(await at.shelly.list()).toEqual([
      { outlet: "0", label: "nuc1", state: "off" },
      { outlet: "1", state: "on" },
    ]);
    at.device.config.autoOff = 90;
    at.device.config.autoOn = 4;
    expect((await at.shelly.list())?.[0]?.label).toMatch(/^nuc1; opens by itself 90 s .*; closes by itself 4 s /);
  });

  test.each([
    ["a relay that it has not", undefined, { outlet: 4 }, "not_found", false],
    ["overpower", "overpower", {}, "refused", generation === 1],
    ["being busy", "busy", {}, "busy", false],
    ["a connection that breaks", "reset", {}, "unreachable", true],
    ["rubbish", "rubbish", {}, "protocol", true],
    ["being set up for a cover", "cover", {}, generation === 1 ? "refused" : "not_found", false],
  ] as const)("fails a command for %s as what it is", async (_what, fault, outlet, code, mayHaveActed) => {
    await using at = await open({ generation });
    at.device.fault = fault;
    expect(await failureOf(at.shelly.command("on", outlet))).toMatchObject({ code, mayHaveActed });
    expect(at.device.machine().fed).toBe(false);
  });

  test.each(["busy", "reset", "rubbish", "cover"] as const)("that answers with %s tells no state", async (fault) => {
    await using at = await open({ generation });
    at.device.fault = fault;
    expect(await failureOf(at.shelly.query({}))).toMatchObject({ mayHaveActed: false });
  });

  describe("with a password", () => {
    const password = "geheim & grün";

    test("is switched and read with it", async () => {
      await using at = await open({ generation, password }, { password });
      await at.shelly.command("on", {});
      expect(at.device.machine().fed).toBe(true);
      expect(await at.shelly.query({})).toMatchObject({ state: "on" });
    });

    test("refuses another one, and is not tried again and again", async () => {
      await using at = await open({ generation, password }, { password: "wrong" });
      expect(await failureOf(at.shelly.command("on", {}))).toMatchObject({ code: "auth", mayHaveActed: false });
      expect(at.device.commands).toEqual([]);
      // The first of a later generation is the question for a challenge.
      const tried = at.device.requests.filter(({ headers }) => headers.authorization !== undefined);
      expect(tried).toHaveLength(1);
    });

    test("says that it wants one where none is configured", async () => {
      await using device = await ShellyDevice.start({ generation, password });
      const failure = await failureOf(Connected.open(driver, hubOf(device)));
      expect(failure).toMatchObject({ code: "auth", hint: expect.stringContaining("`password`") });
    });
  });
});

describe("a password", () => {
  test("is not sent to a device that asks for none, nor in the clear to a later generation", async () => {
    await using plain = await open({ generation: 1 }, { password: "geheim" });
    await using later = await open({ password: "geheim" }, { password: "geheim" });
    await plain.shelly.command("on", {});
    await later.shelly.command("on", {});
    const sent = [...plain.device.requests, ...later.device.requests].flatMap(
      ({ headers }) => headers.authorization ?? [],
    );
    expect(sent).toEqual([expect.stringMatching(/^Digest (?!.*geheim).*algorithm=SHA-256/)]);
  });

  test("is good for another user of a first generation", async () => {
    await using at = await open({ generation: 1, password: "geheim" }, { user: "anna", password: "geheim" });
    expect(await failureOf(at.shelly.query({}))).toMatchObject({ code: "auth" });
    expect(at.device.requests.at(-1)?.headers.authorization).toBe(
      `Basic ${Buffer.from("anna:geheim").toString("base64")}`,
    );
  });
});

describe("the logins of later generations", () => {
  const password = "geheim";

  test("are used for as long as the device takes them, and made anew when they expire", async () => {
    await using at = await open({ password, nonceUses: 3 }, { password });
    for (let read = 0; read < 7; read++) expect(await at.shelly.query({})).toMatchObject({ state: "off" });
    const nonces = at.device.requests.flatMap(
      ({ headers }) => /nonce="([^"]+)"/.exec(headers.authorization ?? "")?.[1] ?? [],
    );
    expect(new Set(nonces).size).toBe(3);
  });

  test("are made anew after a 429, to which the device answers as long as it is shown an old one", async () => {
    await using at = await open({ password }, { password });
    await at.shelly.query({});
    at.device.lockOut();
    expect(await failureOf(at.shelly.command("on", {}))).toMatchObject({ code: "busy", mayHaveActed: false });
    await at.shelly.command("on", {});
    expect(at.device.machine().fed).toBe(true);
  });
});

describe("a failed call of later generations", () => {
  test.each([200, 500])("is told by its code where its status is %i", async (errorStatus) => {
    await using at = await open({ errorStatus });
    expect(await failureOf(at.shelly.query({ outlet: 9 }))).toMatchObject({ code: "not_found" });
    at.device.fault = "overpower";
    expect(await failureOf(at.shelly.command("on", {}))).toMatchObject({
      code: "refused",
      message: expect.stringContaining("Switch is in overpower condition (-109)"),
    });
  });

  test.each([
    ["the answer to another call", (id: number) => ({ id: id + 1, result: { was_on: false } }), "protocol", true],
    ["a result of another shape", (id: number) => ({ id, result: { output: "on" } }), "protocol", true],
    ["no result", (id: number) => ({ id }), "protocol", true],
    ["a login that was lost", (id: number) => ({ id, error: { code: 401, message: "{}" } }), "auth", false],
    [
      "too little memory",
      (id: number) => ({ id, error: { code: -108, message: "Resource exhausted" } }),
      "busy",
      false,
    ],
    ["a fault of its own", (id: number) => ({ id, error: { code: 500, message: "?" } }), "refused", true],
  ] as const)("is no success where it is %s", async (_what, answer, code, mayHaveActed) => {
    await using device = await HttpDevice.start();
    device.handler = ({ url, body }, response) => {
      const about = { gen: 3, mac: "A8032ABE54DC", model: "S3PL-00112EU", ver: "1.7.5", auth_en: false };
      const said = url === "/shelly" ? about : answer((JSON.parse(body) as { id: number }).id);
      response.end(JSON.stringify(said));
    };
    await using shelly = await Connected.open(driver, { host: "127.0.0.1", port: device.port });
    expect(await failureOf(shelly.command("on", {}))).toMatchObject({ code, mayHaveActed });
  });
});

test.each([
  ["has no /shelly", 404, "Not Found"],
  ["has another /shelly", 200, '{"name":"shelly"}'],
])("a device that %s is no Shelly", async (_what, status, text) => {
  await using device = await HttpDevice.start();
  device.handler = (_request, response) => response.writeHead(status).end(text);
  const failure = await failureOf(Connected.open(driver, { host: "127.0.0.1", port: device.port }));
  expect(failure).toMatchObject({ code: "protocol", hint: expect.stringContaining("/shelly") });
});
