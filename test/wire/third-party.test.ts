import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatProblem, parseConfiguration } from "../../src/config/index.ts";
import { drivers } from "../../src/drivers/index.ts";
import { PowerError } from "../../src/power/errors.ts";
import { kit } from "../../src/wire/kit.ts";
import { driverProblems, loadThirdParty } from "../../src/wire/third-party.ts";

const ROOT = join(import.meta.dirname, "../..");

/** A folder far from this repository's node_modules, with these files in it. */
class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async with(files: Readonly<Record<string, string>>): Promise<Folder> {
    const folder = new Folder(await mkdtemp(join(tmpdir(), "maasochist-own-driver-")));
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder.path, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    }
    return folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true });
  }
}

async function failureOf(work: Promise<unknown>): Promise<PowerError> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof PowerError) return thrown;
    throw thrown;
  }
  throw new Error("it did not fail");
}

/** How loading `driver.mjs` with this text fails. */
async function failureWith(text: string): Promise<PowerError> {
  await using folder = await Folder.with({ "driver.mjs": text });
  const failure = await failureOf(loadThirdParty("./driver.mjs", folder.path));
  expect(failure.code).toBe("config");
  return failure;
}

/** A module whose driver has these keys besides, or in place of, what a driver needs. */
function moduleWith(keys: string): string {
  return `export default (kit) => ({
    name: "mine", title: "Mine", family: "Test", summary: "Switches nothing.", sources: [], examples: [],
    cuts: "nothing", outlet: kit.z.object({}), on: async () => {}, ${keys}
  });`;
}

describe("a module that is no driver is refused with what is wrong", () => {
  test.each([
    ["a file without a default export", "export const driver = {};", /^\.\/driver\.mjs has no function as its default/],
    ["a default export that is no function", "export default {};", /^\.\/driver\.mjs has no function as its default/],
    ["a function that throws", 'export default () => { throw new Error("no luck"); };', /when it was called: no luck$/],
    ["a function that rejects", 'export default async () => { throw new Error("no luck"); };', /called: no luck$/],
    ["a module that throws", 'throw new Error("no luck");', /cannot be loaded: no luck$/],
    ["a function that answers nothing", "export default () => {};", /is no driver: the function answers no object/],
    ["a key that is missing", "export default () => ({ on() {} });", /is no driver: name is missing; title is missing/],
    ["an unknown key", moduleWith("sumary: 1"), /: unknown key "sumary", did you mean "summary"\?$/],
    ["a key of the wrong kind", moduleWith("on: 'now'"), /: on must be a function$/],
    [
      "a key of the wrong kind within another",
      moduleWith('pace: { timeout: "5s" }'),
      /: pace\.timeout must be a number/,
    ],
    ["an example without text", moduleWith('examples: [{ title: "A" }]'), /: examples\.0\.yaml is missing$/],
    ["a name that cannot be written", moduleWith('name: "My Driver"'), /: name must be lower case with dashes$/],
    ["a cut that does not exist", moduleWith('cuts: "main"'), /: cuts must be one of mains, port, button/],
    ["an off of neither form", moduleWith("off: { soft: 1 }"), /: off must be a function, or { soft, hard }$/],
    ["settings that are no zod object", moduleWith("outlet: {}"), /: outlet must be an object made with kit\.z/],
    [
      "a setting that is no zod type",
      moduleWith('outlet: kit.z.object({ host: "text" })'),
      /: outlet\.host is no field$/,
    ],
    [
      "nothing that it could do",
      moduleWith("on: undefined"),
      /: it has none of on, off, cycle, reset, query and watts/,
    ],
    ["an import of something that is not there", 'import "nothing-such";', /Cannot find package 'nothing-such'/],
  ])("%s", async (_case, text, message) => {
    const failure = await failureWith(text);
    expect(failure.message).toMatch(message);
    expect(failure.hint).toContain("docs/extending.md");
  });

  test("everything that is wrong is told at once", async () => {
    const { message } = await failureWith(moduleWith('name: "X", cuts: "main", sumary: 1'));
    expect(message).toMatch(/name must be .*; cuts must be .*; unknown key "sumary"/);
  });

  test("a syntax error, with how to find its line", async () => {
    const failure = await failureWith('export default (kit) =>\n  kit.defineDriver({ name: "x" title: "y" });\n');
    expect(failure.message).toMatch(/^\.\/driver\.mjs cannot be loaded: .*title/);
    expect(failure.hint).toMatch(/node --check \/.*\/driver\.mjs$/);
  });

  test("settings made with another copy of zod", async () => {
    await using folder = await Folder.with({
      "object.mjs": `import { z } from "zod"; ${moduleWith("outlet: z.object({})")}`,
      "field.mjs": `import { z } from "zod"; ${moduleWith("outlet: kit.z.object({ host: z.string() })")}`,
    });
    await cp(join(ROOT, "node_modules/zod"), join(folder.path, "node_modules/zod"), { recursive: true });
    const failure = (file: string) => failureOf(loadThirdParty(file, folder.path));
    const said = "is made with another zod; use kit.z, and import none";
    expect((await failure("./object.mjs")).message).toBe(`./object.mjs is no driver: outlet ${said}`);
    expect((await failure("./field.mjs")).message).toBe(`./field.mjs is no driver: outlet.host ${said}`);
  });
});

describe("a module that is not there is refused with where it was looked for", () => {
  test("a file", async () => {
    await using folder = await Folder.with({});
    const failure = await failureOf(loadThirdParty("./mine.mjs", folder.path));
    expect(failure).toMatchObject({ code: "config", message: `there is no file ${folder.path}/mine.mjs` });
    expect(failure.hint).toContain("the configuration's folder");
  });

  test("a folder in place of a file", async () => {
    await using folder = await Folder.with({ "mine/driver.mjs": "" });
    const { message } = await failureOf(loadThirdParty("./mine", folder.path));
    expect(message).toBe(`there is no file ${folder.path}/mine`);
  });

  test("a package", async () => {
    await using folder = await Folder.with({});
    const failure = await failureOf(loadThirdParty("maasochist-driver-foo", folder.path));
    expect(failure.message).toBe(`there is no package maasochist-driver-foo beside ${folder.path}`);
    expect(failure.hint).toContain("npm install maasochist-driver-foo");
  });

  test("a package that exports its driver under a condition alone", async () => {
    await using folder = await Folder.with({
      "node_modules/foo/package.json": '{ "name": "foo", "type": "module", "exports": { "import": "./driver.js" } }',
      "node_modules/foo/driver.js": moduleWith(""),
    });
    const failure = await failureOf(loadThirdParty("foo", folder.path));
    expect(failure.message).toMatch(/^the package foo exports nothing/);
    expect(failure.hint).toContain('"exports": "./driver.mjs"');
  });
});

describe("a driver is loaded", () => {
  test("from a file, with the kit in its hands", async () => {
    await using folder = await Folder.with({ "drivers/mine.mjs": moduleWith('title: "Contract " + kit.contract') });
    const driver = await loadThirdParty("./drivers/mine.mjs", folder.path);
    expect(driver).toMatchObject({ name: "mine", title: `Contract ${kit.contract}` });
  });

  test("from a file by its full path", async () => {
    await using folder = await Folder.with({ "mine.mjs": moduleWith("") });
    expect((await loadThirdParty(join(folder.path, "mine.mjs"), "/nowhere")).name).toBe("mine");
  });

  test("from a package beside the configuration", async () => {
    await using folder = await Folder.with({
      "node_modules/foo/package.json": '{ "name": "foo", "type": "module", "exports": "./driver.js" }',
      "node_modules/foo/driver.js": moduleWith('name: "foo"'),
    });
    expect((await loadThirdParty("foo", folder.path)).name).toBe("foo");
  });

  test("from a function that takes its time", async () => {
    await using folder = await Folder.with({
      "mine.mjs": moduleWith("").replace("(kit) =>", "async (kit) =>"),
    });
    expect((await loadThirdParty("./mine.mjs", folder.path)).name).toBe("mine");
  });
});

test.each(drivers.map((driver) => [driver.name, driver] as const))(
  "the built-in driver %s keeps the contract",
  (_name, driver) => {
    expect(driverProblems(driver)).toEqual([]);
  },
);

describe("a configuration with a driver of its own", () => {
  async function problemsOf(files: Readonly<Record<string, string>>, text: string): Promise<string> {
    await using folder = await Folder.with(files);
    const { problems } = await parseConfiguration(text, {
      file: join(folder.path, "maasochist.yaml"),
      drivers,
      loadDriver: loadThirdParty,
      cwd: folder.path,
    });
    const errors = problems.filter((problem) => problem.severity === "error");
    return errors
      .map((problem) => formatProblem(problem, { color: false }).replaceAll(folder.path, "FOLDER"))
      .join("\n");
  }

  test("points at the line that names a driver which cannot be loaded", async () => {
    const said = await problemsOf({}, "machines: {}\ndrivers: [./mine.mjs]\n");
    expect(said).toContain("maasochist.yaml:2:11 error: there is no file FOLDER/mine.mjs [driver-module]");
  });

  test("refuses a driver with the name of another", async () => {
    const said = await problemsOf(
      { "mine.mjs": moduleWith('name: "command"') },
      "machines: {}\ndrivers: [./mine.mjs]\n",
    );
    expect(said).toContain('maasochist.yaml:2:11 error: there is a driver "command" already [twice]');
  });

  test("tells of every driver that is wrong", async () => {
    const said = await problemsOf({ "a.mjs": "export default 1;" }, "machines: {}\ndrivers: [./a.mjs, ./b.mjs]\n");
    expect(said).toContain("./a.mjs has no function as its default export");
    expect(said).toContain("there is no file FOLDER/b.mjs");
  });
});
