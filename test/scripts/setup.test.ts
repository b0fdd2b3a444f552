import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Clone } from "./clone.ts";

/** Writes down how it was called. */
const CONTENT = `import { appendFileSync } from "node:fs";
appendFileSync("calls", process.argv.slice(2).join(" ") + "\\n");
`;

function failing(words: string): string {
  return `console.log(${JSON.stringify(words)}); process.exit(1);`;
}

describe("Node.js", () => {
  /** What is said of a version; the scripts are no modules for TypeScript. */
  function said(version: string): string {
    const setup = join(import.meta.dirname, "../../scripts/setup.mjs");
    const script = `import { checkNode } from ${JSON.stringify(setup)}; console.log(checkNode("${version}"));`;
    return spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }).stdout.trim();
  }

  test.each(["18.19.0", "20.18.3", "12.22.12"])("%s is too old, and how to get a newer one is told", (version) => {
    expect(said(version)).toContain(`MAASochist needs Node.js 20.19 or newer, and this is ${version}.`);
    expect(said(version)).toMatch(/\n {2}curl -fsSL https:\/\/deb\.nodesource\.com\/setup_22\.x \| sudo/);
    expect(said(version)).toContain("nvm install 22");
  });

  test.each(["20.19.0", "22.0.0", "24.11.1"])("%s is new enough", (version) => {
    expect(said(version)).toBe("undefined");
  });
});

describe("setting up", () => {
  test("installs once, by the npm that runs it, and says that it does", async () => {
    using clone = new Clone();
    const first = await clone.run("setup.mjs", CONTENT);
    expect(first).toMatchObject({ code: 0, out: "" });
    expect(first.err).toMatch(/^Installing what MAASochist needs \(npm ci\) …\nInstalled in \d+ s\.\n$/);
    expect(await clone.run("setup.mjs", CONTENT)).toEqual({ code: 0, out: "", err: "" });
    expect(readFileSync(clone.file("calls"), "utf8")).toBe("ci --no-audit --no-fund --include=dev\n");
    clone.write("package-lock.json", "{}");
    await clone.run("setup.mjs", CONTENT);
    expect(readFileSync(clone.file("calls"), "utf8").split("\n")).toHaveLength(3);
  });

  test.each([
    ["npm error code ENOTFOUND", "The package registry cannot be reached."],
    ["npm error code ENOSPC", "The disk is full."],
    ["npm error code EACCES", "Make this one writable for this account: "],
    ["npm error code SELF_SIGNED_CERT_IN_CHAIN", "npm config set cafile"],
    ["npm error something else", "Remove node_modules and run the same command again"],
  ])("that fails with `%s` ends with npm's last words and a remedy", async (words, remedy) => {
    using clone = new Clone();
    const { code, err } = await clone.run("setup.mjs", failing(`first\n${words}`));
    expect(code).toBe(1);
    expect(err).toMatch(/The installation failed after \d+ s\. npm's last words:\n\nfirst\nnpm error/);
    expect(err).toContain(remedy);
  });

  test("that failed stands in nobody's way when it is tried again", async () => {
    using clone = new Clone();
    await clone.run("setup.mjs", failing("no"));
    expect(existsSync(clone.file(".setup.lock"))).toBe(false);
    expect((await clone.run("setup.mjs", CONTENT)).err).not.toContain("waiting");
  });

  test("waits for another one in the same clone, and then has nothing to do", async () => {
    using clone = new Clone();
    const slow = `${CONTENT}await new Promise((resolve) => setTimeout(resolve, 500));`;
    const both = await Promise.all([clone.run("setup.mjs", slow), clone.run("setup.mjs", slow)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.map(({ err }) => err).join("")).toContain("Another command installs or builds in this folder; waiting");
    expect(readFileSync(clone.file("calls"), "utf8")).toBe("ci --no-audit --no-fund --include=dev\n");
  });

  test("does not wait for one that was killed", async () => {
    using clone = new Clone();
    const { pid } = spawnSync(process.execPath, ["--version"]);
    clone.write(".setup.lock", `${hostname()} ${pid}`);
    expect(await clone.run("setup.mjs", CONTENT)).toMatchObject({ code: 0 });
    expect(existsSync(clone.file(".setup.lock"))).toBe(false);
  });
});
