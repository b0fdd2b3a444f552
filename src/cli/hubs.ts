import type { Command } from "commander";
import type { Cli } from "./context.ts";
import { ago } from "./table.ts";

const HEADER = ["HUB", "DRIVER", "HEALTH", "LAST EXCHANGE", "WAITING", "MACHINES"];
/** What a narrow terminal does without: what waits, the last exchange. */
const LEAVE_OUT = [4, 3];

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
    const [head = "", ...lines] = cli.table([HEADER, ...rows], LEAVE_OUT);
    cli.say(cli.paint("bold", head));
    for (const [index, line] of lines.entries()) {
      cli.say(line);
      const failing = found[index]?.failing;
      if (failing) cli.say(`  └ ${failing.message}`);
    }
  });
  hubs
    .command("trust")
    .description("Accept the device that answers now in place of the one found at first contact.")
    .argument("<hub>", "name of the hub")
    .action(async (name: string) => {
      const daemon = await cli.daemon();
      await daemon.trust(name);
      cli.data({ hub: name });
      cli.say(`${name}: the device that answers next is remembered as the right one`);
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
      cli.sayTable([["OUTLET", "LABEL", "STATE", "MAC"], ...rows]);
    });
}
