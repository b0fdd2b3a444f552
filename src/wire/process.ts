/**
 * Runs a program to its end. The end is when the program exits, not when its output closes: something it left running in
 * the background may hold that open. When the signal aborts, the whole process tree is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import { messageOf, PowerError } from "../power/errors.ts";
import { abortCode } from "./abort.ts";
import { clip } from "./clip.ts";
import { killTree } from "./process-tree.ts";

const MOST_OUTPUT_BYTES = 65_536;
/** After the exit, output that is on its way is taken until none came for so long (ms), but at most `MOST_DRAIN_MS`. */
const DRAIN_MS = 50;
const MOST_DRAIN_MS = 1_000;

export interface Program {
  /** Program and arguments; or, with `shell`, one text for the shell. */
  readonly run: readonly string[] | string;
  readonly shell?: boolean;
  readonly cwd?: string | undefined;
  /** The whole environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Texts to mask where a failure quotes the program's output. */
  readonly secrets?: readonly string[];
  /** What to do where there is no such program. */
  readonly install?: string;
  readonly signal: AbortSignal;
}

export interface Ended {
  /** Exit status; undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly killedBy: NodeJS.Signals | undefined;
  /** The last 64 KiB each. */
  readonly stdout: string;
  readonly stderr: string;
  /** Was there more of `stdout` before? */
  readonly cut: boolean;
}

/**
 * Throws PowerError: `config` where the program cannot be started, `busy` where this host is short of something, and the
 * code of the signal's reason (with `mayHaveActed`) when it was killed because of it.
 */
export async function runProgram(program: Program): Promise<Ended> {
  const { signal } = program;
  signal.throwIfAborted();
  let child: ChildProcess;
  try {
    child = start(program);
  } catch (error) {
    // Node.js may quote the arguments here, which may hold secrets: its words are not kept.
    const code = codeOf(error);
    throw await startFailure({ code, message: `its arguments cannot be passed on (${code})` }, program);
  }
  const exit = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once("exit", (code, killedBy) => resolve([code, killedBy]));
  });
  const stdout = new Tail(child.stdout);
  const stderr = new Tail(child.stderr);
  let onAbort = () => {};
  try {
    await started(child, program);
    const overtime = new Promise<boolean>((resolve) => {
      onAbort = () => resolve(killTree(child.pid ?? 0));
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    });
    const first = await Promise.race([exit, overtime]);
    if (signal.aborted || typeof first === "boolean") {
      throw overdue(program, { gone: await overtime, said: stderr.text.trim() || stdout.text });
    }
    signal.removeEventListener("abort", onAbort);
    await drained([stdout, stderr]);
    const [code, killedBy] = first;
    return {
      code: code ?? undefined,
      killedBy: killedBy ?? undefined,
      stdout: stdout.text,
      stderr: stderr.text,
      cut: stdout.cut,
    };
  } finally {
    signal.removeEventListener("abort", onAbort);
    child.stdout?.destroy();
    child.stderr?.destroy();
    child.unref();
  }
}

/** What a program gets of the daemon's environment: nothing of the daemon's own settings is its business. */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("MAASOCHIST_")));
}

/** The program as a failure names it. A text for the shell is not quoted: secrets may stand in it. */
export function nameOf({ run }: Pick<Program, "run">): string {
  return typeof run === "string" ? "the shell command" : (run[0] ?? "");
}

function start({ run, shell, cwd, env, input }: Program): ChildProcess {
  // A group of its own, so that its children can be killed with it.
  const options = { cwd, env, detached: process.platform !== "win32", windowsHide: true, stdio: "pipe" as const };
  const [file = "", ...args] = run;
  const child =
    typeof run === "string" ? spawn(run, { ...options, shell: shell === true }) : spawn(file, args, options);
  // It may end without having read what it was given.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input ?? "");
  return child;
}

async function started(child: ChildProcess, program: Program): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => child.once("spawn", resolve).on("error", reject));
  } catch (error) {
    throw await startFailure({ code: codeOf(error), message: messageOf(error) }, program);
  }
}

/** The system says ENOENT for a program, for the folder to run it in, and for what its first line names. */
async function whatIsMissing({ run, cwd, install }: Program): Promise<PowerError | undefined> {
  const name = nameOf({ run });
  if (cwd !== undefined && !(await stat(cwd).catch(() => undefined))?.isDirectory()) {
    return new PowerError("config", `there is no folder ${cwd} to run ${name} in`, { hint: "Correct `cwd`." });
  }
  if (typeof run === "string") return undefined;
  if (/[/\\]/.test(name) && (await stat(resolve(cwd ?? ".", name)).catch(() => undefined))?.isFile()) {
    return new PowerError("config", `${name} is there, but not the interpreter that its first line names`, {
      hint: "Correct the line that begins with #!, and see that it does not end in a carriage return.",
    });
  }
  return new PowerError("config", `there is no program ${name}`, { hint: install ?? "Give its full path." });
}

async function startFailure(
  error: { readonly code: string; readonly message: string },
  program: Program,
): Promise<PowerError> {
  const missing = error.code === "ENOENT" || error.code === "ENOTDIR" ? await whatIsMissing(program) : undefined;
  if (missing) return missing;
  const name = nameOf(program);
  // The original lists every argument.
  const cause = Object.assign(new Error(error.message), { code: error.code });
  switch (error.code) {
    case "EACCES":
    case "EPERM":
      return new PowerError("config", `${name} may not be run by this account`, {
        cause,
        hint: "Is it executable (chmod +x), may the daemon's account read it, and enter its folder and `cwd`?",
      });
    case "EAGAIN":
    case "EMFILE":
    case "ENFILE":
    case "ENOMEM":
      return new PowerError("busy", `${name} cannot be started: this host is short of something (${error.code})`, {
        cause,
        hint: "Look for what uses up its processes, open files or memory.",
      });
    case "E2BIG":
      return new PowerError("config", `${name} cannot be started: its arguments and environment are too long`, {
        cause,
      });
    default:
      return new PowerError("config", `${name} cannot be started: ${error.message}`, {
        cause,
        ...(process.platform === "win32" && { hint: "A .bat or .cmd file needs `shell: true`." }),
      });
  }
}

function overdue(program: Program, end: { readonly gone: boolean; readonly said: string }): PowerError {
  const { signal } = program;
  const fate = end.gone ? "and was killed" : "and could not be killed: something of it still runs";
  const said = clip(end.said, program.secrets);
  return new PowerError(
    abortCode(signal),
    `${nameOf(program)} did not end in time ${fate}${said === "" ? "" : `; it said: ${said}`}`,
    {
      cause: signal.reason,
      mayHaveActed: true,
      ...(!end.gone && { hint: "The daemon's account may not signal what runs as another user, as after sudo." }),
    },
  );
}

/** Keeps the end of an output: what went wrong is said last. */
class Tail {
  readonly closed: Promise<void>;
  #chunks: Buffer[] = [];
  #kept = 0;
  #open: boolean;
  /** Bytes in all. */
  size = 0;

  constructor(stream: NodeJS.ReadableStream | null) {
    this.#open = stream !== null;
    this.closed = new Promise((resolve) => {
      const close = () => {
        this.#open = false;
        resolve();
      };
      if (!stream) close();
      stream?.on("data", (chunk: Buffer) => this.#add(chunk));
      stream?.on("error", close).once("end", close).once("close", close);
    });
  }

  #add(chunk: Buffer): void {
    this.size += chunk.length;
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    for (let [first] = this.#chunks; first && this.#kept - first.length >= MOST_OUTPUT_BYTES; [first] = this.#chunks) {
      this.#chunks.shift();
      this.#kept -= first.length;
    }
  }

  get open(): boolean {
    return this.#open;
  }

  get cut(): boolean {
    return this.size > MOST_OUTPUT_BYTES;
  }

  /** Bytes that are no UTF-8 show as U+FFFD. */
  get text(): string {
    return new TextDecoder().decode(Buffer.concat(this.#chunks).subarray(-MOST_OUTPUT_BYTES));
  }
}

/** Resolves when the outputs ended; or when nothing more comes, where something else holds them open. */
async function drained(outputs: readonly Tail[]): Promise<void> {
  const closed = Promise.all(outputs.map((output) => output.closed));
  const size = () => outputs.reduce((sum, output) => sum + output.size, 0);
  const until = performance.now() + MOST_DRAIN_MS;
  for (let before = size(); performance.now() < until; before = size()) {
    const timer = new AbortController();
    await Promise.race([closed, pause(DRAIN_MS, undefined, { signal: timer.signal })]);
    timer.abort();
    // Timers come before input where the event loop is late: input gets one turn more.
    await turn();
    if (!outputs.some((output) => output.open) || size() === before) return;
  }
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
