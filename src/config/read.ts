/** Reads YAML files into values: tags resolved, includes merged, every syntax error kept with its place. */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { type Document, parseDocument, visit, type YAMLParseError, type Scalar as YamlScalar } from "yaml";
import { matchesPattern, nearest } from "../power/names.ts";
import { Conversion, hasOwnTag } from "./convert.ts";
import { lineOf, nowhere, type Problems, type ProblemText, Source, type Span, spanOf } from "./problem.ts";
import { SecretsFile } from "./secrets.ts";
import { type Entry, type MapValue, scalarText } from "./value.ts";

export interface ReadOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly problems: Problems;
  /** How the file is named in problems: relative to where the command runs, when it is below. */
  readonly cwd: string;
}

/** Keys whose members add up over files. */
const ADDS_UP: ReadonlySet<string> = new Set(["machines", "hubs", "profiles"]);

export class Reader {
  readonly #options: ReadOptions;
  readonly #secrets: SecretsFile;
  readonly #watched = new Set<string>();

  constructor(mainFile: string, options: ReadOptions) {
    this.#options = options;
    this.#secrets = new SecretsFile(
      join(dirname(resolve(mainFile)), "secrets.yaml"),
      (path) => this.shownAs(path),
      options.problems,
    );
  }

  shownAs(path: string): string {
    const below = relative(this.#options.cwd, path);
    return below === "" ? basename(path) : below.startsWith("..") || isAbsolute(below) ? path : below;
  }

  /** Every file that was read, absolute. */
  get watchedFiles(): readonly string[] {
    return [...this.#watched, ...(this.#secrets.used ? [this.#secrets.path] : [])];
  }

  /** The file's value and those it includes, merged. Undefined where it is not usable; problems tell why. */
  async file(path: string): Promise<MapValue | undefined> {
    this.#watched.add(path);
    const text = await readFile(path, "utf8").catch((error: unknown) => {
      this.#options.problems.error(nowhere(this.shownAs(path)), {
        code: "file-unreadable",
        message: isMissing(error) ? "there is no such file" : `the file cannot be read: ${systemCode(error)}`,
        hint: isMissing(error) ? "Name another with -c, or write a starter with `maasochist init`." : undefined,
      });
      return undefined;
    });
    return text === undefined ? undefined : this.text(text, path);
  }

  /** The same for a text that stands for the file. */
  async text(text: string, path: string): Promise<MapValue | undefined> {
    const { problems } = this.#options;
    const value = await this.#parsed(text, path);
    if (value === "empty") {
      problems.error(nowhere(this.shownAs(path)), {
        code: "file-empty",
        message: "the file is empty",
        hint: "`maasochist init` writes a starter.",
      });
      return undefined;
    }
    return value && this.#withIncludes(value, path);
  }

  async #parsed(text: string, path: string): Promise<MapValue | "empty" | undefined> {
    const { problems } = this.#options;
    const source = new Source(this.shownAs(path), text.replace(/^\uFEFF/, ""));
    const document = parseDocument(source.text, {
      version: "1.2",
      uniqueKeys: true,
      merge: false,
      prettyErrors: false,
    });
    if (document.errors.length > 0) {
      tellSyntax(document.errors, source, problems);
      return undefined;
    }
    if (document.contents === null) return "empty";
    const tagged = await this.#taggedTexts(document, { source, path });
    const value = new Conversion({ document, source, tagged, problems }).convert(
      document.contents,
      spanOf(source, 0, 1),
    );
    if (value.kind === "map") return value;
    problems.error(value.at, {
      code: "not-a-map",
      message: "the file must hold keys such as `machines:`, not a list or a single value",
    });
    return undefined;
  }

  async #withIncludes(main: MapValue, path: string): Promise<MapValue> {
    const include = main.entries.get("include");
    if (!include) return main;
    const { problems } = this.#options;
    const entries = new Map(main.entries);
    entries.delete("include");
    const patterns = include.value.kind === "list" ? include.value.items : [include.value];
    for (const pattern of patterns) {
      const text = scalarText(pattern);
      if (text === undefined) {
        problems.error(pattern.at, {
          code: "include",
          message: "include takes file names or patterns such as conf.d/*.yaml",
        });
        continue;
      }
      for (const file of await this.#matching(text, pattern.at, path)) {
        const included = await this.#included(file, pattern.at);
        if (included) this.#merge(entries, included);
      }
    }
    return { ...main, entries };
  }

  /** The files that an include means. Only its last part may hold `*`; a pattern may match none. */
  async #matching(pattern: string, at: Span, path: string): Promise<string[]> {
    const wanted = resolve(dirname(path), pattern);
    if (!pattern.includes("*")) return [wanted];
    const folder = dirname(wanted);
    if (folder.includes("*")) {
      this.#options.problems.error(at, { code: "include", message: "only the last part of an include may hold *" });
      return [];
    }
    const names = await readdir(folder).catch((error: unknown) => {
      if (!isMissing(error)) this.#unreadable(folder, { at, error });
      return [];
    });
    return names
      .filter((name) => matchesPattern(basename(wanted), name))
      .sort()
      .map((name) => join(folder, name));
  }

  async #included(file: string, at: Span): Promise<MapValue | undefined> {
    const { problems } = this.#options;
    if (this.#watched.has(file)) {
      problems.error(at, { code: "include", message: `${this.shownAs(file)} is read already` });
      return undefined;
    }
    this.#watched.add(file);
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      this.#unreadable(file, { at, error });
      return undefined;
    });
    if (text === undefined) return undefined;
    const value = await this.#parsed(text, file);
    return value === "empty" ? undefined : value && this.#withIncludes(value, file);
  }

  #unreadable(path: string, { at, error }: { readonly at: Span; readonly error: unknown }): void {
    const shown = this.shownAs(path);
    this.#options.problems.error(at, {
      code: "file-unreadable",
      message: isMissing(error) ? `there is no file ${shown}` : `${shown} cannot be read: ${systemCode(error)}`,
      hint: "Paths are relative to the file that names them.",
    });
  }

  /** Machines, hubs and profiles add up over files; what stands twice is an error that names both places. */
  #merge(into: Map<string, Entry>, included: MapValue): void {
    for (const [key, entry] of included.entries) {
      const known = into.get(key);
      if (!known) into.set(key, entry);
      else if (known.value.kind === "map" && entry.value.kind === "map" && ADDS_UP.has(key)) {
        const merged = new Map(known.value.entries);
        for (const [name, member] of entry.value.entries) {
          const first = merged.get(name);
          if (first) this.#twice(member.key, `${key}.${name}`, first.key);
          else merged.set(name, member);
        }
        into.set(key, { ...known, value: { ...known.value, entries: merged } });
      } else this.#twice(entry.key, key, known.key);
    }
  }

  #twice(at: Span, what: string, first: Span): void {
    this.#options.problems.error(at, { code: "twice", message: `${what} is already given at ${lineOf(first)}` });
  }

  /** The texts behind all tags of a document; those that are missing are said in the problems. */
  async #taggedTexts(
    document: Document,
    { source, path }: { readonly source: Source; readonly path: string },
  ): Promise<ReadonlyMap<unknown, string | undefined>> {
    const scalars: YamlScalar[] = [];
    visit(document, {
      Scalar: (_key, node) => {
        if (hasOwnTag(node)) scalars.push(node);
      },
    });
    const texts = new Map<unknown, string | undefined>();
    for (const node of scalars) {
      const [start, end] = node.range ?? [0, 1];
      const at = spanOf(source, start, end);
      texts.set(node, await this.#tagged(node.tag ?? "", String(node.value), { at, path }));
    }
    return texts;
  }

  /** The text behind a tag; undefined where there is none, said in the problems. */
  async #tagged(
    tag: string,
    name: string,
    { at, path }: { readonly at: Span; readonly path: string },
  ): Promise<string | undefined> {
    const { problems, env } = this.#options;
    switch (tag) {
      case "!secret":
        return this.#secrets.get(name, at);
      case "!env": {
        const text = env[name];
        if (text === undefined) {
          const near = nearest(name, Object.keys(env));
          problems.error(at, {
            code: "env-missing",
            message: `the environment has no variable "${name}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
          });
        }
        return text;
      }
      case "!file": {
        const file = resolve(dirname(path), name);
        this.#watched.add(file);
        try {
          return (await readFile(file, "utf8")).replace(/\r?\n$/, "");
        } catch (error) {
          this.#unreadable(file, { at, error });
          return undefined;
        }
      }
      default:
        problems.error(at, {
          code: "unknown-tag",
          message: `unknown tag ${tag}`,
          hint: "There are !secret NAME, !env NAME and !file PATH.",
        });
        return undefined;
    }
  }
}

function isMissing(error: unknown): boolean {
  return systemCode(error) === "ENOENT";
}

function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** The first syntax error of each line: the parser stumbles over the rest of the line as well. */
function tellSyntax(errors: readonly YAMLParseError[], source: Source, problems: Problems): void {
  const lines = new Set<number>();
  for (const error of errors) {
    const [start, end] = error.pos;
    const { line } = source.position(start);
    if (lines.has(line)) continue;
    lines.add(line);
    problems.error(spanOf(source, start, Math.max(end, start + 1)), syntaxProblem(error, source));
  }
}

const UNQUOTED_PLACEHOLDER =
  /[^\s{[,]+\{(?:n(?:[+:-]\d+)?|name|mac|address)\}|\{(?:n(?:[+:-]\d+)?|name|mac|address)\}[^\s,}\]]+/;

/** In words of our own: the parser's may quote a secret. */
function syntaxProblem({ code, pos }: YAMLParseError, source: Source): ProblemText {
  const line = source.line(source.position(pos[0]).line) ?? "";
  const unquoted = line.replaceAll(/"[^"]*"|'[^']*'/g, (quoted) => " ".repeat(quoted.length));
  const placeholder = UNQUOTED_PLACEHOLDER.exec(unquoted)?.[0];
  if (placeholder !== undefined) {
    return {
      code: "placeholder-unquoted",
      message: "a placeholder without quotes is a map to YAML",
      hint: `Write it in quotes: "${placeholder}".`,
    };
  }
  switch (code) {
    case "TAB_AS_INDENT":
      return { code: "yaml", message: "tabs do not indent in YAML", hint: "Use spaces." };
    case "MULTIPLE_DOCS":
      return { code: "yaml", message: "a second document begins here", hint: "Take the `---` out." };
    case "MISSING_CHAR":
      return {
        code: "yaml",
        message: "something that was opened is not closed",
        hint: "Look for a missing quote, comma, ] or }.",
      };
    case "BAD_INDENT":
      return { code: "yaml", message: "the indentation does not fit", hint: "Indent what belongs together alike." };
    default:
      return {
        code: "yaml",
        message: "YAML cannot be read here",
        hint: "Text with `: `, `#`, `{` or `[` in it goes in quotes.",
      };
  }
}
