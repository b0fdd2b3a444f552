/** The configuration file of a house, read and taken over as the daemon does it. */
import { writeFileSync } from "node:fs";
import { pino } from "pino";
import { Reloader } from "../../src/app/reloader.ts";
import { type Configuration, formatProblem, type Loaded, loadConfiguration } from "../../src/config/index.ts";
import { drivers } from "../../src/drivers/index.ts";
import type { PowerController } from "../../src/power/controller.ts";

/** What `!env HIDDEN_HOST` stands for. */
export const HIDDEN_HOST = "192.0.2.99";
/** Of a house whose machines a test makes without a file. */
const NO_MACHINES = "machines: {}\n";

export class HouseFile {
  readonly path: string;
  readonly configuration: Configuration;
  readonly #written: boolean;

  private constructor(path: string, configuration: Configuration, written: boolean) {
    this.path = path;
    this.configuration = configuration;
    this.#written = written;
  }

  static async write(path: string, yaml: string | undefined): Promise<HouseFile> {
    writeFileSync(path, yaml ?? NO_MACHINES);
    const { configuration, problems } = await load(path);
    if (!configuration) throw new Error(problems.map((problem) => formatProblem(problem, { color: false })).join("\n"));
    return new HouseFile(path, configuration, yaml !== undefined);
  }

  change(yaml: string): void {
    writeFileSync(this.path, yaml);
  }

  reloader(power: PowerController, now: () => number): Reloader {
    const nothing = { added: [], changed: [], removed: [] };
    return new Reloader({
      configuration: this.configuration,
      load: () => load(this.path),
      difference: (next) => (this.#written ? power.difference(next) : nothing),
      apply: (next) => (this.#written ? power.reconfigure(next) : nothing),
      now,
      log: pino({ level: "silent" }),
    });
  }
}

/** Files are read when a test says so, not when they change. */
async function load(path: string): Promise<Loaded> {
  const loaded = await loadConfiguration(path, { drivers, env: { HIDDEN_HOST } });
  const { configuration } = loaded;
  return { ...loaded, ...(configuration && { configuration: { ...configuration, file: path, watchedFiles: [] } }) };
}
