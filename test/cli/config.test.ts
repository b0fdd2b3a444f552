import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { configuration, type Failure, Place, PREPARATION_MS, TOKEN } from "./cli.ts";

const VALID = configuration('  "n[1-2]": { use: quick }\n', "profiles: { quick: { driver: simulated, boot: 1s } }");
const WRONG = configuration("  a: { driver: simulated, bot: 0s }\n");
/** Valid, and will hurt: nothing tells the machine's state. */
const HURTS = configuration('  a: { driver: wake-on-lan, mac: "00:00:5e:00:53:01" }\n');

interface Checked {
  readonly file: string;
  readonly problems: readonly { severity: string; code: string; line: number; column: number }[];
}

describe("config check", { timeout: PREPARATION_MS }, () => {
  test("of a valid file ends with 0", async () => {
    await using place = Place.with({ "maasochist.yaml": VALID });
    expect(await place.run("config", "check")).toEqual({
      code: 0,
      out: `${place.file("maasochist.yaml")}: valid, 2 machines\n`,
      err: "",
    });
    expect(await place.json<Checked>("config", "check")).toEqual({
      code: 0,
      file: place.file("maasochist.yaml"),
      problems: [],
    });
  });

  test("of a file with a mistake shows the place and ends with 3", async () => {
    await using place = Place.with({ "maasochist.yaml": VALID, "other.yaml": WRONG });
    const { code, out } = await place.run("config", "check", "other.yaml");
    expect(code).toBe(3);
    expect(out).toMatch(/^other\.yaml:2:27 error: unknown key "bot"/);
    expect(out).toMatch(/\n {2}> 2 \| .*\n {6}\| +\^\^\^\n/);
    expect(out).toContain("other.yaml: 1 error\n");
    expect(await place.json<Checked>("config", "check", "other.yaml")).toMatchObject({
      code: 3,
      problems: [{ severity: "error", code: "unknown-key", line: 2, column: 27 }],
    });
  });

  test("tells what is valid and will hurt; with --strict that counts as well", async () => {
    await using place = Place.with({ "maasochist.yaml": HURTS });
    const [mild, strict] = await Promise.all([
      place.json<Checked>("config", "check"),
      place.run("config", "check", "--strict"),
    ]);
    expect(mild.code).toBe(0);
    expect(new Set(mild.problems.map(({ severity }) => severity))).toEqual(new Set(["warning"]));
    expect(strict.code).toBe(3);
    expect(strict.out).toMatch(/maasochist\.yaml:2:\d+ warning: /);
  });

  test("of a file that is not there ends with 3", async () => {
    await using place = Place.with();
    const { code, out } = await place.run("config", "check", "none.yaml");
    expect(code).toBe(3);
    expect(out).toContain("there is no such file");
  });
});

describe("config show", { timeout: PREPARATION_MS }, () => {
  test("shows ranges and profiles resolved, as YAML, secrets as •••", async () => {
    await using place = Place.with({ "maasochist.yaml": VALID });
    const { code, out } = await place.run("config", "show");
    expect(code).toBe(0);
    const shown = parse(out) as { machines: Record<string, { boot: string }>; access: { tokens: { token: string }[] } };
    expect(Object.keys(shown.machines)).toEqual(["n1", "n2"]);
    expect(shown.machines["n2"]?.boot).toBe("1s");
    expect(shown.access.tokens[0]?.token).toBe("•••");
    expect(await place.json("config", "show")).toEqual({ code: 0, configuration: shown });
  });

  test("--origin tells where each value stands", async () => {
    await using place = Place.with({ "maasochist.yaml": VALID });
    const { out } = await place.run("config", "show", "--origin");
    expect(out).toContain("maasochist.yaml:8");
    expect(out).not.toContain(TOKEN);
  });

  test("of an invalid file shows why, and ends with 3", async () => {
    await using place = Place.with({ "maasochist.yaml": WRONG });
    const { code, out, err } = await place.run("config", "show");
    expect({ code, out }).toEqual({ code: 3, out: "" });
    expect(err).toContain('unknown key "bot"');
    expect(await place.json("config", "show")).toMatchObject({
      code: 3,
      error: { code: "config", problems: [{ code: "unknown-key" }] },
    });
  });
});

describe("config schema", { timeout: PREPARATION_MS }, () => {
  test("prints the schema, or writes it to a file", async () => {
    await using place = Place.with({ "maasochist.yaml": VALID });
    const { code, out } = await place.run("config", "schema");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ $schema: expect.stringContaining("json-schema.org") as string });
    expect(await place.run("config", "schema", "-o", "my.json")).toMatchObject({ code: 0, out: "Wrote my.json.\n" });
    expect(readFileSync(place.file("my.json"), "utf8")).toBe(out);
  });

  test("to a folder that is not there fails and says so", async () => {
    await using place = Place.with();
    const { code, error } = await place.json<Failure>("config", "schema", "-o", "none/my.json");
    expect(code).toBe(1);
    expect(error.message).toContain("none/my.json");
    expect(existsSync(place.file("none"))).toBe(false);
  });
});

describe("drivers", { timeout: PREPARATION_MS }, () => {
  test("lists the drivers, and tells all of one", async () => {
    await using place = Place.with();
    const { code, drivers } = await place.json<{ drivers: { name: string }[] }>("drivers");
    expect(code).toBe(0);
    const { out } = await place.run("drivers");
    expect(out).toMatch(/^DRIVER +CAN +WHAT IT SWITCHES\n/);
    for (const { name } of drivers) expect(out).toContain(`\n${name} `);
    const page = await place.run("drivers", "wake-on-lan");
    expect(page.code).toBe(0);
    expect(page.out).toMatch(/^wake-on-lan – /);
    expect(page.out).toMatch(/\n {2}mac +.+\n/);
    expect(await place.json("drivers", "ssh")).toMatchObject({ code: 0, driver: { name: "ssh" } });
  });

  test("of an unknown name tells the near one", async () => {
    await using place = Place.with();
    expect(await place.run("drivers", "wake-on-wan")).toEqual({
      code: 2,
      out: "",
      err: 'error: there is no driver "wake-on-wan"; did you mean "wake-on-lan"?\n`maasochist drivers` lists them.\n',
    });
  });
});
