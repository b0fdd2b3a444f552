import type { Command } from "commander";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

export interface Finding {
  readonly level: "ok" | "warning" | "error";
  /** Stable, for scripts and docs. */
  readonly code: string;
  readonly message: string;
  readonly next?: string;
}

export function add(program: Command, cli: Cli): void {
  program
    .command("doctor")
    .description("Look for what is wrong: configuration, files, daemon, hubs, and who of MAAS has asked.")
    .action(async () => {
      const { examine } = await import("./examine.ts");
      const findings: Finding[] = [];
      for await (const finding of examine(cli)) {
        findings.push(finding);
        const mark = { ok: cli.paint("green", "✔"), warning: cli.paint("yellow", "!"), error: cli.paint("red", "✘") }[
          finding.level
        ];
        cli.say(`${mark} ${finding.message}${finding.level === "ok" ? "" : ` [${finding.code}]`}`);
        if (finding.next !== undefined) cli.say(`    ${finding.next}`);
      }
      cli.data({ findings });
      if (findings.some((finding) => finding.level === "error")) cli.exitCode = EXIT.failed;
    });
}
