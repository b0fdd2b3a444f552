import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { MAIN, Place, PREPARATION_MS } from "./cli.ts";

const MACHINES = "  nuc1: { driver: simulated, tags: [rack] }\n  nuc2: { driver: simulated }\n";

/** What may stand in the place of the last word. */
async function offered(place: Place, ...words: string[]): Promise<string[]> {
  const { code, out, err } = await place.run("complete", "--", ...words);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const lines = out.trimEnd().split("\n");
  return lines.filter((line) => !line.startsWith(":")).map((line) => line.split("\t")[0] ?? "");
}

describe("completion", { timeout: PREPARATION_MS }, () => {
  test.each(["bash", "zsh", "fish", "powershell"])(
    "prints a script for %s, for both names of the program",
    async (shell) => {
      await using place = Place.with();
      const { code, out, err } = await place.run("completion", shell);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toContain("maasochist");
      expect(out).toMatch(/\bmso\b/);
    },
  );

  test("the script for bash may be read twice, and asks the program", async () => {
    await using place = Place.with();
    const { out } = await place.run("completion", "bash");
    place.write("completion.bash", out);
    const script = `maasochist() { '${process.execPath}' '${MAIN}' "$@"; }
compopt() { :; }
set -eu; . ./completion.bash; . ./completion.bash
complete -p maasochist mso
COMP_WORDS=(maasochist ver) COMP_CWORD=1 COMP_LINE='maasochist ver' COMP_POINT=14
__maasochist_complete || true
echo "offers \${COMPREPLY[*]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", script], { cwd: place.path, encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout).toMatch(
      /^complete .*-F __maasochist_complete maasochist\ncomplete .*-F __maasochist_complete mso\n/,
    );
    expect(stdout).toMatch(/\noffers version\b/);
  });

  test("offers commands, options, and what the daemon knows", async () => {
    await using place = await Place.serving(MACHINES);
    expect(await offered(place, "on", "")).toEqual(["nuc1", "nuc2"]);
    expect(await offered(place, "list", "--tag", "")).toEqual(["rack"]);
    expect(await offered(place, "off", "--ye")).toEqual(["--yes"]);
    expect(await offered(place, "drivers", "wake")).toEqual(["wake-on-lan"]);
  });

  test("without a daemon offers commands all the same, and no machines", async () => {
    await using place = Place.with();
    expect(await offered(place, "ver")).toEqual(["version"]);
    expect(await offered(place, "on", "")).toEqual([]);
  });
});
