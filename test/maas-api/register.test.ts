import { describe, expect, test } from "vitest";
import { unregisterMachine } from "../../src/maas/register.ts";
import { tokenHash } from "../../src/maas/webhook-parameters.ts";
import { keptPort } from "../kept-port.ts";
import { badGateway, starting, USER } from "../simulators/maas.ts";
import { Lab, mac, said, URL_OF_DAEMON } from "./rack.ts";
import { maasFailureOf } from "./region.ts";

const NUC1 = { hostname: "nuc1", macs: [mac(1)] };
const IPMI = { powerType: "ipmi", parameters: { power_address: "10.0.0.1", power_user: "root", power_pass: "calvin" } };

/** Fifty machines of MAAS, and among ours two that are ambiguous, one locked, one missing, one powered in another way. */
function fifty() {
  const machines = Array.from({ length: 50 }, (_, index) => ({ hostname: `node${index + 1}`, macs: [mac(index + 1)] }));
  const own = machines.map(({ hostname, macs: [address = ""] }, index) =>
    index % 2 === 0 ? { name: hostname, mac: address } : { name: hostname },
  );
  return {
    machines: [
      ...machines.slice(0, 45),
      { ...machines[45], hostname: "node46", domain: "a" },
      { hostname: "node46", macs: [mac(101)], domain: "b" },
      { hostname: "node47", macs: [mac(47)] },
      { hostname: "twin", macs: [mac(47)] },
      { hostname: "node48", macs: [mac(48)], locked: true },
      { hostname: "node50", macs: [mac(50)], ...IPMI },
    ],
    own,
  };
}

describe.each(["3.4.9", "3.6.2", "3.8.0"])("with MAAS %s", (version) => {
  test("fifty machines are registered though the region restarts in the middle, and what is not clear is left alone", async () => {
    const { machines, own } = fifty();
    await using lab = await Lab.open({ version, machines, port: await keptPort() });
    const { maas, waits } = lab.region;
    const items = await lab.plan(own);
    expect(items.slice(45).map(said)).toEqual([
      "node46 refused ambiguous",
      "node47 refused ambiguous",
      "node48 refused locked",
      "node49 refused missing",
      "node50 refused foreign",
    ]);
    const untouched = ["twin", "node48", "node50"].map((name) => ({ ...maas.machine(name).parameters }));
    let done = 0;
    for (const item of items) {
      if (done === 20) {
        await maas.die();
        setTimeout(() => {
          maas.trouble.push(badGateway, starting("10"));
          void maas.revive();
        }, 20);
      }
      done += 1;
      await lab.register(item);
    }
    expect(waits.length).toBeGreaterThan(2);
    const registered = maas.machines.filter(({ powerType }) => powerType === "webhook");
    expect(registered.map(({ hostname }) => hostname)).toEqual(own.slice(0, 45).map(({ name }) => name));
    for (const { hostname, parameters } of registered) {
      expect(parameters["power_query_uri"]).toBe(`${URL_OF_DAEMON}/maas/${hostname}/query`);
      expect(lab.tokens.hashes(hostname)).toEqual([tokenHash(parameters["power_token"] ?? "")]);
    }
    expect(new Set(registered.map(({ parameters }) => parameters["power_token"])).size).toBe(45);
    expect(["twin", "node48", "node50"].map((name) => maas.machine(name).parameters)).toEqual(untouched);
    expect(lab.credentials.rules.tokens[0]).toMatchObject({ name: "maas:node1", role: "maas", machines: ["node1"] });

    // A second time there is nothing to do, and nothing is sent.
    const sent = maas.requests.length;
    const again = await lab.registerAll(own);
    expect(again.slice(0, 45).every(({ change }) => change.kind === "none")).toBe(true);
    expect(maas.requests.slice(sent).filter((line) => !line.startsWith("GET"))).toEqual([]);
  });

  test("a machine of another power type is taken over with --replace, and nothing of that type is left", async () => {
    await using lab = await Lab.open({ version, machines: [{ ...NUC1, ...IPMI, status: "Deployed" }] });
    expect((await lab.plan([{ name: "nuc1" }])).map(said)).toEqual(["nuc1 refused foreign"]);
    await lab.registerAll([{ name: "nuc1" }], { replace: true });
    const { powerType, parameters } = lab.region.maas.machine("nuc1");
    expect(powerType).toBe("webhook");
    expect(parameters).toMatchObject({ power_user: "", power_pass: "", power_verify_ssl: "n" });
    expect(Object.keys(parameters)).toHaveLength(9);
  });

  test("a machine that MAAS does not have is added with --create, and not commissioned", async () => {
    await using lab = await Lab.open({ version });
    const own = { name: "nuc9", mac: mac(9), hostname: "build9.lab" };
    const [item] = await lab.plan([own], { create: true });
    if (!item) throw new Error("there is no plan");
    expect(item.change.kind).toBe("create");
    const failure = await maasFailureOf(lab.register(item, { architecture: "mips/old" }));
    expect(failure.message).toContain("'mips/old' is not a valid architecture. It should be one of: 'amd64/generic'");
    expect(lab.tokens.hashes("nuc9")).toEqual([]);
    await lab.register(item, { architecture: "amd64/generic" });
    expect(lab.region.maas.machine("build9")).toMatchObject({ status: "New", powerType: "webhook", macs: [mac(9)] });
    expect((await lab.plan([{ name: "other" }], { create: true })).map(said)).toEqual(["other refused missing"]);
  });
});

describe("a machine is found", () => {
  const machines = [
    { hostname: "sunny-mole", systemId: "k3hxa7", macs: [mac(1)] },
    { hostname: "Build1", macs: [mac(2)], domain: "lab" },
    { hostname: "pi", macs: [mac(3)], domain: "a" },
    { hostname: "pi", macs: [mac(4)], domain: "b" },
  ];

  test.each([
    [{ name: "nuc1", systemId: "k3hxa7", mac: mac(2) }, "system_id sunny-mole"],
    [{ name: "nuc1", mac: mac(1) }, "mac sunny-mole"],
    [{ name: "pi", mac: mac(4) }, "mac pi"],
    [{ name: "Build1" }, "hostname Build1"],
    [{ name: "x", hostname: "Build1.LAB" }, "hostname Build1"],
    [{ name: "x", hostname: "pi.b" }, "hostname pi"],
    [{ name: "pi" }, "ambiguous"],
    [{ name: "x", systemId: "gone99", mac: mac(1) }, "missing"],
    [{ name: "x", mac: mac(1), hostname: "Build1" }, "ambiguous"],
    [{ name: "nobody" }, "missing"],
  ])("or not: %j is %s", async (own, expected) => {
    await using lab = await Lab.open({ machines });
    const [item] = await lab.plan([own]);
    const match = item?.match;
    expect(match?.kind === "found" ? `${match.by} ${match.machine.hostname}` : match?.kind).toBe(expected);
  });

  test("for one of ours alone: two that mean the same are both refused", async () => {
    await using lab = await Lab.open({ machines });
    const items = await lab.plan([{ name: "a", mac: mac(1) }, { name: "sunny-mole" }]);
    expect(items.map(said)).toEqual(["a refused ambiguous", "sunny-mole refused ambiguous"]);
    expect(items[0]?.change).toMatchObject({ reason: "sunny-mole (k3hxa7) fits sunny-mole as well" });
  });
});

describe("a token", () => {
  test("that MAAS has otherwise is told as such, and replaced", async () => {
    await using lab = await Lab.open({ machines: [NUC1] });
    await lab.registerAll([{ name: "nuc1" }]);
    const { maas } = lab.region;
    const record = maas.machine("nuc1");
    const first = record.parameters["power_token"];
    record.parameters = { ...record.parameters, power_token: "somebody-elses" };
    expect((await lab.plan([{ name: "nuc1" }])).map(said)).toEqual(["nuc1 update power_token"]);
    await lab.registerAll([{ name: "nuc1" }]);
    expect(record.parameters["power_token"]).not.toBe(first);
    expect(lab.tokens.hashes("nuc1")).toEqual([tokenHash(record.parameters["power_token"] ?? "")]);
  });

  test("stays where only an address changed", async () => {
    await using lab = await Lab.open({ machines: [NUC1] });
    await lab.registerAll([{ name: "nuc1" }]);
    const record = lab.region.maas.machine("nuc1");
    const before = record.parameters["power_token"];
    const urls = ["http://192.0.2.11:6227"];
    expect((await lab.plan([{ name: "nuc1" }], { urls })).map(said)).toEqual([
      "nuc1 update power_on_uri power_off_uri power_query_uri",
    ]);
    await lab.registerAll([{ name: "nuc1" }], { urls });
    expect(record.parameters["power_token"]).toBe(before);
    expect(record.parameters["power_on_uri"]).toBe("http://192.0.2.11:6227/maas/nuc1/on");
  });

  test("is made anew with --rotate, and the one before counts no more", async () => {
    await using lab = await Lab.open({ machines: [NUC1] });
    await lab.registerAll([{ name: "nuc1" }]);
    const [before] = lab.tokens.hashes("nuc1");
    await lab.registerAll([{ name: "nuc1" }], { rotate: true });
    const [after, ...more] = lab.tokens.hashes("nuc1");
    expect(after).toBe(tokenHash(lab.region.maas.machine("nuc1").parameters["power_token"] ?? ""));
    expect(more).toEqual([]);
    expect(after).not.toBe(before);
  });

  test("that MAAS refused to take is taken away again, and the one before stays", async () => {
    await using lab = await Lab.open({ machines: [NUC1] });
    await lab.registerAll([{ name: "nuc1" }]);
    const before = lab.tokens.hashes("nuc1");
    const [item] = await lab.plan([{ name: "nuc1" }], { rotate: true });
    if (!item) throw new Error("there is no plan");
    lab.region.maas.machine("nuc1").locked = true;
    expect((await maasFailureOf(lab.register(item))).code).toBe("forbidden");
    expect(lab.tokens.hashes("nuc1")).toEqual(before);
  });

  test("counts whichever one MAAS has, when nobody knows whether it took the new one; the next time sorts it out", async () => {
    await using lab = await Lab.open({ machines: [NUC1], client: { patienceMs: 0 } });
    await lab.registerAll([{ name: "nuc1" }]);
    const { maas } = lab.region;
    const [item] = await lab.plan([{ name: "nuc1" }], { rotate: true });
    if (!item) throw new Error("there is no plan");
    // MAAS takes it, and the answer is lost.
    maas.onRequest = ({ method, body }) => {
      if (method !== "PUT") return;
      maas.machine("nuc1").takePower(new URLSearchParams(body));
      maas.trouble.push((response) => response.socket?.destroy());
    };
    expect((await maasFailureOf(lab.register(item))).code).toBe("unreachable");
    const taken = tokenHash(maas.machine("nuc1").parameters["power_token"] ?? "");
    expect(lab.tokens.hashes("nuc1")).toHaveLength(2);
    expect(lab.tokens.hashes("nuc1")).toContain(taken);
    maas.onRequest = undefined;
    expect((await lab.registerAll([{ name: "nuc1" }])).map(said)).toEqual(["nuc1 none"]);
    expect(lab.tokens.hashes("nuc1")).toEqual([taken]);
  });

  test("is kept before MAAS is given it", async () => {
    await using lab = await Lab.open({ machines: [NUC1] });
    let known = false;
    lab.region.maas.onRequest = ({ method, body }) => {
      if (method !== "PUT") return;
      const token = new URLSearchParams(body).get("power_parameters_power_token") ?? "";
      known = lab.tokens.hashes("nuc1").includes(tokenHash(token));
    };
    await lab.registerAll([{ name: "nuc1" }]);
    expect(known).toBe(true);
  });
});

describe("the address", () => {
  const racks = [
    { systemId: "rack01", hostname: "one", addresses: ["192.0.2.2", "fd00:2::2"] },
    { systemId: "rack02", hostname: "two", addresses: ["198.51.100.2"] },
  ];
  const subnets = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "fd00:2::/64", "0.0.0.0/0"];
  const near = { ...NUC1, rack: "rack02" };

  test.each([
    [["http://198.51.100.10:6227"], "polled 198.51.100.0/24"],
    [["http://power.lan:6227", "http://192.0.2.10:6227"], "polled 192.0.2.0/24"],
    [["http://192.0.2.10:6227", "http://198.51.100.10:6227"], "polled 198.51.100.0/24"],
    [["http://[fd00:2::10]:6227"], "polled fd00:2::/64"],
    [["http://203.0.113.10:6227"], "outside 203.0.113.0/24"],
    [["http://power.lan:6227"], "name undefined"],
    [["http://127.0.0.1:6227", "http://power.lan:6227"], "name undefined"],
    [["http://127.0.0.1:6227"], "loopback undefined"],
    [["http://localhost:6227"], "loopback undefined"],
  ])("of %j that a machine is given is %s", async (urls, expected) => {
    await using lab = await Lab.open({ machines: [near], racks, subnets });
    const [item] = await lab.plan([{ name: "nuc1" }], { urls });
    expect(`${item?.reach?.kind} ${item?.reach?.subnet}`).toBe(expected);
    expect(item?.change.kind).toBe(expected.startsWith("loopback") ? "refused" : "update");
  });

  test("that is said to be polled is polled", async () => {
    await using lab = await Lab.open({ machines: [near], racks, subnets });
    const { maas } = lab.region;
    for (const [url, polled] of [
      ["http://198.51.100.10:6227", true],
      ["http://203.0.113.10:6227", false],
      ["http://power.lan:6227", false],
    ] as const) {
      const [item] = await lab.registerAll([{ name: "nuc1" }], { urls: [url] });
      expect(item?.reach?.kind === "polled").toBe(polled);
      expect(maas.polls(maas.machine("nuc1"))).toBe(polled);
    }
  });
});

describe("a machine is left alone", () => {
  test("when it takes no orders here", async () => {
    await using lab = await Lab.open({ machines: [NUC1] });
    expect((await lab.plan([{ name: "nuc1", enabled: false }])).map(said)).toEqual(["nuc1 refused disabled"]);
  });

  test("when MAAS calls webhooks of another tool, unless it is to be replaced", async () => {
    const parameters = {
      power_on_uri: "http://10.0.0.9:5000/power_on?name=nuc1",
      power_off_uri: "x",
      power_query_uri: "y",
    };
    await using lab = await Lab.open({ machines: [{ ...NUC1, powerType: "webhook", parameters }] });
    const [item] = await lab.plan([{ name: "nuc1" }]);
    expect(item?.change).toMatchObject({ code: "foreign" });
    expect((await lab.plan([{ name: "nuc1" }], { replace: true }))[0]?.change.kind).toBe("update");
  });

  test("but not when it is powered by hand only", async () => {
    await using lab = await Lab.open({ machines: [{ ...NUC1, powerType: "manual" }] });
    expect((await lab.plan([{ name: "nuc1" }]))[0]?.change).toMatchObject({ kind: "update", from: "manual" });
  });

  test("and the others are planned, when the key may not see its parameters", async () => {
    await using lab = await Lab.open({
      key: USER.key,
      machines: [{ ...NUC1, powerType: "webhook" }, { hostname: "b" }],
    });
    const items = await lab.plan([{ name: "nuc1" }, { name: "b" }]);
    expect(items[0]?.change).toMatchObject({ kind: "refused", code: "failed" });
    expect(items[1]?.change.kind).toBe("update");
  });
});

describe("unregistering", () => {
  test("leaves a machine to be powered by hand, and its token counts no more", async () => {
    await using lab = await Lab.open({ machines: [NUC1] });
    await lab.registerAll([{ name: "nuc1" }]);
    const [item] = await lab.plan([{ name: "nuc1" }]);
    if (!item) throw new Error("there is no plan");
    const { client, maas } = lab.region;
    expect(await unregisterMachine(item, { client, tokens: lab.tokens })).toBe("unregistered");
    expect(maas.machine("nuc1")).toMatchObject({ powerType: "manual", parameters: {} });
    expect(lab.tokens.hashes("nuc1")).toEqual([]);
  });

  test("touches nothing that MAAS powers in another way", async () => {
    await using lab = await Lab.open({ machines: [{ ...NUC1, ...IPMI }] });
    const [item] = await lab.plan([{ name: "nuc1" }]);
    if (!item) throw new Error("there is no plan");
    expect(await unregisterMachine(item, { client: lab.region.client, tokens: lab.tokens })).toBe("foreign");
    expect(lab.region.maas.machine("nuc1").powerType).toBe("ipmi");
  });
});
