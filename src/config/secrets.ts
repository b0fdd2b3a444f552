/** `secrets.yaml` beside the configuration: a flat map of names and texts. Read when first needed. */
import { readFile, stat } from "node:fs/promises";
import { parseDocument } from "yaml";
import { nearest } from "../power/names.ts";
import { type Problems, Source, type Span } from "./problem.ts";

export class SecretsFile {
  readonly path: string;
  readonly #shownAs: (path: string) => string;
  readonly #problems: Problems;
  #secrets: Promise<ReadonlyMap<string, string> | undefined> | undefined;

  constructor(path: string, shownAs: (path: string) => string, problems: Problems) {
    this.path = path;
    this.#shownAs = shownAs;
    this.#problems = problems;
  }

  /** Was anything asked of it? */
  get used(): boolean {
    return this.#secrets !== undefined;
  }

  async get(name: string, at: Span): Promise<string | undefined> {
    this.#secrets ??= this.#read(at);
    const secrets = await this.#secrets;
    const text = secrets?.get(name);
    if (secrets && text === undefined) {
      const near = nearest(name, secrets.keys());
      this.#problems.error(at, {
        code: "secret-missing",
        message: `secrets.yaml has no "${name}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
        hint: `Add a line to ${this.#shownAs(this.path)}: ${name}: …`,
      });
    }
    return text;
  }

  async #read(at: Span): Promise<ReadonlyMap<string, string> | undefined> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      const shown = this.#shownAs(this.path);
      this.#problems.error(at, {
        code: "secret-missing",
        message: missing ? `there is no ${shown} to take the secret from` : `${shown} cannot be read`,
        hint: missing ? `Write it, one line a secret (name: text), and run: chmod 600 ${shown}` : undefined,
      });
      return undefined;
    }
    await this.#checkMode();
    const source = new Source(this.#shownAs(this.path), text);
    const document = parseDocument(text, { version: "1.2" });
    const [error] = document.errors;
    if (error) {
      // The parser's own words may quote the line, and with it a secret.
      this.#problems.error(
        { source: new Source(source.file, ""), start: 0, end: 1 },
        { code: "yaml", message: `line ${source.position(error.pos[0]).line} of secrets.yaml is not valid YAML` },
      );
      return undefined;
    }
    const data: unknown = document.toJS();
    if (typeof data !== "object" || data === null || Array.isArray(data)) return new Map();
    return new Map(Object.entries(data).map(([name, value]) => [name, String(value)]));
  }

  async #checkMode(): Promise<void> {
    if (process.platform === "win32") return;
    const { mode } = await stat(this.path);
    if ((mode & 0o077) === 0) return;
    const shown = this.#shownAs(this.path);
    // The first line may hold a secret, so the source is not quoted.
    this.#problems.warning(
      { source: new Source(shown, ""), start: 0, end: 1 },
      {
        code: "secrets-readable",
        message: `other users can read it (mode 0${(mode & 0o777).toString(8)})`,
        hint: `Run: chmod 600 ${shown}`,
      },
    );
  }
}
