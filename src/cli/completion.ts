import type { Command } from "commander";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

const SHELLS = ["bash", "zsh", "fish", "powershell"];

export function add(program: Command, cli: Cli): void {
  program
    .command("completion")
    .description(`Print the completion script for a shell: ${SHELLS.join(", ")}.`)
    .argument("<shell>", "your shell")
    .action(async (shell: string) => {
      if (!SHELLS.includes(shell))
        throw new CliError(`there is no completion for "${shell}"`, {
          exitCode: EXIT.usage,
          code: "usage",
          hint: `There is one for ${SHELLS.join(", ")}.`,
        });
      const { default: tab } = await import("@bomb.sh/tab/commander");
      const completion = tab(program);
      completion.setup("maasochist", "maasochist", shell);
    });
  // What the script calls at every press of the tab key.
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const { default: tab } = await import("@bomb.sh/tab/commander");
      tab(program).parse(words);
      void cli;
    });
}
