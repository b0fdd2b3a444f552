import type { Command } from "commander";
import type { Cli } from "./context.ts";

export interface ImportOptions {
  readonly output: string;
  readonly names?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export function add(program: Command, cli: Cli): void {
  const group = program.command("import").description("Take over the configuration of another tool.");
  group
    .command("maaspower")
    .description(
      "Make a configuration of maaspower's: its devices as machines, its address, user and password, and its routes, so that MAAS's settings can stay.",
    )
    .argument("<file>", "maaspower's configuration")
    .option("-o, --output <file>", "where to; secrets.yaml is written beside it", "maasochist.yaml")
    .option(
      "--names <name...>",
      "names that MAAS uses for devices whose name is a pattern; 'nuc[1-6]' stands for six of them",
    )
    .option("--dry-run", "tell what would come over, and write nothing")
    .option("-y, --yes", "overwrite what is there without asking")
    .action(async (file: string, options: ImportOptions) => {
      const { importMaaspower } = await import("./import-maaspower.ts");
      await importMaaspower(cli, file, options);
    });
}
