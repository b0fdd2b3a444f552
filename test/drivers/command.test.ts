import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/command.ts";
import { capabilities } from "../../src/power/driver.ts";
import { command, failureOf, findings, query } from "./run.ts";

const node = (source: string, ...args: readonly string[]) => [process.execPath, "--eval", source, ...args];
const says = (text: string, exit = 0) =>
  node(`process.stdout.write(${JSON.stringify(text)}); process.exitCode = ${exit}`);

describe("a command", () => {
  test("is obeyed where the program exits with 0, and knows what it is for", async () => {
    const wanted = { MACHINE: "nuc1", MAC: "00:00:5e:00:53:07", ADDRESS: "192.168.1.17", VERB: "off" };
    const source = `
      const wanted = ${JSON.stringify(wanted)};
      for (const [name, value] of Object.entries(wanted)) if (process.env["MAASOCHIST_" + name] !== value) process.exit(1);
      if (process.env.RELAY !== "4" || process.cwd() !== "/" || !process.env.PATH) process.exit(2);`;
    const machine = { name: "nuc1", mac: "00:00:5e:00:53:07", address: "192.168.1.17" };
    const outlet = { run: { off: node(source) }, env: { RELAY: "4" }, cwd: "/" };
    await expect(command("off", { driver, outlet, machine })).resolves.toBeUndefined();
  });

  test("is told nothing of the daemon's own settings", async () => {
    process.env["MAASOCHIST_CONFIG"] = "/etc/maasochist.yaml";
    try {
      const outlet = { run: { on: node("process.exit(process.env.MAASOCHIST_CONFIG ? 1 : 0)") } };
      await expect(command("on", { driver, outlet })).resolves.toBeUndefined();
    } finally {
      delete process.env["MAASOCHIST_CONFIG"];
    }
  });

  test("that is refused may have acted, and tells the end of what the program said", async () => {
    const source = "console.log('trying'); console.error('relay 4 stuck\\nsecond line'); process.exit(3)";
    const failure = await failureOf(command("on", { driver, outlet: { run: { on: node(source) } } }));
    expect(failure).toMatchObject({
      code: "refused",
      mayHaveActed: true,
      message: `${process.execPath} exited with 3: relay 4 stuck second line`,
    });
  });

  test("that is killed by somebody else says by what", async () => {
    const failure = await failureOf(
      command("on", { driver, outlet: { run: { on: node("process.kill(process.pid, 'SIGKILL')") } } }),
    );
    expect(failure).toMatchObject({ code: "refused", mayHaveActed: true, message: expect.stringContaining("SIGKILL") });
  });

  test("that cannot be started has not acted", async () => {
    const failure = await failureOf(command("on", { driver, outlet: { run: { on: ["/no/such/program"] } } }));
    expect(failure).toMatchObject({ code: "config", mayHaveActed: false });
  });

  test("that takes too long is ended, and may have acted", async () => {
    const outlet = { run: { on: node("setInterval(() => {}, 1000)") } };
    const failure = await failureOf(command("on", { driver, outlet, timeout: 500 }));
    expect(failure).toMatchObject({ code: "timeout", mayHaveActed: true });
  });

  test("by the shell has its pipes and variables, and its text is not repeated: it may hold secrets", async () => {
    const run = { on: 'test "$RELAY" = 4 | cat && exit 0', off: "curl -u admin:hunter22 nowhere.invalid; exit 7" };
    const outlet = { shell: true, run, env: { RELAY: "4" } };
    await command("on", { driver, outlet });
    const failure = await failureOf(command("off", { driver, outlet }));
    expect(failure.message).toMatch(/^the shell command exited with 7/);
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("hunter22");
  });

  test.each([
    ["stdout", "a longer secret"],
    ["stderr", "a longer secret"],
    ["stderr", "pin"],
    ["stderr", "line one\nline two"],
  ])("shows no value of `env` that it prints on %s", async (stream, secret) => {
    const source = `process.${stream}.write("logged in with " + process.env.SECRET + ": no"); process.exitCode = 1`;
    const outlet = { run: { on: node(source), query: node(source) }, env: { SECRET: secret } };
    for (const work of [() => command("on", { driver, outlet }), () => query({ driver, outlet })]) {
      const failure = await failureOf(work());
      expect(failure.message).toContain("logged in with •••");
      expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain(secret.slice(0, 8));
    }
  });
});

describe("the state", () => {
  test.each([
    ["on\n", "on"],
    ["  OFF\r\n", "off"],
    ["unknown", "unknown"],
  ])("is what the program prints: %j", async (text, state) => {
    expect(await query({ driver, outlet: { run: { query: says(text) } } })).toMatchObject({ state });
  });

  test.each([
    ["4: closed", "on"],
    ["4: open", "off"],
    ["4: open\n4: closed", "on"],
  ])("is what regular expressions find in %j, on first", async (text, state) => {
    const outlet = { run: { query: says(text) }, on_regex: "(?m)^4: closed", off_regex: "(?m)^4: open" };
    expect(await query({ driver, outlet })).toMatchObject({ state });
  });

  test.each([
    [0, "on"],
    [2, "off"],
  ])("is what the exit status %i stands for, whatever is printed", async (exit, state) => {
    const outlet = { run: { query: says("on or off", exit) }, exit_codes: { on: 0, off: 2 } };
    const answer = await query({ driver, outlet });
    expect(answer).toMatchObject({ state, evidence: `${process.execPath} exited with ${exit}` });
  });

  const regexes = { on_regex: "is on", off_regex: "is off" };
  const codes = { exit_codes: { on: 0, off: 2 } };
  test.each<[string, readonly string[], object]>([
    ["nothing printed", says(""), {}],
    ["more than the word", says("power is on"), {}],
    ["the right word and a failure", says("off", 1), {}],
    ["a match and a failure", says("it is off", 1), regexes],
    ["no match", says("standby"), regexes],
    ["an exit status that stands for nothing", says("", 1), codes],
    ["a program that was killed", node("process.kill(process.pid, 'SIGTERM')"), codes],
    ["bytes that are no text", node("process.stdout.write(Buffer.from([0xff, 0xfe, 0]))"), {}],
    ["so much that the beginning is lost", node("process.stdout.write('it is off\\n'.repeat(10000))"), regexes],
  ])("is never made of %s", async (_what, run, settings) => {
    const failure = await failureOf(query({ driver, outlet: { run: { query: run }, ...settings } }));
    expect(failure).toMatchObject({ code: "protocol", mayHaveActed: false });
    expect(failure.message.length).toBeLessThan(1_000);
  });

  test("keeps secrets out of its evidence", async () => {
    const outlet = { run: { query: says("it is on, hunter22") }, env: { SECRET: "hunter22" }, ...regexes };
    expect(await query({ driver, outlet })).toMatchObject({ evidence: expect.stringContaining("it is on, •••") });
  });
});

test("it can do what it has programs for", () => {
  const outlet = driver.outlet.parse({ run: { off: ["/opt/power"], query: ["/opt/power"] } });
  expect([...capabilities(driver, outlet)].sort()).toEqual(["hard", "off", "query"]);
});

describe("a mistake in the settings", () => {
  const run = { query: ["/opt/power"] };

  test.each([
    [{ run: { on: "/opt/power on" } }, "run: on is one text: write a list"],
    [{ run: { on: ["/opt/power"] }, shell: true }, "run: with `shell: true` on is one text"],
    [{ run: { on: ["", "on"] } }, "run: on begins with an empty text"],
    [{ run, exit_codes: { on: 0, off: 1 } }, "exit-code-1 exit_codes: a script that crashes exits with 1 too"],
    [{ run, exit_codes: { on: 2, off: 2 } }, "exit_codes: on and off have the same"],
    [{ run, exit_codes: { on: 0, off: 2 }, on_regex: "a", off_regex: "b" }, "exit_codes: either"],
    [{ run, off_regex: "b" }, "off_regex: needs `on_regex` too"],
    [{ run, on_regex: "(?!a)", off_regex: "b" }, "on_regex: it is no regular expression"],
  ])("%j is found", (outlet, finding) => {
    expect(findings({ driver, outlet })).toEqual([expect.stringContaining(finding)]);
  });

  test.each([{ run: { on: [] } }, { run: { start: ["/opt/power"] } }, { run, exit_codes: { on: 0 } }, {}])(
    "%j is refused",
    (outlet) => {
      expect(driver.outlet.safeParse(outlet).success).toBe(false);
    },
  );
});
