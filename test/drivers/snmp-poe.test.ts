import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/snmp-poe.ts";
import { failureOf } from "../expecting.ts";
import { DETECTION, SnmpPoe, type SnmpPoeOptions } from "../simulators/snmp-poe.ts";
import { Connected } from "./connected.ts";
import { HubRun } from "./hub-run.ts";

const MAC_PI = "b8:27:eb:00:00:01";
const MAC_CAM = "00:00:5e:00:53:07";

function hubOf(poe: SnmpPoe, more: object = {}) {
  return { host: "127.0.0.1", port: poe.port, write_community: "private", wait: "1s", ...more };
}

async function open(options: SnmpPoeOptions = {}, more: object = {}) {
  const poe = await SnmpPoe.start(options);
  const connected = await Connected.open(driver, hubOf(poe, more));
  return {
    poe,
    connected,
    async [Symbol.asyncDispose]() {
      await connected[Symbol.asyncDispose]();
      await poe[Symbol.asyncDispose]();
    },
  };
}

describe("a port", () => {
  test("is switched by its number, of another group with that, and the others are left alone", async () => {
    await using at = await open();
    await at.connected.command("on", { outlet: "3" });
    await at.connected.command("on", { outlet: "2.3" });
    expect(["1.3", "1.4", "2.3"].map((port) => at.poe.machine(port).fed)).toEqual([true, false, true]);
    await at.connected.command("off", { outlet: "1.03" });
    expect(at.poe.commands).toEqual(["port 1.3 on", "port 2.3 on", "port 1.3 off"]);
  });

  test("is on when it delivers power", async () => {
    await using at = await open({ initial: "on" });
    expect(await at.connected.query({ outlet: 3 })).toEqual({ state: "on", evidence: "port delivers power" });
  });

  test("that is enabled and searches is off: nothing draws power", async () => {
    await using at = await open({ initial: "on" });
    at.poe.empty.add("1.3");
    expect(await at.connected.query({ outlet: 3 })).toEqual({
      state: "off",
      evidence: "port enabled, nothing draws power",
    });
  });

  test("that is disabled is off", async () => {
    await using at = await open();
    expect(await at.connected.query({ outlet: 3 })).toEqual({ state: "off", evidence: "port disabled" });
  });

  test.each(["fault", "test", "otherFault"] as const)("that says %s is unknown, and never off", async (status) => {
    await using at = await open();
    at.poe.shown.set("1.3", DETECTION[status]);
    expect(await at.connected.query({ outlet: 3 })).toMatchObject({ state: "unknown", reason: expect.any(String) });
  });

  test("with a status that RFC 3621 does not have has no state", async () => {
    await using at = await open();
    at.poe.shown.set("1.3", 9);
    expect(await failureOf(at.connected.query({ outlet: 3 }))).toMatchObject({ code: "protocol" });
  });

  test("that cannot feed is not found, and nothing is switched", async () => {
    await using at = await open();
    for (const work of [at.connected.query({ outlet: 25 }), at.connected.command("on", { outlet: 25 })])
      expect(await failureOf(work)).toMatchObject({ code: "not_found", mayHaveActed: false });
    expect(at.poe.commands).toEqual([]);
  });

  test.each([1.3, "", "1.2.3", "ge3", -1])("is not called %j", (outlet) => {
    expect(driver.outlet.safeParse({ outlet }).success).toBe(false);
  });
});

test("48 ports are read in one exchange", async () => {
  const ports = Array.from({ length: 48 }, (_, index) => `1.${index + 1}`);
  await using poe = await SnmpPoe.start({ ports });
  await using run = new HubRun(driver, hubOf(poe));
  poe.machine("1.48").set("on");
  await run.query({ outlet: 1 });
  const before = poe.agent.datagrams;
  const answers = await run.queryAll(ports.map((port) => ({ outlet: port })));
  expect(poe.agent.datagrams - before).toBe(1);
  expect(answers.map((answer) => answer.status === "fulfilled" && answer.value.state)).toEqual(
    ports.map((port) => (port === "1.48" ? "on" : "off")),
  );
});

describe("Cisco's extension", () => {
  test.each(["auto", "static", "limit"] as const)("switches a port on in the mode %s, and off", async (mode) => {
    await using at = await open({ cisco: true }, { extension: "cisco", mode });
    await at.connected.command("on", { outlet: 3 });
    expect(at.poe.machine("1.3").fed).toBe(true);
    await using agent = await Connected.open(driver, hubOf(at.poe));
    expect(await agent.query({ outlet: 3 })).toMatchObject({ state: "on" });
    await at.connected.command("off", { outlet: 3 });
    expect(at.poe.commands).toEqual(["port 1.3 on", "port 1.3 off"]);
    expect(at.poe.machine("1.3").fed).toBe(false);
  });

  test("tells the watts of a port", async () => {
    await using at = await open({ cisco: true, initial: "on" }, { extension: "cisco" });
    expect(await at.connected.watts({ outlet: 3 })).toBe(24.5);
  });

  test("is what a switch needs that refuses the standard's object", async () => {
    await using at = await open({ cisco: true });
    expect(await failureOf(at.connected.command("on", { outlet: 3 }))).toMatchObject({
      code: "refused",
      mayHaveActed: false,
    });
    expect(at.poe.machine("1.3").fed).toBe(false);
  });

  test.each([{}, { extension: "cisco" }])(
    "is what tells watts: a switch with %j and without it does not",
    async (more) => {
      await using at = await open({ initial: "on" }, more);
      expect(await failureOf(at.connected.watts({ outlet: 3 }))).toMatchObject({ code: "unsupported" });
    },
  );
});

describe("the list of ports", () => {
  const interfaces = { 3: "Gi1/0/3", 4: "Gi1/0/4", 27: "Gi2/0/3", 60: "Po3", 61: "Vlan3" };
  const seen = { [MAC_PI]: 3, [MAC_CAM]: 27, "00:00:0c:0a:0b:0c": 0, "00:00:5e:00:53:99": 60 };

  test.each([
    ["by VLAN", { vlan: 10 }],
    ["without VLANs", {}],
  ])("tells which address the switch has seen where, from a forwarding table %s", async (_what, more) => {
    await using at = await open({ interfaces, seen, ...more });
    at.poe.machine("2.3").set("on");
    expect(await at.connected.list()).toEqual([
      { outlet: "3", state: "off", label: "Gi1/0/3", macs: [MAC_PI] },
      { outlet: "4", state: "off", label: "Gi1/0/4" },
      { outlet: "2.3", state: "on", label: "Gi2/0/3", macs: [MAC_CAM] },
    ]);
  });

  test.each([
    ["g3", "3"],
    ["0/3", "3"],
    ["Port 3", "3"],
    ["port3", "3"],
    ["swp3", "3"],
    ["ge-0/0/3", "3"],
    ["Gi1/0/3", "3"],
    ["Gi2/0/3", "2.3"],
  ])("knows the interface %s for the port %s", async (name, outlet) => {
    await using at = await open({ interfaces: { 9: name }, seen: { [MAC_PI]: 9 } });
    const listed = (await at.connected.list()) ?? [];
    expect(listed.filter(({ macs }) => macs !== undefined)).toEqual([
      { outlet, state: "off", label: name, macs: [MAC_PI] },
    ]);
  });

  test.each(["Po3", "Vlan3", "lag3", "Trk3", "mgmt3", "Gi3/0/3", "uplink"])(
    "takes the interface %s for none of its ports",
    async (name) => {
      await using at = await open({ interfaces: { 9: name }, seen: { [MAC_PI]: 9 } });
      expect((await at.connected.list())?.some(({ macs }) => macs !== undefined)).toBe(false);
    },
  );

  test("tells no address where two interfaces could be the port", async () => {
    await using at = await open({ interfaces: { 3: "g3", 9: "te3" }, seen: { [MAC_PI]: 3 } });
    expect((await at.connected.list())?.some(({ macs }) => macs !== undefined)).toBe(false);
  });

  test("spares the reader what is behind another switch", async () => {
    const many = Array.from({ length: 40 }, (_, index) => [`00:00:5e:00:54:${(index + 16).toString(16)}`, 3]);
    await using at = await open({ interfaces, seen: Object.fromEntries(many) });
    expect((await at.connected.list())?.[0]).toEqual({
      outlet: "3",
      state: "off",
      label: "Gi1/0/3, 40 addresses: an uplink",
    });
  });

  test("of a switch that tells no addresses is that of its ports", async () => {
    await using at = await open();
    expect(await at.connected.list()).toEqual([
      { outlet: "3", state: "off" },
      { outlet: "4", state: "off" },
      { outlet: "2.3", state: "off" },
    ]);
  });
});

test("a switch is known by its bridge address", async () => {
  await using at = await open();
  expect(await at.connected.identify()).toEqual({ id: "00:00:0c:0a:0b:0c", model: "Simulated PoE switch" });
});
