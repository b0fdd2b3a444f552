import type { Command } from "commander";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import type { Finding } from "./findings.ts";
import { number } from "./words.ts";

export function add(program: Command, cli: Cli): void {
  program
    .command("doctor")
    .description(
      "Look for what is wrong, from the clock to MAAS, and say what to do. Changes and switches nothing; each machine is read. Ends with 0 where there is no error, with 1 where there is one. Codes: doctor.md.",
    )
    .option("--strict", "warnings count as errors")
    .action(async ({ strict = false }: { readonly strict?: boolean }) => {
      const { examine } = await import("./examine.ts");
      const findings: Finding[] = [];
      const progress = new Progress(cli);
      let topic = "";
      for await (const step of examine(cli)) {
        if ("looking" in step) {
          topic = step.looking;
          progress.at(topic);
          continue;
        }
        progress.clear();
        if (topic !== "") cli.say(cli.paint("bold", topic));
        topic = "";
        findings.push(step);
        say(cli, step);
      }
      progress.clear();
      const [errors, warnings] = (["error", "warning"] as const).map((level) => countOf(findings, level));
      cli.data({ findings, errors, warnings });
      cli.say();
      cli.say(summary(errors ?? 0, warnings ?? 0));
      if ((errors ?? 0) > 0 || (strict && (warnings ?? 0) > 0)) cli.exitCode = EXIT.failed;
    });
}

function countOf(findings: readonly Finding[], level: Finding["level"]): number {
  return findings.filter((finding) => finding.level === level).length;
}

function say(cli: Cli, { level, code, message, cause, next }: Finding): void {
  const mark = { ok: cli.paint("green", "✔"), warning: cli.paint("yellow", "!"), error: cli.paint("red", "✘") }[level];
  cli.say(`  ${mark} ${message}${level === "ok" ? "" : ` [${code}]`}`);
  if (cause !== undefined) cli.say(`      Likely: ${cause}`);
  if (next !== undefined) cli.say(`      Next: ${next}`);
}

function summary(errors: number, warnings: number): string {
  if (errors + warnings === 0) return "All is well.";
  return `${number(errors, "error")}, ${number(warnings, "warning")}. Each is explained by its code: docs/doctor.md#CODE`;
}

/** A line on a terminal that tells what is looked at, gone as soon as something is found. */
class Progress {
  readonly #cli: Cli;
  #shown = false;

  constructor(cli: Cli) {
    this.#cli = cli;
  }

  at(topic: string): void {
    const { terminal, json, globals } = this.#cli;
    if (json || globals.quiet === true || !terminal.errIsTerminal) return;
    this.clear();
    terminal.err(`… ${topic}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#cli.terminal.err("\r\u001b[K");
    this.#shown = false;
  }
}
