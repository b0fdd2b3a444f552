/** What the documentation speaks of must be there: links, anchors, configurations, commands, codes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { Command } from "commander";
import ssh2 from "ssh2";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { silentProgram } from "../scripts/generate/cli-page.ts";
import { formatProblem, parseConfiguration } from "../src/config/index.ts";
import { TOP_LEVEL } from "../src/config/schema.ts";
import { drivers } from "../src/drivers/index.ts";
import { kit } from "../src/wire/kit.ts";
import { loadThirdParty } from "../src/wire/third-party.ts";

const ROOT = join(import.meta.dirname, "..");
const EXAMPLE = "docs/examples/lamp-driver.mjs";

const pages = ["", "docs"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: folder !== "", encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => join(folder, file)),
);

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

const FENCED = /^```(\w*)\n([\s\S]*?)^```$/gm;

function blocks(page: string, language: string): string[] {
  return [...textOf(page).matchAll(FENCED)].flatMap(([, of, text = ""]) => (of === language ? [text] : []));
}

function prose(page: string): string {
  return textOf(page).replaceAll(FENCED, "");
}

/** The anchors that GitHub gives a page: of its headings, and those written out. */
function anchors(page: string): Set<string> {
  const headings = [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set([...headings, ...[...prose(page).matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id)]);
}

function isBroken(page: string, link: string): boolean {
  if (/^https?:/.test(link)) return !URL.canParse(link);
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? page : relative(ROOT, join(ROOT, dirname(page), path));
  if (!existsSync(join(ROOT, target))) return true;
  return anchor !== undefined && !anchors(target).has(anchor);
}

test.each(pages)("every link in %s leads somewhere", (page) => {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  expect(links.filter((link) => isBroken(page, link))).toEqual([]);
});

/** Texts for what examples take from elsewhere, valid wherever they stand. */
const SECRETS: Readonly<Record<string, string>> = {
  maas_key: "consumer:token:secret",
  wol: "00:11:22:33:44:55",
  "pikvm-totp": "GEZDGNBVGY3TQOJQ",
  bmc: "sixteen-letters!",
  kg: "a-key-of-20-letters",
};
const ANY_SECRET = "mso_0123456789abcdefghijklmnopqrstuvwxyz";
const privateKey = ssh2.utils.generateKeyPairSync("ed25519").private;
const certificate = textOf("test/fixtures/tls/authority.pem");

/** What `config check` would say is wrong with an example, with the files beside it that it names. */
async function errorsOf(text: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "maasochist-own-driver-"));
  try {
    const names = [...text.matchAll(/!secret ([\w-]+)/g)].map(([, name = ""]) => name);
    const secrets = names.map((name) => `${name}: "${SECRETS[name] ?? ANY_SECRET}"\n`);
    await writeFile(join(folder, "secrets.yaml"), [...new Set(secrets)].join(""), { mode: 0o600 });
    for (const [, file = ""] of text.matchAll(/!file ([\w.-]+)/g))
      await writeFile(join(folder, file), file.endsWith(".pem") ? certificate : privateKey);
    await copyFile(join(ROOT, EXAMPLE), join(folder, "lamp-driver.mjs"));
    const { problems } = await parseConfiguration(text, {
      file: join(folder, "maasochist.yaml"),
      drivers,
      loadDriver: loadThirdParty,
      env: {},
      cwd: folder,
    });
    const errors = problems.filter((problem) => problem.severity === "error");
    return errors.map((problem) => formatProblem(problem, { color: false }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function isConfiguration(text: string): boolean {
  const document: unknown = parse(text, { logLevel: "silent" });
  return typeof document === "object" && document !== null && Object.keys(document).every((key) => key in TOP_LEVEL);
}

const configurations = pages.flatMap((page) =>
  blocks(page, "yaml").map((text, index) => ({ page, index: index + 1, text })),
);

describe("configurations in the documentation", () => {
  test.each(configurations)("example $index of $page is a configuration without errors", async ({ text }) => {
    expect(isConfiguration(text)).toBe(true);
    expect(await errorsOf(text)).toEqual([]);
  });
});

const program = silentProgram();

/** What of the command line there is not; undefined where it could be typed, with names in place of NAME and the like. */
function unknownIn(line: string): string | undefined {
  let command: Command = program;
  const words = line.trim().split(/\s+/);
  for (let word = words.shift(); word !== undefined && !/^[>|&#]/.test(word); word = words.shift()) {
    const given = word;
    if (given.startsWith("[")) continue;
    if (given.startsWith("-")) {
      const [name] = given.split("=", 1);
      const known = [...command.options, ...program.options].find(({ short, long }) => short === name || long === name);
      if (!known) return given;
      if (known.required && !given.includes("=")) words.shift();
    } else if (command.commands.length > 0) {
      const child = command.commands.find((known) => known.name() === given);
      if (!child) return given;
      command = child;
    } else if (command.registeredArguments.length === 0) return given;
  }
  return undefined;
}

/** Command lines in a text: in code spans, and as lines of shell blocks. */
function commandLines(text: string): string[] {
  const spans = [...text.matchAll(/`(?:maasochist|mso|npm start --) ([^`]+)`/g)];
  const lines = [...text.matchAll(/^(?:maasochist|mso|npm start --) (.+)$/gm)];
  return [...spans, ...lines].map(([, line = ""]) => line.replaceAll("\\", "")).filter((line) => /[a-z]/.test(line));
}

describe("commands that are named", () => {
  test.each(pages)("in %s exist", (page) => {
    const named = [...commandLines(prose(page)), ...blocks(page, "sh").flatMap(commandLines)];
    expect(named.filter((line) => unknownIn(line) !== undefined)).toEqual([]);
  });

  test("in messages of the program exist", () => {
    const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".ts"),
    );
    const named = files.flatMap((file) => {
      const text = textOf(join("src", file))
        .replaceAll("\\`", "`")
        .replaceAll(/\$\{[^}]*\}/g, "NAME");
      return [...text.matchAll(/`maasochist ([a-z][^`\n]*)`/g)].map(([, line = ""]) => ({ file, line }));
    });
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ line }) => unknownIn(line) !== undefined)).toEqual([]);
  });

  test.each(pages)("as npm scripts in %s exist", (page) => {
    const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
    const named = [...textOf(page).matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map(
      ([, run, short]) => run ?? short ?? "",
    );
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  test("in the README's section on tests are the package's own", () => {
    const [, section = ""] = textOf("README.md").split("## Test it");
    expect(section).toMatch(/^```sh\nnpm test\n```$/m);
  });
});

/** Codes as they are written in the source of a room. */
function codesIn(room: string): string[] {
  const files = readdirSync(join(ROOT, "src", room));
  return files.flatMap((file) =>
    [...textOf(join("src", room, file)).matchAll(/\bcode: "([a-z_]+)"/g)].map(([, code = ""]) => code),
  );
}

describe("docs/errors.md", () => {
  test.each(["http", "cli"])("tells of every code of src/%s", (room) => {
    const codes = codesIn(room);
    const known = anchors("docs/errors.md");
    expect(codes.length).toBeGreaterThan(0);
    expect([...new Set(codes)].filter((code) => !known.has(code))).toEqual([]);
  });
});

describe("docs/extending.md", () => {
  const text = textOf("docs/extending.md");

  test("shows the example as it is", () => {
    expect(blocks("docs/extending.md", "js")[0]).toBe(textOf(EXAMPLE));
  });

  test("names everything in the kit", () => {
    const names = Object.keys(kit).filter((name) => name !== "contract");
    expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
    expect(text).toContain(`\`kit.contract\` is ${kit.contract}.`);
  });
});

test("docs/limits.md tells of every driver what its off takes away", () => {
  const text = textOf("docs/limits.md");
  expect(drivers.map(({ name }) => name).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});
