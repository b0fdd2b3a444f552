import type { Command } from "commander";
import { parseDuration } from "../wire/duration.ts";
import { CliError } from "./cli-error.ts";
import type { EventShape } from "./client.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { clockTime } from "./table.ts";

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
    .option("--machine <name>", "only this machine")
    .option("--limit <count>", "how many of the newest", "50")
    .action(async (options: Options) => {
      const back = options.since === undefined ? undefined : parseDuration(options.since);
      if (options.since !== undefined && back === undefined)
        throw new CliError(`"${options.since}" is not a duration`, {
          exitCode: EXIT.usage,
          code: "usage",
          hint: "Write 30m, 1h or 2d.",
        });
      const daemon = await cli.daemon();
      const { machine } = options;
      const events = await daemon.events({
        machine,
        since: back === undefined ? undefined : Date.now() - back,
        limit: Number(options.limit) || 50,
      });
      for (const event of events) print(cli, event);
      if (events.length === 0 && !options.follow) cli.say("Nothing happened yet.");
      if (!options.follow) return;
      const over = new AbortController();
      process.once("SIGINT", () => over.abort());
      try {
        for await (const event of daemon.follow({ machine }, over.signal)) print(cli, event);
        throw new CliError("the daemon ended", { exitCode: EXIT.unreachable, code: "daemon_unreachable" });
      } catch (error) {
        if (!over.signal.aborted) throw error;
        cli.exitCode = EXIT.interrupted;
      }
    });
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
      }
    | undefined;
  const { machine = "" } = event;
  switch (event.kind) {
    case "order:accepted":
      return `${machine}  ${order?.verb} ordered by ${order?.actor.name}`;
    case "order:ended":
      return `${machine}  ${order?.verb} ${order?.state}${order?.error ? `: ${order.error.message}` : ` (${order?.grade})`}${(order?.repeats ?? 0) > 0 ? `, asked ${(order?.repeats ?? 0) + 1}×` : ""}`;
    case "machine:changed":
      return `${machine}  ${String(event["from"])} → ${String(event["to"])}${event["order"] === undefined ? ", by nobody here" : ""} (${(event["evidence"] as string[]).join(", ")})`;
    case "machine:unreadable":
      return `${machine}  cannot be read: ${(event["error"] as { message: string }).message}`;
    case "machine:readable":
      return `${machine}  can be read again`;
    default:
      return typeof event["message"] === "string" ? `${event.kind}  ${event["message"]}` : event.kind;
  }
}
