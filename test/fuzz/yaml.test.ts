import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatProblem, type Loaded, type Problem, parseConfiguration } from "../../src/config/index.ts";
import { drivers as builtIn } from "../../src/drivers/index.ts";
import { drivers as small } from "../config/drivers.ts";
import { Folder, printed } from "../config/folder.ts";
import { tellingOf } from "./planted.ts";
import { FUZZ_TIMEOUT_MS, RUNS, SETTINGS } from "./runs.ts";
import { SECRET_NAMES, yamlFile } from "./yaml-files.ts";

const drivers = [...builtIn, ...small];
const IN_ENVIRONMENT = "q7d1c0a94e2-in-environment-51b8e6f03z";
const IN_FILE = "q2f90b7a6d4-in-file-c83e1d5a97z";

/** Everything that is printed of what was loaded, in colour and without. */
function output(loaded: Loaded): string {
  const { problems } = loaded;
  return [printed(loaded), ...problems.map((problem) => formatProblem(problem, { color: true }))].join("\n");
}

/** Is the place within the text, and the caret below the excerpt? */
function isWithin({ line, column, endColumn, source }: Problem, text: string): boolean {
  const written = text.replace(/^\uFEFF/, "").split("\n")[line - 1];
  return (
    written !== undefined &&
    column >= 1 &&
    column <= written.length + 1 &&
    endColumn > column &&
    (!source || (source.column >= 1 && source.column <= source.line.length + 1 && source.length >= 1))
  );
}

test(
  "no file makes the configuration throw, point beside the text, or show a secret",
  async () => {
    await using folder = await Folder.with({ key: `${IN_FILE}\n`, "secrets.yaml": "" });
    const file = folder.file("maasochist.yaml");
    const env = { FUZZ: IN_ENVIRONMENT };
    let valid = 0;
    await fc.assert(
      fc.asyncProperty(yamlFile(drivers), async ({ text, inText, named }) => {
        const secretsText = SECRET_NAMES.map((name, index) => `${name}: ${JSON.stringify(named[index])}\n`).join("");
        writeFileSync(folder.file("secrets.yaml"), secretsText, { mode: 0o600 });
        const loaded = await parseConfiguration(text, { file, drivers, env, cwd: folder.path });
        const { configuration, problems } = loaded;
        if (configuration) valid += 1;
        expect(configuration === undefined).toBe(problems.some(({ severity }) => severity === "error"));
        const texts: Readonly<Record<string, string>> = { "maasochist.yaml": text, "secrets.yaml": secretsText };
        expect(problems.filter((problem) => !isWithin(problem, texts[problem.file] ?? ""))).toEqual([]);
        const shown = output(loaded);
        const told = tellingOf([...inText, ...named, IN_ENVIRONMENT, IN_FILE]);
        expect(told.filter((telling) => shown.includes(telling))).toEqual([]);
      }),
      SETTINGS,
    );
    // Some of the files are in order, so that their configurations were shown.
    expect(valid).toBeGreaterThan(RUNS / 100);
  },
  FUZZ_TIMEOUT_MS,
);
