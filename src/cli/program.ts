/** The command line: one file per command, assembled here. */

import { Command, CommanderError } from "commander";
import { version } from "../app/version.ts";
import { messageOf } from "../power/errors.ts";
import * as cancel from "./cancel.ts";
import { CliError } from "./cli-error.ts";
import * as completion from "./completion.ts";
import * as config from "./config.ts";
import { Cli, type Globals, type Terminal } from "./context.ts";
import * as doctor from "./doctor.ts";
import * as drivers from "./drivers.ts";
import * as events from "./events.ts";
import { EXIT } from "./exit-codes.ts";
import * as hubs from "./hubs.ts";
import * as importCommand from "./import.ts";
import * as init from "./init.ts";
import * as list from "./list.ts";
import * as lock from "./lock.ts";
import * as maas from "./maas.ts";
import * as orders from "./orders.ts";
import * as powerVerbs from "./power-verbs.ts";
import * as reload from "./reload.ts";
import * as serve from "./serve.ts";
import * as status from "./status.ts";
import * as test from "./test.ts";
import * as token from "./token.ts";
import * as user from "./user.ts";
import * as versionCommand from "./version.ts";

const COMMANDS = [
  serve,
  init,
  config,
  reload,
  list,
  status,
  powerVerbs,
  lock,
  orders,
  cancel,
  test,
  events,
  hubs,
  drivers,
  token,
  user,
  maas,
  importCommand,
  doctor,
  completion,
  versionCommand,
];

/** The program, with every command and nothing run. */
export function buildProgram(cli: Cli): Command {
  const { out, err } = cli.terminal;
  const program = new Command("maasochist")
    .description("Lets MAAS switch any machine on and off, and tells it the truth about what happened.")
    .option(
      "-c, --config <file>",
      "configuration file (or MAASOCHIST_CONFIG; else ./maasochist.yaml, /etc/maasochist/maasochist.yaml)",
    )
    .option("--json", "results and errors as JSON")
    .option("-q, --quiet", "only results and errors")
    .option("-v, --verbose", "more of what happens")
    .option("--no-color", "no colours (or NO_COLOR)")
    .version(version, "-V, --version", "tell the version")
    .configureOutput({
      writeOut: out,
      // A usage error is told by `fail`, in one form with all others; what is left is the help of a group of commands.
      writeErr: (text) => {
        if (program.opts<Globals>().json !== true) err(text);
      },
      outputError: () => undefined,
      getOutHelpWidth: () => cli.terminal.columns,
      getErrHelpWidth: () => cli.terminal.columns,
    })
    .showSuggestionAfterError()
    .helpCommand(false)
    .exitOverride();
  program.hook("preAction", (_program, action) => {
    cli.globals = action.optsWithGlobals<Globals>();
  });
  for (const { add } of COMMANDS) add(program, cli);
  for (const command of program.commands) command.helpCommand(false);
  return program;
}

/** Runs a command; answers the exit code. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const cli = new Cli(terminal);
  const program = buildProgram(cli);
  terminal.unread.addEventListener("abort", () => {
    if (!cli.goesOnUnread) process.exit(cli.exitCode);
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return cli.exitCode;
  } catch (error) {
    // A mistake in the arguments ends it before any action.
    cli.globals = program.opts<Globals>();
    return fail(cli, error);
  }
}

function fail(cli: Cli, error: unknown): number {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
  const known = knownError(error);
  const { message, hint, code, exitCode, details } = known;
  const { err } = cli.terminal;
  if (cli.json) {
    const told = { code, message, ...(hint !== undefined && { hint }), ...details };
    err(`${JSON.stringify({ schemaVersion: 1, error: told })}\n`);
    return exitCode;
  }
  // The help that lists a group's commands has been printed in place of an error.
  if (error instanceof CommanderError && error.code === "commander.help") return exitCode;
  err(`${cli.paintError("red", "error:")} ${message}\n`);
  if (hint !== undefined) err(`${hint}\n`);
  if (cli.globals.verbose && known.cause instanceof Error) err(`${known.cause.stack ?? known.cause.message}\n`);
  return exitCode;
}

function knownError(error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof CommanderError) return usageError(error);
  if (error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND") {
    return new CliError(`the installation is not complete: ${error.message.split("\n")[0] ?? ""}`, {
      hint: "Install it again. In a clone: remove node_modules and dist, then run the same command by `npm start --`.",
      cause: error,
    });
  }
  return new CliError(messageOf(error), { cause: error });
}

/** Commander's own words, in the form of all other errors. */
function usageError({ code, message }: CommanderError): CliError {
  const [first = "", ...suggestions] = message.replace(/^error: /, "").split("\n");
  const said = code === "commander.help" ? "no command is given" : first;
  return new CliError(said, {
    exitCode: EXIT.usage,
    code: "usage",
    hint: [...suggestions, "`maasochist --help` lists the commands, `maasochist COMMAND --help` what one takes."].join(
      "\n",
    ),
  });
}
