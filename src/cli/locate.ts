/** Which configuration a command means, and where its daemon keeps its files. */
import { resolve } from "node:path";
import type { StorePaths } from "../store/paths.ts";
import type { Cli } from "./context.ts";

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

/** Reads no more of the configuration than where its store is: a mistake elsewhere keeps nobody from the daemon. */
export async function locateStore(cli: Cli): Promise<Located> {
  const { pathsBeside } = await import("../store/paths.ts");
  const { env, cwd } = cli.terminal;
  const file = await locateConfiguration(cli);
  if (file === undefined) return { file, paths: pathsBeside(resolve(cwd, DEMONSTRATION_FOLDER, "maasochist.db"), env) };
  const { storePathOf } = await import("../config/index.ts");
  return { file, paths: pathsBeside(await storePathOf(file, env), env) };
}
