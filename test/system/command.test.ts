import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import driver from "../../src/drivers/command.ts";
import { type Answer, DEFAULT_PACE } from "../../src/power/driver.ts";
import type { Hub } from "../../src/power/hub.ts";
import { Outlet } from "../../src/power/outlet.ts";
import { failureOf } from "../expecting.ts";
import { loneHub } from "../lone-hub.ts";
import { describeWith, missing } from "./need.ts";

/** Heeds no SIGTERM, nor does what it starts, and waits for ever. */
const STUBBORN = "trap '' TERM\nwhile :; do sleep 1; done\n";
const ASKING = { machine: { name: "nuc1" }, last: undefined, priority: "order" } as const;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mso-command-"));
  await mkdir(join(folder, "pids"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describeWith(missing({ setsid: "util-linux" }))("the driver command with real processes", () => {
  describe("whose time is over", () => {
    test("leaves no child that ignores SIGTERM", async () => {
      const off = await script("off", remember("child") + STUBBORN);
      const failure = await failureOf(command({ run: { off: [off] } }, 1_000));
      expect(failure).toMatchObject({ code: "timeout", mayHaveActed: true });
      expect(await fateOf("child")).toBe("gone");
    });

    test("leaves no grandchild that ignores SIGTERM", async () => {
      const grandchild = await script("grandchild", remember("grandchild") + STUBBORN);
      const off = await script("off", `trap '' TERM\n${remember("child")}${grandchild} &\nwait; wait\n`);
      await failureOf(command({ run: { off: [off] } }, 1_000));
      expect(await fateOf("child")).toBe("gone");
      expect(await fateOf("grandchild")).toBe("gone");
    });

    test("leaves no grandchild that survives its parent", async () => {
      const grandchild = await script("grandchild", remember("grandchild") + STUBBORN);
      const off = await script("off", `${remember("child")}${grandchild} &\nwait\n`);
      await failureOf(command({ run: { off: [off] } }, 1_000));
      expect(await fateOf("child")).toBe("gone");
      expect(await fateOf("grandchild")).toBe("gone");
    });

    test("leaves no grandchild in a session of its own", async () => {
      const grandchild = await script("grandchild", remember("grandchild") + STUBBORN);
      const off = await script("off", `${remember("child")}setsid ${grandchild} &\nwait\n`);
      await failureOf(command({ run: { off: [off] } }, 1_000));
      expect(await fateOf("child")).toBe("gone");
      expect(await fateOf("grandchild")).toBe("gone");
    });

    test("leaves no part of a shell's pipeline", async () => {
      const part = await script("part", remember("part") + STUBBORN);
      await failureOf(command({ shell: true, run: { off: `echo x | ${part} | cat` } }, 1_000));
      expect(await fateOf("part")).toBe("gone");
    });

    test("leaves alone what another machine's program does meanwhile", async () => {
      const stubborn = await script("stubborn", remember("stubborn") + STUBBORN);
      const slow = await script("slow", `${remember("slow")}sleep 5\n`);
      const [failure] = await Promise.all([
        failureOf(command({ run: { off: [stubborn] } }, 500)),
        command({ run: { off: [slow] } }, 20_000),
      ]);
      expect(failure).toMatchObject({ code: "timeout" });
    });

    test("may end by themselves, and clean up", async () => {
      const off = await script("off", `trap 'touch ${folder}/clean; exit 1' TERM\nsleep 30 &\nwait\n`);
      await failureOf(command({ run: { off: [off] } }, 1_000));
      await expect(readFile(join(folder, "clean"), "utf8")).resolves.toBe("");
    });
  });

  test("a command ends with its program, though what it left behind holds the output open", async () => {
    const off = await script("off", `sleep 20 &\necho $! > ${folder}/pids/left\nexit 0\n`);
    const before = performance.now();
    await command({ run: { off: [off] } });
    expect(performance.now() - before).toBeLessThan(5_000);
    const left = await pidOf("left");
    // It is still there, so it was not its end that the command waited for.
    expect(await isAlive(left)).toBe(true);
    process.kill(left, "SIGKILL");
  });

  test("a state is read from a program that leaves something behind", async () => {
    const query = await script("query", `sleep 20 &\necho $! > ${folder}/pids/left\necho off\n`);
    expect(await read({ run: { query: [query] } })).toMatchObject({ state: "off" });
    process.kill(await pidOf("left"), "SIGKILL");
  });

  test("a text is the shell's with `shell: true` alone", async () => {
    const file = join(folder, "shell");
    await command({ shell: true, run: { off: `printf %s "$MAASOCHIST_MACHINE" > ${file} && true` } });
    expect(await readFile(file, "utf8")).toBe("nuc1");
    // The same words as a list are arguments, and nothing more.
    await command({ run: { off: ["/bin/echo", "x", ">", `${file}.2`] } });
    await expect(readFile(`${file}.2`, "utf8")).rejects.toThrow("ENOENT");
  });

  describe("a program that cannot be started has not acted, and is named:", () => {
    test("it is missing", async () => {
      const off = join(folder, "nowhere");
      expect(await failureOf(command({ run: { off: [off] } }))).toMatchObject({
        code: "config",
        mayHaveActed: false,
        message: `there is no program ${off}`,
      });
    });

    test("it is not executable", async () => {
      const off = await script("off", `touch ${folder}/ran\n`, 0o644);
      expect(await failureOf(command({ run: { off: [off] } }))).toMatchObject({
        code: "config",
        mayHaveActed: false,
        message: expect.stringContaining(off),
        hint: expect.stringContaining("chmod +x"),
      });
      await expect(readFile(join(folder, "ran"))).rejects.toThrow("ENOENT");
    });

    test("the shell finds none", async () => {
      const off = join(folder, "nowhere");
      expect(await failureOf(command({ shell: true, run: { off } }))).toMatchObject({
        code: "refused",
        message: expect.stringMatching(/^the shell command exited with 127: .*not found/),
      });
    });
  });
});

/** Commands as the controller would, with so long for the program (ms). */
async function command(settings: object, timeout?: number): Promise<void> {
  await using hub = hubFor(timeout);
  await outletOf(hub, settings).command("off", "hard", ASKING);
}

async function read(settings: object): Promise<Answer> {
  await using hub = hubFor();
  return (await outletOf(hub, settings).read(ASKING)).value;
}

function hubFor(timeout = 20_000): Hub {
  const pace = { ...DEFAULT_PACE, ...driver.pace, timeout };
  const spec = { key: "command", name: "command", driver, settings: undefined, pace };
  return loneHub(spec);
}

function outletOf(hub: Hub, settings: object): Outlet {
  return new Outlet({ hub: hub.spec, settings: driver.outlet.parse(settings), label: "command" }, hub);
}

/** A script for /bin/sh in the test's folder. */
async function script(name: string, text: string, mode = 0o755): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\n${text}`);
  await chmod(file, mode);
  return file;
}

/** The line by which a script tells its pid. */
function remember(name: string): string {
  return `echo $$ > ${folder}/pids/${name}\n`;
}

async function pidOf(name: string): Promise<number> {
  return Number(await readFile(join(folder, "pids", name), "utf8"));
}

async function fateOf(name: string): Promise<"never ran" | "alive" | "gone"> {
  const pid = await pidOf(name).catch(() => 0);
  if (!(pid > 0)) return "never ran";
  return (await isAlive(pid)) ? "alive" : "gone";
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  // Who is dead and not yet waited for does nothing any more.
  return stat !== "" && !/^\d+ \(.*\) [ZX]/s.test(stat);
}
