/** `secrets.yaml` beside the configuration: a flat map of names and texts. Read when first needed. */
import { isMap, isScalar, type Pair, parseDocument } from "yaml";
import { hasOwnTag } from "./convert.ts";
import type { Files } from "./files.ts";
import type { Problems } from "./problem.ts";
import { blank, nowhere, type Source, type Span, spanOf } from "./source.ts";
import { startOf } from "./syntax.ts";
import { readTextFile } from "./text-file.ts";

export class SecretsFile {
  readonly #path: string;
  readonly #shown: string;
  readonly #files: Files;
  readonly #problems: Problems;
  #secrets: Promise<ReadonlyMap<string, string | undefined> | undefined> | undefined;

  constructor(path: string, { files, problems }: { readonly files: Files; readonly problems: Problems }) {
    this.#path = path;
    this.#shown = files.shownAs(path);
    this.#files = files;
    this.#problems = problems;
  }

  /** The secret of that name; undefined where there is none, said in the problems. */
  async get(name: string, at: Span): Promise<string | undefined> {
    this.#secrets ??= this.#read(at);
    const secrets = await this.#secrets;
    const text = secrets?.get(name);
    // A name with something else than a text behind it was told of already.
    if (!secrets || secrets.has(name)) return text;
    this.#problems.error(at, {
      code: "secret-missing",
      message: `secrets.yaml has no "${name}"${this.#problems.didYouMean(name, secrets.keys())}`,
      hint: `Add a line to ${this.#shown}: ${name}: …`,
    });
    return undefined;
  }

  async #read(at: Span): Promise<ReadonlyMap<string, string | undefined> | undefined> {
    this.#files.add(this.#path);
    const file = await readTextFile(this.#path);
    const shown = this.#shown;
    if (!("text" in file)) {
      const missing = "missing" in file;
      this.#problems.error(at, {
        code: "secret-missing",
        message: missing ? `there is no ${shown} to take the secret from` : `${shown} ${file.problem}`,
        hint: missing ? `Write it, one line a secret (name: text), and run: chmod 600 ${shown}` : undefined,
      });
      return undefined;
    }
    if (process.platform !== "win32" && (file.mode & 0o077) !== 0) {
      this.#problems.warning(nowhere(shown), {
        code: "secrets-readable",
        message: `other users can read it (mode 0${(file.mode & 0o777).toString(8)})`,
        hint: `Run: chmod 600 ${shown}`,
      });
    }
    return this.#parsed(file.text);
  }

  #parsed(text: string): ReadonlyMap<string, string | undefined> | undefined {
    const source = blank(this.#shown, text);
    const document = parseDocument(text, { version: "1.2" });
    const [error] = document.errors;
    if (error) {
      const message = error.code === "DUPLICATE_KEY" ? "a name is given twice" : "YAML cannot be read here";
      this.#problems.error(spanOf(source, startOf(error, text), error.pos[1]), { code: "yaml", message });
      return undefined;
    }
    if (document.contents === null) return new Map();
    if (!isMap(document.contents)) {
      this.#problems.error(nowhere(this.#shown), {
        code: "not-a-map",
        message: "it must hold lines of the form name: text",
      });
      return undefined;
    }
    return new Map(document.contents.items.flatMap((pair) => this.#secret(pair, source)));
  }

  /** A name and its text as written: 007 is a text here, not a number. */
  #secret({ key, value }: Pair, source: Source): [string, string | undefined][] {
    if (!isScalar(key)) return [];
    const name = String(key.value);
    if (isScalar(value) && !hasOwnTag(value)) return [[name, value.source ?? ""]];
    const [start, end] = key.range ?? [0, 1];
    this.#problems.error(spanOf(source, start, end), {
      code: "bad-value",
      message: `"${name}" must be a text, without tag, list or map`,
    });
    return [[name, undefined]];
  }
}
