import { type RefObject, startTransition, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { lineAt, type Piece, piecesOf, type Range, rangeInSight, topsOf } from "./window.ts";

export interface Windowed {
  readonly pieces: readonly Piece[];
  /** Brings a line into sight. */
  readonly reveal: (index: number) => void;
}

interface Options<T> {
  readonly lines: readonly T[];
  /** In rem, as people may make their letters larger. */
  readonly heightOf: (line: T) => number;
  /** A line that is drawn even when it is out of sight. */
  readonly kept: number | undefined;
  /** The element around the lines, which something above it scrolls. */
  readonly list: RefObject<HTMLElement | null>;
  /** Covered by what stays at the top while the list is scrolled (rem). */
  readonly covered: number;
}

function rem(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

function scrollerOf(element: HTMLElement | null): HTMLElement {
  return element?.closest("main") ?? document.documentElement;
}

/** Draws of a long list what is in sight. */
export function useWindow<T>({ lines, heightOf, kept, list, covered }: Options<T>): Windowed {
  const [size, setSize] = useState(rem);
  const tops = useMemo(() => topsOf(lines, (line) => heightOf(line) * size), [lines, heightOf, size]);
  // At first no more than fits on the screen: it shows the sooner.
  const [range, setRange] = useState<Range>(() => ({ from: 0, to: lineAt(tops, window.innerHeight) + 1 }));
  const isFirst = useRef(true);

  useLayoutEffect(() => {
    const scroller = scrollerOf(list.current);
    const look = () => {
      if (!list.current) return;
      const top = scroller.getBoundingClientRect().top - list.current.getBoundingClientRect().top;
      const next = rangeInSight(tops, { top, bottom: top + scroller.clientHeight });
      setRange((before) => (before.from === next.from && before.to === next.to ? before : next));
    };
    if (isFirst.current) startTransition(look);
    else look();
    isFirst.current = false;
    scroller.addEventListener("scroll", look, { passive: true });
    const resized = new ResizeObserver(() => {
      setSize(rem());
      look();
    });
    resized.observe(scroller);
    return () => {
      scroller.removeEventListener("scroll", look);
      resized.disconnect();
    };
  }, [tops, list]);

  const pieces = useMemo(() => piecesOf(tops, range, kept), [tops, range, kept]);
  return {
    pieces,
    reveal: (index) => {
      const scroller = scrollerOf(list.current);
      if (!list.current) return;
      const start =
        list.current.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
      const [top = 0, bottom = 0] = [tops[index], tops[index + 1]];
      const above = covered * size;
      if (start + top - above < scroller.scrollTop) scroller.scrollTop = start + top - above;
      else if (start + bottom > scroller.scrollTop + scroller.clientHeight)
        scroller.scrollTop = start + bottom - scroller.clientHeight;
    },
  };
}

/** Does the screen fit a condition of style sheets, such as `(max-width: 620px)`? */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const media = window.matchMedia(query);
    const look = () => setMatches(media.matches);
    look();
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, [query]);
  return matches;
}
