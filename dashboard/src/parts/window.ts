/**
 * Which lines of a long list are drawn: those in sight, some around them, and the one that has the focus, wherever it is.
 * The others are stood for by gaps of their height, so that the list is as long as it would be.
 */

/** `tops[i]` is where line i begins; one more at the end: the height of all. */
export function topsOf<T>(lines: readonly T[], heightOf: (line: T) => number): number[] {
  const tops = [0];
  let top = 0;
  for (const line of lines) {
    top += heightOf(line);
    tops.push(top);
  }
  return tops;
}

/** The line at that height; the first above the list, the last below it. */
export function lineAt(tops: readonly number[], height: number): number {
  let [low, high] = [0, Math.max(0, tops.length - 2)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((tops[middle] ?? 0) <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}

export interface Range {
  readonly from: number;
  /** Behind the last one. */
  readonly to: number;
}

/** Lines drawn beyond each edge of what is in sight. */
const BEYOND = 12;
/** Ranges begin and end at multiples of it: scrolling by a few lines draws nothing new. */
const STEP = 6;

export function rangeInSight(tops: readonly number[], sight: { readonly top: number; readonly bottom: number }): Range {
  const count = tops.length - 1;
  const first = lineAt(tops, sight.top) - BEYOND;
  const last = lineAt(tops, sight.bottom) + 1 + BEYOND;
  return {
    from: Math.max(0, Math.floor(first / STEP) * STEP),
    to: Math.min(count, Math.ceil(last / STEP) * STEP),
  };
}

export type Piece =
  | { readonly kind: "gap"; readonly key: string; readonly height: number }
  | { readonly kind: "line"; readonly index: number };

export function piecesOf(tops: readonly number[], range: Range, kept: number | undefined): Piece[] {
  const count = tops.length - 1;
  const [from, to] = [Math.min(range.from, count), Math.min(range.to, count)];
  const drawn = Array.from({ length: Math.max(0, to - from) }, (_, offset) => from + offset);
  if (kept !== undefined && kept < count && kept >= 0) {
    if (kept < from) drawn.unshift(kept);
    else if (kept >= to) drawn.push(kept);
  }
  const pieces: Piece[] = [];
  let end = 0;
  const gapUpTo = (index: number, key: string) => {
    const height = (tops[index] ?? 0) - (tops[end] ?? 0);
    if (height > 0) pieces.push({ kind: "gap", key, height });
  };
  for (const index of drawn) {
    // Named by what is behind it, so that no gap becomes another one while the list is scrolled.
    gapUpTo(index, index === from ? "before" : "kept");
    pieces.push({ kind: "line", index });
    end = index + 1;
  }
  gapUpTo(count, "after");
  return pieces;
}
