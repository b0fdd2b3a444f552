/**
 * Keeps processes apart that change the same file. The lock is a file that only one can create, and says whose it is.
 *
 * A process that was killed leaves its lock behind. It is taken for dead when its process is gone (on this host), or when
 * the lock is older than any change takes. Breaking it is itself a thing for one at a time, and looks again first: of two
 * who found the same dead lock, the slower one would otherwise take away the fresh lock of the quicker.
 */
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Changes take milliseconds; a lock this old (ms) belongs to nobody alive. */
const STALE_MS = 30_000;
const WAIT_MS = 10_000;
const LOOK_AGAIN_MS = 20;

/** Runs the work while no other process holds the lock. Throws when it cannot be had within ten seconds. */
export async function withLock<T>(path: string, work: () => T): Promise<T> {
  const mine = `${hostname()} ${process.pid} ${randomBytes(8).toString("hex")}\n`;
  mkdirSync(dirname(path), { recursive: true });
  const until = Date.now() + WAIT_MS;
  while (!create(path, mine)) {
    if (Date.now() > until) throw new Error(`${path} is held by another command; if none is running, delete that file`);
    if (isDead(path)) breakLock(path);
    await pause(LOOK_AGAIN_MS);
  }
  try {
    return work();
  } finally {
    if (read(path) === mine) rmSync(path, { force: true });
  }
}

function create(path: string, content: string): boolean {
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
  try {
    writeFileSync(file, content);
    return true;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

function isDead(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return false;
  if (Date.now() - stats.mtimeMs > STALE_MS) return true;
  const [host, pid] = (read(path) ?? "").split(" ");
  return host === hostname() && pid !== undefined && !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

function breakLock(path: string): void {
  const breaking = `${path}.breaking`;
  if (!create(breaking, "")) return;
  try {
    if (isDead(path)) rmSync(path, { force: true });
  } finally {
    rmSync(breaking, { force: true });
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It was released in this moment.
    return undefined;
  }
}
