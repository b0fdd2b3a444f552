/** Which configuration a command means, and where its daemon keeps its files. */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import type { StorePaths } from "../store/paths.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";

/** Folder of the demonstration, in the working directory. */
export const DEMONSTRATION_FOLDER = ".maasochist";

export interface Located {
  /** Undefined: the demonstration. */
  readonly file: string | undefined;
  readonly paths: StorePaths;
}

export async function locateConfiguration(cli: Cli): Promise<string | undefined> {
  const { findConfiguration } = await import("../config/index.ts");
  return findConfiguration(cli.globals.config, cli.terminal.env, cli.terminal.cwd);
}

/**
 * Reads no more of the configuration than where its store is: a mistake elsewhere keeps nobody from the daemon.
 * Throws CliError where there is no such file.
 */
export async function locateStore(cli: Cli): Promise<Located> {
  const { pathsBeside } = await import("../store/paths.ts");
  const { env, cwd } = cli.terminal;
  const file = await locateConfiguration(cli);
  if (file === undefined) return { file, paths: pathsBeside(resolve(cwd, DEMONSTRATION_FOLDER, "maasochist.db")) };
  await access(file, constants.R_OK).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  const { storePathOf } = await import("../config/index.ts");
  return { file, paths: pathsBeside(await storePathOf(file, env)) };
}

function unreadable(file: string, error: unknown): CliError {
  if (error instanceof Error && "code" in error && error.code === "EACCES")
    return new CliError(`this account may not read ${file}`, {
      exitCode: EXIT.denied,
      code: "denied",
      hint: "Run it as the daemon's own account, or with sudo.",
      cause: error,
    });
  return new CliError(`there is no ${file}`, {
    exitCode: EXIT.config,
    code: "config",
    hint: "Name another with -c FILE or MAASOCHIST_CONFIG; `maasochist init` writes one to start from.",
    cause: error,
  });
}
