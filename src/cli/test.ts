import type { Command } from "commander";
import { wrongUsage } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { stateWord } from "./words.ts";

interface Options {
  readonly full?: boolean;
  readonly asMaas?: boolean;
  readonly act?: boolean;
  readonly yes?: boolean;
}

export function add(program: Command, cli: Cli): void {
  program
    .command("test")
    .description("Try a machine: measure it; switch it through everything; or ask as MAAS asks, and explain each step.")
    .argument("<machine>", "a machine")
    .option("--full", "acceptance: off, on, did the right thing change, does it come back")
    .option(
      "--as-maas",
      "replay MAAS's exact exchange against the configured url; its token may be in MAASOCHIST_TOKEN",
    )
    .option("--act", "with --as-maas: also switch it on, as MAAS does")
    .option("-y, --yes", "do not ask")
    .action(async (name: string, options: Options) => {
      const { full = false, asMaas = false, act = false, yes = false } = options;
      if (full && asMaas) throw wrongUsage("--full and --as-maas exclude each other");
      if (act && !asMaas) throw wrongUsage("--act goes with --as-maas");
      const daemon = await cli.daemon();
      if (asMaas) {
        const { testAsMaas } = await import("./test-as-maas.ts");
        await testAsMaas(cli, daemon, { machine: await daemon.machine(name), act });
        return;
      }
      const machine = await daemon.query(name);
      cli.say(
        `${name} reads ${stateWord(cli, machine)}: ${machine.reading?.evidence.join(", ") || (machine.reading?.reason ?? "no evidence")}`,
      );
      if (full) {
        const { acceptanceRun } = await import("./test-full.ts");
        await acceptanceRun(cli, daemon, { machine, yes });
        return;
      }
      cli.data({ machine });
      if (machine.state === "error") cli.exitCode = EXIT.failed;
    });
}
