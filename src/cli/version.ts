import type { Command } from "commander";
import type { Cli } from "./context.ts";

export function add(program: Command, cli: Cli): void {
  program
    .command("version")
    .description("Tell the version.")
    .action(async () => {
      const { version } = await import("../app/version.ts");
      cli.data({ version, node: process.version, platform: `${process.platform}-${process.arch}` });
      cli.say(`maasochist ${version} (Node.js ${process.version}, ${process.platform}-${process.arch})`);
    });
}
