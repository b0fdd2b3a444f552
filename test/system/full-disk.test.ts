import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { type Daemon, startDaemon } from "../../src/app/daemon.ts";
import { formatProblem, parseConfiguration } from "../../src/config/index.ts";
import { drivers } from "../../src/drivers/index.ts";
import { describeWith, missing, notRoot } from "./need.ts";

const TOKEN = "mso_abcdefghijklmnopqrstuvwxyz012345";

/** A disk of one megabyte. */
class SmallDisk implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "maasochist-disk-"));

  constructor() {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "none", this.folder]);
  }

  /** Takes every byte that is left. */
  fill(): void {
    const file = openSync(join(this.folder, "ballast"), "w");
    try {
      for (const size of [65_536, 4_096, 1]) writeUntilFull(file, size);
    } finally {
      closeSync(file);
    }
  }

  makeRoom(): void {
    rmSync(join(this.folder, "ballast"));
  }

  [Symbol.dispose](): void {
    // Lazily: SQLite's binding for older Node.js holds its files until its statements are collected.
    execFileSync("umount", ["-l", this.folder]);
    rmdirSync(this.folder);
  }
}

function writeUntilFull(file: number, size: number): void {
  const bytes = Buffer.alloc(size);
  try {
    while (writeSync(file, bytes) > 0);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

async function start(folder: string): Promise<Daemon> {
  const text = `
server: { listen: "127.0.0.1:0" }
access: { tokens: [{ name: maas, token: ${TOKEN}, role: admin }] }
store: { path: ./maasochist.db }
machines: { nuc1: { driver: simulated, boot: 0s, shutdown: 0s } }
`;
  const file = join(folder, "maasochist.yaml");
  const { configuration, problems } = await parseConfiguration(text, { file, drivers, env: {} });
  if (!configuration) throw new Error(problems.map((problem) => formatProblem(problem, { color: false })).join("\n"));
  return startDaemon({ configuration, env: {}, log: pino({ level: "silent" }) });
}

describeWith(missing({ mount: "mount" }), notRoot())("a daemon whose disk is full", () => {
  test("switches and lets in as before, says that it is not well, and is well again by itself", async () => {
    using disk = new SmallDisk();
    await using daemon = await start(disk.folder);
    const ask = async (path: string, init?: RequestInit) => {
      const headers = { authorization: `Bearer ${TOKEN}` };
      const response = await fetch(`http://${daemon.addresses[0]}${path}`, { headers, ...init });
      return { status: response.status, text: await response.text() };
    };
    const ready = () => ask("/readyz", { headers: {} });
    const power = (verb: string) => ask(`/maas/nuc1/${verb}`, { method: "POST" });
    expect(await ready()).toEqual({ status: 200, text: '{"ok":true}' });

    disk.fill();
    // What SQLite has room for in its own files already, it may still keep.
    const deadline = Date.now() + 30_000;
    for (let verb = "on"; (await ready()).status === 200; verb = verb === "on" ? "off" : "on") {
      expect((await power(verb)).text).toBe('{"result":"done"}');
      expect(Date.now()).toBeLessThan(deadline);
    }
    for (const [verb, state] of [
      ["on", "running"],
      ["off", "stopped"],
    ] as const) {
      expect(await power(verb)).toEqual({ status: 200, text: '{"result":"done"}' });
      expect((await ask("/maas/nuc1/query")).text).toBe(`{"status":"${state}"}`);
    }
    expect((await ask("/maas/nuc1/query", { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
    expect(await ready()).toEqual({ status: 503, text: '{"ok":false}' });
    const status = await ask("/api/v1/status");
    expect(status.text).toMatch(/cannot be used/);
    expect(status.text).not.toContain(TOKEN);

    disk.makeRoom();
    await expect.poll(async () => (await ready()).status, { timeout: 20_000, interval: 200 }).toBe(200);
    const { orders } = JSON.parse((await ask("/api/v1/orders")).text) as { orders: { unjournalled?: true }[] };
    expect(orders.filter(({ unjournalled }) => unjournalled).length).toBeGreaterThan(0);
  });
});
