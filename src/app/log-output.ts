/**
 * Where the lines of the log go: a descriptor whose reader may be slow, or stop reading. Lines then wait here, so that power
 * control never waits for a reader; when too much waits, further lines are counted and left out. At the end of the process
 * what waits is written, for as long as the reader goes on reading. When the reader is gone nothing is written any more.
 *
 * It relies on writes that would block to fail instead: Node.js opens standard error so where that is a pipe or a socket.
 */
import { writeSync } from "node:fs";

/** So much waits at most (bytes). */
const MOST_WAITING = 4 * 1_048_576;
const RETRY_MS = 20;
/** How long the end of the process waits for a reader that reads nothing (ms). */
const PATIENCE_MS = 5_000;

export class LogOutput {
  readonly #fd: number;
  readonly #waiting: Buffer[] = [];
  #bytes = 0;
  #leftOut = 0;
  #gone = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Takes a whole line, with its end. */
  write(line: string): void {
    if (this.#gone) return;
    const bytes = Buffer.from(line);
    if (this.#bytes + bytes.length > MOST_WAITING) this.#leftOut += 1;
    else this.#take(bytes);
    if (!this.#timer) this.#pump();
  }

  /** Writes what waits, at the end of the process: nothing else goes on meanwhile. */
  flush(): void {
    clearTimeout(this.#timer);
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    let progress = performance.now();
    while (this.#waiting.length > 0 && performance.now() - progress < PATIENCE_MS) {
      const before = this.#bytes;
      this.#drain();
      if (this.#bytes < before) progress = performance.now();
      else Atomics.wait(sleeper, 0, 0, RETRY_MS);
    }
  }

  #take(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
  }

  #pump(): void {
    this.#timer = undefined;
    this.#drain();
    // It keeps no process from its end: `flush` is for that.
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#pump(), RETRY_MS).unref();
  }

  /** Writes as much as is taken now. */
  #drain(): void {
    for (let [first] = this.#waiting; first; [first] = this.#waiting) {
      let written: number;
      try {
        written = writeSync(this.#fd, first);
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : undefined;
        if (code === "EAGAIN") return;
        this.#giveUp(code === "EPIPE" || code === "EBADF");
        return;
      }
      this.#bytes -= written;
      if (written < first.length) this.#waiting[0] = first.subarray(written);
      else this.#waiting.shift();
    }
    if (this.#leftOut === 0) return;
    const lines = this.#leftOut;
    this.#leftOut = 0;
    const told = { level: 40, time: Date.now(), lines, msg: "lines of the log were left out: its reader was too slow" };
    this.#take(Buffer.from(`${JSON.stringify(told)}\n`));
    this.#drain();
  }

  /** The reader is gone for good, or, on a full disk, what waits is lost and what comes is tried again. */
  #giveUp(gone: boolean): void {
    this.#gone = gone;
    this.#leftOut += this.#waiting.length;
    this.#waiting.length = 0;
    this.#bytes = 0;
  }
}
