import type { Command } from "commander";
import type { Cli } from "./context.ts";
import { ago, table } from "./table.ts";

export function add(program: Command, cli: Cli): void {
  const hubs = program
    .command("hubs")
    .description("List what drivers talk to: plugs, PDUs, hosts; and how they answer.");
  hubs.action(async () => {
    const daemon = await cli.daemon();
    const found = await daemon.hubs();
    cli.data({ hubs: found });
    if (found.length === 0) {
      cli.say("No hubs: there are no machines.");
      return;
    }
    const rows = found.map(({ name, driver, machines, failing, lastExchange, queued, running }) => [
      name,
      driver,
      failing ? cli.paint("red", `failing, ${ago(failing.since)}`) : lastExchange ? "answers" : "not asked yet",
      lastExchange ? `${Math.round(lastExchange.durationMs)} ms, ${ago(lastExchange.at)}` : "–",
      String(queued + running),
      machines.length > 4 ? `${machines.slice(0, 4).join(", ")} … (${machines.length})` : machines.join(", "),
    ]);
    const [head = "", ...lines] = table([["HUB", "DRIVER", "HEALTH", "LAST EXCHANGE", "WAITING", "MACHINES"], ...rows]);
    cli.say(cli.paint("bold", head));
    for (const [index, line] of lines.entries()) {
      cli.say(line);
      const failing = found[index]?.failing;
      if (failing) cli.say(`  └ ${failing.message}`);
    }
  });
  hubs
    .command("outlets")
    .description("List the outlets that a hub's driver finds.")
    .argument("<hub>", "name of the hub")
    .action(async (name: string) => {
      const daemon = await cli.daemon();
      const outlets = await daemon.outlets(name);
      cli.data({ outlets });
      const rows = outlets.map(({ outlet, label, state, macs }) => [
        outlet,
        label ?? "–",
        state ?? "–",
        macs?.join(", ") ?? "–",
      ]);
      for (const line of table([["OUTLET", "LABEL", "STATE", "MAC"], ...rows])) cli.say(line);
    });
}
