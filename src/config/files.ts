/** The files of a configuration: which were read, and how they are named in problems. */
import { realpath } from "node:fs/promises";
import { basename, isAbsolute, relative } from "node:path";
import type { Problems } from "./problem.ts";
import { nowhere, Source, type Span, spanOf } from "./source.ts";
import { readTextFile } from "./text-file.ts";

export class Files {
  readonly #cwd: string;
  readonly #problems: Problems;
  readonly #read = new Set<string>();

  /** Files are named relative to `cwd` where they are below it. */
  constructor(cwd: string, problems: Problems) {
    this.#cwd = cwd;
    this.#problems = problems;
  }

  /** Every file that was read or wanted, absolute. */
  get read(): readonly string[] {
    return [...this.#read];
  }

  add(path: string): void {
    this.#read.add(path);
  }

  shownAs(path: string): string {
    const below = relative(this.#cwd, path);
    return below === "" ? basename(path) : below.startsWith("..") || isAbsolute(below) ? path : below;
  }

  /** The text of the configuration itself; undefined where it cannot be read, said in the problems. */
  async main(path: string): Promise<string | undefined> {
    this.add(path);
    const file = await readTextFile(path);
    if ("text" in file) return file.text;
    const shown = this.shownAs(path);
    const { place } = "place" in file ? file : {};
    const at = place ? spanOf(new Source(shown, place.text), place.offset, place.offset + 1) : nowhere(shown);
    this.#problems.error(at, {
      code: "file-unreadable",
      message: "missing" in file ? "there is no such file" : `the file ${file.problem}`,
      hint: "missing" in file ? "Name another with -c, or write a starter with `maasochist init`." : undefined,
    });
    return undefined;
  }

  /** The text of a file that is named in another, there. */
  async named(path: string, at: Span): Promise<string | undefined> {
    this.add(path);
    const file = await readTextFile(path);
    if ("text" in file) return file.text;
    const shown = this.shownAs(path);
    const line = "place" in file && file.place ? `, first in line ${lineAt(file.place)}` : "";
    this.#problems.error(at, {
      code: "file-unreadable",
      message: "missing" in file ? `there is no file ${shown}` : `${shown} ${file.problem}${line}`,
      hint: "Paths are relative to the file that names them.",
    });
    return undefined;
  }

  /** The one name of a file, whatever links lead to it. */
  identity(path: string): Promise<string> {
    return realpath(path).catch(() => path);
  }
}

function lineAt({ text, offset }: { readonly text: string; readonly offset: number }): number {
  return new Source("", text).position(offset).line;
}
