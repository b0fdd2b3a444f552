/** docs/cli.md: every command as the program itself declares it. */
import type { Argument, Command, Option } from "commander";
import { Cli } from "../../src/cli/context.ts";
import { EXIT, EXIT_MEANINGS } from "../../src/cli/exit-codes.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { code, sections, table } from "./markdown.ts";

/** The program, writing nowhere: to look at, not to run. */
export function silentProgram(): Command {
  return buildProgram(
    new Cli({
      out: () => undefined,
      err: () => undefined,
      in: process.stdin,
      questions: process.stderr,
      interactive: false,
      outIsTerminal: false,
      errIsTerminal: false,
      unread: new AbortController().signal,
      env: {},
      cwd: "/",
      columns: 80,
    }),
  );
}

export function cliPage(): string {
  const root = silentProgram();
  return sections(
    "# Command line",
    `\`maasochist\`, or \`mso\` for short. In a clone \`npm start -- COMMAND\` is the same. Commands that switch or look speak
to the running daemon over its local socket, which they find by the configuration; \`config\`, \`init\`, \`drivers\`, \`token\`,
\`user\` and \`maas\` (but for \`maas verify\`) need no daemon.`,
    "## For every command",
    options(root),
    `With \`--json\` results go to standard output and failures to standard error, as one line of JSON each, with
\`"schemaVersion": 1\`.`,
    ...acting(root).map((command) => commandSection(command)),
    "## Exit codes",
    table(
      ["code", "meaning"],
      Object.entries(EXIT).map(([name, number]) => [String(number), EXIT_MEANINGS[name as keyof typeof EXIT]]),
    ),
    "## Environment",
    table(
      ["variable", "what it does"],
      [
        ["`MAASOCHIST_CONFIG`", "the configuration, where `-c` is not given"],
        ["`MAASOCHIST_TOKEN`", "the token of `maasochist test NAME --as-maas`"],
        ["`MAAS_API_KEY`", "the key for MAAS's API, before that of the configuration and the kept one"],
        ["`NO_COLOR`", "not empty: no colours"],
        ["`LISTEN_FDS`, `LISTEN_PID`", "set by systemd: the sockets that `listen: systemd` takes over"],
      ],
    ),
  );
}

/** Commands that do something, in the order of the program; those that only group others are left out. */
function acting(command: Command): Command[] {
  const visible = command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== "help");
  return visible.flatMap((child) => [...(acts(child) ? [child] : []), ...acting(child)]);
}

/** Does it do something by itself? Commander tells it nowhere else. */
function acts(command: Command): boolean {
  return Boolean(Reflect.get(command, "_actionHandler"));
}

function commandSection(command: Command): string {
  const name = fullName(command);
  const args = command.registeredArguments;
  const usage = [name, ...args.map(argumentUsage), ...(visibleOptions(command).length > 0 ? ["[options]"] : [])];
  return sections(
    `## ${name.replace(/^maasochist /, "")}`,
    code(usage.join(" ")),
    command.description(),
    args.some((argument) => argument.description !== "") &&
      table(
        ["argument", "what it is"],
        args.map((argument) => [code(argument.name()), withDefault(argument.description, argument.defaultValue)]),
      ),
    options(command),
  ).trimEnd();
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function argumentUsage(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
}

function visibleOptions(command: Command): readonly Option[] {
  return command.options.filter((option) => !option.hidden);
}

function options(command: Command): string | undefined {
  const shown = visibleOptions(command);
  if (shown.length === 0) return undefined;
  return table(
    ["option", "what it does"],
    shown.map((option) => [code(option.flags), withDefault(option.description, option.defaultValue)]),
  );
}

/** A default that is true or false says nothing that the option's name does not. */
function withDefault(description: string, preset: unknown): string {
  return typeof preset === "string" ? `${description}; default ${code(preset)}` : description;
}
