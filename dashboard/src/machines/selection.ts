/** Which machines are ticked, by name. */
import { useCallback, useMemo, useState } from "react";
import type { Machine } from "../api/types.ts";

export interface Selection {
  readonly names: ReadonlySet<string>;
  readonly has: (name: string) => boolean;
  /** Ticks or unticks these; the others stay as they are. */
  readonly set: (machines: readonly Machine[], ticked: boolean) => void;
  readonly clear: () => void;
}

/** Machines that are no more are not ticked either. */
export function useSelection(machines: ReadonlyMap<string, Machine>): Selection {
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const names = useMemo(
    () =>
      [...ticked].every((name) => machines.has(name))
        ? ticked
        : new Set([...ticked].filter((name) => machines.has(name))),
    [ticked, machines],
  );
  const set = useCallback((some: readonly Machine[], on: boolean) => {
    setTicked((before) => {
      const next = new Set(before);
      for (const { name } of some) {
        if (on) next.add(name);
        else next.delete(name);
      }
      return next;
    });
  }, []);
  const clear = useCallback(() => setTicked(new Set()), []);
  return useMemo(() => ({ names, has: (name) => names.has(name), set, clear }), [names, set, clear]);
}

export type Ticked = "all" | "some" | "none";

export function tickedOf(machines: readonly Machine[], { names }: Selection): Ticked {
  const count = machines.reduce((sum, { name }) => sum + (names.has(name) ? 1 : 0), 0);
  return count === 0 ? "none" : count === machines.length ? "all" : "some";
}
