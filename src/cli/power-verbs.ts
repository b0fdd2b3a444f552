import type { Command } from "commander";
import type { MachineShape } from "../http/shapes.ts";
import { VERBS, type Verb } from "../power/driver.ts";
import type { OrderRecord } from "../power/order.ts";
import { atMost, MOST_AT_ONCE } from "./at-most.ts";
import { CliError, wrongUsage } from "./cli-error.ts";
import type { Client } from "./client.ts";
import { confirm } from "./confirm.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { durationOption } from "./options.ts";
import { selectMachines } from "./select.ts";
import { gradeWords, number, seconds } from "./words.ts";

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

const DOING: Readonly<Record<Verb, string>> = {
  on: "Powering on",
  off: "Powering off",
  cycle: "Power cycling",
  reset: "Resetting",
};

/** As the API takes it. */
const LONGEST_WAIT_MS = 3_600_000;

export function add(program: Command, cli: Cli): void {
  for (const verb of VERBS) {
    const command = program
      .command(verb)
      .description(DESCRIPTIONS[verb])
      .argument("[machine...]", "names, or patterns with * in quotes")
      .option("--tag <tag>", "all machines with this tag")
      .option("--all", "all machines");
    if (verb !== "on")
      command.option("--soft", "only ask; never cut").option("--hard", "at once, without asking the operating system");
    command
      .option("--no-wait", "return as soon as the order is taken")
      .option("--timeout <time>", "longest to wait, up to 1h; the order goes on", "10m")
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
  const timeoutMs = durationOption(options.timeout);
  if (timeoutMs > LONGEST_WAIT_MS)
    throw wrongUsage("--timeout takes 1h at most", "With --no-wait it returns at once; the order goes on either way.");
  if (options.soft && options.hard) throw wrongUsage("--soft and --hard exclude each other");
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
  if (options.wait) cli.note(`${DOING[verb]} ${inWords(machines)}…`);
  leaveOnInterrupt(cli);
  const results = await atMost(MOST_AT_ONCE, machines, (machine) =>
    order(cli, daemon, { machine, verb, options, timeoutMs }),
  );
  cli.data({ results });
  const failures = results.filter((result) => result.exitCode !== EXIT.ok);
  if (failures.length > 0)
    cli.exitCode = machines.length === 1 ? (failures[0]?.exitCode ?? EXIT.failed) : EXIT.someFailed;
}

function inWords(machines: readonly MachineShape[]): string {
  const [first] = machines;
  return machines.length === 1 && first ? first.name : number(machines.length, "machine");
}

/** Orders go on in the daemon, and that is said. */
function leaveOnInterrupt(cli: Cli): void {
  process.once("SIGINT", () => {
    cli.note(
      "\nNo longer waiting. Orders go on in the daemon: `maasochist orders` shows them, `maasochist cancel ID` ends one.",
    );
    process.exit(EXIT.interrupted);
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
