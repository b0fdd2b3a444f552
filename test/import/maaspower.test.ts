import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { formatProblem, loadConfiguration } from "../../src/config/index.ts";
import { drivers } from "../../src/drivers/index.ts";
import { CASES, ImportRun } from "./import-run.ts";

/**
 * Each `maaspower/*.yaml` is taken over; in `maaspower/expected` stands what must come of it: `.yaml` the configuration,
 * `.txt` what is said. `npx vitest run test/import --update` writes them anew; read them before you keep them.
 */
const cases = readdirSync(CASES)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => file.replace(".yaml", ""));
const wrong = cases.filter((name) => name.startsWith("wrong"));

/** Of all the old files together. */
const SECRETS =
  /horse-battery|bmc-secret|ios-secret|gui-secret|unifi-secret|xen-secret|5aa7cafe|curl-secret|mso_[A-Za-z0-9]{8}/;

/** Names that a person would know, for patterns that do not tell them. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "patterns-named": ["pi[1-12]", "raspi1-p3", "raspi2-p[3-4]", "nuc66"],
};

function expected(file: string): string {
  return join(CASES, "expected", file);
}

describe.each(cases.filter((name) => !wrong.includes(name)))("maaspower's %s.yaml", (name) => {
  const args = ["maaspower.yaml", ...(NAMES[name] ? ["--names", ...NAMES[name]] : [])];

  test("becomes the configuration and the report that it must, and shows no secret", async () => {
    using at = new ImportRun();
    at.putCase(name);
    const { out, err } = await at.run(args);
    await expect(`${out}${err}`).toMatchFileSnapshot(expected(`${name}.txt`));
    expect(`${out}${err}`).not.toMatch(SECRETS);
    await expect(at.read("maasochist.yaml")).toMatchFileSnapshot(expected(`${name}.yaml`));
    expect(at.read("maasochist.yaml")).not.toMatch(SECRETS);
    const { problems } = await loadConfiguration(at.file("maasochist.yaml"), { drivers, env: {}, cwd: at.folder });
    const errors = problems.filter((problem) => problem.severity === "error");
    expect(errors.map((problem) => formatProblem(problem, { color: false }))).toEqual([]);
  });
});

test.each(wrong)(
  "maaspower's %s.yaml is complained of with file, line and column, and nothing is written",
  async (name) => {
    using at = new ImportRun();
    at.putCase(name);
    const { code, out, err } = await at.run(["maaspower.yaml"]);
    expect([code, out]).toEqual([3, ""]);
    await expect(err).toMatchFileSnapshot(expected(`${name}.txt`));
    expect(err).not.toMatch(SECRETS);
    expect([at.has("maasochist.yaml"), at.has("secrets.yaml")]).toEqual([false, false]);
  },
);

/** Each import computes a password. */
describe("import maaspower", { timeout: 60_000 }, () => {
  test("keeps secrets to this account, and shows them in no form of its report", async () => {
    using at = new ImportRun();
    at.putCase("types");
    const { out: json } = await at.run(["maaspower.yaml", "--json"]);
    const { out: dry } = await at.run(["maaspower.yaml", "--dry-run"]);
    expect(json + dry).not.toMatch(SECRETS);
    expect([at.mode("maasochist.yaml"), at.mode("secrets.yaml")]).toEqual([0o600, 0o600]);
    expect(parse(at.read("secrets.yaml"))).toMatchObject({
      maas_token: expect.stringMatching(/^mso_/) as string,
      maaspower_password_hash: expect.stringMatching(/^scrypt:131072:8:1:/) as string,
      server_argument: "bmc-secret",
    });
  });

  const SMALL =
    "name: x\nip_address: 192.168.1.10\nport: 5000\nusername: rack\npassword: horse-battery\ndevices:\n  - { type: KasaDevice, name: nuc1, ip_address: 192.168.1.61 }\n";

  test("ends with 0 where everything came over, and with 5 where something did not", async () => {
    using at = new ImportRun();
    at.put(SMALL);
    expect((await at.run(["maaspower.yaml"])).code).toBe(0);
    at.put(`${SMALL}  - { type: PiRelay6, name: pi1 }\n`);
    expect((await at.run(["maaspower.yaml", "--yes"])).code).toBe(5);
  });

  test("overwrites nothing where nobody can be asked", async () => {
    using at = new ImportRun();
    at.put(SMALL);
    at.write("secrets.yaml", "mine: yes\n");
    const { code, err } = await at.run(["maaspower.yaml"]);
    expect(code).toBe(2);
    expect(err).toContain("there is nobody to ask: Overwrite secrets.yaml?");
    expect(err).toContain("--yes");
    expect(at.read("secrets.yaml")).toBe("mine: yes\n");
    expect(at.has("maasochist.yaml")).toBe(false);
  });

  test("asks before it overwrites, and heeds the answer", async () => {
    using at = new ImportRun();
    at.put(SMALL);
    at.write("secrets.yaml", "mine: yes\n");
    at.write("maasochist.yaml", "machines: {}\n");
    const no = await at.run(["maaspower.yaml"], "");
    expect(no.code).toBe(2);
    expect(no.err).toContain("Overwrite maasochist.yaml and secrets.yaml? [y/N]");
    expect([at.read("secrets.yaml"), at.read("maasochist.yaml")]).toEqual(["mine: yes\n", "machines: {}\n"]);
    expect((await at.run(["maaspower.yaml"], "y")).code).toBe(0);
    expect(at.read("maasochist.yaml")).toContain("nuc1: { driver: kasa, host: 192.168.1.61 }");
    expect(at.read("secrets.yaml")).not.toContain("mine");
  });

  test("writes to the file or folder that is named, the secrets beside it", async () => {
    using at = new ImportRun();
    at.put(SMALL);
    expect((await at.run(["maaspower.yaml", "-o", "lab/power.yaml"])).code).toBe(0);
    expect((await at.run(["maaspower.yaml", "-o", "lab"])).code).toBe(2);
    expect((await at.run(["maaspower.yaml", "-o", "lab", "--yes"])).code).toBe(0);
    expect(["lab/power.yaml", "lab/secrets.yaml", "lab/maasochist.yaml"].filter((file) => at.has(file))).toHaveLength(
      3,
    );
  });

  test("only tells under --dry-run", async () => {
    using at = new ImportRun();
    at.put(SMALL);
    const { code, out } = await at.run(["maaspower.yaml", "--dry-run"]);
    expect(code).toBe(0);
    expect(out).toContain("1 machine would come over.");
    expect([at.has("maasochist.yaml"), at.has("secrets.yaml")]).toEqual([false, false]);
  });

  test("tells programs the same as people", async () => {
    using at = new ImportRun();
    at.putCase("types");
    const { out } = await at.run(["maaspower.yaml", "--json"]);
    const told = JSON.parse(out) as Record<"machines" | "left" | "notes", { at: string; name: string }[]>;
    expect(told.machines[0]).toMatchObject({ at: "maaspower.yaml:9", name: "nuc1", members: ["nuc1"] });
    expect(told.left.map(({ name }) => name)).toEqual(["tv", "GS308EP", "GS308EP-pi5"]);
    expect(told.notes.length).toBeGreaterThan(5);
  });

  test.each([
    ["none.yaml", "there is no such file"],
    [".", "is a folder"],
  ])("of %s says that %s", async (file, says) => {
    using at = new ImportRun();
    const { code, err } = await at.run([file]);
    expect(code).toBe(3);
    expect(err).toContain(says);
  });

  test("refuses names that are no range", async () => {
    using at = new ImportRun();
    at.put(SMALL);
    expect(await at.run(["maaspower.yaml", "--names", "nuc[6-1]"])).toMatchObject({ code: 2 });
  });
});
