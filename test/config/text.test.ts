import { describe, expect, test } from "vitest";
import { formatProblem, parseConfiguration } from "../../src/config/index.ts";
import { drivers } from "./drivers.ts";
import { told } from "./folder.ts";

const load = (text: string) => parseConfiguration(text, { drivers, env: {}, file: "/c/maasochist.yaml", cwd: "/c" });
const BOARD = "machines: { a: { driver: board, address: 10.0.0.1 } }\n";

describe("a text that is hard on its reader", () => {
  test.each([
    ["flow lists", "[".repeat(50_000)],
    ["closed flow lists", `machines: ${"[".repeat(20_000)}${"]".repeat(20_000)}`],
    ["flow maps", "{a: ".repeat(50_000)],
    ["block lists", `machines:\n${"- ".repeat(20_000)}x`],
    ["block maps", Array.from({ length: 3_000 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
    ["explicit keys", "? ".repeat(20_000)],
  ])("may nest %s as deep as it likes", async (_what, text) => {
    const { configuration, problems } = await load(text);
    expect(configuration).toBeUndefined();
    expect(problems.length).toBeGreaterThan(0);
  });

  test("may hold aliases that unfold into more than fits into memory", async () => {
    const rows = Array.from({ length: 12 }, (_, row) =>
      row === 0 ? "a0: &a0 [x]" : `a${row}: &a${row} [${Array.from({ length: 10 }, () => `*a${row - 1}`).join(", ")}]`,
    );
    const { problems } = await load(`${rows.join("\n")}\n${BOARD}`);
    expect(problems.map(({ message }) => message)).toContain("the file unfolds into more than 1000000 values");
  });

  test("is quoted around the place, and no more of it, when its lines are very long", async () => {
    const tags = Array.from({ length: 20_000 }, (_, index) => `tag${index}`).join(", ");
    const { problems } = await load(`machines: { a: { driver: board, tags: [${tags}], adress: 10.0.0.1 } }\n`);
    const unknown = problems.find(({ code }) => code === "unknown-key");
    expect(unknown).toBeDefined();
    if (!unknown) return;
    const lines = formatProblem(unknown, { color: false }).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(300);
    const [, quoted = "", caret = ""] = lines;
    expect(quoted.slice(caret.indexOf("^"), caret.lastIndexOf("^") + 1)).toBe("adress");
  });

  test("may have very long keys and values", async () => {
    const long = "x".repeat(200_000);
    const { problems } = await load(`machines: { a: { driver: ${long}, ${long}: 1, hub: a } }\n${long}: 1\n`);
    for (const problem of problems) expect(formatProblem(problem, { color: false }).length).toBeLessThan(2_000);
    expect(problems.length).toBeGreaterThan(0);
  });

  test("may have thousands of mistakes, and each is told", async () => {
    const machines = Array.from({ length: 2_000 }, (_, index) => `  m${index}: { hub: plg${index}, outlet: 1 }`);
    const hubs = Array.from({ length: 2_000 }, (_, index) => `  plug${index}: { driver: strip, host: h${index} }`);
    const { problems } = await load(`hubs:\n${hubs.join("\n")}\nmachines:\n${machines.join("\n")}\n`);
    expect(problems).toHaveLength(2_000);
    expect(problems[0]?.message).toBe('unknown hub "plg0", did you mean "plug0"?');
  });

  test("has control characters that no terminal is given", async () => {
    const { problems } = await load(`machines: { "a\\e[2J\\n": 1, "\u202eb": 2 }\nm\u009bx: 1\n`);
    for (const problem of problems) {
      const [first = "", ...others] = formatProblem(problem, { color: false }).split("\n");
      expect([first, ...others].join("")).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    }
    expect(problems.length).toBeGreaterThanOrEqual(3);
  });
});

describe("YAML 1.2", () => {
  test("has on and off as keys and texts, and only true and false for flags", async () => {
    const loaded = await load(`machines:
  a:
    on: { driver: script, run: [on, off, yes, no, y, n] }
    off: { driver: script, run: [power, off] }
    query: { driver: ping, host: 10.0.0.1 }
    tags: [on, off, yes, no]
    enabled: yes
`);
    expect(told(loaded)).toEqual(['maasochist.yaml:7:14 bad-value "enabled" must be true or false, not "yes"']);
  });

  test("takes a document with directive, marks and comments", async () => {
    const { configuration } = await load(`%YAML 1.2\n--- # the one document\n${BOARD}...\n`);
    expect(configuration?.machines).toHaveLength(1);
  });

  test("is not fooled by keys that mean something to JavaScript", async () => {
    const loaded = await load(
      `__proto__: { listen: x }\nconstructor: 1\nmachines: { a: { driver: script, run: { on: [a], __proto__: [b], toString: [c] }, env: { __proto__: x }, query: { driver: ping, host: h }, hasOwnProperty: 1 } }\n`,
    );
    expect(loaded.configuration).toBeUndefined();
    expect(told(loaded).filter((line) => line.includes("unknown key"))).toHaveLength(4);
  });
});
