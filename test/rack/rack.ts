/** Starts the rack of rack.mjs and reads its log. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

export interface RackSettings {
  readonly hubs: number;
  readonly outlets: number;
  /** Hubs listen on this port and those behind it. */
  readonly firstPort: number;
  readonly latencyMs: number;
  readonly bootMs: number;
  readonly shutdownMs: number;
}

export type RackFault = "stall" | "reset" | "rubbish" | "refuse" | null;

/** A line of the rack's log. `at`: ms since 1970. */
export interface RackLine {
  readonly at: number;
  readonly hub: number;
  readonly outlet?: number;
  readonly event: "command" | "state" | "fault";
  readonly on?: boolean;
  readonly fault?: RackFault;
}

export const RACK_DRIVER = join(import.meta.dirname, "rack-driver.mjs");

export class Rack implements AsyncDisposable {
  readonly settings: RackSettings;
  readonly #process: ChildProcess;
  readonly #log: string;

  private constructor(settings: RackSettings, process: ChildProcess, log: string) {
    this.settings = settings;
    this.#process = process;
    this.#log = log;
  }

  /** `folder`: for its settings and its log. */
  static async start(folder: string, settings: RackSettings): Promise<Rack> {
    const file = join(folder, "rack.json");
    const log = join(folder, "rack.jsonl");
    writeFileSync(file, JSON.stringify(settings));
    const child = spawn(process.execPath, [join(import.meta.dirname, "rack.mjs"), file, log], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    return new Rack(settings, child, log);
  }

  fault(hub: number, fault: RackFault): void {
    this.#process.stdin?.write(`${JSON.stringify({ hub, fault })}\n`);
  }

  /** Exchanges that each hub has worked on. */
  async exchanges(): Promise<readonly number[]> {
    const { stdin, stdout } = this.#process;
    if (!stdin || !stdout) throw new Error("the rack has no pipes");
    const line = once(stdout, "data");
    stdin.write(`${JSON.stringify({ ask: "exchanges" })}\n`);
    const [text] = (await line) as [Buffer];
    return JSON.parse(text.toString()) as number[];
  }

  lines(): readonly RackLine[] {
    return readFileSync(this.#log, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as RackLine);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { stdin } = this.#process;
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, "exit");
    stdin?.end();
    await ended;
  }
}

/** The first of `count` ports in a row that nobody listens on. */
export async function freePorts(count: number): Promise<number> {
  for (let first = 21_000; first < 60_000; first += count) {
    const servers = await Promise.allSettled(
      Array.from({ length: count }, async (_, index) => {
        const server = createServer();
        const listening = once(server, "listening");
        server.listen(first + index, "127.0.0.1");
        await Promise.race([listening, once(server, "error").then(([error]) => Promise.reject(error as Error))]);
        return server;
      }),
    );
    for (const result of servers) if (result.status === "fulfilled") result.value.close();
    if (servers.every((result) => result.status === "fulfilled")) return first;
  }
  throw new Error(`there are no ${count} free ports in a row`);
}
