/** The command line: one file per command, assembled here. */

import { Command, CommanderError } from "commander";
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
import * as init from "./init.ts";
import * as list from "./list.ts";
import * as orders from "./orders.ts";
import * as powerVerbs from "./power-verbs.ts";
import * as serve from "./serve.ts";
import * as status from "./status.ts";
import * as test from "./test.ts";
import * as token from "./token.ts";
import * as user from "./user.ts";
import * as version from "./version.ts";

const COMMANDS = [
  serve,
  init,
  config,
  list,
  status,
  powerVerbs,
  orders,
  cancel,
  test,
  events,
  hubs,
  drivers,
  token,
  user,
  doctor,
  completion,
  version,
];

/** The program, with every command and nothing run. */
export function buildProgram(cli: Cli): Command {
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
    .configureOutput({ writeOut: cli.terminal.out, writeErr: cli.terminal.err })
    .showSuggestionAfterError()
    .helpCommand(false)
    .exitOverride();
  program.hook("preAction", (_program, action) => {
    cli.globals = action.optsWithGlobals<Globals>();
  });
  for (const { add } of COMMANDS) add(program, cli);
  return program;
}

/** Runs a command; answers the exit code. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const cli = new Cli(terminal);
  const program = buildProgram(cli);
  try {
    await program.parseAsync([...args], { from: "user" });
    return cli.exitCode;
  } catch (error) {
    return fail(cli, error);
  }
}

function fail(cli: Cli, error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const known = error instanceof CliError ? error : new CliError(messageOf(error), { cause: error });
  const { message, hint, code, exitCode } = known;
  if (cli.json)
    cli.terminal.err(
      `${JSON.stringify({ schemaVersion: 1, error: { code, message, ...(hint !== undefined && { hint }) } })}\n`,
    );
  else {
    cli.terminal.err(`${cli.paint("red", "error:")} ${message}\n`);
    if (hint !== undefined) cli.terminal.err(`${hint}\n`);
    if (cli.globals.verbose && known.cause instanceof Error)
      cli.terminal.err(`${known.cause.stack ?? known.cause.message}\n`);
  }
  return exitCode;
}
