/**
 * Where the lines of the log go: a descriptor whose reader may be slow, or stop reading. Lines are written together, a moment
 * later; where the reader is slow they wait here, so that power control never waits for it, and when too much waits, further
 * lines are counted and left out. At the end of the process what waits is written, for as long as the reader goes on
 * reading. When the reader is gone nothing is written any more.
 *
 * It relies on writes that would block to fail instead: Node.js opens standard error so where that is a pipe or a socket.
 */
import { writevSync } from "node:fs";

/** So much waits at most (bytes). */
const MOST_WAITING = 4 * 1_048_576;
/** Written at once at most (bytes): what a pipe of Linux takes (pipe(7)). */
const AT_ONCE = 65_536;
const RETRY_MS = 20;
/** How long the end of the process waits for a reader that reads nothing (ms). */
const PATIENCE_MS = 5_000;

export class LogOutput {
  readonly #fd: number;
  readonly #waiting: Buffer[] = [];
  #bytes = 0;
  #leftOut = 0;
  #gone = false;
  /** Lines of this moment are to be written at its end. */
  #soon: NodeJS.Immediate | undefined;
  /** The reader is slow: it is tried again later. */
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
    if (this.#timer) return;
    if (this.#bytes >= AT_ONCE) this.#pump();
    else this.#soon ??= setImmediate(() => this.#pump());
  }

  /** Writes what waits, at the end of the process: nothing else goes on meanwhile. */
  flush(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
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
    clearImmediate(this.#soon);
    this.#soon = undefined;
    this.#timer = undefined;
    this.#drain();
    // It keeps no process from its end: `flush` is for that.
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#pump(), RETRY_MS).unref();
  }

  /** Writes as much as is taken now. */
  #drain(): void {
    while (this.#waiting.length > 0) {
      try {
        this.#wrote(writevSync(this.#fd, this.#first()));
      } catch (error) {
        const code = error instanceof Error && "code" in error ? error.code : undefined;
        if (code === "EAGAIN") return;
        this.#giveUp(code === "EPIPE" || code === "EBADF");
        return;
      }
    }
    if (this.#leftOut === 0) return;
    const lines = this.#leftOut;
    this.#leftOut = 0;
    const told = { level: 40, time: Date.now(), lines, msg: "lines of the log were left out: its reader was too slow" };
    this.#take(Buffer.from(`${JSON.stringify(told)}\n`));
    this.#drain();
  }

  /** The lines that wait longest, as many as are written at once. */
  #first(): Buffer[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((line) => {
      bytes += line.length;
      return bytes > AT_ONCE;
    });
    return end === -1 ? this.#waiting : this.#waiting.slice(0, Math.max(1, end));
  }

  #wrote(bytes: number): void {
    this.#bytes -= bytes;
    let [whole, rest] = [0, bytes];
    for (const line of this.#waiting) {
      if (rest < line.length) break;
      rest -= line.length;
      whole += 1;
    }
    this.#waiting.splice(0, whole);
    const [first] = this.#waiting;
    if (first && rest > 0) this.#waiting[0] = first.subarray(rest);
  }

  /** The reader is gone for good, or, on a full disk, what waits is lost and what comes is tried again. */
  #giveUp(gone: boolean): void {
    this.#gone = gone;
    this.#leftOut += this.#waiting.length;
    this.#waiting.length = 0;
    this.#bytes = 0;
  }
}
