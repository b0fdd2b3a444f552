import { resolve } from "node:path";
import type { Command } from "commander";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { count, load, loadValid, withoutSource } from "./load.ts";
import { number } from "./words.ts";

export function add(program: Command, cli: Cli): void {
  const config = program.command("config").description("Check and show the configuration, without a daemon.");
  config
    .command("check")
    .description("Check a configuration: every mistake of all its files at once, and what is valid but will hurt.")
    .argument("[file]", "the file; default is the one that `serve` would use")
    .option("--strict", "warnings count as errors")
    .action(async (file: string | undefined, options: { readonly strict?: boolean }) => {
      const { formatProblem } = await import("../config/index.ts");
      const { problems, configuration, file: checked } = await load(cli, file);
      cli.data({ file: checked ?? null, problems: problems.map(withoutSource) });
      for (const problem of problems) cli.say(formatProblem(problem, { color: cli.colourResults }));
      const bad = !configuration || (options.strict === true && problems.length > 0);
      const verdict = problems.length === 0 ? "valid" : count(problems);
      const machines = configuration ? `, ${number(configuration.machines.length, "machine")}` : "";
      cli.say(`${checked ?? "the demonstration"}: ${verdict}${machines}`);
      if (bad) cli.exitCode = EXIT.config;
    });
  config
    .command("show")
    .description(
      "Show the configuration as it was understood: ranges, profiles and placeholders resolved, secrets as •••.",
    )
    .option("--yaml", "as YAML (the default)")
    .option("--origin", "with file and line of every value")
    .action(async (options: { readonly origin?: boolean }) => {
      const configuration = await loadValid(cli);
      const { showConfiguration } = await import("../config/index.ts");
      const shown = showConfiguration(configuration, { origin: options.origin === true });
      cli.data({ configuration: shown });
      if (cli.json) return;
      const { stringify } = await import("yaml");
      cli.terminal.out(stringify(shown, { version: "1.2", lineWidth: 0 }));
    });
  config
    .command("schema")
    .description("Print the JSON Schema for editors, the drivers of the configuration included.")
    .option("-o, --output <file>", "write it to a file")
    .action(async (options: { readonly output?: string }) => {
      const { jsonSchema } = await import("../config/index.ts");
      const { drivers } = await load(cli);
      const text = `${JSON.stringify(jsonSchema(drivers), undefined, 2)}\n`;
      if (options.output === undefined) cli.terminal.out(text);
      else {
        const { writeFile } = await import("node:fs/promises");
        await writeFile(resolve(cli.terminal.cwd, options.output), text);
        cli.data({ file: options.output });
        cli.say(`Wrote ${options.output}.`);
      }
    });
}
