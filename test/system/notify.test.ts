/** What systemd is told, received at a real UNIX datagram socket from the built program by systemd's own systemd-notify. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { configuration, Place, type Running } from "../cli/cli.ts";
import { until } from "../expecting.ts";
import { describeWith, missing } from "./need.ts";

const RECEIVER = join(import.meta.dirname, "notify-receiver.py");
const MACHINES = "  a: { driver: simulated, boot: 0s, shutdown: 0s }\n  b: { driver: simulated, boot: 60s }\n";
/** Longest that something may take in a process under load (ms). */
const PATIENCE_MS = 20_000;

/** A driver of somebody's own whose `on` lets nothing else run for ever. */
const STUCK = `export default (kit) => kit.defineDriver({
  name: "stuck", title: "Stuck", family: "Tests", summary: "Computes for ever.",
  sources: ["https://example.org"], examples: [{ title: "Minimal", yaml: "machines: {}\\n" }], cuts: "nothing", outlet: kit.z.object({}),
  on: () => { for (;;); },
  query: () => Promise.resolve("off"),
});
`;

/** systemd's side: its socket, and what came to it. */
class Manager implements AsyncDisposable {
  readonly messages: string[][] = [];
  readonly #receiver: ChildProcess;

  private constructor(receiver: ChildProcess) {
    this.#receiver = receiver;
    if (receiver.stdout)
      createInterface({ input: receiver.stdout }).on("line", (line) =>
        this.messages.push(JSON.parse(line) as string[]),
      );
  }

  static async listen(socket: string): Promise<Manager> {
    const manager = new Manager(spawn("python3", [RECEIVER, socket], { stdio: ["ignore", "pipe", "inherit"] }));
    await until(() => manager.messages.length > 0, PATIENCE_MS);
    return manager;
  }

  /** What was said of one thing, in the order of its coming. */
  said(name: string): string[] {
    return this.messages.flat().flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
  }

  /** Which of these came, in what order. */
  order(...wanted: readonly string[]): string[] {
    return this.messages.flat().filter((line) => wanted.includes(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#receiver.kill("SIGKILL");
    await once(this.#receiver, "close");
  }
}

interface ServedBy {
  readonly socket: string;
  readonly machines?: string;
  readonly more?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function start(place: Place, { socket, machines = MACHINES, more = "", env = {} }: ServedBy): Promise<Running> {
  place.write("maasochist.yaml", configuration(machines, more));
  const daemon = place.start(["serve", "--json"], { env: { NOTIFY_SOCKET: socket, ...env } });
  await daemon.says('"listening"');
  return daemon;
}

describeWith(missing({ python3: "python3", "systemd-notify": "systemd" }))("a service of Type=notify", () => {
  test("is ready when it listens, and says what it serves", async () => {
    await using place = Place.with();
    const socket = place.file("notify");
    await using manager = await Manager.listen(socket);
    await start(place, { socket });
    await until(() => manager.said("READY").length === 1, PATIENCE_MS);
    expect(manager.messages[1]).toEqual(["READY=1", expect.stringMatching(/^STATUS=2 machines on 127\.0\.0\.1:\d+$/)]);
    const port = /:(\d+)$/.exec(manager.said("STATUS")[0] ?? "")?.[1];
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  test("speaks to an abstract socket as well", async () => {
    await using place = Place.with();
    const socket = `@maasochist-${process.pid}-${Date.now()}`;
    await using manager = await Manager.listen(socket);
    await start(place, { socket });
    await until(() => manager.messages.length > 1, PATIENCE_MS);
    expect(manager.messages[1]).toContain("READY=1");
  });

  test("says that it reads its configuration again, by which clock, and that it is done", async () => {
    await using place = Place.with();
    const socket = place.file("notify");
    await using manager = await Manager.listen(socket);
    const daemon = await start(place, { socket });
    await until(() => manager.said("READY").length === 1, PATIENCE_MS);
    const before = process.hrtime.bigint() / 1_000n;
    daemon.child.kill("SIGHUP");
    await until(() => manager.said("READY").length === 2, PATIENCE_MS);
    const after = process.hrtime.bigint() / 1_000n;
    expect(manager.order("READY=1", "RELOADING=1")).toEqual(["READY=1", "RELOADING=1", "READY=1"]);
    const reloading = manager.messages.find((lines) => lines.includes("RELOADING=1")) ?? [];
    const usec = BigInt(reloading.find((line) => line.startsWith("MONOTONIC_USEC="))?.slice(15) ?? 0);
    expect(usec >= before && usec <= after).toBe(true);
  });

  test("is done with reading an invalid configuration too, and says what is wrong", async () => {
    await using place = Place.with();
    const socket = place.file("notify");
    await using manager = await Manager.listen(socket);
    const daemon = await start(place, { socket });
    writeFileSync(place.file("maasochist.yaml"), "machines: {");
    daemon.child.kill("SIGHUP");
    await until(
      () => manager.said("STATUS").some((status) => status.endsWith("trouble with: configuration")),
      PATIENCE_MS,
    );
    expect(manager.order("READY=1", "RELOADING=1").at(-1)).toBe("READY=1");
  });

  test("says that it stops before it does, and with how much under way", async () => {
    await using place = Place.with();
    const socket = place.file("notify");
    await using manager = await Manager.listen(socket);
    const daemon = await start(place, { socket });
    await place.run("on", "b", "--no-wait");
    expect(await daemon.end("SIGTERM")).toMatchObject({ code: 0 });
    await until(() => manager.said("STOPPING").length === 1, PATIENCE_MS);
    expect(manager.messages.at(-1)).toEqual([
      "STOPPING=1",
      expect.stringMatching(/^STATUS=Stopping: .*; 1 order under way$/),
    ]);
  });

  test("gives a sign of life thrice in the time of the watchdog, and none where nobody waits for any", async () => {
    await using place = Place.with();
    const socket = place.file("notify");
    await using manager = await Manager.listen(socket);
    await start(place, { socket, env: { WATCHDOG_USEC: "1500000" } });
    await until(() => manager.said("WATCHDOG").length >= 4, PATIENCE_MS);

    await using other = Place.with();
    await using quiet = await Manager.listen(other.file("notify"));
    // For another process: an earlier one of the same unit.
    await start(other, { socket: other.file("notify"), env: { WATCHDOG_USEC: "300000", WATCHDOG_PID: "1" } });
    await until(() => quiet.said("READY").length === 1, PATIENCE_MS);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(quiet.said("WATCHDOG")).toEqual([]);
  });

  test("gives none while something keeps its event loop for itself", async () => {
    await using place = Place.with({ "maasochist-own-driver.mjs": STUCK });
    const socket = place.file("notify");
    await using manager = await Manager.listen(socket);
    const daemon = await start(place, {
      socket,
      machines: "  a: { driver: stuck }\n",
      more: "drivers: [./maasochist-own-driver.mjs]",
      env: { WATCHDOG_USEC: "900000" },
    });
    await until(() => manager.said("WATCHDOG").length >= 2, PATIENCE_MS);
    void place.run("on", "a", "--no-wait");
    await until(() => daemon.err.includes("order accepted"), PATIENCE_MS);
    // What had been sent by then has arrived.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = manager.said("WATCHDOG").length;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(manager.said("WATCHDOG").length).toBe(before);
    daemon.child.kill("SIGKILL");
  });

  test("lets no program that it runs speak for it", async () => {
    await using place = Place.with();
    const socket = place.file("notify");
    await using manager = await Manager.listen(socket);
    const seen = place.file("seen");
    const run = `{ on: [sh, -c, "env > ${seen}"], query: [echo, off] }`;
    await start(place, {
      socket,
      machines: `  a: { driver: command, run: ${run}, cuts: nothing, verify: 1s }\n`,
      env: { WATCHDOG_USEC: "1000000" },
    });
    await until(() => manager.said("READY").length === 1, PATIENCE_MS);
    await place.run("on", "a");
    const { readFileSync } = await import("node:fs");
    const env = readFileSync(seen, "utf8");
    expect(env).toContain("PATH=");
    expect(env).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
  });

  test("goes on where systemd-notify is not to be had, and says so once", async () => {
    await using place = Place.with();
    const node = process.execPath.replace(/\/[^/]+$/, "");
    const daemon = await start(place, { socket: place.file("nobody"), env: { PATH: node, WATCHDOG_USEC: "300000" } });
    await until(() => daemon.err.includes("systemd cannot be told"), PATIENCE_MS);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(daemon.err.match(/systemd cannot be told/g)).toHaveLength(1);
    expect(daemon.err).toContain("install systemd-notify");
    expect(daemon.child.exitCode).toBe(null);
  });
});
