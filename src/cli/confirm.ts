/** Asks before power is taken away. */
import { createInterface } from "node:readline/promises";
import type { MachineShape } from "../http/shapes.ts";
import type { Verb } from "../power/driver.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { maasStatus } from "./words.ts";

/** What MAAS is doing with a machine that is not to be switched off in passing. */
const IN_USE: ReadonlySet<string> = new Set(["Commissioning", "Testing", "Deploying", "Deployed"]);

/** From so many machines on the count is asked for. */
const MANY = 6;

export interface Confirmation {
  readonly verb: Verb;
  readonly machines: readonly MachineShape[];
  readonly soft: boolean;
  readonly all: boolean;
  readonly yes: boolean;
}

/** Returns when it may go on. Throws CliError (2) when it may not. */
export async function confirm(cli: Cli, { verb, machines, soft, all, yes }: Confirmation): Promise<void> {
  if (verb === "on" || yes) return;
  const action = { off: "Power off", cycle: "Power cycle", reset: "Reset" }[verb];
  if (!cli.terminal.interactive || cli.json) {
    throw new CliError(`${verb} takes power away and asks first, and there is nobody to ask`, {
      exitCode: EXIT.usage,
      code: "confirm",
      hint: "Add --yes.",
    });
  }
  const { err } = cli.terminal;
  err(
    soft
      ? `${action} asks the operating system to stop.\n`
      : `${action} may perform a hard power off, which occurs immediately without any warning to the OS.\n`,
  );
  const many = all || machines.length >= MANY;
  err(`  ${machines.map(named).join(many ? "\n  " : "   ")}\n`);
  const count = machines.length;
  const [only] = machines;
  const what = count === 1 && only ? named(only) : `${count} machines${inUse(machines)}`;
  const question = many ? `${action} ${what}? Type ${count} to go on: ` : `${action} ${what}? [y/N] `;
  const answer = await ask(cli, question);
  const agreed = many ? answer.trim() === String(count) : /^y(es)?$/i.test(answer.trim());
  if (!agreed) throw new CliError("cancelled; nothing was done", { exitCode: EXIT.usage, code: "cancelled" });
}

/** `nuc3 (MAAS: Deployed)`. */
function named(machine: MachineShape): string {
  const status = maasStatus(machine);
  return status === undefined ? machine.name : `${machine.name} (MAAS: ${status})`;
}

/** Those that MAAS has in use, so that they are not overlooked in the list. */
function inUse(machines: readonly MachineShape[]): string {
  const used = machines.filter(({ maas }) => maas && IN_USE.has(maas.status)).map(({ name }) => name);
  return used.length === 0 ? "" : `, in use in MAAS: ${used.join(", ")}`;
}

/** What somebody types behind a question; empty where nobody does. */
export async function ask(cli: Cli, question: string): Promise<string> {
  const { in: input, questions: output } = cli.terminal;
  const lines = createInterface({ input, output });
  const left = new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)));
  const answer = await Promise.race([left, lines.question(question).catch(() => undefined)]);
  // Ctrl-C and Ctrl-D leave the cursor behind the question.
  if (answer === undefined) output.write("\n");
  lines.close();
  return answer ?? "";
}
