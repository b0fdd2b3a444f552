/** What the completion scripts ask for at every press of the tab key: commands, options, and what the daemon knows. */
import { type Complete, type Command as Completed, RootCommand } from "@bomb.sh/tab";
import type { Command, Option } from "commander";
import type { Cli } from "./context.ts";

/** A person waits for it; a daemon that takes longer (ms) is done without. */
const LONGEST_MS = 1_000;

/** Names by what an argument or an option's value is called. */
type Known = Readonly<Record<string, readonly string[]>>;

/** Prints what may stand in the place of the last word, one a line. */
export async function complete(program: Command, cli: Cli, words: readonly string[]): Promise<void> {
  cli.globals = { ...cli.globals, config: configIn(words) };
  const known: Known = words.includes("drivers") ? await driverNames() : await fromDaemon(cli);
  const root = new RootCommand();
  const everywhere = optionsOf(program);
  describe(root, program, known);
  for (const [path, command] of commandsOf(program)) {
    const completed = root.command(path, command.description());
    describe(completed, command, known);
    for (const option of everywhere) describeOption(completed, option, known);
  }
  root.parse([...words]);
}

/** The configuration that the words name, so that the machines are those of its daemon. */
function configIn(words: readonly string[]): string | undefined {
  const index = words.findLastIndex((word) => word === "-c" || word === "--config");
  return index < 0 || index >= words.length - 2 ? undefined : words[index + 1];
}

async function driverNames(): Promise<Known> {
  const { drivers } = await import("../drivers/index.ts");
  return { driver: drivers.map((driver) => driver.name) };
}

async function fromDaemon(cli: Cli): Promise<Known> {
  const late = new Promise<Known>((resolve) => setTimeout(() => resolve({}), LONGEST_MS).unref());
  const asked = async (): Promise<Known> => {
    const daemon = await cli.daemon();
    const machines = await daemon.machines();
    const names = machines.map((machine) => machine.name);
    const hubs = (await daemon.hubs()).map((hub) => hub.name);
    const tags = [...new Set(machines.flatMap((machine) => machine.tags))];
    return { machine: names, "machine-or-id": names, hub: hubs, tag: tags };
  };
  return Promise.race([late, asked().catch(() => ({}))]);
}

function commandsOf(command: Command, prefix = ""): [string, Command][] {
  return command
    .createHelp()
    .visibleCommands(command)
    .flatMap((child): [string, Command][] => {
      const path = prefix + child.name();
      return [[path, child], ...commandsOf(child, `${path} `)];
    });
}

function describe(completed: Completed, command: Command, known: Known): void {
  for (const option of optionsOf(command)) describeOption(completed, option, known);
  for (const argument of command.registeredArguments) {
    completed.argument(argument.name(), offer(known[argument.name()] ?? argument.argChoices ?? []), argument.variadic);
  }
}

function optionsOf(command: Command): readonly Option[] {
  return command.createHelp().visibleOptions(command);
}

function describeOption(completed: Completed, option: Option, known: Known): void {
  const { long, short, description } = option;
  if (!long) return;
  const alias = short?.slice(1) ?? "";
  const values = valuesOf(option, known);
  if (values) completed.option(long.slice(2), description, offer(values), alias);
  else completed.option(long.slice(2), description, alias);
}

/** Undefined for an option that takes no value. */
function valuesOf(option: Option, known: Known): readonly string[] | undefined {
  if (!option.required && !option.optional) return undefined;
  const name = /[<[]([\w-]+)/.exec(option.flags)?.[1] ?? "";
  return option.argChoices ?? known[name] ?? [];
}

function offer(values: readonly string[]): (complete: Complete) => void {
  return (complete) => {
    for (const value of values) complete(value, "");
  };
}
