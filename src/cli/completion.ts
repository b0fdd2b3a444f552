import type { Command } from "commander";
import type { Cli } from "./context.ts";

/** What stands around the script of each shell: the same completion for the short name. */
const AROUND: Readonly<Record<string, readonly [before: string, after: string]>> = {
  // The script sets constants, which cannot be set twice, and calls a function of the package bash-completion.
  bash: [
    `if ! declare -F __maasochist_complete >/dev/null; then
declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {
    cword=$COMP_CWORD words=("\${COMP_WORDS[@]}") cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
}`,
    "complete -F __maasochist_complete mso\nfi",
  ],
  zsh: ["", "compdef _maasochist mso"],
  fish: ["", "complete -c mso -w maasochist"],
  powershell: ["", "Register-ArgumentCompleter -CommandName 'mso' -ScriptBlock $__maasochistCompleterBlock"],
};

export function add(program: Command, cli: Cli): void {
  program
    .command("completion")
    .description("Print the completion script for a shell.")
    .addArgument(program.createArgument("<shell>", "your shell").choices(Object.keys(AROUND)))
    .addHelpText("after", "\nFor bash, in ~/.bashrc:  source <(maasochist completion bash)")
    .action(async (shell: string) => {
      const { script } = await import("@bomb.sh/tab");
      const [before = "", after = ""] = AROUND[shell] ?? [];
      if (before !== "") cli.terminal.out(`${before}\n`);
      script(shell, "maasochist", "maasochist");
      cli.terminal.out(`${after}\n`);
    });
  // What the script calls at every press of the tab key.
  program
    .command("complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: string[]) => {
      const { complete } = await import("./complete.ts");
      await complete(program, cli, words);
    });
}
