/** What is wrong in a configuration: where, what, and what to do about it. */
import { styleText } from "node:util";

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
  /** The source line, and the one before it. */
  readonly source?: { readonly before?: string; readonly line: string };
}

/** A place in a file, in characters from its start. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  /** What stands there must not be shown. */
  readonly secret?: boolean;
}

/** A place in the text; a block that goes over several lines is pointed at by its first. */
export function spanOf(source: Source, start: number, end: number): Span {
  const newline = source.text.indexOf("\n", start);
  return { source, start, end: Math.max(start + 1, newline >= 0 && newline < end ? newline : end) };
}

/** For what concerns a file as a whole, or must not quote it. */
export function nowhere(file: string): Span {
  return { source: new Source(file, ""), start: 0, end: 1 };
}

/** `file:line` of a place, to name it in a message about another. */
export function lineOf({ source, start }: Span): string {
  return `${source.file}:${source.position(start).line}`;
}

/** A file's text, and where its lines begin. */
export class Source {
  readonly file: string;
  readonly text: string;
  #lines: number[] | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** Line and column, both from 1. */
  position(offset: number): { readonly line: number; readonly column: number } {
    const lines = this.#starts();
    let low = 0;
    let high = lines.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((lines[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (lines[low] ?? 0) + 1 };
  }

  line(number: number): string | undefined {
    const starts = this.#starts();
    const start = starts[number - 1];
    if (start === undefined) return undefined;
    const end = starts[number] ?? this.text.length + 1;
    return this.text.slice(start, end - 1).replace(/\r$/, "");
  }

  #starts(): number[] {
    if (!this.#lines) {
      this.#lines = [0];
      for (let at = this.text.indexOf("\n"); at >= 0; at = this.text.indexOf("\n", at + 1)) this.#lines.push(at + 1);
    }
    return this.#lines;
  }
}

export interface ProblemText {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** Collects problems. What is wrong with a range is said for its first member: one place is complained of once. */
export class Problems {
  readonly #found = new Map<string, Problem>();
  #errors = 0;

  get all(): readonly Problem[] {
    return [...this.#found.values()].sort(
      (a, b) => a.file.localeCompare(b.file) || a.line - b.line || a.column - b.column,
    );
  }

  /** How often an error was told so far, repeats for other members of a range included. */
  get errors(): number {
    return this.#errors;
  }

  error(at: Span, text: ProblemText): void {
    this.#add("error", at, text);
  }

  warning(at: Span, text: ProblemText): void {
    this.#add("warning", at, text);
  }

  #add(severity: Problem["severity"], at: Span, { code, message, hint }: ProblemText): void {
    if (severity === "error") this.#errors += 1;
    const { source } = at;
    const { line, column } = source.position(at.start);
    const key = `${source.file}:${line}:${column}:${code === "bad-value" ? message : code}`;
    if (this.#found.has(key)) return;
    const written = source.line(line) ?? "";
    const endColumn = Math.max(column + 1, Math.min(column + (at.end - at.start), written.length + 1));
    const before = source.line(line - 1) ?? "";
    this.#found.set(key, {
      severity,
      code,
      message,
      ...(hint !== undefined && { hint }),
      file: source.file,
      line,
      column,
      endColumn,
      ...(written.trim() !== "" && {
        source: {
          ...(SPEAKS_FOR_ITSELF.test(before) && { before: masked(before) }),
          line: masked(at.secret ? blotted(written, column - 1, endColumn - 1) : written),
        },
      }),
    });
  }
}

/** A line with a key, an item or a comment; any other may be the inside of a secret that goes over several lines. */
const SPEAKS_FOR_ITSELF = /^\s*(?:#|- |["']?[^\s:"']+["']?\s*:)/;

const SECRET_KEY = String.raw`["']?[\w-]*(?:pass|token|secret|community|key|psk|auth|priv|hash)[\w-]*["']?\s*:\s*`;
/** Tags, aliases and maps hold nothing to hide themselves; what is in a list of maps has keys of its own. */
const PLAIN = String.raw`(?!\[\s*(?:\{|$))[^\s!{|>*]`;
const SECRET_LINE = new RegExp(`^(\\s*(?:- )?\\s*${SECRET_KEY})(${PLAIN}.*)$`, "i");
const SECRETS_IN_FLOW = new RegExp(
  String.raw`([{,]\s*${SECRET_KEY})("(?:[^"\\]|\\.)*"?|'[^']*'?|(?!\[\s*\{)\[[^\]]*|${PLAIN}[^,}]*)`,
  "gi",
);

/** The line without the texts that stand behind keys of secrets; as long as before, so that carets point right. */
function masked(line: string): string {
  const blot = (_all: string, key: string, text: string) => key + "•".repeat(text.length);
  return line.replace(SECRET_LINE, blot).replaceAll(SECRETS_IN_FLOW, blot);
}

function blotted(line: string, start: number, end: number): string {
  return line.slice(0, start) + "•".repeat(end - start) + line.slice(end);
}

/** `file:line:column severity message`, the source line with a caret run, the hint. */
export function formatProblem(problem: Problem, options: { readonly color: boolean }): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string) =>
    options.color ? styleText(format, text, { validateStream: false }) : text;
  const { file, line, column, endColumn, severity, message, hint, source, code } = problem;
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
    const indent = source.line.slice(0, column - 1).replaceAll(/[^\t]/g, " ");
    lines.push(gutter(undefined, " ") + indent + paint(tone, "^".repeat(endColumn - column)));
  }
  if (hint !== undefined) lines.push(`    ${hint}`);
  return lines.join("\n");
}
