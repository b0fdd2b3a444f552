import { useCallback, useEffect, useState } from "react";
import { ask, failureFrom } from "../api/client.ts";
import type { Failure } from "../api/types.ts";

export interface Answer<T> {
  /** The last one, while another one is asked for. */
  readonly value: T | undefined;
  readonly failure: Failure | undefined;
  readonly again: () => void;
}

/** What the API answers, asked for when the component is shown and when `fresh` changes. */
export function useAnswer<T>(path: string, fresh?: unknown): Answer<T> {
  const [value, setValue] = useState<T>();
  const [failure, setFailure] = useState<Failure>();
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: these two say when to ask anew
  useEffect(() => {
    const over = new AbortController();
    ask<T>(path, { signal: over.signal }).then(
      (answer) => {
        if (over.signal.aborted) return;
        setValue(answer);
        setFailure(undefined);
      },
      (error: unknown) => {
        if (!over.signal.aborted) setFailure(failureFrom(error));
      },
    );
    return () => over.abort();
  }, [path, fresh, round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { value, failure, again };
}
