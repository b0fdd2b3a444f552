import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { drivers } from "../../src/drivers/index.ts";
import type {
  ConfigurationShape,
  DriverPageShape,
  DriverShape,
  ReloadShape,
  TryShape,
} from "../../src/http/configuration-shapes.ts";
import type { HubShape } from "../../src/http/shapes.ts";
import { ShellyDevice } from "../simulators/shelly.ts";
import { type Answer, bearer, House, token } from "./house.ts";
import { HIDDEN_HOST } from "./house-file.ts";

const tokens = [
  token("otto", { role: "admin" }),
  token("eyes", { role: "viewer" }),
  token("nucs", { role: "admin", machines: ["nuc*"] }),
];

let worlds = 0;

/** A file whose simulated machines are no other test's. */
function yaml(more = ""): string {
  return `hubs:\n  rack: { driver: simulated, world: conf${worlds} }\nmachines:\n  nuc1: { hub: rack, outlet: 1 }\n  pi1: { hub: rack, outlet: 2 }\n${more}`;
}

function open(): Promise<House> {
  worlds += 1;
  return House.open({ tokens, yaml: yaml() });
}

function ask(house: House, path: string, more: { as?: string; body?: unknown } = {}): Promise<Answer> {
  const { as = "otto", body } = more;
  return house.lab.run(
    house.ask(`/api/v1/${path}`, { as: bearer(as), ...(body !== undefined && { method: "POST", body }) }),
  );
}

describe("the configuration over the API", () => {
  test("is told with what is wrong in the file as it stands, and goes on to run as it was", async () => {
    await using house = await open();
    const state = async () => (await ask(house, "configuration", { as: "eyes" })).json<ConfigurationShape>();
    const before = await state();
    expect(before).toMatchObject({ file: house.file.path, loadedAt: house.clock.now(), invalid: false, problems: [] });
    house.file.change(
      yaml("  nuc2: { driver: shely, host: 192.0.2.1 }\n  nuc3: { driver: shelly, pasword: hunter2 }\n"),
    );
    const reload = (await ask(house, "configuration/reload", { body: {} })).json<ReloadShape>();
    expect(reload).toMatchObject({ applied: false, problems: [{ code: "unknown-driver" }, { severity: "error" }, {}] });
    const after = await state();
    expect(after).toMatchObject({ invalid: true, loadedAt: before.loadedAt });
    expect(after.problems[0]).toEqual({
      severity: "error",
      code: "unknown-driver",
      message: expect.stringContaining('did you mean "shelly"?'),
      hint: expect.any(String),
      file: expect.stringMatching(/maasochist\.yaml$/),
      line: 6,
      column: 19,
      endColumn: 24,
      source: "  nuc2: { driver: shely, host: 192.0.2.1 }",
      sourceColumn: 19,
    });
    expect(JSON.stringify([after, reload])).not.toContain("hunter2");
    expect((await ask(house, "machines")).text).not.toContain("nuc2");
    house.file.change(yaml());
    await ask(house, "configuration/reload", { body: {} });
    expect(await state()).toMatchObject({ invalid: false, problems: [] });
  });

  test("is shown as it was understood, with secrets hidden, to admins who see every machine", async () => {
    worlds += 1;
    const secret =
      '  nuc2: { driver: shelly, host: 192.0.2.1, password: hunter2, outlet: 0 }\naccess: { tokens: [{ name: maas, token: "mso_hunter2hunter2hunter2", role: maas }] }\n';
    await using house = await House.open({ tokens, yaml: yaml(secret) });
    const shown = await ask(house, "configuration/resolved");
    expect([shown.status, shown.headers["content-type"]]).toEqual([200, "application/yaml"]);
    expect(shown.text).toMatch(/^server:\n[\s\S]*machines:\n {2}nuc1:\n {4}hub: rack/);
    expect(shown.text).toContain("password: •••");
    expect(shown.text).not.toContain("hunter2");
    expect((await ask(house, "configuration/resolved", { as: "nucs" })).status).toBe(403);
  });

  test("tells a limited caller nothing of files and machines that are not its own", async () => {
    await using house = await open();
    house.file.change(yaml("  pi2: { driver: shely }\n"));
    await ask(house, "configuration/reload", { body: {} });
    const state = (await ask(house, "configuration", { as: "nucs" })).json<ConfigurationShape>();
    expect(state).toMatchObject({ invalid: true, file: null, problems: [], warnings: [] });
    for (const path of ["configuration/reload", "try"])
      expect((await ask(house, path, { as: "nucs", body: path === "try" ? { machine: {} } : {} })).status).toBe(403);
  });
});

describe("drivers over the API", () => {
  test("are all there, with settings that a form can be made of", async () => {
    await using house = await open();
    const listed = (await ask(house, "drivers", { as: "eyes" })).json<{ drivers: DriverShape[] }>().drivers;
    expect(listed.map(({ name }) => name)).toEqual(drivers.map(({ name }) => name));
    const shelly = listed.find(({ name }) => name === "shelly");
    expect(shelly).toMatchObject({
      cuts: "mains",
      verbs: ["on", "off", "cycle"],
      momentary: false,
      hub: {
        type: "object",
        properties: { host: { type: "string", "x-from": "address" }, password: { type: "string", writeOnly: true } },
      },
    });
    expect(listed.find(({ name }) => name === "command")).toMatchObject({ cuts: "varies", hub: null });
  });

  test("have a page each, with examples, and a mistyped one the name that was meant", async () => {
    await using house = await open();
    const page = (await ask(house, "drivers/shelly")).json<DriverPageShape>();
    expect(page.examples[0]?.yaml).toContain("driver: shelly");
    expect(page.settings.hub.map(({ key }) => key)).toContain("host");
    expect((await ask(house, "drivers/shely")).json()).toMatchObject({
      error: { code: "not_found", message: 'there is no driver "shely"; did you mean "shelly"?' },
    });
  });
});

describe("hubs over the API", () => {
  test("tell what machines use of them, how long exchanges take, and whether they are spared", async () => {
    await using house = await open();
    const hub = async (as = "otto") => (await ask(house, "hubs/rack", { as })).json<HubShape>();
    await ask(house, "machines/nuc1/query", { body: {} });
    expect(await hub()).toMatchObject({
      connected: true,
      breaker: "closed",
      latency: { p50: expect.any(Number), p99: expect.any(Number) },
    });
    const uses = (machine: string, outlet: string) =>
      ["on", "off", "reset", "query"].map((role) => ({ machine, outlet, role }));
    expect((await hub()).outlets).toEqual([...uses("nuc1", "1"), ...uses("pi1", "2")]);
    expect((await hub("nucs")).outlets).toEqual(uses("nuc1", "1"));
  });

  test("tell the address they were given, and no secret one", async () => {
    worlds += 1;
    const more = `  nuc2: { driver: shelly, host: 192.0.2.4 }\n  nuc3: { driver: shelly, host: !env HIDDEN_HOST }\n`;
    await using house = await House.open({ tokens, yaml: yaml(more) });
    const { hubs } = (await ask(house, "hubs")).json<{ hubs: HubShape[] }>();
    expect(hubs.map(({ name, address }) => [name, address])).toEqual([
      ["rack", undefined],
      ["192.0.2.4", "192.0.2.4"],
      ["nuc3", undefined],
    ]);
    expect(JSON.stringify(hubs)).not.toContain(HIDDEN_HOST);
  });
});

describe("trying a machine", () => {
  // Real devices take their time, and the house's stands still meanwhile.
  const tried = async (house: House, body: Record<string, unknown>) => {
    const answer = await house.ask("/api/v1/try", { method: "POST", as: bearer("otto"), body });
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    return answer.json<TryShape>();
  };

  test("measures the real device once, switches nothing, and keeps nothing", async () => {
    await using shelly = await ShellyDevice.start();
    shelly.machine(0).set("on");
    await using house = await open();
    const machine = { driver: "shelly", host: "127.0.0.1", port: shelly.port, outlet: 0 };
    const result = await tried(house, { name: "nuc9", machine });
    // What is valid and will hurt is told, and keeps nobody from trying.
    expect(result).toMatchObject({ problems: [{ severity: "warning", code: "halted-reads-on", line: 2 }] });
    expect(result.reading).toMatchObject({ state: "on", fed: true });
    expect(result.yaml).toBe(
      `machines:\n  nuc9:\n    driver: shelly\n    host: 127.0.0.1\n    port: ${shelly.port}\n    outlet: 0\n`,
    );
    expect(shelly.commands).toEqual([]);
    expect((await ask(house, "machines")).text).not.toContain("nuc9");
    expect((await ask(house, "hubs")).text).not.toContain("127.0.0.1");
    expect((await ask(house, "events")).text).not.toContain("nuc9");
  });

  test("tells why a device cannot be measured", async () => {
    await using house = await open();
    const result = await tried(house, { machine: { driver: "shelly", host: "127.0.0.1", port: 9, outlet: 0 } });
    expect(result).toMatchObject({ error: { code: "unreachable", hint: expect.any(String) } });
    expect(result).not.toHaveProperty("reading");
  });

  test("takes its turn at a hub that is configured, and uses its settings", async () => {
    await using house = await open();
    await ask(house, "machines/nuc1/query", { body: {} });
    const result = await house.lab.run(
      tried(house, { name: "nuc2", machine: { hub: "rack", outlet: 7, initial: "on" } }),
    );
    expect(result).toMatchObject({ problems: [], reading: { state: "on", confidence: "measured" } });
    expect(house.lab.power.hubs().map(({ spec }) => spec.name)).toEqual(["rack"]);
  });

  test("tells what is wrong by the rules of the configuration, at the line of the fragment", async () => {
    await using house = await open();
    const result = await tried(house, { name: "nuc2", machine: { driver: "shelly", host: "192.0.2.1", outlt: 0 } });
    expect(result).toMatchObject({
      problems: [{ severity: "error", message: expect.stringContaining('did you mean "outlet"?'), line: 5, column: 5 }],
    });
    expect(result).not.toHaveProperty("reading");
    const taken = await tried(house, { name: "nuc2", machine: { hub: "rack", outlet: 2 } });
    expect(taken.problems.map(({ code }) => code)).toContain("doubled-outlet");
    const again = await tried(house, { name: "nuc1", machine: { driver: "assumed" } });
    expect(again.problems).toMatchObject([{ code: "twice", hint: "Give it another name." }]);
    const range = await tried(house, { name: "nuc[2-3]", machine: { driver: "assumed" } });
    expect(range.problems).toMatchObject([{ code: "bad-name" }]);
  });

  test("names secrets in the fragment, and shows none", async () => {
    await using house = await open();
    const machine = { driver: "shelly", host: "127.0.0.1", port: 9, password: "hunter2" };
    const answer = await ask(house, "try", { body: { name: "nuc2", machine } });
    expect(answer.text).not.toContain("hunter2");
    const { yaml: fragment } = answer.json<TryShape>();
    expect(fragment).toContain("    password: !secret nuc2_password\n");
    expect(fragment).toContain("# In secrets.yaml beside the configuration:\n#   nuc2_password: …\n");
  });

  test("runs no program for a page, whatever names it", async () => {
    await using house = await open();
    const mark = join(house.file.path, "../ran");
    const run = { on: ["touch", mark], off: ["touch", mark], query: ["touch", mark] };
    const programs = [
      { driver: "command", run },
      { driver: "command", run: { query: `touch ${mark}` }, shell: true },
      { supply: { hub: "rack", outlet: 9 }, query: { driver: "command", run: ["touch", mark] } },
      { driver: "libvirt", uri: `qemu+ext:///system?command=touch+${mark}`, outlet: "vm1" },
    ];
    for (const machine of programs) {
      const answer = await ask(house, "try", { body: { machine } });
      expect([machine, answer.status, answer.text]).toEqual([machine, 403, answer.text]);
      expect(answer.json()).toMatchObject({
        error: { code: "forbidden", message: expect.stringContaining("maasochist test") },
      });
    }
    expect(existsSync(mark)).toBe(false);
  });

  test("says what else keeps the configuration from being valid", async () => {
    await using house = await open();
    house.file.change(yaml("  pi9: { driver: shely }\n"));
    const result = await tried(house, { name: "nuc2", machine: { driver: "assumed" } });
    expect(result.problems.filter(({ severity }) => severity === "error")).toMatchObject([
      { code: "unknown-driver", file: expect.stringMatching(/maasochist\.yaml$/) },
    ]);
    expect(result).not.toHaveProperty("reading");
  });
});
