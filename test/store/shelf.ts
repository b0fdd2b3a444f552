/** A folder for what a store keeps, and other processes that work on it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Shelf implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "maasochist-store-"));

  path(name: string): string {
    return join(this.folder, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Permission bits of a file: `600`. */
export function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

export class OtherProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = "";

  /** See other-process.mjs. */
  constructor(...args: readonly string[]) {
    const program = join(import.meta.dirname, "other-process.mjs");
    this.#child = spawn(process.execPath, ["--import", "tsx", program, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      this.#said += chunk.toString();
    });
    this.#ended = once(this.#child, "close");
  }

  /** Whole lines that it has said until now. */
  get lines(): readonly string[] {
    return this.#said.split("\n").slice(0, -1);
  }

  /** Resolves with its exit code when it has ended. */
  async ended(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  /** Ends it as a power cut would, at whatever it is doing. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
