/** Asks before power is taken away. */
import { createInterface } from "node:readline/promises";
import type { MachineShape } from "../http/shapes.ts";
import type { Verb } from "../power/driver.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

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
  err(`  ${machines.map((machine) => machine.name).join(many ? "\n  " : "   ")}\n`);
  const count = machines.length;
  const question = many
    ? `${action} ${count} machines? Type ${count} to go on: `
    : `${action} ${count === 1 ? (machines[0]?.name ?? "") : `${count} machines`}? [y/N] `;
  const answer = await ask(cli, question);
  const agreed = many ? answer.trim() === String(count) : /^y(es)?$/i.test(answer.trim());
  if (!agreed) throw new CliError("cancelled; nothing was done", { exitCode: EXIT.usage, code: "cancelled" });
}

async function ask(cli: Cli, question: string): Promise<string> {
  const { in: input, questions: output } = cli.terminal;
  const lines = createInterface({ input, output });
  const left = new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)));
  const answer = await Promise.race([left, lines.question(question).catch(() => undefined)]);
  // Ctrl-C and Ctrl-D leave the cursor behind the question.
  if (answer === undefined) output.write("\n");
  lines.close();
  return answer ?? "";
}
