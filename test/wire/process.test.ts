import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { PowerError } from "../../src/power/errors.ts";
import { type Program, runProgram } from "../../src/wire/process.ts";
import { failureOf } from "../drivers/run.ts";

const { env } = process;
const node = (source: string, ...args: readonly string[]) => [process.execPath, "--eval", source, ...args];

function run(program: Partial<Program> & Pick<Program, "run">, timeout = 15_000) {
  const controller = new AbortController();
  const over = () => controller.abort(new PowerError("timeout", "its time is over"));
  setTimeout(over, timeout).unref();
  return runProgram({ env, signal: controller.signal, ...program });
}

/** A folder that is gone when the test is. */
function folder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "maasochist-process-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function script(path: string, text: string, mode = 0o755): string {
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function isAlive(pid: number): boolean {
  try {
    // A process that is dead and not yet waited for does nothing any more.
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function pidIn(file: string): Promise<number> {
  for (const until = Date.now() + 10_000; Date.now() < until; await pause(10)) {
    try {
      const pid = Number(readFileSync(file, "utf8"));
      if (pid > 0) return pid;
    } catch {
      // It is not written yet.
    }
  }
  throw new Error(`nothing writes ${file}`);
}

describe("a program", () => {
  test("tells its exit status and its output", async () => {
    const ended = await run({ run: node("console.log('out'); console.error('err'); process.exit(3)") });
    expect(ended).toMatchObject({ code: 3, killedBy: undefined, stdout: "out\n", stderr: "err\n", cut: false });
  });

  test("tells the signal that ended it", async () => {
    expect(await run({ run: node("process.kill(process.pid, 'SIGKILL')") })).toMatchObject({
      code: undefined,
      killedBy: "SIGKILL",
    });
  });

  test("gets its arguments as they are, and no shell looks at them", async () => {
    const args = ["$HOME", "a b", "", "*", '"; exit 1', "-e"];
    const { stdout } = await run({ run: node("console.log(JSON.stringify(process.argv.slice(1)))", "--", ...args) });
    expect(JSON.parse(stdout)).toEqual(args);
  });

  test("is run by the system's shell where that is wanted", async () => {
    expect((await run({ run: "echo one && echo two", shell: true })).stdout).toMatch(/^one\s+two/);
  });

  test("has nothing to read", async () => {
    const read = "process.stdin.on('data', () => {}).on('end', () => console.log('end'))";
    expect((await run({ run: node(read) })).stdout).toBe("end\n");
  });

  test("reads what it is given, or leaves it", async () => {
    expect((await run({ run: node("process.stdin.pipe(process.stdout)"), input: "grün" })).stdout).toBe("grün");
    expect(await run({ run: node("process.exit(0)"), input: "x".repeat(1_000_000) })).toMatchObject({ code: 0 });
  });

  test("is over when it exits, though something that it left behind holds its output open", async () => {
    using place = folder();
    const file = join(place.path, "pid");
    const left = `require("fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); setTimeout(() => {}, 30000)`;
    const source = `
      const child = require("child_process").spawn(process.execPath, ["--eval", ${JSON.stringify(left)}], { stdio: "inherit", detached: true });
      child.unref();
      console.log("left");`;
    const before = performance.now();
    expect(await run({ run: node(source) })).toMatchObject({ code: 0, stdout: "left\n" });
    expect(performance.now() - before).toBeLessThan(10_000);
    // What a program leaves behind is its own affair.
    const pid = await pidIn(file);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });

  test("is not over when it closes its output", async () => {
    const source = "require('fs').closeSync(1); require('fs').closeSync(2); setTimeout(() => process.exit(4), 300)";
    expect(await run({ run: node(source) })).toMatchObject({ code: 4, stdout: "" });
  });

  test("may say as much as it likes: the end is kept", async () => {
    const source = "process.stdout.write('x'.repeat(5_000_000) + 'the end', () => process.exit(0))";
    const { stdout, cut } = await run({ run: node(source) });
    expect(stdout).toHaveLength(65_536);
    expect(stdout.endsWith("xthe end")).toBe(true);
    expect(cut).toBe(true);
  });

  test("is heard to its end, however much that is in its last moment", async () => {
    const source = "require('fs').writeSync(1, 'x'.repeat(60_000)); process.exit(0)";
    for (let round = 0; round < 5; round++) expect((await run({ run: node(source) })).stdout).toHaveLength(60_000);
  });

  test("that prints no UTF-8 is read as far as it is", async () => {
    const { stdout } = await run({ run: node("process.stdout.write(Buffer.from([0x6f, 0xff, 0x6e]))") });
    expect(stdout).toBe("o\uFFFDn");
  });
});

describe("a program that cannot be started", () => {
  test("is missing", async () => {
    for (const name of ["no-such-program-here", "/opt/no/such/program"]) {
      const failure = await failureOf(run({ run: [name, "hidden-argument"] }));
      expect(failure).toMatchObject({ code: "config", mayHaveActed: false, message: `there is no program ${name}` });
      expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("hidden-argument");
    }
  });

  test("has no folder to run in", async () => {
    using place = folder();
    const file = script(join(place.path, "file"), "");
    for (const cwd of [join(place.path, "nowhere"), file]) {
      const failure = await failureOf(run({ run: [process.execPath, "--version"], cwd }));
      expect(failure).toMatchObject({ code: "config", message: expect.stringContaining(`there is no folder ${cwd}`) });
    }
  });

  test("is not executable", async () => {
    using place = folder();
    const file = script(join(place.path, "power"), "#!/bin/sh\n", 0o644);
    const failure = await failureOf(run({ run: [file, "hidden-argument"] }));
    expect(failure).toMatchObject({ code: "config", hint: expect.stringContaining("chmod +x") });
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("hidden-argument");
  });

  test("names an interpreter that is not here", async () => {
    using place = folder();
    const file = script(join(place.path, "power"), "#!/bin/sh\r\nexit 0\r\n");
    for (const [name, cwd] of [
      [file, undefined],
      ["./power", place.path],
    ] as const) {
      expect(await failureOf(run({ run: [name], cwd }))).toMatchObject({
        code: "config",
        message: expect.stringContaining("not the interpreter"),
        hint: expect.stringContaining("carriage return"),
      });
    }
  });

  test.each([
    ["more arguments than the system takes", [process.execPath, "hidden-argument", "x".repeat(3_000_000)]],
    ["a zero byte among its arguments", [process.execPath, "hidden-argument\0"]],
    ["an empty name", ["", "hidden-argument"]],
  ])("has %s", async (_what, program) => {
    const failure = await failureOf(run({ run: program }));
    expect(failure).toMatchObject({ code: "config", mayHaveActed: false });
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("hidden-argument");
  });

  test("was not wanted any more", async () => {
    using place = folder();
    const file = join(place.path, "ran");
    const reason = new PowerError("superseded", "another order came");
    const signal = AbortSignal.abort(reason);
    const touch = `require("fs").writeFileSync(${JSON.stringify(file)}, "")`;
    expect(await failureOf(run({ run: node(touch), signal }))).toBe(reason);
    await pause(300);
    expect(() => readFileSync(file)).toThrow("ENOENT");
  });
});

describe("a program whose time is over", () => {
  const ignoring = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000);';
  const writePid = (file: string) => `require("fs").writeFileSync(${JSON.stringify(file)}, String(process.pid));`;

  test("is killed, tells what it said, and may have acted", async () => {
    const source = "console.error('waiting for relay 4, token', process.env.TOKEN); setInterval(() => {}, 1000)";
    const failure = await failureOf(
      run({ run: node(source), env: { ...env, TOKEN: "hidden-token" }, secrets: ["hidden-token"] }, 1_500),
    );
    expect(failure).toMatchObject({
      code: "timeout",
      mayHaveActed: true,
      message: `${process.execPath} did not end in time and was killed; it said: waiting for relay 4, token •••`,
    });
  });

  test("may end by itself when it is asked to", async () => {
    using place = folder();
    const file = join(place.path, "ended");
    const goodbye = `process.on("SIGTERM", () => { ${writePid(file)} process.exit(0); }); setInterval(() => {}, 1000);`;
    const before = performance.now();
    await failureOf(run({ run: node(goodbye) }, 1_500));
    expect(performance.now() - before).toBeLessThan(3_400);
    expect(Number(readFileSync(file, "utf8"))).toBeGreaterThan(0);
  });

  test("is gone with all that it started, though none of them heeds SIGTERM", async () => {
    using place = folder();
    const files = ["program", "child", "other-session"].map((name) => join(place.path, name));
    const [program = "", child = "", otherSession = ""] = files;
    const start = (file: string, detached: boolean) =>
      `require("child_process").spawn(process.execPath, ["--eval", ${JSON.stringify(ignoring + writePid(file))}], { stdio: "ignore", detached: ${detached} });`;
    const source = `${ignoring}${start(child, false)}${start(otherSession, true)}${writePid(program)}`;
    const controller = new AbortController();
    const failure = failureOf(runProgram({ run: node(source), env, signal: controller.signal }));
    const pids = await Promise.all(files.map(pidIn));
    controller.abort(new PowerError("timeout", "its time is over"));
    expect(await failure).toMatchObject({ code: "timeout", message: expect.stringContaining("and was killed") });
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test("is gone though it was not itself what hung", async () => {
    using place = folder();
    const file = join(place.path, "child");
    const failure = await failureOf(
      run(
        {
          run: `trap '' TERM; "$NODE" --eval '${ignoring}${writePid(file)}' & wait; wait`,
          shell: true,
          env: { ...env, NODE: process.execPath },
        },
        1_500,
      ),
    );
    expect(failure.message).toContain("the shell command did not end in time and was killed");
    expect(isAlive(await pidIn(file))).toBe(false);
  });

  test("leaves alone what is not its own", async () => {
    using place = folder();
    const file = join(place.path, "bystander");
    const bystander = run({ run: node(`${writePid(file)} setTimeout(() => {}, 6000)`) });
    const pid = await pidIn(file);
    await failureOf(run({ run: node(ignoring) }, 300));
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGTERM");
    await bystander;
  });
});
