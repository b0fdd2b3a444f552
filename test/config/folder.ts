/** A folder with a configuration in it, for a test; it is gone afterwards. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  formatProblem,
  type Loaded,
  type LoadOptions,
  loadConfiguration,
  showConfiguration,
} from "../../src/config/index.ts";
import { drivers } from "./drivers.ts";

export class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** With these files; those with secrets are for this account alone. */
  static async with(files: Readonly<Record<string, string | Uint8Array>>): Promise<Folder> {
    const folder = new Folder(await mkdtemp(join(tmpdir(), "maasochist-config-")));
    for (const [name, content] of Object.entries(files)) await folder.write(name, content);
    return folder;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(this.file(name)), { recursive: true });
    await writeFile(this.file(name), content, { mode: 0o600 });
  }

  load(name = "maasochist.yaml", options: Partial<LoadOptions> = {}): Promise<Loaded> {
    return loadConfiguration(this.file(name), { drivers, env: {}, cwd: this.path, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** `file:line:column code message` of each problem. */
export function told({ problems }: Loaded): string[] {
  return problems.map(({ file, line, column, code, message }) => `${file}:${line}:${column} ${code} ${message}`);
}

/** Everything that is ever printed of what was loaded. */
export function printed({ problems, configuration }: Loaded): string {
  return [
    ...problems.map((problem) => formatProblem(problem, { color: false })),
    JSON.stringify(problems),
    ...(configuration
      ? [true, false].map((origin) => JSON.stringify(showConfiguration(configuration, { origin })))
      : []),
  ].join("\n");
}
