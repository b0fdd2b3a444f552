/** Reads YAML files into values: tags resolved, includes merged, every syntax error kept with its place. */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  parseDocument,
  visit,
  type Scalar as YamlScalar,
} from "yaml";
import { matchesPattern, nearest } from "../power/names.ts";
import { type Problems, Source, type Span } from "./problem.ts";
import { SecretsFile } from "./secrets.ts";
import type { Entry, MapValue, Scalar, Value } from "./value.ts";

/** More nodes than any real configuration has; a few lines of nested aliases make billions. */
const MOST_NODES = 2_000_000;

export interface ReadOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly problems: Problems;
  /** How the file is named in problems: relative to where the command runs, when it is below. */
  readonly cwd: string;
}

export class Reader {
  readonly #options: ReadOptions;
  readonly #secrets: SecretsFile;
  readonly watched = new Set<string>();

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

  /** The file's value and those it includes, merged. Undefined where it is not usable; problems tell why. */
  async file(path: string): Promise<MapValue | undefined> {
    this.watched.add(path);
    const source = new Source(this.shownAs(path), "");
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      this.#options.problems.error(nowhere(source), {
        code: "file-unreadable",
        message: missing ? "there is no such file" : `the file cannot be read: ${String(error)}`,
        hint: missing ? "Name another with -c, or write a starter with `maasochist init`." : undefined,
      });
      return undefined;
    }
    return this.text(text, path);
  }

  async text(text: string, path: string): Promise<MapValue | undefined> {
    const { problems } = this.#options;
    const source = new Source(this.shownAs(path), text);
    const document = parseDocument(text, { version: "1.2", uniqueKeys: true, merge: false });
    for (const error of document.errors) {
      const [start, end] = error.pos;
      problems.error({ source, start, end: Math.max(end, start + 1) }, yamlProblem(error.code, error.message));
    }
    if (document.errors.length > 0) return undefined;
    if (document.contents === null) {
      problems.error(nowhere(source), {
        code: "file-empty",
        message: "the file is empty",
        hint: "`maasochist init` writes a starter.",
      });
      return undefined;
    }
    const tagged = await this.#taggedTexts(document, { source, path });
    const value = new Conversion({ document, source, tagged }).convert(document.contents as Node);
    if (value.kind !== "map") {
      problems.error(value.at, {
        code: "not-a-map",
        message: "the file must hold keys such as `machines:`, not a list or a single value",
      });
      return undefined;
    }
    return this.#withIncludes(value, path);
  }

  async #withIncludes(main: MapValue, path: string): Promise<MapValue> {
    const include = main.entries.get("include");
    if (!include) return main;
    const { problems } = this.#options;
    const entries = new Map(main.entries);
    entries.delete("include");
    const patterns = include.value.kind === "list" ? include.value.items : [include.value];
    for (const pattern of patterns) {
      if (pattern.kind !== "scalar" || typeof pattern.value !== "string") {
        problems.error(pattern.at, {
          code: "include",
          message: "include takes file names or patterns such as conf.d/*.yaml",
        });
        continue;
      }
      const files = await this.#matching(pattern.value, dirname(resolve(path)));
      for (const file of files) {
        const included = await this.file(file);
        if (included) this.#merge(entries, included);
      }
    }
    return { ...main, entries };
  }

  /** Files of one folder; only the last part may hold `*`. */
  async #matching(pattern: string, folder: string): Promise<string[]> {
    const path = resolve(folder, pattern);
    if (!pattern.includes("*")) return [path];
    const names = await readdir(dirname(path)).catch(() => []);
    return names
      .filter((name) => matchesPattern(basename(path), name))
      .sort()
      .map((name) => join(dirname(path), name));
  }

  /** Machines, hubs and profiles add up over files; what stands twice is an error that names both places. */
  #merge(into: Map<string, Entry>, included: MapValue): void {
    for (const [key, entry] of included.entries) {
      const known = into.get(key);
      if (!known) into.set(key, entry);
      else if (
        known.value.kind === "map" &&
        entry.value.kind === "map" &&
        (key === "machines" || key === "hubs" || key === "profiles")
      ) {
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
    const { line } = first.source.position(first.start);
    this.#options.problems.error(at, {
      code: "twice",
      message: `${what} is already given at ${first.source.file}:${line}`,
    });
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
      texts.set(node, await this.#tagged(node.tag ?? "", String(node.value), { at: { source, start, end }, path }));
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
            message: `the environment has no variable "${name}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
          });
        }
        return text;
      }
      case "!file": {
        const file = resolve(dirname(resolve(path)), name);
        this.watched.add(file);
        try {
          return (await readFile(file, "utf8")).replace(/\r?\n$/, "");
        } catch (error) {
          const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
          problems.error(at, {
            code: "file-unreadable",
            message: missing ? `there is no file "${name}"` : `"${name}" cannot be read: ${String(error)}`,
            hint: "Paths are relative to the file that names them.",
          });
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

  get watchedFiles(): readonly string[] {
    return [...this.watched, ...(this.#secrets.used ? [this.#secrets.path] : [])];
  }
}

interface ConversionOptions {
  readonly document: Document;
  readonly source: Source;
  /** Texts behind tags, by their nodes. */
  readonly tagged: ReadonlyMap<unknown, string | undefined>;
}

function hasOwnTag(node: YamlScalar): boolean {
  return node.tag?.startsWith("!") === true && !node.tag.startsWith("!!");
}

class Conversion {
  readonly #options: ConversionOptions;
  #nodes = 0;

  constructor(options: ConversionOptions) {
    this.#options = options;
  }

  convert(node: Node | null | undefined, behind?: Span): Value {
    const at = this.#span(node, behind);
    this.#nodes += 1;
    if (this.#nodes > MOST_NODES) throw new RangeError("the configuration unfolds into too many values");
    if (!node) return { kind: "scalar", value: null, at, secret: false };
    if (isAlias(node)) return this.convert((node as Alias).resolve(this.#options.document), at);
    if (isSeq(node)) {
      const items: Value[] = [];
      for (const item of node.items) items.push(this.convert(item as Node, at));
      return { kind: "list", items, at };
    }
    if (isMap(node)) {
      const entries = new Map<string, Entry>();
      for (const pair of node.items) {
        const key = pair.key as Node | null;
        const keySpan = this.#span(key, at);
        const name = isScalar(key) ? String(key.source ?? key.value) : "?";
        entries.set(name, { key: keySpan, value: this.convert(pair.value as Node | null, keySpan) });
      }
      return { kind: "map", entries, at };
    }
    return this.#scalar(node as YamlScalar, at);
  }

  #scalar(node: YamlScalar, at: Span): Value {
    const { tagged } = this.#options;
    if (tagged.has(node)) return { kind: "scalar", value: tagged.get(node) ?? null, at, secret: true };
    const { value } = node;
    const scalar: Scalar =
      typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null
        ? value
        : (node.source ?? null);
    return { kind: "scalar", value: scalar, at, secret: false };
  }

  #span(node: Node | null | undefined, behind: Span | undefined): Span {
    const { source } = this.#options;
    const range = node?.range;
    if (!range) return behind ?? nowhere(source);
    const [start, end] = range;
    // A block is pointed at by its first line.
    const newline = source.text.indexOf("\n", start);
    return { source, start, end: Math.max(start + 1, newline >= 0 && newline < end ? newline : end) };
  }
}

export function nowhere(source: Source): Span {
  return { source, start: 0, end: 1 };
}

function yamlProblem(code: string, message: string): { code: string; message: string; hint?: string } {
  const first = message.split(/ at line \d+/)[0] ?? message;
  switch (code) {
    case "DUPLICATE_KEY":
      return { code: "twice", message: "this key is given twice in one map" };
    case "TAB_AS_INDENT":
      return { code: "yaml", message: "tabs do not indent in YAML", hint: "Use spaces." };
    default:
      return { code: "yaml", message: first, hint: "Text with `: `, `#`, `{` or `[` in it goes in quotes." };
  }
}
