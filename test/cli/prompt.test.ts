/** What only a terminal shows: questions, colours, lines that fit. Here the program runs without a process of its own. */
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Place, PREPARATION_MS, reads, type ServedPlace } from "./cli.ts";
import { type Person, runAtTerminal, type Shown } from "./terminal.ts";

const FAST = "driver: simulated, boot: 0s, shutdown: 0s, initial: on";
const MACHINES = `  yes: { ${FAST} }
  no: { ${FAST} }
  nobody: { ${FAST} }
  "many[1-6]": { ${FAST}, tags: [many] }
  failing: { driver: simulated, fault: unreachable }
`;

let place: ServedPlace;
beforeAll(async () => {
  place = await Place.serving(MACHINES);
}, PREPARATION_MS);
afterAll(() => place[Symbol.asyncDispose]());

/** Runs a command in the place as at a terminal. */
function atTerminal(args: readonly string[], person?: Person): Promise<Shown> {
  return runAtTerminal(place, args, person);
}

describe("a question", () => {
  test("that is answered with y is gone along with", async () => {
    const { code, err } = await atTerminal(["off", "yes"], { types: "y" });
    expect(err).toContain(
      "Power off may perform a hard power off, which occurs immediately without any warning to the OS.\n  yes\nPower off yes? [y/N] ",
    );
    expect(code).toBe(0);
    expect(await reads(place, "yes")).toBe("stopped");
  });

  test.each([
    ["an empty line", ""],
    ["n", "n"],
    ["Ctrl-D", null],
  ])("that is answered with %s is not gone along with", async (_, types) => {
    const { code, err } = await atTerminal(["off", "no"], { types });
    expect(code).toBe(2);
    expect(stripVTControlCharacters(err)).toMatch(
      /Power off no\? \[y\/N\] (\nerror|error): cancelled; nothing was done\n$/,
    );
    expect(await reads(place, "no")).toBe("running");
  });

  test("about many machines lists them and wants their number", async () => {
    const wrong = await atTerminal(["off", "--tag", "many"], { types: "y" });
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain("  many1\n  many2\n  many3\n  many4\n  many5\n  many6\n");
    expect(wrong.err).toContain("Power off 6 machines? Type 6 to go on: ");
    expect(await reads(place, "many3")).toBe("running");
    expect((await atTerminal(["off", "--tag", "many"], { types: "6" })).code).toBe(0);
    expect(await reads(place, "many3")).toBe("stopped");
  });

  test("is not asked with --yes, with --json, or before an on", async () => {
    expect((await atTerminal(["cycle", "nobody", "--yes"])).code).toBe(0);
    expect((await atTerminal(["on", "nobody"])).code).toBe(0);
    expect((await atTerminal(["off", "nobody", "--json"])).code).toBe(2);
    expect(await reads(place, "nobody")).toBe("running");
  });

  test("with --soft says what it only asks for", async () => {
    const { err } = await atTerminal(["off", "no", "--soft"], { types: "n" });
    expect(err).toContain("Power off asks the operating system to stop.\n");
  });
});

describe("a terminal", () => {
  const COLOUR = "\u001B[";

  test("shows colours, unless it is told not to", async () => {
    expect((await atTerminal(["list"])).out).toContain(COLOUR);
    expect((await atTerminal(["list", "--no-color"])).out).not.toContain(COLOUR);
    expect((await atTerminal(["list"], { env: { NO_COLOR: "1" } })).out).not.toContain(COLOUR);
    expect((await atTerminal(["list"], { env: { TERM: "dumb" } })).out).not.toContain(COLOUR);
    expect((await atTerminal(["list", "--json"])).out).not.toContain(COLOUR);
  });

  test("gets lines that fit it, with less in them where it is narrow", async () => {
    const narrow = stripVTControlCharacters((await atTerminal(["list"], { columns: 40 })).out).split("\n");
    expect(narrow[0]).toMatch(/^MACHINE +POWER +LAST ACTION$/);
    expect(Math.max(...narrow.map((line) => line.length))).toBeLessThanOrEqual(40);
    const wide = stripVTControlCharacters((await atTerminal(["list"], { columns: 120 })).out).split("\n");
    expect(wide[0]).toMatch(/^MACHINE +POWER +DRIVER +CHECKED +LAST ACTION +MAAS$/);
  });
});
