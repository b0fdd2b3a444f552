/** A daemon process of its own, started from dist/ with a configuration made for the occasion. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where it writes the delay of its event loop. */
const LOOP_DELAY = "loop-delay";

export const TOKEN = "mso_benchbenchbenchbenchbenchbench";
/** Of who only looks. */
export const VIEWER_TOKEN = "mso_eyeseyeseyeseyeseyeseyeseyes";

export interface DaemonOptions {
  /** More sections of the configuration. */
  readonly more?: string;
  /** Watch the delay of its event loop. */
  readonly watchLoop?: boolean;
}

/** What takes requests, in a process of its own. */
export interface Server {
  readonly port: number;
  /** Processor time so far, in ticks of 10 ms (proc(5)). */
  cpuTicks(): number;
}

export class Daemon implements Server, AsyncDisposable {
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
  static async start(machines: string, { more = "", watchLoop = false }: DaemonOptions = {}): Promise<Daemon> {
    const folder = mkdtempSync(join(tmpdir(), "maasochist-bench-"));
    const port = await freePort();
    const file = join(folder, "maasochist.yaml");
    writeFileSync(
      file,
      `server: { listen: "127.0.0.1:${port}" }\naccess: { tokens: [{ name: bench, token: ${TOKEN}, role: maas }, { name: eyes, token: ${VIEWER_TOKEN}, role: viewer }] }\nstore: { path: ./bench.db }\nmachines:\n${machines}\n${more}\n`,
    );
    const begun = performance.now();
    const watching = watchLoop ? ["--import", join(import.meta.dirname, "loop-delay.mjs")] : [];
    const child = spawn(process.execPath, [...watching, "dist/main.js", "serve", "-c", file], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, BENCH_LOOP_DELAY: join(folder, LOOP_DELAY) },
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

  cpuTicks(): number {
    return cpuTicks(this.#process);
  }

  /** The p99 of its event loop's delay since the start, or since it was last asked for (ms). */
  async loopDelay(): Promise<number> {
    const file = join(this.#folder, LOOP_DELAY);
    this.#process.kill("SIGUSR2");
    while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5));
    const delay = Number(readFileSync(file, "utf8"));
    rmSync(file);
    return delay;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    if (this.#process.exitCode === null) await once(this.#process, "exit");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The reference server. */
export async function startBare(): Promise<Server & Disposable> {
  const child = spawn(process.execPath, ["bench/bare-server.mjs", TOKEN], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    port: Number(line.toString()),
    cpuTicks: () => cpuTicks(child),
    [Symbol.dispose]: () => void child.kill(),
  };
}

function cpuTicks({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return Number(fields[11]) + Number(fields[12]);
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
