/** The program without a process of its own, and with a person who reads and types. */
import { PassThrough } from "node:stream";
import { runCli } from "../../src/cli/program.ts";
import { until } from "../expecting.ts";
import type { Place } from "./cli.ts";

/** Longest that it may take until a question stands there (ms): the first one loads the program, and MAAS may be asked. */
const LONGEST_MS = 60_000;
/** How the program's questions end. */
const QUESTION = /(?:\[y\/N\]|to go on:|generic:) /g;

export interface Shown {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Person {
  /** What is typed at each question, as it stands there; null: Ctrl-D. */
  readonly types?: string | null | readonly string[];
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a command in a place as at a terminal. */
export async function runAtTerminal(
  place: Place,
  args: readonly string[],
  { types, columns = 100, env = {} }: Person = {},
): Promise<Shown> {
  const shown = { out: "", err: "" };
  const keyboard = new PassThrough();
  const questions = new PassThrough().setEncoding("utf8");
  questions.on("data", (text: string) => {
    shown.err += text;
  });
  const running = runCli(args, {
    out: (text) => {
      shown.out += text;
    },
    err: (text) => {
      shown.err += text;
    },
    in: keyboard,
    questions,
    interactive: true,
    outIsTerminal: true,
    errIsTerminal: true,
    unread: new AbortController().signal,
    env,
    cwd: place.path,
    columns,
  });
  for (const [index, answer] of answersOf(types).entries()) {
    await until(() => (shown.err.match(QUESTION) ?? []).length > index, LONGEST_MS);
    if (answer === null) keyboard.end();
    else keyboard.write(`${answer}\n`);
  }
  return { code: await running, ...shown };
}

function answersOf(types: Person["types"]): readonly (string | null)[] {
  if (types === undefined) return [];
  return typeof types === "string" || types === null ? [types] : types;
}
