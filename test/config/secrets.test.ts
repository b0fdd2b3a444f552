import { execFileSync } from "node:child_process";
import { chmod } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { Folder, printed, told } from "./folder.ts";

const PLUG = "hubs: { p: { driver: plug, host: 10.0.0.1, password: !secret plug } }\nmachines: {}\n";
const NO_MACHINES = "maasochist.yaml:2:1 no-machines there are no machines";
const unix = process.platform !== "win32";

async function revealed(folder: Folder): Promise<string> {
  const { configuration } = await folder.load();
  const settings = configuration?.hubs[0]?.settings as { readonly password: { reveal(): string } };
  return settings.password.reveal();
}

describe("secrets.yaml", () => {
  test("is not looked for where no secret is taken from it", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": "machines: {}\n" });
    const { configuration } = await folder.load();
    expect(configuration?.watchedFiles).toEqual([folder.file("maasochist.yaml")]);
  });

  test("is told to be missing, with how to write it", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": PLUG });
    const loaded = await folder.load();
    expect(told(loaded)).toEqual([
      "maasochist.yaml:1:62 secret-missing there is no secrets.yaml to take the secret from",
      NO_MACHINES,
    ]);
    expect(loaded.problems[0]?.hint).toContain("chmod 600 secrets.yaml");
  });

  test("gives the near name where the one that is asked for is not there", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": PLUG, "secrets.yaml": "plugs: hunter2\n" });
    expect(told(await folder.load())[0]).toBe(
      'maasochist.yaml:1:62 secret-missing secrets.yaml has no "plug", did you mean "plugs"?',
    );
  });

  test.runIf(unix)("is warned of when other users can read it", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": PLUG, "secrets.yaml": "plug: hunter2\n" });
    await chmod(folder.file("secrets.yaml"), 0o644);
    const loaded = await folder.load();
    expect(told(loaded)).toEqual([
      NO_MACHINES,
      "secrets.yaml:1:1 secrets-readable other users can read it (mode 0644)",
    ]);
    expect(loaded.problems[1]).toMatchObject({ severity: "warning", hint: "Run: chmod 600 secrets.yaml" });
    expect(loaded.configuration).toBeDefined();
  });

  test("gives every text as it is written, braces and zeros included", async () => {
    for (const [written, text] of [
      ["007", "007"],
      ["0x1F", "0x1F"],
      ["yes", "yes"],
      ['"pa{n}ss{name}"', "pa{n}ss{name}"],
      ["'it''s'", "it's"],
      ['"\\u00e9\\n"', "é\n"],
      ["|\n  line 1\n  line 2", "line 1\nline 2\n"],
    ] as const) {
      await using folder = await Folder.with({ "maasochist.yaml": PLUG, "secrets.yaml": `plug: ${written}\n` });
      expect(await revealed(folder)).toBe(text);
    }
  });

  test("tells its own mistakes with their line, and quotes nothing", async () => {
    for (const [content, problem] of [
      ['good: hunter2\nplug: "hunter2\n', "secrets.yaml:2:14 yaml YAML cannot be read here"],
      ["plug: hunter2\nplug: hunter3\n", "secrets.yaml:2:1 yaml a name is given twice"],
      ["- hunter2\n", "secrets.yaml:1:1 not-a-map it must hold lines of the form name: text"],
      ["other: x\nplug: [hunter2]\n", 'secrets.yaml:2:1 bad-value "plug" must be a text, without tag, list or map'],
      ["plug: { hunter2: x }\n", 'secrets.yaml:1:1 bad-value "plug" must be a text, without tag, list or map'],
      ["plug: !env hunter2\n", 'secrets.yaml:1:1 bad-value "plug" must be a text, without tag, list or map'],
    ] as const) {
      await using folder = await Folder.with({ "maasochist.yaml": PLUG, "secrets.yaml": content });
      const loaded = await folder.load();
      expect(told(loaded)).toContain(problem);
      expect(loaded.configuration).toBeUndefined();
      expect(printed(loaded)).not.toContain("hunter");
    }
  });

  test.runIf(unix)("is refused when it is a pipe or a folder", async () => {
    await using folder = await Folder.with({
      "maasochist.yaml": PLUG,
      "a/maasochist.yaml": PLUG,
      "a/secrets.yaml/x": "",
    });
    execFileSync("mkfifo", [folder.file("secrets.yaml")]);
    expect(told(await folder.load())[0]).toBe("maasochist.yaml:1:62 secret-missing secrets.yaml is no regular file");
    expect(told(await folder.load("a/maasochist.yaml"))[0]).toBe(
      "a/maasochist.yaml:1:62 secret-missing a/secrets.yaml is a folder",
    );
  });

  test("may be empty", async () => {
    await using folder = await Folder.with({ "maasochist.yaml": PLUG, "secrets.yaml": "# none yet\n" });
    expect(told(await folder.load())[0]).toContain('secrets.yaml has no "plug"');
  });
});

describe("a secret", () => {
  test("that fills an address is shown neither as host nor as the name of its hub", async () => {
    await using folder = await Folder.with({
      "maasochist.yaml": `machines:
  a: { driver: plug, address: !secret address, outlet: !secret outlet, above: 6W, description: "at {address}" }
  b: { driver: plug, address: !secret address, outlet: 7, above: 6W }
  d: { driver: plug, address: !secret address, outlet: 8, above: 6W, timeout: 3s }
  c: { driver: script, address: !secret address, run: { on: [x, "{address}"], off: [x, "{mac}"] }, query: { driver: ping } }
`,
      "secrets.yaml": "address: 10.11.12.13\noutlet: 7\n",
    });
    const loaded = await folder.load();
    expect(told(loaded).map((line) => line.split(" ")[1])).toEqual(["doubled-outlet", "hub-differs", "placeholder"]);
    expect(printed(loaded)).not.toMatch(/10\.11\.12\.13/);
  });

  test("stays hidden in the resolved configuration wherever a placeholder puts it", async () => {
    await using folder = await Folder.with({
      "maasochist.yaml": `machines:
  c:
    driver: script
    address: !env WHERE
    run: { on: [x, "{address}"], off: [x, "{name}"], query: [x, "http://{address}/"] }
    description: "{address}"
    query: { driver: ping }
`,
    });
    const loaded = await folder.load("maasochist.yaml", { env: { WHERE: "10.11.12.13" } });
    expect(loaded.configuration?.machines[0]?.description).toBe("10.11.12.13");
    expect(printed(loaded)).not.toContain("10.11.12.13");
    expect(printed(loaded)).toContain('"run":{"on":["x","•••"],"off":["x","c"],"query":["x","•••"]}');
  });

  test("is hidden in the text of an alias as in that of its anchor", async () => {
    await using folder = await Folder.with({
      "maasochist.yaml":
        "hubs: { p: { driver: plug, host: 10.0.0.1, password: &p hunter2 } }\nmachines: { a: { hub: p, above: 6W, description: *p } }\n",
    });
    const loaded = await folder.load();
    expect(loaded.configuration).toBeDefined();
    expect(printed(loaded)).not.toContain("hunter2");
  });
});

describe("`!env`", () => {
  test("gives numbers where numbers are wanted", async () => {
    await using folder = await Folder.with({
      "maasochist.yaml": "hubs: { p: { driver: plug, host: 10.0.0.1, port: !env PORT } }\nmachines: {}\n",
    });
    const { configuration } = await folder.load("maasochist.yaml", { env: { PORT: "8080" } });
    expect(configuration?.hubs[0]?.settings).toMatchObject({ port: 8080 });
  });

  test("gives the near name of a variable that is not set, and no value of any other", async () => {
    await using folder = await Folder.with({
      "maasochist.yaml": "hubs: { p: { driver: plug, host: 10.0.0.1, password: !env PLUG_PAS } }\nmachines: {}\n",
    });
    const loaded = await folder.load("maasochist.yaml", { env: { PLUG_PASS: "hunter2" } });
    expect(told(loaded)[0]).toContain('has no variable "PLUG_PAS", did you mean "PLUG_PASS"?');
    expect(printed(loaded)).not.toContain("hunter2");
  });
});

describe("a secret that is not converted", () => {
  const tail = "hunter2-hunter2";

  test.each([
    ["behind a sign that ends it where YAML cannot be read", `{hubs:\n  a:\n    password: x]${tail}\nmachines: {}\n`],
    ["with a doubled quote where YAML cannot be read", `{ a: { password: 'x''${tail}', b: ] }\n`],
    ["in a list with a bracket in quotes", `{ a: { password: ["x]${tail}"], b: ] }\n`],
    ["behind a key that is glued to something", `machines: { a: { b: 1,}password: ${tail}, c: [ }\n`],
    [
      "in a section that is given twice",
      `hubs: {}\nhubs:\n  a:\n    password:\n      - ${tail}\nmachines: {}\nmachines: {}\n`,
    ],
    ["under a merge key", `machines:\n  <<:\n    password:\n      - ${tail}\n  <<: 1\n`],
    ["in lines that the parser never reached", `  a: 0\nstore:\n  token:\n    - x\n    - ${tail}\nhubs: {}\n`],
    ["with a placeholder in it", `machines:\n  a:\n    password:\n      - ${tail}{n}x\n  b: ]\n`],
  ])("is not quoted %s", async (_where, text) => {
    await using folder = await Folder.with({ "maasochist.yaml": text });
    const loaded = await folder.load();
    expect(loaded.problems.length).toBeGreaterThan(0);
    expect(printed(loaded)).not.toContain("hunter2");
  });

  test("is not quoted when its file is included by mistake", async () => {
    await using folder = await Folder.with({
      "maasochist.yaml": "include: [secrets.yaml, key.yaml]\nmachines: {}\n",
      "secrets.yaml": "plug: hunter2-hunter2\n",
      "key.yaml": "hunter2hunter2hunter2\n",
    });
    const loaded = await folder.load();
    expect(told(loaded)[0]).toBe(
      "key.yaml:1:1 not-a-map the file must hold keys such as `machines:`, not a list or a single value",
    );
    expect(told(loaded)[1]).toBe("maasochist.yaml:1:11 include secrets.yaml holds secrets, and is not included");
    expect(printed(loaded)).not.toContain("hunter2");
  });
});

test("a section with a key that every object has is told of it", async () => {
  await using folder = await Folder.with({ "maasochist.yaml": "store: { toString: x }\nmachines: {}\n" });
  expect(told(await folder.load())[0]).toBe('maasochist.yaml:1:10 unknown-key unknown key "toString"');
});
