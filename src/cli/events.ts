import type { Command } from "commander";
import type { OrderRecord } from "../power/order.ts";
import { CliError } from "./cli-error.ts";
import type { Client, EventShape } from "./client.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { countOption, durationOption } from "./options.ts";
import { unknownMachine } from "./select.ts";
import { clockTime } from "./table.ts";
import { behindWords } from "./words.ts";

interface Options {
  readonly follow?: boolean;
  readonly since?: string;
  readonly machine?: string;
  readonly limit: string;
}

export function add(program: Command, cli: Cli): void {
  program
    .command("events")
    .description("Tell what happened: orders, states that changed, devices that failed. Oldest first.")
    .option("-f, --follow", "go on with what happens now, until Ctrl-C")
    .option("--since <time>", "how far back, such as 1h")
    .option("--machine <machine>", "only this machine")
    .option("--limit <count>", "how many of the newest", "50")
    .action(async ({ follow, since, machine, limit }: Options) => {
      const back = since === undefined ? undefined : Date.now() - durationOption(since);
      const most = countOption(limit);
      const daemon = await cli.daemon();
      const events = await daemon.events({ machine, since: back, limit: most });
      if (events.length === 0 && machine !== undefined) {
        const known = (await daemon.machines()).map(({ name }) => name);
        if (!known.includes(machine)) throw unknownMachine(machine, known);
      }
      for (const event of events) print(cli, event);
      if (follow) await followOn(cli, daemon, { machine, after: events.at(-1)?.id });
      else if (events.length === 0)
        cli.say(since === undefined ? "Nothing has happened yet." : "Nothing has happened since.");
    });
}

interface From {
  readonly machine: string | undefined;
  /** The newest event that was shown. */
  readonly after: number | undefined;
}

async function followOn(cli: Cli, daemon: Client, from: From): Promise<void> {
  const over = new AbortController();
  process.once("SIGINT", () => over.abort());
  try {
    for await (const event of daemon.follow(from, over.signal)) print(cli, event);
    throw new CliError("the daemon stopped", {
      exitCode: EXIT.unreachable,
      code: "daemon_unreachable",
      hint: "Follow on when it runs again.",
    });
  } catch (error) {
    if (!over.signal.aborted) throw error;
    cli.exitCode = EXIT.interrupted;
  }
}

function print(cli: Cli, stored: EventShape): void {
  if (cli.json) {
    cli.data({ ...stored });
    return;
  }
  cli.say(`${clockTime(stored.event.at)}  ${words(stored.event)}`);
}

function words(event: EventShape["event"]): string {
  const order = event["order"] as
    | {
        verb: string;
        actor: { name: string };
        state: string;
        error?: { message: string };
        grade?: string;
        repeats: number;
        behind?: NonNullable<OrderRecord["behind"]>;
      }
    | undefined;
  const { machine = "" } = event;
  switch (event.kind) {
    case "order:accepted":
      return `${machine}  ${order?.verb} ordered by ${order?.actor.name}`;
    case "order:ended":
      return `${machine}  ${order?.verb}${order ? behindWords(order) : ""} ${order?.state}${order?.error ? `: ${order.error.message}` : ` (${order?.grade})`}${(order?.repeats ?? 0) > 0 ? `, asked ${(order?.repeats ?? 0) + 1}×` : ""}`;
    case "machine:changed":
      return `${machine}  ${String(event["from"])} → ${String(event["to"])}${event["order"] === undefined ? ", by nobody here" : ""} (${(event["evidence"] as string[]).join(", ")})`;
    case "machine:unreadable":
      return `${machine}  cannot be read: ${(event["error"] as { message: string }).message}`;
    case "machine:readable":
      return `${machine}  can be read again`;
    case "machine:locked":
    case "machine:unlocked":
      return `${machine}  ${event.kind === "machine:locked" ? "locked" : "unlocked"} by ${String(event["by"])}: ${String(event["reason"])}`;
    case "hub:failing":
      return `${String(event["hub"])}  does not answer: ${(event["error"] as { message: string }).message}`;
    case "hub:answering":
      return `${String(event["hub"])}  answers again`;
    case "hub:pinned": {
      const { by } = event;
      return by === undefined
        ? `${String(event["hub"])}  is ${String(event["id"])}, and is remembered as such`
        : `${String(event["hub"])}  another device was accepted by ${by as string}`;
    }
    case "session:opened":
    case "session:ended":
    case "access:changed":
      return `${String(event["by"])}  ${String(event["what"])}`;
    case "config:reloaded":
      return `configuration taken over: ${["added", "changed", "removed"].map((kind) => `${(event[kind] as string[]).length} ${kind}`).join(", ")}`;
    default:
      return typeof event["message"] === "string" ? `${event.kind}  ${event["message"]}` : event.kind;
  }
}
