import { describe, expect, test } from "vitest";
import { configuration, type Failure, Place, PREPARATION_MS } from "./cli.ts";

const FILES = { "maasochist.yaml": configuration("  a: { driver: simulated }\n") };

describe("without a daemon", { timeout: PREPARATION_MS }, () => {
  test.each([
    [["list"]],
    [["off", "a", "--yes"]],
    [["test", "a", "--as-maas"]],
    [["events", "--follow"]],
    [["hubs", "outlets", "a"]],
  ])("%j ends with 6, and says where it looked and what to do", async (args) => {
    await using place = Place.with(FILES);
    expect(await place.run(...args)).toEqual({
      code: 6,
      out: "",
      err: `error: no daemon answers at ${place.file("maasochist.sock")}\nStart it: \`maasochist serve\` (in a clone \`npm start\`), or \`systemctl start maasochist\`. The daemon of another configuration is found with -c FILE.\n`,
    });
  });

  test("--json tells it as a document", async () => {
    await using place = Place.with(FILES);
    expect(await place.json<Failure>("list")).toMatchObject({ code: 6, error: { code: "daemon_unreachable" } });
  });

  test("the configuration that MAASOCHIST_CONFIG names is meant, and -c before it", async () => {
    await using place = Place.with({ "one/a.yaml": FILES["maasochist.yaml"], "two/b.yaml": FILES["maasochist.yaml"] });
    const env = { MAASOCHIST_CONFIG: place.file("one/a.yaml") };
    expect((await place.start(["list"], { env }).end()).err).toContain(place.file("one/maasochist.sock"));
    const { err } = await place.start(["list", "-c", "two/b.yaml"], { env }).end();
    expect(err).toContain(place.file("two/maasochist.sock"));
  });
});

describe("wrong usage", { timeout: PREPARATION_MS }, () => {
  test.each([
    [["lst"], "unknown command 'lst'", "(Did you mean list?)"],
    [["list", "--tga", "x"], "unknown option '--tga'", "(Did you mean --tag?)"],
    [["status"], "missing required argument 'machine'", "maasochist --help"],
    [["cancel", "a", "b"], "too many arguments", "maasochist --help"],
    [["completion", "tcsh"], "'tcsh' is invalid for argument 'shell'", "powershell"],
    [["test", "a", "--full", "--as-maas"], "--full and --as-maas exclude each other", ""],
    [["test", "a", "--act"], "--act goes with --as-maas", ""],
  ])("%j ends with 2 and helps on", async (args, said, help) => {
    await using place = Place.with(FILES);
    const { code, out, err } = await place.run(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.split("\n")[0]).toMatch(/^error: /);
    expect(err).toContain(said);
    expect(err).toContain(help);
  });

  test("no command at all shows the commands and ends with 2", async () => {
    await using place = Place.with();
    const { code, out, err } = await place.run();
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^Usage: maasochist \[options\] \[command\]\n/);
    expect(await place.json<Failure>()).toMatchObject({
      code: 2,
      error: { code: "usage", message: "no command is given" },
    });
  });

  test("--help goes to standard output and ends with 0", async () => {
    await using place = Place.with();
    const { code, out, err } = await place.run("off", "--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^Usage: maasochist off \[options\] \[machine\.\.\.\]\n/);
  });
});

describe("version", () => {
  test("tells the version, in words and as a document", async () => {
    await using place = Place.with();
    const { code, version, node } = await place.json<{ version: string; node: string }>("version");
    expect(code).toBe(0);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect((await place.run("version")).out).toContain(`maasochist ${version} (Node.js ${node}, `);
    expect((await place.run("--version")).out).toBe(`${version}\n`);
  });
});
