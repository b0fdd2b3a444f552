/** Files of other tools, read and complained of like our own: every mistake with its place, and no secret quoted. */
import { resolve } from "node:path";
import type { z } from "zod";
import type { Driver } from "../power/driver.ts";
import { checked } from "./check-value.ts";
import { Files } from "./files.ts";
import { membersOf } from "./member.ts";
import { type Problem, Problems, type ProblemText } from "./problem.ts";
import { Reader } from "./read.ts";
import { SecretKeys } from "./secret-keys.ts";
import { lineOf, nowhere } from "./source.ts";
import { readTextFile } from "./text-file.ts";
import { plain, spanAt, type Value, valueAt } from "./value.ts";

export class ForeignFile {
  readonly #problems: Problems;
  readonly #value: Value | undefined;

  private constructor(value: Value | undefined, problems: Problems) {
    this.#value = value;
    this.#problems = problems;
  }

  /**
   * Named relative to `cwd` in problems; what keeps it from being read is a problem too. Keys that are secrets of drivers
   * are taken for secrets there as well.
   */
  static async read(
    file: string,
    { cwd, drivers }: { readonly cwd: string; readonly drivers: readonly Driver[] },
  ): Promise<ForeignFile> {
    const secretKeys = new SecretKeys(drivers);
    const problems = new Problems(secretKeys);
    const path = resolve(cwd, file);
    const at = nowhere(new Files(cwd, problems).shownAs(path));
    const read = await readTextFile(path);
    const fail = (message: string) => {
      problems.error(at, { code: "file-unreadable", message });
      return new ForeignFile(undefined, problems);
    };
    if ("missing" in read) return fail("there is no such file");
    if ("problem" in read) return fail(`the file ${read.problem}`);
    if (/^(?:\s|#.*)*$/.test(read.text)) return fail("the file is empty");
    const value = await new Reader(path, { env: {}, problems, secretKeys, cwd }).text(read.text, path);
    return new ForeignFile(value, problems);
  }

  get problems(): readonly Problem[] {
    return this.#problems.all;
  }

  /** What the schema makes of the value there; undefined where it does not fit, which is told then. */
  check<Schema extends z.ZodType>(
    schema: Schema,
    path: readonly PropertyKey[],
    name: string,
  ): z.output<Schema> | undefined {
    const value = valueAt(this.#value, path);
    return value && checked(schema, value, this.#problems, { name });
  }

  /** The value there as plain data; undefined where there is none. */
  data(path: readonly PropertyKey[]): unknown {
    const value = valueAt(this.#value, path);
    return value && plain(value);
  }

  error(path: readonly PropertyKey[], text: ProblemText): void {
    if (this.#value) this.#problems.error(spanAt(this.#value, path), text);
  }

  didYouMean(written: string, known: Iterable<string>): string {
    return this.#problems.didYouMean(written, known);
  }

  /** `file:line` of what stands there. */
  lineOf(path: readonly PropertyKey[]): string {
    return this.#value ? lineOf(spanAt(this.#value, path)) : "";
  }
}

/** The names that are written, ranges such as `nuc[1-6]` as their members; a text where one is wrong. */
export function namesWritten(written: readonly string[]): readonly string[] | string {
  const problems = new Problems(new SecretKeys([]));
  const names = written.flatMap((text) =>
    text.includes("[") ? membersOf(text, nowhere("--names"), problems).map(({ name }) => name) : [text],
  );
  return problems.all[0]?.message ?? names;
}
