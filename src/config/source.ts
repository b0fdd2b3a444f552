/** A file's text, places in it, and what of it must not be shown. */

/** A place in a file, in characters from its start. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** What a terminal would obey. */
const UNPRINTABLE = /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

export class Source {
  /** As it is named in problems. */
  readonly file: string;
  readonly text: string;
  /** By line: what of the file is hidden and reaches into it. */
  readonly #hidden = new Map<number, Span[]>();
  /** Where hiding begins, and how far it goes. */
  readonly #hiding = new Map<number, number>();
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

  /** The line as it is written; undefined where there is none. */
  line(number: number): string | undefined {
    const starts = this.#starts();
    const start = starts[number - 1];
    if (start === undefined) return undefined;
    const end = starts[number] ?? this.text.length + 1;
    return this.text.slice(start, end - 1).replace(/\r$/, "");
  }

  /** What stands there is never shown. */
  hide(place: Span): void {
    const { start, end } = place;
    if ((this.#hiding.get(start) ?? 0) >= end) return;
    this.#hiding.set(start, end);
    const last = this.position(end).line;
    for (let { line } = this.position(start); line <= last; line++) {
      const places = this.#hidden.get(line);
      if (places) places.push(place);
      else this.#hidden.set(line, [place]);
    }
  }

  hides({ start }: Span): boolean {
    return this.#hiding.has(start);
  }

  /** The line with what is hidden blotted out; as long as the line, so that carets point right. */
  shownLine(number: number): string | undefined {
    let line = this.line(number);
    if (line === undefined) return undefined;
    const begin = this.#starts()[number - 1] ?? 0;
    for (const { start, end } of this.#hidden.get(number) ?? []) line = blotted(line, start - begin, end - begin);
    return line.replaceAll(UNPRINTABLE, "\uFFFD");
  }

  #starts(): number[] {
    if (!this.#lines) {
      this.#lines = [0];
      for (let at = this.text.indexOf("\n"); at >= 0; at = this.text.indexOf("\n", at + 1)) this.#lines.push(at + 1);
    }
    return this.#lines;
  }
}

/** The line with bullets from `start` to `end`, as far as it goes. */
export function blotted(line: string, start: number, end: number): string {
  const from = Math.max(0, start);
  const to = Math.min(line.length, end);
  return to > from ? line.slice(0, from) + "•".repeat(to - from) + line.slice(to) : line;
}

/** The text on one line, without what a terminal would obey. */
export function printable(text: string): string {
  return text.replaceAll("\n", " ").replaceAll(UNPRINTABLE, "\uFFFD");
}

export function spanOf(source: Source, start: number, end: number): Span {
  return { source, start, end: Math.max(start + 1, end) };
}

/** For what concerns a file as a whole. */
export function nowhere(file: string): Span {
  return { source: new Source(file, ""), start: 0, end: 1 };
}

/** A source with the lines of the text and nothing in them: for files that must not be quoted at all. */
export function blank(file: string, text: string): Source {
  return new Source(file, text.replaceAll(/[^\n]/g, " "));
}

/** `file:line` of a place, to name it in a message about another. */
export function lineOf({ source, start }: Span): string {
  return `${source.file}:${source.position(start).line}`;
}
