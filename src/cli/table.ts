/** Tables and times, as people read them. */
import { stripVTControlCharacters } from "node:util";

const GAP = "  ";
/** A last column narrower than this (characters) is left to the terminal to wrap. */
const NARROWEST = 20;

export interface TableOptions {
  /** Characters in a line. Absent: as many as it takes. */
  readonly width?: number | undefined;
  /** Columns to leave out, by index and the least important first, as long as the lines are too long. */
  readonly leaveOut?: readonly number[];
}

/**
 * Plain columns, as wide as their widest cell; colours do not count. Where the lines are too long for the width, columns
 * are left out, and then the last one is wrapped. Answers one text a row.
 */
export function table(
  rows: readonly (readonly string[])[],
  { width = Infinity, leaveOut = [] }: TableOptions = {},
): string[] {
  const [least, ...others] = leaveOut;
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ""))));
  const total = widths.reduce((sum, column) => sum + column + GAP.length, -GAP.length);
  if (total > width && least !== undefined) {
    const kept = others.map((column) => (column > least ? column - 1 : column));
    return table(
      rows.map((row) => row.filter((_, column) => column !== least)),
      { width, leaveOut: kept },
    );
  }
  const last = widths.length - 1;
  const before = total - (widths[last] ?? 0);
  return rows.map((row) => {
    const cells = row.slice(0, last).map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)));
    const [first = "", ...more] = wrapped(row[last] ?? "", width - before);
    const lines = [[...cells, first].join(GAP), ...more.map((line) => " ".repeat(before) + line)];
    return lines.map((line) => line.trimEnd()).join("\n");
  });
}

function wrapped(text: string, width: number): string[] {
  if (width < NARROWEST || widthOf(text) <= width) return [text];
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && widthOf(line) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function widthOf(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}

/** `4s ago`, `2m ago`, `3d ago`. */
export function ago(time: number | undefined, now = Date.now()): string {
  if (time === undefined) return "–";
  const seconds = Math.max(0, Math.round((now - time) / 1_000));
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h ago`;
  return `${Math.floor(seconds / 86_400)}d ago`;
}

/** `2026-11-23 14:05:09`, local time. */
export function clockTime(time: number): string {
  const date = new Date(time);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
