/**
 * Runs a program to its end. The end is when the program exits, not when its output closes: something it left running in
 * the background may hold that open. When the signal aborts, the whole process tree is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { PowerError } from "../power/errors.ts";

const MOST_OUTPUT_BYTES = 65_536;
/** Time between asking a process tree to end and killing it (ms). */
const TERM_MS = 2_000;
/** After the exit, output that is already on its way is still taken for so long (ms). */
const DRAIN_MS = 50;

export interface Program {
  /** Program and arguments; or, with `shell`, one text for the shell. */
  readonly run: readonly string[] | string;
  readonly shell?: boolean;
  readonly cwd?: string | undefined;
  /** The whole environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly input?: string;
  readonly signal: AbortSignal;
}

export interface Ended {
  /** Exit status; undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly killedBy: NodeJS.Signals | undefined;
  /** At most 64 KiB each. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Throws PowerError: `config` where the program cannot be started, the signal's reason (with `mayHaveActed`) when it was
 * killed because of it.
 */
export async function runProgram(program: Program): Promise<Ended> {
  program.signal.throwIfAborted();
  const child = start(program);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(program.input ?? "");

  let killing: Promise<void> | undefined;
  const kill = () => {
    killing = killTree(child);
  };
  program.signal.addEventListener("abort", kill, { once: true });
  try {
    const [code, killedBy] = await exited(child, program);
    await killing;
    if (program.signal.aborted) {
      const reason = PowerError.from(program.signal.reason);
      throw new PowerError(reason.code, `${nameOf(program)} did not end in time and was killed`, {
        cause: reason,
        mayHaveActed: true,
      });
    }
    await drained(child);
    return { code: code ?? undefined, killedBy: killedBy ?? undefined, stdout: stdout(), stderr: stderr() };
  } finally {
    program.signal.removeEventListener("abort", kill);
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function start({ run, shell, cwd, env }: Program): ChildProcess {
  // A group of its own, so that its children can be killed with it.
  const options = { cwd, env, detached: process.platform !== "win32", windowsHide: true, stdio: "pipe" as const };
  if (typeof run === "string") return spawn(run, { ...options, shell: shell === true });
  const [file = "", ...args] = run;
  return spawn(file, args, options);
}

function nameOf({ run }: Program): string {
  const text = typeof run === "string" ? run : (run[0] ?? "");
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function exited(child: ChildProcess, program: Program): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code, signal) => resolve([code, signal]));
    child.once("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      const hint = missing
        ? "Give the full path, or correct `cwd`."
        : "Check that it is there, executable, and allowed for this account.";
      reject(
        new PowerError(
          "config",
          missing
            ? `there is no program "${nameOf(program)}"`
            : `${nameOf(program)} cannot be started: ${error.message}`,
          { cause: error, hint },
        ),
      );
    });
  });
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on("data", (chunk: Buffer) => {
    if (size >= MOST_OUTPUT_BYTES) return;
    chunks.push(chunk.subarray(0, MOST_OUTPUT_BYTES - size));
    size += chunk.length;
  });
  return () => Buffer.concat(chunks).toString();
}

/** Resolves when both outputs ended, or shortly after the exit when something else holds them open. */
async function drained(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null && !stream.readableEnded);
  const ended = Promise.all(streams.map((stream) => new Promise((resolve) => stream?.once("end", resolve))));
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise((resolve) => {
    timer = setTimeout(resolve, DRAIN_MS);
  });
  await Promise.race([ended, enough]);
  clearTimeout(timer);
}

/** Asks the tree to end, then kills it; also when the program itself is gone and only its children are left. */
async function killTree(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  if (process.platform === "win32") {
    const killer = spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore", windowsHide: true });
    await new Promise((resolve) => killer.once("close", resolve).once("error", resolve));
    return;
  }
  if (!signalGroup(pid, "SIGTERM")) return;
  const until = performance.now() + TERM_MS;
  while (performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (!signalGroup(pid, 0)) return;
  }
  signalGroup(pid, "SIGKILL");
}

/** Is there anybody left in the group? */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
