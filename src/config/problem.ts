/** What is wrong in a configuration: where, what, and what to do about it. */
import { styleText } from "node:util";
import { nearest } from "../power/names.ts";
import type { SecretKeys } from "./secret-keys.ts";
import { printable, type Span } from "./source.ts";

export interface Problem {
  readonly severity: "error" | "warning";
  /** Stable, for scripts and for the docs. */
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Behind the last character meant; at least `column + 1`. */
  readonly endColumn: number;
  readonly source?: Excerpt;
}

/** The source line as it may be shown, and the one before it. */
export interface Excerpt {
  readonly before?: string;
  /** The line, or what is around the place where the line is very long. */
  readonly line: string;
  /** Where in it the place begins, from 1, and how many characters of it are there. */
  readonly column: number;
  readonly length: number;
}

export interface ProblemText {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

interface Found {
  readonly severity: Problem["severity"];
  readonly at: Span;
  readonly text: ProblemText;
}

/** Longest excerpt of a line, and how much of it stands before the place. */
const LONGEST_LINE = 180;
const BEFORE_PLACE = 80;
const LONGEST_MESSAGE = 400;
/** Thousands of mistyped names are one mistake; comparing each with thousands would take minutes. */
const MOST_COMPARISONS = 50_000;

/** Collects problems. What is wrong with a range is said for its first member: one place is complained of once. */
export class Problems {
  readonly #secretKeys: SecretKeys;
  readonly #found = new Map<string, Found>();
  #errors = 0;
  #comparisons = 0;

  constructor(secretKeys: SecretKeys) {
    this.#secretKeys = secretKeys;
  }

  /** All so far, by file and place. Lines are quoted now: until everything is read, not every secret is known. */
  get all(): readonly Problem[] {
    return [...this.#found.values()]
      .map((found) => this.#told(found))
      .sort((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1));
  }

  /** How often an error was told so far, repeats for other members of a range included. */
  get errors(): number {
    return this.#errors;
  }

  /** `, did you mean "x"?` with the nearest of the known names; empty where none is near. */
  didYouMean(written: string, known: Iterable<string>): string {
    if (this.#comparisons > MOST_COMPARISONS) return "";
    const names = [...known];
    this.#comparisons += names.length;
    const near = nearest(written, names);
    return near === undefined ? "" : `, did you mean "${near}"?`;
  }

  error(at: Span, text: ProblemText): void {
    this.#errors += 1;
    this.#add({ severity: "error", at, text });
  }

  warning(at: Span, text: ProblemText): void {
    this.#add({ severity: "warning", at, text });
  }

  #add(found: Found): void {
    const { at, text } = found;
    const key = `${at.source.file}:${at.start}:${text.code === "bad-value" ? text.message : text.code}`;
    if (!this.#found.has(key)) this.#found.set(key, found);
  }

  #told({ severity, at, text: { code, message, hint } }: Found): Problem {
    const { source, start, end } = at;
    const { line, column } = source.position(start);
    const written = source.line(line) ?? "";
    const endColumn = Math.max(column + 1, Math.min(column + (end - start), written.length + 1));
    const excerpt = this.#excerpt(at, { line, column, endColumn });
    return {
      severity,
      code,
      message: shortened(printable(message)),
      ...(hint !== undefined && { hint: shortened(printable(hint)) }),
      file: source.file,
      line,
      column,
      endColumn,
      ...(excerpt && { source: excerpt }),
    };
  }

  #excerpt(
    { source }: Span,
    { line, column, endColumn }: { readonly line: number; readonly column: number; readonly endColumn: number },
  ): Excerpt | undefined {
    const written = source.shownLine(line) ?? "";
    if (written.trim() === "") return undefined;
    const shown = this.#secretKeys.masked(written);
    const from = shown.length > LONGEST_LINE ? Math.max(0, column - 1 - BEFORE_PLACE) : 0;
    const piece = clipped(shown, from);
    const before = source.shownLine(line - 1) ?? "";
    const begins = column - from + (from > 0 ? 1 : 0);
    return {
      ...(SPEAKS_FOR_ITSELF.test(before) && { before: clipped(this.#secretKeys.masked(before), 0) }),
      line: piece,
      column: begins,
      length: Math.max(1, Math.min(endColumn - column, piece.length + 1 - begins)),
    };
  }
}

/** A line with a key, an item or a comment; any other may be the inside of a secret that goes over several lines. */
const SPEAKS_FOR_ITSELF = /^\s*(?:#|- |["']?[^\s:"']+["']?\s*:)/;

function clipped(line: string, from: number): string {
  const piece = line.slice(from, from + LONGEST_LINE);
  return `${from > 0 ? "…" : ""}${piece}${from + LONGEST_LINE < line.length ? "…" : ""}`;
}

function shortened(text: string): string {
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
}

/** `file:line:column severity message`, the source line with a caret run, the hint. */
export function formatProblem(problem: Problem, options: { readonly color: boolean }): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string) =>
    options.color ? styleText(format, text, { validateStream: false }) : text;
  const { file, line, column, severity, message, hint, source, code } = problem;
  const tone = severity === "error" ? "red" : "yellow";
  const lines = [
    `${file}:${line}:${column} ${paint([tone, "bold"], severity)}: ${message} ${paint("dim", `[${code}]`)}`,
  ];
  if (source) {
    const width = String(line).length;
    const gutter = (number: number | undefined, mark: string) =>
      paint("dim", `  ${mark} ${String(number ?? "").padStart(width)} | `);
    if (source.before !== undefined) lines.push(gutter(line - 1, " ") + source.before);
    lines.push(gutter(line, ">") + source.line);
    const indent = source.line.slice(0, source.column - 1).replaceAll(/[^\t]/g, " ");
    lines.push(gutter(undefined, " ") + indent + paint(tone, "^".repeat(source.length)));
  }
  if (hint !== undefined) lines.push(`    ${hint}`);
  return lines.join("\n");
}
