import { setTimeout as pause } from "node:timers/promises";
import { type Command, Option } from "commander";
import type { MachineShape } from "../http/shapes.ts";
import type { Client } from "./client.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { noTag } from "./select.ts";
import { ago } from "./table.ts";
import { maasStatus, orderWords, stateWord } from "./words.ts";

interface Options {
  readonly tag?: string;
  readonly state?: string;
  readonly watch?: boolean;
}

const WATCH_MS = 1_000;
const HEADER = ["MACHINE", "POWER", "DRIVER", "CHECKED", "LAST ACTION", "MAAS"];
/** What a narrow terminal does without: the driver, when it was checked, MAAS. */
const LEAVE_OUT = [2, 5, 3];
const CLEAR = "\x1b[H\x1b[2J\x1b[3J";

export function add(program: Command, cli: Cli): void {
  program
    .command("list")
    .description(
      "List the machines: state, how fresh it is, the last action, their status in MAAS, and when MAAS last asked.",
    )
    .option("--tag <tag>", "only machines with this tag")
    .addOption(new Option("--state <state>", "only machines in this state").choices(["on", "off", "unknown", "error"]))
    .option("--watch", "again every second, until Ctrl-C")
    .action(async (options: Options) => {
      const daemon = await cli.daemon();
      await show(cli, daemon, options);
      if (options.watch) process.once("SIGINT", () => process.exit(EXIT.interrupted));
      while (options.watch) {
        await pause(WATCH_MS);
        await show(cli, daemon, options);
      }
    });
}

async function show(cli: Cli, daemon: Client, { tag, state, watch }: Options): Promise<void> {
  const all = await daemon.machines();
  const machines = all.filter(
    (machine) => (tag === undefined || machine.tags.includes(tag)) && (state === undefined || machine.state === state),
  );
  cli.data({ machines });
  if (watch && cli.terminal.outIsTerminal && !cli.json) cli.terminal.out(CLEAR);
  if (all.length === 0) cli.say("No machines. Add some to the configuration under `machines:`.");
  else if (tag !== undefined && !all.some((machine) => machine.tags.includes(tag))) cli.say(noTag(all, tag));
  else if (machines.length === 0) cli.say(`None of ${all.length} machines fits.`);
  else print(cli, machines);
}

function print(cli: Cli, machines: readonly MachineShape[]): void {
  const rows = machines.map((machine) => [
    machine.name,
    stateWord(cli, machine),
    machine.drivers.join("+"),
    ago(machine.reading?.startedAt),
    lastAction(machine),
    inMaas(machine),
  ]);
  const [head = "", ...lines] = cli.table([HEADER, ...rows], LEAVE_OUT);
  cli.say(cli.paint("bold", head));
  for (const [index, line] of lines.entries()) {
    cli.say(line);
    const { error, lock } = machines[index] ?? {};
    if (error) cli.say(`  └ ${error.message}`);
    if (lock) cli.say(`  └ locked by ${lock.by}, ${ago(lock.at)}: ${lock.reason}`);
  }
}

function lastAction({ order, lastOrder, enabled }: MachineShape): string {
  const shown = order ?? lastOrder;
  if (!enabled) return "disabled";
  return shown ? `${orderWords(shown)}, ${ago(shown.endedAt ?? shown.acceptedAt)}` : "–";
}

function inMaas(machine: MachineShape): string {
  const { polled } = machine;
  return [maasStatus(machine) ?? [], polled ? `asked ${ago(polled.at)}` : "never asked"].flat().join(", ");
}
