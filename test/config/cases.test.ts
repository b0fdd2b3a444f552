import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { formatProblem, loadConfiguration, showConfiguration } from "../../src/config/index.ts";
import { drivers } from "./drivers.ts";

/**
 * Each `cases/*.yaml` is loaded; beside it stands what must come of it: `.txt` what is said about it, `.json` what it is
 * resolved to. `npx vitest run test/config --update` writes them anew; read them before you keep them.
 */
const CASES = join(import.meta.dirname, "cases");
const files = (await readdir(CASES)).filter((file) => file.endsWith(".yaml") && file !== "secrets.yaml");

beforeAll(() => chmod(join(CASES, "secrets.yaml"), 0o600));

describe.each(files)("%s", (file) => {
  const load = () =>
    loadConfiguration(join(CASES, file), { drivers, env: { PLUG_HOST: "x", PLUG_PORT: "81" }, cwd: CASES });
  const beside = (extension: string) => join(CASES, file.replace(/\.yaml$/, extension));

  test("says what is wrong, where, and what to do about it", async () => {
    const { problems } = await load();
    const text = problems.map((problem) => formatProblem(problem, { color: false })).join("\n\n");
    await expect(`${text}\n`).toMatchFileSnapshot(beside(".txt"));
  });

  test("gives a configuration exactly when there is no error", async () => {
    const { configuration, problems } = await load();
    expect(configuration === undefined).toBe(problems.some((problem) => problem.severity === "error"));
    if (!configuration) return;
    const shown = JSON.stringify(showConfiguration(configuration, { origin: false }), undefined, 2);
    await expect(`${shown.replaceAll(CASES, "CASES")}\n`).toMatchFileSnapshot(beside(".json"));
  });

  test("shows no secret", async () => {
    const { configuration, problems } = await load();
    const shown = configuration && showConfiguration(configuration, { origin: true });
    const text = JSON.stringify([problems, problems.map((problem) => formatProblem(problem, { color: true })), shown]);
    for (const secret of [
      "hunter2",
      "plainly-written",
      "abcdefghijklmnop",
      "12345678",
      "0123456",
      "c2FsdA",
      "tooshort",
    ])
      expect(text).not.toContain(secret);
  });
});
