import type { Command } from "commander";
import type { MachineShape } from "../http/shapes.ts";
import { atMost, MOST_AT_ONCE } from "./at-most.ts";
import { CliError } from "./cli-error.ts";
import type { Client } from "./client.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { selectMachines } from "./select.ts";
import { ago, clockTime } from "./table.ts";
import { gradeWords, maasStatus, orderWords, seconds, stateWord } from "./words.ts";

const STATE_CODES = { on: 0, off: 10, unknown: 11, error: 12 } as const;

export function add(program: Command, cli: Cli): void {
  program
    .command("status")
    .description("Measure machines now, and tell what is known of them.")
    .argument("<machine...>", "names, or patterns with * in quotes")
    .option("--exit-code", "end with 0 for on, 10 for off, 11 for unknown, 12 for an error")
    .action(async (names: string[], options: { readonly exitCode?: boolean }) => {
      const daemon = await cli.daemon();
      const selected = await selectMachines(daemon, { names });
      const machines = await atMost(MOST_AT_ONCE, selected, async ({ name }) => measured(daemon, name));
      cli.data({ machines });
      for (const machine of machines) print(cli, machine);
      const { maasSilent } = await daemon.status();
      if (maasSilent) cli.say(`MAAS cannot be asked, since ${clockTime(maasSilent.since)}: ${maasSilent.message}`);
      if (options.exitCode) cli.exitCode = Math.max(...machines.map((machine) => STATE_CODES[machine.state]));
      else if (machines.some((machine) => machine.state === "error"))
        cli.exitCode = machines.length === 1 ? EXIT.failed : EXIT.someFailed;
    });
}

/** A machine that cannot be read is told of all the same, with why. */
export async function measured(daemon: Client, name: string): Promise<MachineShape> {
  try {
    return await daemon.query(name);
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.unreachable) throw error;
    return daemon.machine(name);
  }
}

function print(cli: Cli, machine: MachineShape): void {
  const { name, description, reading, error, order, lastOrder, polled, tags, drivers, verbs, maas } = machine;
  cli.say(
    `${cli.paint("bold", name)}  ${stateWord(cli, machine)}${description === undefined ? "" : `  ${description}`}`,
  );
  if (error) cli.say(`  error     ${error.message}\n            ${error.hint}`);
  if (reading)
    cli.say(
      `  reading   ${reading.state}, ${reading.confidence}, ${ago(reading.startedAt)}: ${reading.evidence.join(", ") || (reading.reason ?? "no evidence")}`,
    );
  if (reading?.reason !== undefined && reading.evidence.length > 0) cli.say(`            ${reading.reason}`);
  cli.say(
    `  by        ${drivers.join(", ")}; can ${verbs.join(", ") || "do nothing"}${tags.length > 0 ? `; tags ${tags.join(", ")}` : ""}`,
  );
  if (!machine.enabled) cli.say("  disabled  takes no orders");
  if (machine.lock) cli.say(`  locked    by ${machine.lock.by}, ${ago(machine.lock.at)}: ${machine.lock.reason}`);
  if (machine.protect !== "nobody")
    cli.say(`  protected off, cycle and reset are refused to ${machine.protect === "all" ? "everybody" : "people"}`);
  if (order)
    cli.say(
      `  order     ${orderWords(order)} since ${seconds(Date.now() - order.acceptedAt)} (${order.id}): ${order.steps.at(-1)?.text ?? "waiting"}`,
    );
  if (lastOrder)
    cli.say(
      `  last      ${orderWords(lastOrder)}, ${ago(lastOrder.endedAt)}: ${lastOrder.error?.message ?? gradeWords(lastOrder)}`,
    );
  if (maas) cli.say(`  in MAAS   ${maasStatus(machine)}: ${maas.hostname} (${maas.systemId})`);
  cli.say(
    `  MAAS      ${polled ? `${polled.agent ?? "somebody"} at ${polled.address ?? "?"} asked ${ago(polled.at)}${polled.systemId === undefined ? "" : `, calls it ${polled.systemId}`}` : "has not asked since the daemon started"}`,
  );
}
