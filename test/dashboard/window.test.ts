import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lineAt, piecesOf, rangeInSight, topsOf } from "../../dashboard/src/parts/window.ts";

const heights = fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 300 });

function tops(list: readonly number[]): number[] {
  return topsOf(list, (height) => height);
}

describe("the window of a long list", () => {
  test("is as high as all of its lines, wherever it is scrolled and whatever is kept", () => {
    fc.assert(
      fc.property(
        heights,
        fc.integer({ min: -500, max: 80_000 }),
        fc.nat(2_000),
        fc.option(fc.nat(400)),
        (list, top, size, kept) => {
          const places = tops(list);
          const pieces = piecesOf(places, rangeInSight(places, { top, bottom: top + size }), kept ?? undefined);
          const height = pieces.reduce(
            (sum, piece) => sum + (piece.kind === "gap" ? piece.height : (list[piece.index] ?? 0)),
            0,
          );
          expect(height).toBe(places.at(-1));
        },
      ),
    );
  });

  test("draws every line that is in sight, each once and in order", () => {
    fc.assert(
      fc.property(heights, fc.nat(60_000), fc.nat(2_000), fc.option(fc.nat(400)), (list, top, size, kept) => {
        const places = tops(list);
        const pieces = piecesOf(places, rangeInSight(places, { top, bottom: top + size }), kept ?? undefined);
        const drawn = pieces.flatMap((piece) => (piece.kind === "line" ? [piece.index] : []));
        expect(drawn).toEqual([...new Set(drawn)].toSorted((a, b) => a - b));
        const inSight = list.flatMap((height, index) => {
          const start = places[index] ?? 0;
          return start < top + size && start + height > top ? [index] : [];
        });
        expect(drawn).toEqual(expect.arrayContaining(inSight));
        const wanted = kept !== null && kept < list.length ? [kept] : [];
        expect(drawn).toEqual(expect.arrayContaining(wanted));
      }),
    );
  });

  test("draws few of ten thousand", () => {
    const places = tops(Array.from({ length: 10_000 }, () => 52));
    const pieces = piecesOf(places, rangeInSight(places, { top: 260_000, bottom: 261_000 }), undefined);
    expect(pieces.length).toBeLessThan(70);
    expect(pieces[0]).toMatchObject({ kind: "gap", key: "before" });
    expect(pieces.at(-1)).toMatchObject({ kind: "gap", key: "after" });
  });

  test("of nothing is nothing", () => {
    expect(piecesOf(tops([]), rangeInSight(tops([]), { top: 0, bottom: 500 }), undefined)).toEqual([]);
  });
});

test("the line at a height is the one that spans it", () => {
  const places = tops([10, 20, 30]);
  expect([-5, 0, 9, 10, 29, 30, 59, 60, 900].map((height) => lineAt(places, height))).toEqual([
    0, 0, 0, 1, 1, 2, 2, 2, 2,
  ]);
});
