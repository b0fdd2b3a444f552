import { describe, expect, test } from "vitest";
import type { z } from "zod";
import type { MACHINES, MachineDetails } from "../../src/http/shapes.ts";
import { ANNA } from "../power/lab.ts";
import { bearer, House, token } from "./house.ts";

const tokens = [token("anna"), token("maas", { role: "maas" }), token("nucs", { machines: ["nuc*"] })];

type Page = z.output<typeof MACHINES>;

async function list(house: House, query = "", as = "anna"): Promise<Page> {
  const answer = await house.ask(`/api/v1/machines${query}`, { as: bearer(as) });
  expect([query, answer.status]).toEqual([query, 200]);
  return answer.json<Page>();
}

async function names(house: House, query = "", as = "anna"): Promise<string> {
  return (await list(house, query, as)).machines.map(({ name }) => name).join(" ");
}

function open(): Promise<House> {
  return House.open({
    tokens,
    machines: (lab) => {
      lab.addMachine("nuc10", { initial: "on" }, { tags: ["lab"], description: "Under the DESK" });
      lab.addMachine("nuc9", {}, { tags: ["lab", "spare"], facts: { name: "nuc9", address: "192.0.2.9" } });
      lab.addMachine("pi1", { fault: "unreachable" }, { facts: { name: "pi1", mac: "00:00:5e:00:53:01" } });
      lab.add("blind", {});
    },
  });
}

async function readAll(house: House): Promise<void> {
  for (const name of house.lab.power.names) {
    await house.lab.run(house.ask(`/api/v1/machines/${name}/query`, { method: "POST", as: bearer("anna") }));
    await house.lab.wait(1_000);
  }
}

describe("the list of machines", () => {
  test("is sorted by what is asked, numbers in names by their value, and pages are cut from that", async () => {
    await using house = await open();
    await readAll(house);
    expect(await names(house)).toBe("nuc10 nuc9 pi1 blind");
    expect(await names(house, "?order=desc")).toBe("blind pi1 nuc9 nuc10");
    expect(await names(house, "?sort=name")).toBe("blind nuc9 nuc10 pi1");
    expect(await names(house, "?sort=name&order=desc")).toBe("pi1 nuc10 nuc9 blind");
    expect(await names(house, "?sort=power")).toBe("pi1 nuc9 nuc10 blind");
    expect(await names(house, "?sort=checked&order=desc")).toBe("blind nuc9 nuc10 pi1");
    expect(await names(house, "?sort=driver")).toBe("blind nuc9 nuc10 pi1");
    expect(await names(house, "?sort=name&offset=1&limit=2")).toBe("nuc9 nuc10");
    expect(await names(house, "?sort=name&offset=3&limit=2")).toBe("pi1");
    expect(await names(house, "?offset=9")).toBe("");
  });

  test("is sorted by the last action and by when MAAS asked", async () => {
    await using house = await open();
    await house.lab.order("nuc9", "on", { actor: ANNA });
    await house.lab.wait(1_000);
    await house.lab.order("nuc10", "on", { actor: ANNA });
    for (const name of ["pi1", "nuc10"]) {
      await house.lab.wait(1_000);
      const headers = { "user-agent": "MAAS 3.7.3" };
      await house.lab.run(house.ask(`/maas/${name}/query`, { as: bearer("maas"), headers }));
    }
    expect(await names(house, "?sort=action&order=desc&limit=2")).toBe("nuc10 nuc9");
    expect(await names(house, "?sort=polled&order=desc&limit=2")).toBe("nuc10 pi1");
  });

  test("tells how many fit on all pages, and how they do", async () => {
    await using house = await open();
    await readAll(house);
    const { total, counts, machines } = await list(house, "?limit=1");
    expect([machines.length, total, counts]).toEqual([1, 4, { on: 1, off: 1, unknown: 1, error: 1 }]);
    expect(await list(house, "?tag=lab&limit=1&offset=1")).toMatchObject({
      total: 2,
      counts: { on: 1, off: 1, error: 0 },
    });
    expect(await list(house, "?state=error")).toMatchObject({ total: 1, counts: { error: 1, on: 0 } });
    expect(await list(house, "", "nucs")).toMatchObject({ total: 2, counts: { on: 1, off: 1, unknown: 0, error: 0 } });
  });

  test("finds machines by all words of name, description, address, MAC, tags, hubs and drivers", async () => {
    await using house = await open();
    expect(await names(house, "?search=desk")).toBe("nuc10");
    expect(await names(house, "?search=NUC+spare")).toBe("nuc9");
    expect(await names(house, "?search=192.0.2.9")).toBe("nuc9");
    expect(await names(house, "?search=5e:00:53")).toBe("pi1");
    expect(await names(house, "?search=simulated+nuc")).toBe("nuc10 nuc9");
    expect(await names(house, "?search=nuc+desk+spare")).toBe("");
    expect(await names(house, "?hub=pi1")).toBe("pi1");
    expect(await names(house, "?driver=simulated&tag=spare")).toBe("nuc9");
    expect(await names(house, "?driver=shelly")).toBe("");
    expect(await names(house, "?search=pi1", "nucs")).toBe("");
  });

  test("of ten thousand machines is searched, sorted by the numbers in their names, and paged", async () => {
    const all = Array.from({ length: 10_000 }, (_, number) => `node${number}`);
    await using house = await House.open({
      tokens,
      machines: (lab) => {
        for (const name of all) lab.add(name, { tags: [name.endsWith("7") ? "odd" : "other"] });
      },
    });
    const query = "?search=node&tag=odd&sort=name&order=desc&limit=3";
    expect(await names(house, query)).toBe("node9997 node9987 node9977");
    expect(await names(house, `${query}&offset=997`)).toBe("node27 node17 node7");
    expect(await list(house, query)).toMatchObject({ total: 1_000, counts: { unknown: 1_000 } });
  });
});

const YAML = `
hubs:
  rack-pdu: { driver: simulated, world: details }
machines:
  desktop:
    mac: "00:00:5e:00:53:07"
    address: 192.0.2.17
    supply: { hub: rack-pdu, outlet: 3, kind: plug }
    on: { driver: wake-on-lan }
    off: { driver: ssh, user: maas, password: hunter2, sudo: true, wait: 60s }
    query: { all: [{ driver: reachable }, { hub: rack-pdu, outlet: 4 }] }
    protect: people
`;

describe("one machine", () => {
  test("is told with its stages, its supply, its query, and its configuration with secrets hidden", async () => {
    await using house = await House.open({ tokens, yaml: YAML });
    const answer = await house.ask("/api/v1/machines/desktop", { as: bearer("anna") });
    const machine = answer.json<MachineDetails>();
    expect(machine).toMatchObject({
      address: "192.0.2.17",
      mac: ["00:00:5e:00:53:07"],
      drivers: ["simulated", "wake-on-lan", "ssh", "reachable"],
      refuses: { code: "protected" },
      checking: false,
      supply: [{ driver: "simulated", hub: "rack-pdu", outlet: "3" }],
      stages: [
        { verb: "on", driver: "wake-on-lan", wait: 120_000 },
        { verb: "off", driver: "ssh", wait: 60_000 },
      ],
      query: expect.stringMatching(/^all of \(reachable.*, rack-pdu outlet 4\)$/),
      origin: { file: expect.stringMatching(/maasochist\.yaml$/), line: 5 },
    });
    expect(machine.config).toMatch(/^desktop:\n {2}[\s\S]* {2}supply:\n {4}hub: rack-pdu\n/);
    expect(machine.config).toContain("password: •••");
    expect(answer.text).not.toContain("hunter2");
  });

  test("refuses to automation what it refuses to people only where it is so", async () => {
    await using house = await House.open({ tokens, yaml: YAML });
    const asMaas = await house.ask("/api/v1/machines/desktop", { as: bearer("maas") });
    expect(asMaas.json<MachineDetails>().refuses).toBeUndefined();
  });

  test("is being checked while somebody has it measured", async () => {
    await using house = await House.open({ tokens, machines: (lab) => lab.addMachine("nuc1") });
    house.lab.hub("nuc1").latency = 200;
    const check = house.ask("/api/v1/machines/nuc1/query", { method: "POST", as: bearer("anna") });
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect((await list(house)).machines[0]?.checking).toBe(true);
    await house.lab.run(check);
    expect((await list(house)).machines[0]?.checking).toBe(false);
  });

  test("is told to MAAS by the webhook driver's own fields, in its order, and no token", async () => {
    await using house = await House.open({ tokens, machines: (lab) => lab.addMachine("nuc1") });
    const answer = await house.ask("/api/v1/machines/nuc1/maas", { as: bearer("anna") });
    const { fields } = answer.json<{ fields: { name: string; value: string; hint?: string }[] }>();
    // As in MAAS's webhook driver, src/provisioningserver/drivers/power/webhook.py.
    expect(fields.map(({ name, value }) => [name, value])).toEqual([
      ["power_on_uri", "http://192.0.2.1:6227/maas/nuc1/on"],
      ["power_off_uri", "http://192.0.2.1:6227/maas/nuc1/off"],
      ["power_query_uri", "http://192.0.2.1:6227/maas/nuc1/query"],
      ["power_on_regex", "status.*\\:.*running"],
      ["power_off_regex", "status.*\\:.*stopped"],
      ["power_user", ""],
      ["power_pass", ""],
      ["power_token", ""],
      ["power_verify_ssl", "n"],
    ]);
    expect(fields.find(({ name }) => name === "power_token")?.hint).toContain("maasochist token add");
  });
});
