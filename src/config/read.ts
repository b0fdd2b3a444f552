/** Reads YAML files into values: tags resolved, includes merged, every syntax error kept with its place. */
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Document, isMap, parseDocument } from "yaml";
import { matchesPattern } from "../power/names.ts";
import { Conversion, hideSecrets } from "./convert.ts";
import { Files } from "./files.ts";
import { cut, type Pieces } from "./pieces.ts";
import type { Problems } from "./problem.ts";
import type { SecretKeys } from "./secret-keys.ts";
import { lineOf, nowhere, Source, type Span, spanOf } from "./source.ts";
import { tellSyntax } from "./syntax.ts";
import { type TaggedIn, Tags } from "./tags.ts";
import { type Entry, isSecret, type MapValue, scalarText } from "./value.ts";

export interface ReadOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly problems: Problems;
  readonly secretKeys: SecretKeys;
  /** How the file is named in problems: relative to where the command runs, when it is below. */
  readonly cwd: string;
}

/** Keys whose members add up over files. */
const ADDS_UP: ReadonlySet<string> = new Set(["machines", "hubs", "profiles"]);

export class Reader {
  readonly #options: ReadOptions;
  readonly #files: Files;
  readonly #tags: Tags;
  readonly #secretsPath: string;
  /** Files that were included or include others, whatever links lead to them. */
  readonly #parts = new Set<string>();

  constructor(mainFile: string, options: ReadOptions) {
    this.#options = options;
    this.#files = new Files(options.cwd, options.problems);
    this.#secretsPath = join(dirname(resolve(mainFile)), "secrets.yaml");
    this.#tags = new Tags({ ...options, files: this.#files, secretsPath: this.#secretsPath });
  }

  /** Every file that was read, absolute. */
  get watchedFiles(): readonly string[] {
    return this.#files.read;
  }

  /** The file's value and those it includes, merged. Undefined where it is not usable; problems tell why. */
  async file(path: string): Promise<MapValue | undefined> {
    const text = await this.#files.main(path);
    return text === undefined ? undefined : this.text(text, path);
  }

  /** The same for a text that stands for the file. */
  async text(text: string, path: string): Promise<MapValue | undefined> {
    this.#parts.add(await this.#files.identity(path));
    const value = await this.#parsed(text, path);
    if (value === "empty") {
      this.#options.problems.error(nowhere(this.#files.shownAs(path)), {
        code: "file-empty",
        message: "the file is empty",
        hint: "`maasochist init` writes a starter.",
      });
      return undefined;
    }
    return value && this.#withIncludes(value, path);
  }

  async #parsed(text: string, path: string): Promise<MapValue | "empty" | undefined> {
    const source = new Source(this.#files.shownAs(path), text.replace(/^\uFEFF/, ""));
    const pieces = cut(source.text);
    return (pieces && (await this.#inPieces(pieces, source, path))) ?? this.#whole(source, path);
  }

  async #whole(source: Source, path: string): Promise<MapValue | "empty" | undefined> {
    const { problems, secretKeys } = this.#options;
    const document = parsed(source.text);
    if (document === "too deep") {
      problems.error(spanOf(source, 0, 1), { code: "yaml", message: "the file is nested too deeply to be read" });
      return undefined;
    }
    if (document.errors.length > 0) {
      hideSecrets(document.contents, { source, secretKeys });
      tellSyntax(document.errors, source, { problems, secretKeys });
      return undefined;
    }
    if (document.contents === null) return "empty";
    const conversion = await this.#conversion(document, { source, offset: 0, path });
    const value = conversion.convert(document.contents, spanOf(source, 0, 1));
    if (value.kind === "map") return value;
    // A file that is all one text may be a key, included by mistake.
    if (value.kind === "scalar") source.hide(value.at);
    problems.error(value.at, {
      code: "not-a-map",
      message: "the file must hold keys such as `machines:`, not a list or a single value",
    });
    return undefined;
  }

  /** The same piece by piece; undefined where any piece is not in order. */
  async #inPieces({ rest, pieces }: Pieces, source: Source, path: string): Promise<MapValue | undefined> {
    const document = parsed(rest);
    if (document === "too deep" || document.errors.length > 0) return undefined;
    const conversion = await this.#conversion(document, { source, offset: 0, path });
    const main = conversion.convert(document.contents, spanOf(source, 0, 1));
    if (main.kind !== "map") return undefined;
    const entries = new Map(main.entries);
    const sections = new Map<string, Map<string, Entry>>();
    for (const { section, text, offset } of pieces) {
      const piece = parsed(text);
      const entry = entries.get(section);
      if (piece === "too deep" || piece.errors.length > 0 || !isMap(piece.contents) || !entry) return undefined;
      const at = spanOf(source, offset, offset + text.length);
      const members = sections.get(section) ?? new Map<string, Entry>();
      sections.set(section, members);
      (await this.#conversion(piece, { source, offset, path })).add(piece.contents.items, at, members);
      entries.set(section, { ...entry, value: { kind: "map", entries: members, at } });
    }
    return { ...main, entries };
  }

  async #conversion(document: Document, where: TaggedIn): Promise<Conversion> {
    const tagged = await this.#tags.texts(document, where);
    return new Conversion({ ...this.#options, ...where, document, tagged });
  }

  async #withIncludes(main: MapValue, path: string): Promise<MapValue> {
    const include = main.entries.get("include");
    if (!include) return main;
    const entries = new Map(main.entries);
    entries.delete("include");
    const patterns = include.value.kind === "list" ? include.value.items : [include.value];
    for (const pattern of patterns) {
      const text = scalarText(pattern);
      if (text === undefined || (pattern.kind === "scalar" && isSecret(pattern))) {
        this.#options.problems.error(pattern.at, {
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
    const { problems } = this.#options;
    if (folder.includes("*")) {
      problems.error(at, { code: "include", message: "only the last part of an include may hold *" });
      return [];
    }
    const names = await readdir(folder).catch((error: unknown) => {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      if (code !== "ENOENT") {
        const message = `the folder ${this.#files.shownAs(folder)} cannot be read: ${code}`;
        problems.error(at, { code: "file-unreadable", message });
      }
      return [];
    });
    return names
      .filter((name) => matchesPattern(basename(wanted), name))
      .sort()
      .map((name) => join(folder, name));
  }

  async #included(file: string, at: Span): Promise<MapValue | undefined> {
    const identity = await this.#files.identity(file);
    if (this.#parts.has(identity)) {
      this.#options.problems.error(at, {
        code: "include",
        message: `${this.#files.shownAs(file)} is read already`,
      });
      return undefined;
    }
    if (identity === (await this.#files.identity(this.#secretsPath))) {
      this.#options.problems.error(at, {
        code: "include",
        message: `${this.#files.shownAs(file)} holds secrets, and is not included`,
        hint: "Take single ones out of it with `!secret NAME`.",
      });
      return undefined;
    }
    this.#parts.add(identity);
    const text = await this.#files.named(file, at);
    if (text === undefined) return undefined;
    const value = await this.#parsed(text, file);
    return value === "empty" ? undefined : value && this.#withIncludes(value, file);
  }

  /** Machines, hubs and profiles add up over files; what stands twice is an error that names both places. */
  #merge(into: Map<string, Entry>, included: MapValue): void {
    for (const [key, entry] of included.entries) {
      const known = into.get(key);
      if (!known || isEmpty(known)) into.set(key, entry);
      else if (known.value.kind === "map" && entry.value.kind === "map" && ADDS_UP.has(key)) {
        const merged = new Map(known.value.entries);
        for (const [name, member] of entry.value.entries) {
          const first = merged.get(name);
          if (first) this.#twice(member.key, `${key}.${name}`, first.key);
          else merged.set(name, member);
        }
        into.set(key, { ...known, value: { ...known.value, entries: merged } });
      } else if (!isEmpty(entry)) this.#twice(entry.key, key, known.key);
    }
  }

  #twice(at: Span, what: string, first: Span): void {
    this.#options.problems.error(at, { code: "twice", message: `${what} is already given at ${lineOf(first)}` });
  }
}

/** A key with nothing behind it: everything under it is commented out. */
function isEmpty({ value }: Entry): boolean {
  return value.kind === "scalar" && value.value === null;
}

function parsed(text: string): Document.Parsed | "too deep" {
  try {
    return parseDocument(text, {
      version: "1.2",
      // Told by the conversion, which knows both places; the parser's own way takes quadratic time.
      uniqueKeys: false,
      merge: false,
      prettyErrors: false,
    });
  } catch (error) {
    // The parser calls itself for each level.
    if (error instanceof RangeError) return "too deep";
    throw error;
  }
}
