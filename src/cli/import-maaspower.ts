/** `import maaspower`: reads, translates, writes and tells. */
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { Problem } from "../config/index.ts";
import { printable } from "../config/source.ts";
import type { Imported } from "../maas/maaspower/translate.ts";
import { agree } from "./agree.ts";
import { CliError, wrongUsage } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import type { ImportOptions } from "./import.ts";
import { count, load, withoutSource } from "./load.ts";
import { number } from "./words.ts";

/** Throws CliError where the old file is wrong, and where something is in the way of the new one. */
export async function importMaaspower(cli: Cli, file: string, options: ImportOptions): Promise<void> {
  const { cwd } = cli.terminal;
  const { imported, lineOf } = await translated(cli, file, options.names ?? []);
  const target = await outputFile(resolve(cwd, options.output));
  const files = [target, join(dirname(target), "secrets.yaml")];
  if (options.dryRun !== true) {
    await mayWrite(cli, files, options.yes === true);
    const { configurationText, secretsText } = await import("./import-text.ts");
    await mkdir(dirname(target), { recursive: true });
    await writePrivate(files[1] ?? "", secretsText(imported.secrets));
    await writePrivate(target, configurationText(imported, { file, lineOf }));
  }
  tell(cli, imported, { lineOf, files: options.dryRun === true ? [] : files });
  if (options.dryRun !== true) await check(cli, target);
  if (imported.left.length > 0 && cli.exitCode === 0) cli.exitCode = EXIT.someFailed;
}

interface Translated {
  readonly imported: Imported;
  readonly lineOf: (index: number | undefined) => string;
}

async function translated(cli: Cli, file: string, written: readonly string[]): Promise<Translated> {
  const { ForeignFile, namesWritten } = await import("../config/index.ts");
  const { readOldConfiguration } = await import("../maas/maaspower/read.ts");
  const { translate } = await import("../maas/maaspower/translate.ts");
  const { hashPassword } = await import("../http/password.ts");
  const { newToken } = await import("../store/new-token.ts");
  const { drivers } = await import("../drivers/index.ts");
  const { host } = await import("../wire/fields.ts");
  const { regexProblem } = await import("../wire/regex.ts");
  const names = namesWritten(written);
  if (typeof names === "string") throw wrongUsage(names, "Write names, or a range such as 'nuc[1-6]'.");
  const source = await ForeignFile.read(file, { cwd: cli.terminal.cwd, drivers });
  const old = readOldConfiguration(source);
  if (!old || source.problems.some(({ severity }) => severity === "error"))
    throw await wrong(cli, file, source.problems);
  const address = host();
  const imported = await translate(old, {
    names,
    isHost: (text) => address.safeParse(text).success,
    regexProblem,
    hashPassword,
    newToken,
  });
  return { imported, lineOf: (index) => source.lineOf(index === undefined ? [] : ["devices", index]) };
}

async function wrong(cli: Cli, file: string, problems: readonly Problem[]): Promise<CliError> {
  const { formatProblem } = await import("../config/index.ts");
  if (!cli.json)
    for (const problem of problems) cli.terminal.err(`${formatProblem(problem, { color: cli.colourErrors })}\n`);
  return new CliError(`${file} cannot be taken over: ${count(problems)}`, {
    exitCode: EXIT.config,
    code: "config",
    hint: "maaspower itself would not start with it. Correct it, or a copy of it; nothing was written.",
    details: { problems: problems.map(withoutSource) },
  });
}

/** In a folder that is named, the file has its usual name. */
async function outputFile(path: string): Promise<string> {
  const there = await stat(path).catch(() => undefined);
  return there?.isDirectory() ? join(path, "maasochist.yaml") : path;
}

/** Nothing is overwritten that somebody has not agreed to. Throws CliError where it may not. */
async function mayWrite(cli: Cli, files: readonly string[], yes: boolean): Promise<void> {
  const there: string[] = [];
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (found) there.push(shown(cli, file));
  }
  if (there.length > 0) await agree(cli, { question: `Overwrite ${there.join(" and ")}?`, yes });
}

/** Command lines may hold what nobody else is to read, and secrets do. */
async function writePrivate(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  await chmod(path, 0o600);
}

interface Told {
  readonly lineOf: Translated["lineOf"];
  /** Empty: nothing was written. */
  readonly files: readonly string[];
}

function tell(cli: Cli, { machines, left, notes, secrets }: Imported, { lineOf, files }: Told): void {
  const machineCount = machines.reduce((sum, { members }) => sum + members.length, 0);
  const at = <T extends { readonly index: number | undefined }>({ index, ...rest }: T) => ({
    at: lineOf(index),
    ...rest,
  });
  cli.data({
    files,
    machines: machines.map(at),
    left: left.map(at),
    notes: notes.map(at),
    secrets: [...secrets.keys()],
  });
  if (machines.length > 0)
    cli.sayTable([
      ["MACHINE", "DEVICE", "IN"],
      ...machines.map(({ name, type, index }) => [name, type, lineOf(index)]),
    ]);
  cli.say(`${number(machineCount, "machine")} ${files.length === 0 ? "would come" : "came"} over.`);
  for (const { index, name, type, why, next, sketch } of left) {
    cli.say(
      `${cli.paint("yellow", "✘")} ${lineOf(index)} "${printable(name)}" (${type}) ${files.length === 0 ? "would stay" : "stayed"} behind: ${printable(why)}`,
    );
    cli.say(
      `    ${printable(next)}${sketch && files.length > 0 ? " A sketch of it stands in the file, commented out." : ""}`,
    );
  }
  // What holds for several devices is told once.
  for (const text of new Set(notes.map((note) => note.text))) {
    const [first, ...more] = notes.filter((note) => note.text === text).map(({ index }) => lineOf(index));
    const places = [first, ...more.map((place) => place.slice(place.lastIndexOf(":") + 1))].join(", ");
    cli.say(`${cli.paint("yellow", "!")} ${places} ${printable(text)}`);
  }
  if (files.length > 0) cli.say(`Wrote ${files.map((file) => `${shown(cli, file)} (0600)`).join(" and ")}.`);
}

/** As `config check` will say it; what is wrong is a fault of ours, and told in full. */
async function check(cli: Cli, file: string): Promise<void> {
  const { configuration, problems } = await load(cli, file);
  const { formatProblem } = await import("../config/index.ts");
  const name = shown(cli, file);
  if (!configuration) {
    for (const problem of problems)
      if (problem.severity === "error") cli.note(formatProblem(problem, { color: cli.colourErrors }));
    cli.note(`${name} is not in order yet: ${count(problems)}`);
    cli.exitCode = EXIT.config;
    return;
  }
  cli.note(
    `It is a valid configuration${problems.length === 0 ? "" : `, with ${number(problems.length, "warning")}`}. Next:`,
  );
  cli.note(`  1. ${cli.calledAs} config check ${name}`);
  cli.note(`  2. Stop maaspower, then: ${cli.calledAs} -c ${name} serve`);
  cli.note("  3. docs/migrate-maaspower.md tells the rest, and the way back.");
}

function shown(cli: Cli, file: string): string {
  const below = relative(cli.terminal.cwd, file);
  return below.startsWith("..") ? file : below;
}
