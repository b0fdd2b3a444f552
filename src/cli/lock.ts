import type { Command } from "commander";
import { wrongUsage } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { selectMachines } from "./select.ts";

export function add(program: Command, cli: Cli): void {
  program
    .command("lock")
    .description("Refuse every order for machines, to everybody, MAAS included, until they are unlocked.")
    .argument("<machine...>", "names, or patterns with * in quotes")
    .option("--reason <text>", "why; shown to whoever is refused")
    .action(async (names: string[], { reason }: { readonly reason?: string }) => {
      if (reason === undefined) throw wrongUsage("a lock needs a --reason", "It is shown to whoever is refused.");
      const daemon = await cli.daemon();
      const machines = [];
      for (const { name } of await selectMachines(daemon, { names })) {
        machines.push(await daemon.lock(name, reason));
        cli.say(`${name} is locked: ${reason}`);
      }
      cli.data({ machines });
    });
  program
    .command("unlock")
    .description("Take orders for machines again.")
    .argument("<machine...>", "names, or patterns with * in quotes")
    .action(async (names: string[]) => {
      const daemon = await cli.daemon();
      const machines = [];
      for (const { name, lock } of await selectMachines(daemon, { names })) {
        machines.push(await daemon.unlock(name));
        cli.say(lock ? `${name} is unlocked; it was locked by ${lock.by}: ${lock.reason}` : `${name} was not locked`);
      }
      cli.data({ machines });
    });
}
