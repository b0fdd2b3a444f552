import type { Command } from "commander";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

export function add(program: Command, cli: Cli): void {
  program
    .command("reload")
    .description("Take over a changed configuration while orders run. An invalid one changes nothing.")
    .option("--dry-run", "say what would change, and change nothing")
    .action(async (options: { readonly dryRun?: boolean }) => {
      const daemon = await cli.daemon();
      const result = await daemon.reload(options.dryRun === true);
      const { applied, difference, restart, problems } = result;
      for (const { severity, file, line, column, message } of problems)
        cli.note(`${file}:${line}:${column} ${severity}: ${message}`);
      if (!difference) {
        throw new CliError("the configuration is invalid, and the last good one goes on", {
          exitCode: EXIT.config,
          code: "config",
          hint: "Correct it, and check it with `maasochist config check`.",
          details: { problems },
        });
      }
      cli.data({ ...result });
      const parts = (["added", "changed", "removed"] as const).flatMap((kind) =>
        difference[kind].length > 0 ? [`${kind} ${difference[kind].join(", ")}`] : [],
      );
      const what = parts.length > 0 ? parts.join("; ") : "no machine is different";
      cli.say(applied ? `Taken over: ${what}.` : `Would be taken over: ${what}.`);
      if (restart.length > 0) cli.say(`Only a restart changes: ${restart.join(", ")}.`);
    });
}
