/** Loads the configuration that a command means, and says its problems. */
import { resolve } from "node:path";
import type { Configuration, Loaded, Problem } from "../config/index.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { DEMONSTRATION_FOLDER, locateConfiguration } from "./locate.ts";
import { number } from "./words.ts";

/** The file that is named or found, loaded with all its problems; the demonstration where there is none. */
export async function load(cli: Cli, named?: string): Promise<Loaded & { readonly file: string | undefined }> {
  const { DEMONSTRATION, loadConfiguration, parseConfiguration } = await import("../config/index.ts");
  const { drivers } = await import("../drivers/index.ts");
  const { env, cwd } = cli.terminal;
  const loadDriver = async (specifier: string, folder: string) => {
    const { loadThirdParty } = await import("../wire/third-party.ts");
    return loadThirdParty(specifier, folder);
  };
  const options = { drivers, loadDriver, env, cwd };
  const file = named === undefined ? await locateConfiguration(cli) : resolve(cwd, named);
  if (file !== undefined) return { ...(await loadConfiguration(file, options)), file };
  const loaded = await parseConfiguration(DEMONSTRATION, {
    ...options,
    file: resolve(cwd, DEMONSTRATION_FOLDER, "demonstration.yaml"),
  });
  return {
    ...loaded,
    file: undefined,
    ...(loaded.configuration && { configuration: { ...loaded.configuration, file: undefined } }),
  };
}

/** The configuration, where it is valid. Throws CliError with exit code 3 where it is not, after printing why. */
export async function loadValid(cli: Cli): Promise<Configuration> {
  const { configuration, problems, file } = await load(cli);
  if (configuration) return configuration;
  if (!cli.json) {
    const { formatProblem } = await import("../config/index.ts");
    for (const problem of problems) cli.terminal.err(`${formatProblem(problem, { color: cli.colourErrors })}\n`);
  }
  throw new CliError(`${file ?? "the configuration"} is invalid: ${count(problems)}`, {
    exitCode: EXIT.config,
    code: "config",
    hint: "Correct it, and check it with `maasochist config check`.",
    details: { problems: problems.map(withoutSource) },
  });
}

/** A problem as JSON has it. */
export function withoutSource({ source: _source, ...problem }: Problem): Omit<Problem, "source"> {
  return problem;
}

/** `2 errors, 1 warning`. */
export function count(problems: readonly Problem[]): string {
  const errors = problems.filter((problem) => problem.severity === "error").length;
  const warnings = problems.length - errors;
  return warnings === 0 ? number(errors, "error") : `${number(errors, "error")}, ${number(warnings, "warning")}`;
}
