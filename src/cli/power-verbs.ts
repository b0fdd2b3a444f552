import type { Command } from "commander";
import type { MachineShape } from "../http/shapes.ts";
import { VERBS, type Verb } from "../power/driver.ts";
import type { OrderRecord } from "../power/order.ts";
import { parseDuration } from "../wire/duration.ts";
import { CliError } from "./cli-error.ts";
import type { Client } from "./client.ts";
import { confirm } from "./confirm.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { selectMachines } from "./select.ts";
import { gradeWords, seconds } from "./words.ts";

interface Options {
  readonly tag?: string;
  readonly all?: boolean;
  readonly soft?: boolean;
  readonly hard?: boolean;
  readonly wait: boolean;
  readonly timeout: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly force?: boolean;
}

const DESCRIPTIONS: Readonly<Record<Verb, string>> = {
  on: "Switch machines on, and wait until it is proven.",
  off: "Switch machines off, softly first where there is a soft way, and wait until it is proven.",
  cycle: "Switch machines off and on again as one unit; a machine that is off is switched on.",
  reset: "Restart machines hard; a machine that is off is switched on.",
};

export function add(program: Command, cli: Cli): void {
  for (const verb of VERBS) {
    const command = program
      .command(verb)
      .description(DESCRIPTIONS[verb])
      .argument("[name...]", "names, or patterns with * in quotes")
      .option("--tag <tag>", "all machines with this tag")
      .option("--all", "all machines");
    if (verb !== "on")
      command.option("--soft", "only ask; never cut").option("--hard", "at once, without asking the operating system");
    command
      .option("--no-wait", "return as soon as the order is taken")
      .option("--timeout <time>", "longest to wait; the order goes on", "10m")
      .option("--reason <text>", "why, for the journal")
      .option("--force", "pass protection (admin)")
      .option("--dry-run", "say what would be ordered, and order nothing");
    if (verb !== "on") command.option("-y, --yes", "do not ask");
    command.action((names: string[], options: Options) => run(cli, { verb, names, options }));
  }
}

interface Given {
  readonly verb: Verb;
  readonly names: readonly string[];
  readonly options: Options;
}

async function run(cli: Cli, { verb, names, options }: Given): Promise<void> {
  const timeoutMs = parseDuration(options.timeout);
  if (timeoutMs === undefined)
    throw new CliError(`"${options.timeout}" is not a duration`, {
      exitCode: EXIT.usage,
      code: "usage",
      hint: "Write 30s or 5m.",
    });
  if (options.soft && options.hard)
    throw new CliError("either --soft or --hard", { exitCode: EXIT.usage, code: "usage" });
  const daemon = await cli.daemon();
  const machines = await selectMachines(daemon, { names, tag: options.tag, all: options.all });
  if (options.dryRun) {
    cli.data({ dryRun: true, verb, machines: machines.map((machine) => machine.name) });
    for (const machine of machines) cli.say(`would order: ${verb} ${machine.name} (it is ${machine.state})`);
    return;
  }
  await confirm(cli, {
    verb,
    machines,
    soft: options.soft === true,
    all: options.all === true,
    yes: options.yes === true,
  });
  const interrupted = onInterrupt(cli);
  const results = await Promise.race([
    Promise.all(machines.map((machine) => order(cli, daemon, { machine, verb, options, timeoutMs }))),
    interrupted,
  ]);
  if (results === "interrupted") {
    cli.exitCode = EXIT.interrupted;
    return;
  }
  cli.data({ results });
  const failures = results.filter((result) => result.exitCode !== EXIT.ok);
  if (failures.length > 0)
    cli.exitCode = machines.length === 1 ? (failures[0]?.exitCode ?? EXIT.failed) : EXIT.someFailed;
}

/** Orders go on in the daemon, and that is said. */
function onInterrupt(cli: Cli): Promise<"interrupted"> {
  return new Promise((resolve) => {
    process.once("SIGINT", () => {
      cli.note(
        "\nNo longer waiting. Orders go on in the daemon: see `maasochist orders`, end one with `maasochist cancel ID`.",
      );
      resolve("interrupted");
    });
  }).then((word) => {
    // The waiting requests keep the process alive.
    setImmediate(() => process.exit(EXIT.interrupted));
    return word as "interrupted";
  });
}

interface Result {
  readonly machine: string;
  readonly exitCode: number;
  readonly order?: OrderRecord;
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

interface Ordering {
  readonly machine: MachineShape;
  readonly verb: Verb;
  readonly options: Options;
  readonly timeoutMs: number;
}

async function order(cli: Cli, daemon: Client, { machine, verb, options, timeoutMs }: Ordering): Promise<Result> {
  const { name } = machine;
  const begun = Date.now();
  const how = options.soft ? "soft" : options.hard ? "hard" : undefined;
  if (options.wait) cli.note(`${name}: ${verb}…`);
  try {
    const taken = await daemon.order({
      machine: name,
      verb,
      how,
      reason: options.reason,
      force: options.force,
      wait: options.wait,
      timeoutMs,
    });
    if (taken.state === "done")
      cli.say(
        `${cli.paint("green", "✔")} ${name} ${verb === "off" ? "Off" : "On"} (${seconds(Date.now() - begun)}, ${gradeWords(taken)})`,
      );
    else if (options.wait) cli.say(`… ${name} still under way after ${seconds(Date.now() - begun)} (${taken.id})`);
    else cli.say(`${name} ordered (${taken.id})`);
    const late = options.wait && taken.state !== "done";
    return { machine: name, exitCode: late ? EXIT.unproven : EXIT.ok, order: taken };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const { code, message, hint, exitCode } = error;
    cli.say(`${cli.paint("red", "✘")} ${name} ${message} (${seconds(Date.now() - begun)})`);
    if (hint !== undefined) cli.say(`  ${hint}`);
    return { machine: name, exitCode, error: { code, message, ...(hint !== undefined && { hint }) } };
  }
}
