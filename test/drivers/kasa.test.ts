import { describe, expect, test } from "vitest";
import kasa from "../../src/drivers/kasa.ts";
import { failureOf } from "../expecting.ts";
import { ACCOUNT, KasaDevice, type KasaDeviceOptions } from "../simulators/kasa.ts";
import { KasaRun } from "./kasa-run.ts";

const FACTORY = { user: "kasa@tp-link.net", password: "kasaSetup" };
const TAPO_FACTORY = { user: "test@tp-link.net", password: "test" };
const NOBODY = { user: "", password: "" };

/** A device, and the driver on it. */
async function open(options: KasaDeviceOptions, settings: object = {}) {
  const device = await KasaDevice.start(options);
  const run = new KasaRun({ ...device.settings, ...settings });
  return {
    device,
    hardware: device.hardware,
    run,
    fed: () => device.hardware.sockets.map(({ machine }) => machine.fed),
    async [Symbol.asyncDispose]() {
      await run[Symbol.asyncDispose]();
      await device[Symbol.asyncDispose]();
    },
  };
}

const FIRMWARES: readonly (readonly [string, KasaDeviceOptions])[] = [
  ["the first protocol", { legacy: true }],
  ["KLAP 1 in Kasa's dialect", { klap: 1, dialect: "iot" }],
  ["KLAP 2 in Kasa's dialect, and says so", { klap: 2, dialect: "iot", tells: "KLAP" }],
  ["KLAP 2 in Kasa's dialect, and says nothing", { klap: 2, dialect: "iot" }],
  ["KLAP 2 in Tapo's dialect, and says so", { klap: 2, dialect: "smart", tells: "KLAP" }],
  ["KLAP 2 in Tapo's dialect, and says nothing", { klap: 2, dialect: "smart" }],
  ["KLAP 2 although it says TPAP", { klap: 2, dialect: "smart", tells: "TPAP" }],
  ["both protocols", { legacy: true, klap: 1, dialect: "iot", tells: "KLAP" }],
];

describe.each(FIRMWARES)("firmware that speaks %s", (_name, firmware) => {
  test("is found out, and the plug is switched and read", async () => {
    await using at = await open(firmware);
    expect(await at.run.read()).toMatchObject({ state: "off", evidence: "relay open" });
    await at.run.command("on");
    expect(at.fed()).toEqual([true]);
    expect(await at.run.read()).toMatchObject({ state: "on", evidence: "relay closed" });
    await at.run.command("off");
    expect(at.fed()).toEqual([false]);
    expect(at.hardware.commands).toEqual(["all on", "all off"]);
  });

  test("is known by one identity, whatever it speaks", async () => {
    await using at = await open(firmware);
    expect(await at.run.identify()).toMatchObject({ id: "00:00:5e:00:53:60", model: "HS300(US)" });
  });

  test.each(["mW", "W"] as const)("tells its power in watts where its meter counts in %s", async (meter) => {
    await using at = await open({ ...firmware, meter });
    expect(await at.run.watts()).toBe(0);
    at.hardware.socket(1).machine.set("on");
    expect(Math.round(await at.run.watts())).toBe(Math.round(at.hardware.socket(1).machine.watts));
  });

  test("without a meter has no watts", async () => {
    await using at = await open({ ...firmware, initial: "on" });
    expect(await failureOf(at.run.watts())).toMatchObject({ code: "unsupported" });
  });

  describe("on a strip", () => {
    test.each([
      ["number", 2],
      ["number as a text", "2"],
      ["name", "Plug 2"],
    ])("is told by its %s which socket to switch, and leaves the others alone", async (_what, outlet) => {
      await using at = await open({ ...firmware, sockets: 3 });
      await at.run.command("on", outlet);
      expect(at.fed()).toEqual([false, true, false]);
      expect(await at.run.read(outlet)).toMatchObject({ state: "on", evidence: "socket 2 closed" });
      expect(await at.run.read(3)).toMatchObject({ state: "off", evidence: "socket 3 open" });
      at.hardware.socket(1).machine.set("on");
      await at.run.command("off", outlet);
      expect(at.fed()).toEqual([true, false, false]);
    });

    test("switches nothing where no socket is named", async () => {
      await using at = await open({ ...firmware, sockets: 3, initial: "on" });
      expect(await failureOf(at.run.command("off"))).toMatchObject({
        code: "not_found",
        hint: "Name one by `outlet`: 1 (Plug 1), 2 (Plug 2), 3 (Plug 3).",
      });
      expect(at.hardware.commands).toEqual([]);
    });

    test("tells the power of one socket alone", async () => {
      await using at = await open({ ...firmware, sockets: 3, meter: "mW" });
      at.hardware.socket(2).machine.set("on");
      expect([await at.run.watts(1), await at.run.watts(2)]).toEqual([0, at.hardware.socket(2).machine.watts]);
    });

    test("lists its sockets with their names and states", async () => {
      await using at = await open({ ...firmware, sockets: 3 });
      at.hardware.socket(3).machine.set("on");
      expect(await at.run.list()).toEqual([
        { outlet: "1", label: "Plug 1", state: "off" },
        { outlet: "2", label: "Plug 2", state: "off" },
        { outlet: "3", label: "Plug 3", state: "on" },
      ]);
    });

    test("is asked once for all its sockets, and one that is not there fails alone", async () => {
      await using at = await open({ ...firmware, sockets: 3 });
      at.hardware.socket(1).machine.set("on");
      await at.run.read(1);
      const before = at.hardware.requests;
      const [first, second, ninth] = await at.run.readAll([1, "Plug 2", 9]);
      expect(at.hardware.requests - before).toBe(1);
      expect(first).toMatchObject({ status: "fulfilled", value: { state: "on" } });
      expect(second).toMatchObject({ status: "fulfilled", value: { state: "off" } });
      expect(ninth).toMatchObject({ status: "rejected", reason: { code: "not_found" } });
    });
  });

  test("is unreachable when it is gone, and no command can have acted", async () => {
    await using at = await open(firmware);
    await at.run.read();
    await at.device.die();
    expect(await failureOf(at.run.read())).toMatchObject({ code: "unreachable" });
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "unreachable", mayHaveActed: false });
    await at.device.revive();
    expect(await at.run.read()).toMatchObject({ state: "off" });
  });

  test.each([
    ["resets", "unreachable"],
    ["rubbish", "protocol"],
  ] as const)("that %s tells no state, and no command can have acted", async (fault, code) => {
    await using at = await open(firmware);
    await at.run.read();
    at.device.fault = fault;
    expect(await failureOf(at.run.read())).toMatchObject({ code });
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code, mayHaveActed: false });
    expect(at.hardware.commands).toEqual([]);
  });

  test.each([
    ["loses-answers", "unreachable"],
    ["mumbles", "protocol"],
  ] as const)("that %s may have obeyed", async (fault, code) => {
    await using at = await open(firmware);
    at.device.fault = fault;
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code, mayHaveActed: true });
    expect(at.fed()).toEqual([true]);
  });

  test("that says no has not obeyed", async () => {
    await using at = await open(firmware);
    at.hardware.errors.push(-3);
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "refused", mayHaveActed: false });
    expect(at.fed()).toEqual([false]);
  });
});

describe("a strip with many sockets", () => {
  test("is read to the end of its list, and counted as it is printed", async () => {
    await using at = await open({ klap: 2, sockets: 6 });
    at.hardware.page = 4;
    await at.run.command("on", 6);
    expect(at.fed()).toEqual([false, false, false, false, false, true]);
    expect((await at.run.list()).map(({ outlet }) => outlet)).toEqual(["1", "2", "3", "4", "5", "6"]);
  });

  test("with a name twice wants the number", async () => {
    await using at = await open({ klap: 2, sockets: 3 });
    at.hardware.socket(3).name = "Plug 1";
    expect(await failureOf(at.run.command("on", "Plug 1"))).toMatchObject({
      code: "not_found",
      message: "several of its sockets are called Plug 1",
    });
    expect(at.hardware.commands).toEqual([]);
  });

  test("with a number for a name switches neither where that is another's number", async () => {
    await using at = await open({ legacy: true, sockets: 3 });
    at.hardware.socket(3).name = "1";
    expect(await failureOf(at.run.command("on", "1"))).toMatchObject({ code: "not_found" });
    expect(at.hardware.commands).toEqual([]);
  });
});

describe.each([1, 2] as const)("a plug that speaks KLAP %i", (klap) => {
  const dialect = klap === 1 ? "iot" : "smart";

  test.each([
    ["the account's credentials", ACCOUNT],
    ["those of Kasa's factory", FACTORY],
    ["those of Tapo's factory", TAPO_FACTORY],
    ["none", NOBODY],
  ])("is entered with an account when it knows %s", async (_what, credentials) => {
    await using at = await open({ klap, dialect, credentials }, ACCOUNT);
    expect(await at.run.read()).toMatchObject({ state: "off" });
  });

  test.each([
    ["those of Kasa's factory", FACTORY],
    ["those of Tapo's factory", TAPO_FACTORY],
    ["none", NOBODY],
  ])("is entered without an account when it knows %s", async (_what, credentials) => {
    await using at = await open({ klap, dialect, credentials }, { user: undefined, password: undefined });
    expect(await at.run.read()).toMatchObject({ state: "off" });
  });

  test("that changes between its account and the factory's credentials stays in reach", async () => {
    await using at = await open({ klap, dialect });
    await at.run.read();
    at.device.klap.credentials = FACTORY;
    at.device.klap.forgetSessions();
    await at.run.command("on");
    expect(at.fed()).toEqual([true]);
  });

  test.each([
    ["another password", { ...ACCOUNT, password: "correct-horse-9" }],
    ["the address in lower case", { ...ACCOUNT, user: ACCOUNT.user.toLowerCase() }],
  ])("refuses %s, and what to check is said", async (_what, account) => {
    await using at = await open({ klap, dialect }, account);
    const failure = await failureOf(at.run.command("on"));
    expect(failure).toMatchObject({ code: "auth", mayHaveActed: false, hint: expect.stringContaining("lower case") });
    expect(`${failure.message} ${failure.hint}`).not.toContain(account.password);
    expect(at.hardware.commands).toEqual([]);
  });

  test("with an account wants one to be given", async () => {
    await using at = await open({ klap, dialect }, { user: undefined, password: undefined });
    expect(await failureOf(at.run.read())).toMatchObject({ code: "auth", hint: expect.stringContaining("`user`") });
  });

  test("is entered once for many exchanges", async () => {
    await using at = await open({ klap, dialect });
    await at.run.read();
    await at.run.command("on");
    await at.run.read();
    expect(at.device.klap.handshakes).toBe(1);
  });

  test("that forgot the session is entered again, and obeys once", async () => {
    await using at = await open({ klap, dialect });
    await at.run.read();
    at.device.klap.forgetSessions();
    await at.run.command("on");
    expect(at.device.klap.handshakes).toBe(2);
    expect(at.hardware.commands).toEqual(["all on"]);
  });
});

describe("a plug in Tapo's dialect", () => {
  test("whose session ended by its own clock is entered again, and obeys once", async () => {
    await using at = await open({ klap: 2 });
    await at.run.read();
    at.hardware.errors.push(9999);
    await at.run.command("on");
    expect(at.device.klap.handshakes).toBe(2);
    expect(at.hardware.commands).toEqual(["all on"]);
  });

  test("that is busy may be asked again", async () => {
    await using at = await open({ klap: 2 });
    at.hardware.errors.push(1002);
    expect(await failureOf(at.run.command("on"))).toMatchObject({ code: "busy", mayHaveActed: false });
    await at.run.command("on");
    expect(at.hardware.commands).toEqual(["all on"]);
  });
});

describe("a plug that lets only TP-Link's apps in", () => {
  const remedy = expect.stringMatching(/Third-Party Services > Third-Party Compatibility .*off and on again/);

  test.each([
    ["as it tells itself", { tells: "TPAP" }, "TPAP"],
    ["for a switch in the app is off", { klap: 2 }, "Third-Party Compatibility is off"],
  ] as const)("%s, is refused with the exact remedy", async (_why, options, words) => {
    await using at = await open(options);
    at.device.fault = "forbids";
    expect(await failureOf(at.run.command("on"))).toMatchObject({
      code: "refused",
      mayHaveActed: false,
      message: expect.stringContaining(words),
      hint: remedy,
    });
  });

  test("is told so although its first protocol's port is open and silent", async () => {
    await using silent = await KasaDevice.start({ legacy: true });
    silent.fault = "silent";
    await using at = await open({ klap: 2, tells: "TPAP" }, { port: silent.ports.legacy });
    at.device.fault = "forbids";
    expect(await failureOf(at.run.read())).toMatchObject({ code: "refused", hint: remedy });
  });

  test("is found once it is let in", async () => {
    await using at = await open({ klap: 2, tells: "TPAP" });
    at.device.fault = "forbids";
    await failureOf(at.run.read());
    at.device.fault = undefined;
    expect(await at.run.read()).toMatchObject({ state: "off" });
  });
});

test("a plug with Tapo's old encryption is told to be updated", async () => {
  await using at = await open({ tells: "AES" });
  expect(await failureOf(at.run.read())).toMatchObject({
    code: "refused",
    hint: expect.stringContaining("Update its firmware"),
  });
});

test("a strip that changes its protocol is found again", async () => {
  await using at = await open({ legacy: true, klap: 2, dialect: "iot", sockets: 3, tells: "KLAP" });
  await at.device.become({ legacy: true });
  await at.run.command("on", 2);
  await at.device.become({ legacy: false, klap: 2, tells: "KLAP" });
  // The first who asks finds it gone.
  await failureOf(at.run.read(2));
  await at.run.command("off", 2);
  expect(at.hardware.commands).toEqual(["socket 2 on", "socket 2 off"]);
});

describe("the setting `protocol`", () => {
  test.each([
    ["legacy", "klap"],
    ["klap", "legacy"],
  ] as const)("%s asks nothing over the other", async (protocol, other) => {
    await using at = await open({ legacy: true, klap: 1, dialect: "iot", tells: "KLAP" }, { protocol });
    await at.run.command("on");
    expect(at.fed()).toEqual([true]);
    expect(at.device.arrived[other]).toBe(0);
  });
});

test.each([
  [{ user: "anna@example.com" }, "user"],
  [{ password: "some-password" }, "password"],
])("an account is user and password: %j alone is a mistake", (account, key) => {
  const hub: unknown = kasa.hub?.parse({ host: "192.168.1.60", ...account });
  expect(kasa.check?.({}, hub)).toMatchObject([{ key, severity: "error" }]);
});
