import type { Command } from "commander";
import type { OrderRecord } from "../power/order.ts";
import type { Cli } from "./context.ts";
import { countOption } from "./options.ts";
import { unknownMachine } from "./select.ts";
import { ago, clockTime } from "./table.ts";
import { gradeWords, orderWords, seconds } from "./words.ts";

const ID = /^[0-9a-z]+-[0-9a-z]+-[0-9a-z]{3}$/;

export function add(program: Command, cli: Cli): void {
  program
    .command("orders")
    .description("List orders, the newest first; with an id, one order with all its steps.")
    .argument("[machine-or-id]", "a machine, or the id of an order")
    .option("--limit <count>", "how many", "20")
    .action(async (which: string | undefined, options: { readonly limit: string }) => {
      const limit = countOption(options.limit);
      const daemon = await cli.daemon();
      const known = which === undefined ? [] : (await daemon.machines()).map((machine) => machine.name);
      if (which !== undefined && !known.includes(which) && ID.test(which)) {
        const order = await daemon.orderById(which);
        cli.data({ order });
        printOrder(cli, order);
        return;
      }
      const orders = await daemon.orders({ machine: which, limit });
      // A machine that the configuration no longer has keeps its history.
      if (orders.length === 0 && which !== undefined && !known.includes(which)) throw unknownMachine(which, known);
      cli.data({ orders });
      if (orders.length === 0) cli.say("No orders yet.");
      else
        cli.sayTable([
          ["ID", "WHEN", "MACHINE", "WHAT", "RESULT"],
          ...orders.map((order) => [
            order.id,
            clockTime(order.acceptedAt),
            order.machine,
            orderWords(order),
            order.error?.message ?? gradeWords(order),
          ]),
        ]);
    });
}

function printOrder(cli: Cli, order: OrderRecord): void {
  const { machine, actor, acceptedAt, endedAt, reason, repeats, joined, steps, error, forced } = order;
  cli.say(`${cli.paint("bold", machine)}  ${orderWords(order)}, ${ago(acceptedAt)} (${order.id})`);
  cli.say(
    `  accepted  ${clockTime(acceptedAt)} from ${actor.id}${actor.address === undefined ? "" : ` at ${actor.address}`}${actor.agent === undefined ? "" : `, ${actor.agent}`}`,
  );
  if (reason !== undefined) cli.say(`  reason    ${reason}`);
  if (order.completes !== undefined) cli.say(`  completes ${order.completes}, which a restart cut short`);
  if (order.waitingFor !== undefined) cli.say(`  waits     for ${order.waitingFor}`);
  if (order.degraded) cli.say(`  degraded  it runs without ${order.degraded.join(", ")}`);
  if (forced) cli.say("  forced    protection was passed");
  if (repeats > 0) cli.say(`  repeats   asked ${repeats} more ${repeats === 1 ? "time" : "times"}`);
  if (joined.length > 0) cli.say(`  joined    by ${joined.map((other) => other.name).join(", ")}`);
  for (const step of steps) {
    const took = step.durationMs === undefined ? "" : ` (${seconds(step.durationMs)})`;
    cli.say(
      `  +${seconds(step.at - acceptedAt).padEnd(8)} ${step.what.padEnd(7)} ${step.text}${took}${step.error ? `: ${step.error.message}` : ""}`,
    );
  }
  const outcome = error ? `${error.message}\n            ${error.hint}` : gradeWords(order);
  cli.say(
    `  ${order.state.padEnd(9)} ${endedAt === undefined ? "" : `after ${seconds(endedAt - acceptedAt)}: `}${outcome}`,
  );
  if (order.unjournalled) cli.say("  this order could not be written to the journal when it was taken");
}
