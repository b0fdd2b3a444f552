import type { Command } from "commander";
import type { Cli } from "./context.ts";

export function add(program: Command, cli: Cli): void {
  program
    .command("cancel")
    .description("End an order at its next safe point. What it has done already stays done.")
    .argument("<id>", "id of an order, as `maasochist orders` shows it")
    .action(async (id: string) => {
      const daemon = await cli.daemon();
      const order = await daemon.cancel(id);
      cli.data({ order });
      cli.say(`${order.verb} ${order.machine} ends at its next safe point`);
    });
}
