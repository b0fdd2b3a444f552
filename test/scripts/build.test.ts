import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Clone } from "./clone.ts";

/** A clone whose program has two files. */
function smallClone(): Clone {
  const clone = new Clone();
  clone.link("node_modules");
  clone.write("src/main.ts", 'import { word } from "./word.ts";\nconsole.log(word);\n');
  clone.write("src/word.ts", 'export const word = "first";\n');
  return clone;
}

describe("building", () => {
  test("is done once, and again when a source changes", async () => {
    using clone = smallClone();
    expect((await clone.run("build.mjs")).err).toMatch(/^Building …\nBuilt in \d+\.\d s\.\n$/);
    expect(await clone.run("build.mjs")).toEqual({ code: 0, out: "", err: "" });
    clone.write("src/word.ts", 'export const word = "second word";\n');
    expect((await clone.run("build.mjs")).err).toContain("Building …");
    expect(readFileSync(clone.file("dist/main.js"), "utf8")).toContain("second word");
  });

  test("keeps the last build's parts for a daemon that runs, and takes older ones away", async () => {
    using clone = smallClone();
    clone.write("src/main.ts", 'console.log(await import("./later.ts"));\n');
    const built = async (later: string) => {
      clone.write("src/later.ts", `export const later = "${later}";\n`);
      await clone.run("build.mjs");
      return readdirSync(clone.file("dist/chunks"));
    };
    const [first = ""] = await built("first");
    expect(first).toMatch(/^later-.*\.js$/);
    const both = await built("the second");
    expect(both).toHaveLength(2);
    expect(both).toContain(first);
    const last = await built("and the third");
    expect(last).toHaveLength(2);
    expect(last).not.toContain(first);
    expect(existsSync(clone.file("dist/later.d.ts"))).toBe(true);
  });

  test("that fails shows the compiler's words, and is tried again the next time", async () => {
    using clone = smallClone();
    clone.write("src/word.ts", "export const word: number = 'first';\n");
    const { code, err } = await clone.run("build.mjs");
    expect(code).toBe(1);
    expect(err).toMatch(/The build failed:\nsrc\/word\.ts.*TS2322/);
    expect((await clone.run("build.mjs")).code).toBe(1);
  });

  test("two at once build one after the other", async () => {
    using clone = smallClone();
    const both = await Promise.all([clone.run("build.mjs"), clone.run("build.mjs")]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.filter(({ err }) => err.includes("Built in"))).toHaveLength(1);
  });
});
