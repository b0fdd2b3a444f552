import { ErrorStatus } from "net-snmp";
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/snmp-pdu.ts";
import { failureOf, until } from "../expecting.ts";
import { SnmpPdu, type SnmpPduOptions } from "../simulators/snmp-pdu.ts";
import { Connected } from "./connected.ts";
import { HubRun } from "./hub-run.ts";

const OUTLETS_OF_24 = Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`${index + 1}`, `${index + 1}`]));
const COMMUNITIES = { write_community: "private" };

function hubOf(pdu: SnmpPdu, more: object = COMMUNITIES) {
  return { host: "127.0.0.1", port: pdu.port, wait: "1s", ...more };
}

async function open(options: SnmpPduOptions, more: object = COMMUNITIES) {
  const pdu = await SnmpPdu.start(options);
  const connected = await Connected.open(driver, hubOf(pdu, more));
  return {
    pdu,
    connected,
    async [Symbol.asyncDispose]() {
      await connected[Symbol.asyncDispose]();
      await pdu[Symbol.asyncDispose]();
    },
  };
}

describe.each([
  ["1", { version: 1, ...COMMUNITIES }],
  ["2c", { version: "2c", ...COMMUNITIES }],
  [
    "3",
    {
      version: 3,
      user: "maas",
      auth: "auth-password",
      auth_protocol: "sha512",
      priv: "priv-password",
      priv_protocol: "aes256",
    },
  ],
] as const)("by version %s, a PDU", (_version, settings) => {
  const options: SnmpPduOptions = {
    mib: "eaton-marlin",
    users: [
      {
        name: "maas",
        auth: { protocol: "sha512", password: "auth-password" },
        priv: { protocol: "aes256b", password: "priv-password" },
      },
    ],
  };

  test("is switched, read and listed", async () => {
    await using at = await open(options, settings);
    await at.connected.command("on", { outlet: "1.2" });
    expect(at.pdu.commands).toEqual(["outlet 1.2 on"]);
    expect(await at.connected.query({ outlet: "1.2" })).toMatchObject({ state: "on" });
    expect(await at.connected.query({ outlet: 2 })).toMatchObject({ state: "off" });
    expect(await at.connected.list()).toHaveLength(4);
  });

  test("tells the outlets that it has, though one that is asked for with them is not there", async () => {
    await using pdu = await SnmpPdu.start(options);
    await using run = new HubRun(driver, hubOf(pdu, settings));
    pdu.machine("1.2").set("on");
    expect(await run.queryAll([{ outlet: 9 }, { outlet: 1 }, { outlet: "1.2" }])).toMatchObject([
      { reason: { code: "not_found" } },
      { value: { state: "off" } },
      { value: { state: "on" } },
    ]);
  });

  test("says which it is by its hardware address", async () => {
    await using at = await open(options, settings);
    expect(await at.connected.identify()).toEqual({
      id: "00:c0:b7:01:02:03",
      model: expect.stringMatching(/^Simulated PDU \(EATON-EPDU-MIB/),
    });
  });
});

describe("many outlets", () => {
  test("all 24 of a PDU are read in one exchange", async () => {
    await using pdu = await SnmpPdu.start({ mib: "apc-rpdu", outlets: OUTLETS_OF_24 });
    await using run = new HubRun(driver, hubOf(pdu));
    await run.query({ outlet: 1 });
    pdu.machine("7").set("on");
    const before = pdu.agent.datagrams;
    const outlets = Object.keys(OUTLETS_OF_24).map((outlet) => ({ outlet }));
    const answers = await run.queryAll(outlets);
    expect(pdu.agent.datagrams - before).toBe(1);
    expect(answers.map((answer) => answer.status === "fulfilled" && answer.value.state)).toEqual(
      outlets.map(({ outlet }) => (outlet === "7" ? "on" : "off")),
    );
  });

  test("that lie far apart are read without what lies between, and each for itself", async () => {
    await using pdu = await SnmpPdu.start({ mib: "eaton-marlin" });
    await using run = new HubRun(driver, hubOf(pdu));
    pdu.machine("24").set("on");
    pdu.shown.set("2", "pendingOn");
    expect(await run.queryAll([{ outlet: 24 }, { outlet: "1.2" }, { outlet: 2 }, { outlet: "2.1" }])).toMatchObject([
      { value: { state: "on" } },
      { value: { state: "off" } },
      { value: { state: "off", towards: "on", evidence: "outlet pendingOn" } },
      { reason: { code: "not_found" } },
    ]);
  });
});

describe("an outlet's name", () => {
  test.each([
    ["eaton-marlin", "0.2", 'this PDU has no outlet "0.2"', "Write 2: so one outlet has one name."],
    ["eaton-marlin", "1.1.2", 'this PDU has no outlet "1.1.2"', 'Write its number alone, or "0.N"'],
    ["apc-rpdu", "1.2", 'this PDU has no outlet "1.2"', "Write its number alone."],
  ])("of the model %s is not %s", async (mib, outlet, message, hint) => {
    await using at = await open({ mib });
    const failures = [
      await failureOf(at.connected.query({ outlet })),
      await failureOf(at.connected.command("on", { outlet })),
    ];
    for (const failure of failures)
      expect(failure).toMatchObject({
        code: "config",
        message,
        hint: expect.stringContaining(hint),
        mayHaveActed: false,
      });
    expect(at.pdu.commands).toEqual([]);
  });

  test.each([
    [3, "3"],
    ["03", "3"],
    ["1.03", "1.3"],
    ["1.10", "1.10"],
  ])("%j is read as %s", (written, outlet) => {
    expect(driver.outlet.parse({ outlet: written })).toEqual({ outlet });
  });

  test.each([1.3, "", "a", "1.", ".1", -1])("%j is none", (outlet) => {
    expect(driver.outlet.safeParse({ outlet }).success).toBe(false);
  });

  test("that the PDU does not have is not found, and nothing is switched", async () => {
    await using at = await open({ mib: "apc-rpdu" });
    expect(await failureOf(at.connected.query({ outlet: 5 }))).toMatchObject({
      code: "not_found",
      message: "the PDU tells nothing of an outlet 5",
      hint: expect.stringContaining("APC Switched Rack PDU, first generation"),
    });
    expect(await failureOf(at.connected.command("on", { outlet: 5 }))).toMatchObject({ code: "not_found" });
    expect(at.pdu.commands).toEqual([]);
  });
});

describe("which model it is", () => {
  test("can be said in place of what the PDU says it is", async () => {
    await using at = await open(
      { mib: "apc-rpdu", objectId: "1.3.6.1.4.1.318.1.3.4.6" },
      { ...COMMUNITIES, model: "apc-rpdu" },
    );
    await at.connected.command("on", { outlet: 2 });
    expect(at.pdu.machine("2").fed).toBe(true);
  });

  test("that is wrong reads nothing, rather than a wrong state", async () => {
    await using at = await open({ mib: "apc-rpdu", initial: "on" }, { ...COMMUNITIES, model: "apc-rpdu2" });
    expect(await failureOf(at.connected.query({ outlet: 2 }))).toMatchObject({ code: "not_found" });
    expect(await failureOf(at.connected.command("off", { outlet: 2 }))).toMatchObject({ mayHaveActed: false });
    expect(at.pdu.machine("2").fed).toBe(true);
  });

  test("has to be said where no row fits, and its own words are in the failure", async () => {
    await using pdu = await SnmpPdu.start({ mib: "apc-rpdu", objectId: "1.3.6.1.4.1.8072.3.2.10" });
    expect(await failureOf(Connected.open(driver, hubOf(pdu)))).toMatchObject({
      code: "config",
      message: "no model is known for a device with sysObjectID 1.3.6.1.4.1.8072.3.2.10",
      hint: expect.stringContaining("`custom`"),
    });
  });

  test("may be described: its OIDs, and what their values mean", async () => {
    const own = "1.3.6.1.4.1.850.10.2.3.5.1";
    const custom = {
      state: `.${own}.2.1.{outlet}`,
      state_on: [2],
      state_off: [1],
      on: { oid: `${own}.4.1.{outlet}`, value: 2 },
      off: { oid: `${own}.4.1.{outlet}`, value: 1 },
    };
    await using at = await open(
      { mib: "tripplite-12", objectId: "1.3.6.1.4.1.99999" },
      { ...COMMUNITIES, model: "custom", custom },
    );
    await at.connected.command("on", { outlet: 2 });
    expect(await at.connected.query({ outlet: 2 })).toMatchObject({ state: "on" });
    expect(await at.connected.query({ outlet: 24 })).toMatchObject({ state: "off" });
    expect(at.pdu.commands).toEqual(["outlet 2 on"]);
    expect(await at.connected.list()).toMatchObject([{ outlet: "1" }, { outlet: "2", state: "on" }, { outlet: "24" }]);
  });
});

describe("a PDU that says no", () => {
  test.each([
    ["a community that may only read", ErrorStatus.NoAccess, "refused", false],
    ["an outlet that is locked", ErrorStatus.InconsistentValue, "refused", false],
    ["something else under way", ErrorStatus.ResourceUnavailable, "busy", false],
    ["a failure of its own", ErrorStatus.GeneralError, "refused", true],
    ["a failure in the middle", ErrorStatus.CommitFailed, "refused", true],
  ] as const)("because of %s is told as such", async (_what, refusal, code, mayHaveActed) => {
    await using at = await open({ mib: "apc-rpdu", refusal });
    const failure = await failureOf(at.connected.command("on", { outlet: 1 }));
    expect(failure).toMatchObject({
      code,
      mayHaveActed,
      message: `the SNMP agent of 127.0.0.1 says ${ErrorStatus[refusal]}`,
    });
    expect(at.pdu.machine("1").fed).toBe(false);
  });

  test("is not asked to write by the community for reading where there is another", async () => {
    await using at = await open(
      { mib: "apc-rpdu", read: "looks", write: "acts" },
      { community: "looks", write_community: "acts" },
    );
    await at.connected.command("on", { outlet: 1 });
    expect(await at.connected.query({ outlet: 1 })).toMatchObject({ state: "on" });
  });

  test("because the community for reading is all there is says what to give", async () => {
    await using at = await open({ mib: "apc-rpdu" }, {});
    expect(await failureOf(at.connected.command("on", { outlet: 1 }))).toMatchObject({
      code: "refused",
      mayHaveActed: false,
      hint: expect.stringContaining("`write_community`"),
    });
    expect(at.pdu.commands).toEqual([]);
  });
});

describe("silence", () => {
  test("is no state, and may be a wrong community: the failure says so", async () => {
    await using at = await open({ mib: "apc-rpdu" }, { model: "apc-rpdu", community: "wrong", wait: "50ms" });
    expect(await failureOf(at.connected.query({ outlet: 1 }))).toMatchObject({
      code: "unreachable",
      message: "the SNMP agent of 127.0.0.1 does not answer, asked 3 times",
      hint: expect.stringContaining("does not answer a wrong community"),
    });
    expect(at.pdu.agent.datagrams).toBe(3);
  });

  test("after an order may hide that it was obeyed", async () => {
    await using at = await open({ mib: "apc-rpdu" }, { ...COMMUNITIES, wait: "100ms", tries: 1 });
    at.pdu.agent.fault = "mute";
    expect(await failureOf(at.connected.command("on", { outlet: 1 }))).toMatchObject({
      code: "unreachable",
      mayHaveActed: true,
    });
    expect(at.pdu.machine("1").fed).toBe(true);
  });

  test("ends with the exchange's time, and nothing is sent after it", async () => {
    await using at = await open({ mib: "apc-rpdu" }, { ...COMMUNITIES, wait: "200ms", tries: 5 });
    at.pdu.agent.fault = "deaf";
    const before = at.pdu.agent.datagrams;
    expect(await failureOf(at.connected.command("on", { outlet: 1 }, 100))).toMatchObject({
      code: "timeout",
      mayHaveActed: true,
    });
    at.pdu.agent.fault = undefined;
    // Later than what would have been sent again.
    const until400 = performance.now() + 400;
    await until(() => performance.now() > until400);
    expect(at.pdu.agent.datagrams - before).toBe(1);
    expect(at.pdu.commands).toEqual([]);
  });

  test("of a slow PDU is waited for, and its late answer to the first question counts", async () => {
    await using at = await open({ mib: "apc-rpdu" }, { ...COMMUNITIES, wait: "100ms" });
    at.pdu.agent.fault = "late";
    expect(await at.connected.query({ outlet: 1 })).toMatchObject({ state: "off" });
  });

  test("of an address that nothing can be sent to is known at once, and no order has arrived", async () => {
    await using connected = await Connected.open(driver, { host: "255.255.255.255", model: "apc-rpdu" });
    expect(await failureOf(connected.command("on", { outlet: 1 }))).toMatchObject({
      code: "unreachable",
      mayHaveActed: false,
    });
  });
});

test("what is no SNMP is told as such", async () => {
  await using at = await open({ mib: "apc-rpdu" }, { ...COMMUNITIES, wait: "50ms" });
  at.pdu.agent.fault = "rubbish";
  expect(await failureOf(at.connected.query({ outlet: 1 }))).toMatchObject({
    code: "protocol",
    message: "what answers in place of the SNMP agent of 127.0.0.1 speaks no SNMP",
  });
});

describe("a user of version 3", () => {
  const user = {
    name: "maas",
    auth: { protocol: "sha", password: "auth-password" },
    priv: { protocol: "aes", password: "priv-password" },
  } as const;
  const right = { version: 3, user: "maas", auth: "auth-password", priv: "priv-password", model: "apc-rpdu" };

  test("who is unknown there is refused, and nothing is switched", async () => {
    await using at = await open({ mib: "apc-rpdu", users: [user] }, { ...right, user: "other" });
    for (const failure of [
      await failureOf(at.connected.query({ outlet: 1 })),
      await failureOf(at.connected.command("on", { outlet: 1 })),
    ])
      expect(failure).toMatchObject({ code: "auth", mayHaveActed: false, hint: expect.stringContaining("`auth`") });
    expect(at.pdu.commands).toEqual([]);
  });

  test.each([
    ["has another password", { auth: "wrong-password" }],
    ["is proven another way", { auth_protocol: "sha256" }],
  ])("who %s switches nothing, and an agent that is silent about it is no riddle", async (_what, wrong) => {
    await using at = await open({ mib: "apc-rpdu", users: [user] }, { ...right, ...wrong, wait: "50ms" });
    const failure = await failureOf(at.connected.command("on", { outlet: 1 }));
    expect(failure).toMatchObject({ code: "unreachable", hint: expect.stringContaining("passwords and protocols") });
    expect(at.pdu.commands).toEqual([]);
  });

  test("who may only read is told so", async () => {
    await using at = await open({ mib: "apc-rpdu", users: [{ ...user, writes: false }] }, right);
    expect(await at.connected.query({ outlet: 1 })).toMatchObject({ state: "off" });
    expect(await failureOf(at.connected.command("on", { outlet: 1 }))).toMatchObject({
      code: "refused",
      mayHaveActed: false,
    });
  });

  test.each([
    [
      { name: "maas", auth: user.auth },
      { version: 3, user: "maas", auth: "auth-password" },
    ],
    [{ name: "maas" }, { version: 3, user: "maas" }],
    [
      { name: "maas", auth: user.auth, priv: { protocol: "aes256r", password: "priv-password" } },
      { ...right, priv_protocol: "aes256-cisco" },
    ],
  ] as const)("may be protected as the device has it: %j", async (there, here) => {
    await using at = await open({ mib: "apc-rpdu", users: [there] }, here);
    await at.connected.command("on", { outlet: 1 });
    expect(at.pdu.machine("1").fed).toBe(true);
  });
});

describe("a mistake in the settings", () => {
  const custom = {
    state: "1.3.6.1.4.1.92.58.2.{outlet}.0",
    state_on: [1],
    state_off: [0],
    on: { oid: "1.3.6.1.4.1.92.58.2.{outlet}.0", value: 1 },
    off: { oid: "1.3.6.1.4.1.92.58.2.{outlet}.0", value: 0 },
  };

  test.each([
    [{ user: "maas" }, "user: belongs to version 3, and the version is 2c"],
    [{ version: 1, auth: "long-enough" }, "auth: belongs to version 3, and the version is 1"],
    [{ version: 3 }, "user: version 3 needs a user"],
    [{ version: 3, user: "maas", community: "public" }, "community: belongs to versions 1 and 2c"],
    [{ version: 3, user: "maas", priv: "long-enough" }, "priv: needs `auth` too"],
    [{ version: 3, user: "maas", auth: "short" }, "auth: is shorter than the 8 characters"],
    [{ model: "custom" }, "custom: `model: custom` needs the PDU's OIDs"],
    [{ model: "apc-rpdu", custom }, "model: must be custom"],
  ])("%j is found", (hub, finding) => {
    const outlet: unknown = driver.outlet.parse({ outlet: 1 });
    const found = driver.check?.(outlet, driver.hub?.parse({ host: "127.0.0.1", ...hub })) ?? [];
    expect(found.map(({ key, problem }) => `${key}: ${problem}`)).toEqual([expect.stringContaining(finding)]);
  });

  test.each([
    { version: 2 },
    { version: "2" },
    { tries: 0 },
    { wait: "1ms" },
    { priv_protocol: "des" },
    { model: "apc" },
    { custom: { ...custom, state: "1.3.6.1.4.1.92.58.2.1.0" } },
    { custom: { ...custom, state: "enterprises.92.{outlet}" } },
    { custom: { ...custom, state_on: [] } },
    { custom: { ...custom, state_on: [0, 1] } },
    { custom: { ...custom, off: custom.on } },
  ])("%j is refused", (hub) => {
    expect(driver.hub?.safeParse({ host: "127.0.0.1", ...hub }).success).toBe(false);
  });
});
