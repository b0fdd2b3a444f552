/** Opens what must be asked before it is done; what harms nobody is done at once. */
import { createContext, lazy, type ReactNode, Suspense, useContext, useMemo, useState } from "react";
import type { Machine, Verb } from "../api/types.ts";
import { check, lock, order } from "./act.ts";

export type Act = Verb | "check" | "lock" | "unlock";

interface Asked {
  readonly act: Verb | "lock";
  /** As they were when it was asked: what is confirmed is what was read. */
  readonly machines: readonly Machine[];
}

type Ask = (act: Act, machines: readonly Machine[]) => void;

const Context = createContext<Ask>(() => {});

export function useAct(): Ask {
  return useContext(Context);
}

const PowerDialog = lazy(() => import("./power-dialog.tsx"));
const LockDialog = lazy(() => import("./lock-dialog.tsx"));

export function Actions({ children }: { readonly children: ReactNode }) {
  const [asked, setAsked] = useState<Asked>();
  const act = useMemo<Ask>(
    () => (wanted, machines) => {
      const names = machines.map(({ name }) => name);
      if (wanted === "check") void check(names);
      else if (wanted === "unlock") void lock(names, undefined);
      // One machine to switch on: nothing is lost by it.
      else if (wanted === "on" && machines.length === 1) void order(names, { verb: "on" });
      else setAsked({ act: wanted, machines });
    },
    [],
  );
  const close = () => setAsked(undefined);
  return (
    <Context value={act}>
      {children}
      <Suspense>
        {asked?.act === "lock" && <LockDialog machines={asked.machines} onClose={close} />}
        {asked && asked.act !== "lock" && <PowerDialog verb={asked.act} machines={asked.machines} onClose={close} />}
      </Suspense>
    </Context>
  );
}
