/** `secrets.yaml` beside the configuration: a flat map of names and texts. Read when first needed. */
import { readFile, stat } from "node:fs/promises";
import { isMap, isScalar, parseDocument } from "yaml";
import { nearest } from "../power/names.ts";
import { nowhere, type Problems, Source, type Span } from "./problem.ts";

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
        message: `secrets.yaml has no "${name}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
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
    const shown = this.#shownAs(this.path);
    const document = parseDocument(text, { version: "1.2" });
    const [error] = document.errors;
    if (error) {
      // Neither the parser's words nor the line are quoted: a secret may stand there.
      const { line } = new Source(shown, text).position(error.pos[0]);
      this.#problems.error(nowhere(shown), { code: "yaml", message: `line ${line} is not valid YAML` });
      return undefined;
    }
    const secrets = new Map<string, string>();
    if (document.contents === null) return secrets;
    if (!isMap(document.contents)) {
      this.#problems.error(nowhere(shown), { code: "not-a-map", message: "it must hold lines of the form name: text" });
      return undefined;
    }
    for (const { key, value } of document.contents.items) {
      // As written: 007 is a text here, not a number.
      if (isScalar(key) && isScalar(value)) secrets.set(String(key.value), value.source ?? "");
    }
    return secrets;
  }

  async #checkMode(): Promise<void> {
    if (process.platform === "win32") return;
    const { mode } = await stat(this.path);
    if ((mode & 0o077) === 0) return;
    const shown = this.#shownAs(this.path);
    this.#problems.warning(nowhere(shown), {
      code: "secrets-readable",
      message: `other users can read it (mode 0${(mode & 0o777).toString(8)})`,
      hint: `Run: chmod 600 ${shown}`,
    });
  }
}
