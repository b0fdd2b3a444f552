/**
 * JSONata expressions of the configuration over answers of devices, in a process of their own.
 *
 * The library's own limits hold between two steps of an expression. Within one, a regular expression may explode on a
 * hostile answer, and `$pad("", 200000000)` ends the whole of Node.js, a worker thread's limits notwithstanding: both
 * measured with jsonata 2.2.2 on Node.js 20. Here they cost a helper, and a second of nobody's time but the asker's.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { messageOf, PowerError } from "../power/errors.ts";
import { unlessAborted } from "./abort.ts";

const require = createRequire(import.meta.url);
const LIBRARY = require.resolve("jsonata");

/** Longest an evaluation may take (ms), and how deep it may nest. */
const LIMITS = { timeout: 1_000, stack: 200 };
/** What the library's own limit does not end is killed after so long (ms). */
const LONGEST_MS = 1_500;
const MOST_MEMORY_MB = 64;
/** A helper that nobody used for so long ends (ms). */
const IDLE_MS = 60_000;
/** The longest value that can be a state or is worth quoting. */
const MOST_VALUE = 1_000;

export interface Task {
  readonly expression: string;
  readonly json: string;
}

/** What became of a task. A value comes as the beginning of its JSON; undefined where the expression found nothing. */
export type Outcome =
  | { readonly kind: "value"; readonly json?: string }
  | { readonly kind: "not-json" }
  | { readonly kind: "failed"; readonly why: string };

/** JavaScript as it stands: it runs from the sources as well as from a build. */
const HELPER = `
const jsonata = require(${JSON.stringify(LIBRARY)});
process.on("message", async ({ expression, json }) => {
  let data;
  try {
    data = JSON.parse(json);
  } catch {
    return process.send({ kind: "not-json" });
  }
  try {
    const value = await jsonata(expression, ${JSON.stringify(LIMITS)}).evaluate(data);
    process.send({ kind: "value", json: JSON.stringify(value)?.slice(0, ${MOST_VALUE}) });
  } catch (error) {
    process.send({ kind: "failed", why: String(error?.message ?? error) });
  }
});
process.send("ready");
`;

let helper: Promise<ChildProcess> | undefined;
let line: Promise<unknown> = Promise.resolve();
let idle: NodeJS.Timeout | undefined;

/** Evaluates an expression over a JSON text, one after the other. Throws PowerError `busy`, or the signal's reason. */
export function evaluate(task: Task, signal?: AbortSignal): Promise<Outcome> {
  const before = line;
  const turn = (async () => {
    await before;
    signal?.throwIfAborted();
    clearTimeout(idle);
    helper ??= start();
    try {
      return await ask(await helper, { task, signal });
    } finally {
      idle = setTimeout(letGo, IDLE_MS).unref();
    }
  })();
  line = turn.catch(() => undefined);
  return unlessAborted(turn, signal);
}

/** What is wrong with an expression; undefined where nothing is. */
export function expressionProblem(expression: string): string | undefined {
  const jsonata = require(LIBRARY) as typeof import("jsonata");
  try {
    jsonata(expression);
    return undefined;
  } catch (error) {
    return `it is no JSONata: ${messageOf(error)}`;
  }
}

async function start(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [`--max-old-space-size=${MOST_MEMORY_MB}`, "--eval", HELPER], {
    // Nothing of the daemon's environment is an expression's business.
    env: process.platform === "win32" ? { SystemRoot: process.env["SystemRoot"] } : {},
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    windowsHide: true,
  });
  try {
    await new Promise((resolve, reject) => {
      child.once("message", resolve);
      child.on("error", reject);
      child.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
    });
  } catch (cause) {
    letGo();
    throw new PowerError("busy", `the helper for expressions cannot be started: ${messageOf(cause)}`, { cause });
  }
  // While it waits it keeps nobody from ending.
  child.unref();
  child.channel?.unref();
  return child;
}

/** The next evaluation gets a helper of its own; this one ends when its channel closes, if it still can. */
function letGo(): void {
  helper?.then(
    (child) => child.connected && child.disconnect(),
    () => undefined,
  );
  helper = undefined;
}

function ask(
  child: ChildProcess,
  { task, signal }: { readonly task: Task; readonly signal: AbortSignal | undefined },
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const over = (settle: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      child.off("message", onAnswer).off("exit", onExit);
      settle();
    };
    const giveUp = (settle: () => void) => {
      letGo();
      child.kill("SIGKILL");
      over(settle);
    };
    const failed = (why: string) => () => resolve({ kind: "failed", why });
    const onAnswer = (outcome: Outcome) => over(() => resolve(outcome));
    const onExit = () => giveUp(failed(`it needs more than ${MOST_MEMORY_MB} MB of memory`));
    const onAbort = () => giveUp(() => reject(signal?.reason));
    const timer = setTimeout(() => giveUp(failed(`it takes longer than ${LONGEST_MS / 1_000} s`)), LONGEST_MS);
    signal?.addEventListener("abort", onAbort, { once: true });
    child.once("message", onAnswer).once("exit", onExit);
    child.send(task, (error) => error && giveUp(failed(`its helper is gone: ${error.message}`)));
  });
}
