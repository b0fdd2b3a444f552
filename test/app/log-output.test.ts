import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LogOutput } from "../../src/app/log-output.ts";
import { until } from "../expecting.ts";

/** Longest that megabytes may take through a pipe (ms). */
const PATIENCE_MS = 15_000;

/** A pipe of the system's own, which takes 64 KiB until somebody reads. */
class Pipe implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "maasochist-pipe-"));
  readonly fd: number;
  readonly #reader: number;
  read = "";

  constructor() {
    const path = join(this.#folder, "pipe");
    execFileSync("mkfifo", [path]);
    this.#reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  }

  /** Reads what there is; the lines so far. */
  lines(): string[] {
    const bytes = Buffer.alloc(1_048_576);
    for (;;) {
      let count = 0;
      try {
        count = readSync(this.#reader, bytes);
      } catch {
        // Nothing is there now.
      }
      if (count === 0) return this.read.split("\n").slice(0, -1);
      this.read += bytes.toString("utf8", 0, count);
    }
  }

  hangUp(): void {
    closeSync(this.#reader);
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
    rmSync(this.#folder, { recursive: true });
  }
}

function line(number: number): string {
  return `${String(number).padStart(7)} ${"x".repeat(991)}\n`;
}

test.skipIf(process.platform === "win32")("what the reader does not take waits, and comes in its order", async () => {
  using pipe = new Pipe();
  const output = new LogOutput(pipe.fd);
  for (let number = 0; number < 1_000; number++) output.write(line(number));
  await until(() => pipe.lines().length === 1_000, PATIENCE_MS);
  expect(pipe.lines().map((text) => Number(text.slice(0, 7)))).toEqual(
    Array.from({ length: 1_000 }, (_, index) => index),
  );
});

test.skipIf(process.platform === "win32")("what is too much is left out, and how much that was is told", async () => {
  using pipe = new Pipe();
  const output = new LogOutput(pipe.fd);
  for (let number = 0; number < 6_000; number++) output.write(line(number));
  await until(() => pipe.lines().at(-1)?.includes("left out") === true, PATIENCE_MS);
  const told = pipe.lines();
  const { lines: leftOut } = JSON.parse(told.at(-1) ?? "") as { lines: number };
  expect(told.length - 1 + leftOut).toBe(6_000);
  // 4 MiB waited, and the pipe held the rest.
  expect(told.length).toBeGreaterThan(4_000);
  output.write(line(6_000));
  await until(() => pipe.lines().at(-1) === line(6_000).trimEnd(), PATIENCE_MS);
});

test.skipIf(process.platform === "win32")("a reader that hung up is written to no more", () => {
  using pipe = new Pipe();
  const output = new LogOutput(pipe.fd);
  output.write(line(1));
  pipe.hangUp();
  expect(() => output.write(line(2))).not.toThrow();
  output.flush();
});

test.skipIf(process.platform !== "linux")("a disk that is full costs lines, and nothing else", () => {
  const fd = openSync("/dev/full", "w");
  const output = new LogOutput(fd);
  expect(() => output.write(line(1))).not.toThrow();
  expect(() => output.flush()).not.toThrow();
  closeSync(fd);
});
