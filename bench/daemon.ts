/** A daemon process of its own, started from dist/ with a configuration made for the occasion. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const TOKEN = "mso_benchbenchbenchbenchbenchbench";

export class Daemon implements AsyncDisposable {
  readonly port: number;
  /** From process start to the first accepted connection (ms). */
  readonly startMs: number;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(started: {
    readonly port: number;
    readonly startMs: number;
    readonly process: ChildProcess;
    readonly folder: string;
  }) {
    this.port = started.port;
    this.startMs = started.startMs;
    this.#process = started.process;
    this.#folder = started.folder;
  }

  /** Starts it with these machines (YAML under `machines:`). */
  static async start(machines: string): Promise<Daemon> {
    const folder = mkdtempSync(join(tmpdir(), "maasochist-bench-"));
    const port = await freePort();
    const file = join(folder, "maasochist.yaml");
    writeFileSync(
      file,
      `server: { listen: "127.0.0.1:${port}" }\naccess: { tokens: [{ name: bench, token: ${TOKEN}, role: maas }] }\nstore: { path: ./bench.db }\nmachines:\n${machines}\n`,
    );
    const begun = performance.now();
    const child = spawn(process.execPath, ["dist/main.js", "serve", "-c", file], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return new Daemon({ port, startMs: performance.now() - begun, process: child, folder });
  }

  /** Resident memory (MB). */
  memory(): number {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#process.pid}/status`, "utf8"))?.[1];
    return Number(kilobytes) / 1_024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    if (this.#process.exitCode === null) await once(this.#process, "exit");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The reference server; its port. */
export async function startBare(): Promise<{ readonly port: number } & Disposable> {
  const child = spawn(process.execPath, ["bench/bare-server.mjs", TOKEN], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { port: Number(line.toString()), [Symbol.dispose]: () => void child.kill() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
