/** Asks before something is changed elsewhere. */
import { CliError } from "./cli-error.ts";
import { ask } from "./confirm.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

export interface Agreement {
  /** `Change 3 machines in MAAS?` */
  readonly question: string;
  readonly yes: boolean;
}

/** Returns when it may go on. Throws CliError (2) when it may not. */
export async function agree(cli: Cli, { question, yes }: Agreement): Promise<void> {
  if (yes) return;
  if (!cli.terminal.interactive || cli.json)
    throw new CliError(`it is asked first, and there is nobody to ask: ${question}`, {
      exitCode: EXIT.usage,
      code: "confirm",
      hint: "Add --yes.",
    });
  const answer = await ask(cli, `${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new CliError("cancelled; nothing was done", { exitCode: EXIT.usage, code: "cancelled" });
}
