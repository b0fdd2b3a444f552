import type { Command } from "commander";
import type { MachineShape } from "../http/shapes.ts";
import type { Cli } from "./context.ts";
import { ago, table } from "./table.ts";
import { orderWords, stateWord } from "./words.ts";

interface Options {
  readonly tag?: string;
  readonly state?: string;
  readonly watch?: boolean;
}

const WATCH_MS = 1_000;

export function add(program: Command, cli: Cli): void {
  program
    .command("list")
    .description("List the machines: state, how fresh it is, the last action, and when MAAS last asked.")
    .option("--tag <tag>", "only machines with this tag")
    .option("--state <state>", "only machines that are on, off, unknown or error")
    .option("--watch", "again every second, until Ctrl-C")
    .action(async (options: Options) => {
      const daemon = await cli.daemon();
      const show = async () => {
        const machines = (await daemon.machines()).filter(
          (machine) =>
            (options.tag === undefined || machine.tags.includes(options.tag)) &&
            (options.state === undefined || machine.state === options.state),
        );
        cli.data({ machines });
        return machines;
      };
      if (!options.watch) {
        print(cli, await show());
        return;
      }
      for (;;) {
        const machines = await show();
        if (cli.terminal.outIsTerminal && !cli.json) cli.terminal.out("\x1b[H\x1b[2J");
        print(cli, machines);
        await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      }
    });
}

function print(cli: Cli, machines: readonly MachineShape[]): void {
  if (machines.length === 0) {
    cli.say("No machines. Add some to the configuration under `machines:`.");
    return;
  }
  const header = ["MACHINE", "POWER", "DRIVER", "CHECKED", "LAST ACTION", "MAAS"];
  const rows = machines.map((machine) => [
    machine.name,
    stateWord(cli, machine),
    machine.drivers.join("+"),
    ago(machine.reading?.startedAt),
    lastAction(machine),
    polled(machine),
  ]);
  const [head = "", ...lines] = table([header, ...rows]);
  cli.say(cli.paint("bold", head));
  for (const [index, line] of lines.entries()) {
    cli.say(line);
    const { error } = machines[index] ?? {};
    if (error) cli.say(`  └ ${error.message}`);
  }
}

function lastAction({ order, lastOrder, enabled }: MachineShape): string {
  const shown = order ?? lastOrder;
  if (!enabled) return "disabled";
  return shown ? `${orderWords(shown)}, ${ago(shown.endedAt ?? shown.acceptedAt)}` : "–";
}

function polled({ polled }: MachineShape): string {
  return polled ? `asked ${ago(polled.at)}` : "never asked";
}
