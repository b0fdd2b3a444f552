import { describe, expect, test } from "vitest";
import { parseConfiguration, showConfiguration } from "../../src/config/index.ts";
import { cut } from "../../src/config/pieces.ts";
import { drivers } from "./drivers.ts";
import { told } from "./folder.ts";

const load = (text: string) =>
  parseConfiguration(text, { drivers, env: { ADDRESS: "10.9.9.9" }, file: "/c/maasochist.yaml", cwd: "/c" });

/** Makes a file large with few members. */
const FILLING = ".".repeat(200);

const member = (index: number, more = "") =>
  `  nuc${index}: { driver: board, address: 10.${index >> 8}.${index & 255}.1, description: "number ${index}, {name}${FILLING}"${more} }\n`;
const members = (count: number, from = 0) => Array.from({ length: count }, (_, index) => member(index + from)).join("");
/** Large enough to be read in pieces. */
const MANY = members(1_000);

describe("a large file", () => {
  test("is cut between the members of its sections, and nothing is lost", () => {
    const text = `server: {}\nmachines: # all of them\n${MANY}# the end\nstore: {}\n`;
    const pieces = cut(text);
    expect(pieces?.pieces.length).toBeGreaterThan(3);
    expect(pieces?.rest.replaceAll(" ", "").replaceAll("\n", "")).toBe("server:{}machines:#allofthemstore:{}");
    expect(pieces?.rest.length).toBe(text.length);
    expect(pieces?.pieces.map((piece) => piece.text).join("")).toContain(MANY);
    for (const { text: piece, offset } of pieces?.pieces ?? []) {
      expect(piece).toMatch(/^ {2}nuc/);
      expect(text.slice(offset, offset + piece.length)).toBe(piece);
    }
  });

  test("gives the machines that it would give whole, in their order", async () => {
    const text = `hubs:\n  one: { driver: strip, host: h1 }\nmachines:\n\n  # first\n${MANY}`;
    const { configuration, problems } = await load(text);
    expect(problems).toEqual([]);
    expect(configuration?.machines).toHaveLength(1_000);
    expect(configuration?.machines[999]).toMatchObject({
      facts: { name: "nuc999", address: "10.3.231.1" },
      description: `number 999, nuc999${FILLING}`,
    });
    const shown = configuration && showConfiguration(configuration, { origin: true });
    expect(JSON.stringify(shown)).toContain(
      `"nuc999":{"description":{"value":"number 999, nuc999${FILLING}","from":"maasochist.yaml:1005"}`,
    );
  });

  test("has its mistakes told where they stand", async () => {
    const text = `machines:\n${MANY}${member(5_000, ", usr: x")}${member(7)}  odd: !env NOWHERE\n  env: { driver: board, address: !env ADDRESS }\n`;
    expect(told(await load(text))).toEqual([
      'maasochist.yaml:1002:287 unknown-key unknown key "usr" of machine nuc5000 (board), did you mean "use"?',
      'maasochist.yaml:1003:3 twice "nuc7" is already given at maasochist.yaml:9',
      'maasochist.yaml:1004:13 env-missing the environment has no variable "NOWHERE"',
    ]);
  });

  test("with a syntax error in it is read whole, and the error is told where it stands", async () => {
    const text = `machines:\n${members(600)}  broken: { driver: board\n${members(600, 600)}`;
    const { problems, configuration } = await load(text);
    expect(configuration).toBeUndefined();
    expect(problems[0]).toMatchObject({ code: "yaml", line: 603 });
  });

  test.each([
    ["anchors", `machines:\n  first: &first { driver: board, address: 10.200.0.1 }\n${MANY}`],
    ["a second document", `machines:\n${MANY}---\n{}\n`],
    ["members that are indented differently", `machines:\n  ${MANY}  ${MANY}`],
    ["nothing under its sections", `machines:\n${" ".repeat(200_000)}`],
    ["a list in place of a section", `machines:\n${"- x\n".repeat(50_000)}`],
  ])("is left whole where there is %s", (_what, text) => {
    expect(cut(text)?.pieces ?? []).toEqual([]);
  });

  test("is read right where texts look like members", async () => {
    const text = `machines:\n${MANY}  quoted: { driver: board, address: 10.201.0.1, description: "a\n    nuc1: { b }\n    c" }
  block:
    driver: board
    address: 10.201.0.2
    description: |
      nuc1: { driver: x }

      nuc2: 5
${members(1_000, 1_000)}`;
    const { configuration, problems } = await load(text);
    expect(problems).toEqual([]);
    expect(configuration?.machines).toHaveLength(2_002);
    expect(configuration?.machines[1_001]?.description).toBe("nuc1: { driver: x }\n\nnuc2: 5\n");
  });

  test("may end its lines as on Windows", async () => {
    const { configuration, problems } = await load(`machines:\r\n${MANY}`.replaceAll(/\r?\n/g, "\r\n"));
    expect(problems).toEqual([]);
    expect(configuration?.machines).toHaveLength(1_000);
  });
});
