/** Events that fit a filter, the newest first: what the journal has, page by page, and what happens meanwhile. */
import { useCallback, useEffect, useMemo, useState } from "react";
import { ask, failureFrom } from "../api/client.ts";
import type { Failure, StoredEvent } from "../api/types.ts";
import { useStore } from "../state/use-store.ts";

export interface EventFilter {
  readonly machine?: string;
  readonly actor?: string;
  readonly kind?: string;
  /** Ms since 1970. */
  readonly since?: number;
}

export interface Events {
  /** Undefined before the first answer. */
  readonly events: readonly StoredEvent[] | undefined;
  readonly failure: Failure | undefined;
  /** Shows older ones; undefined where there are none. */
  readonly older: (() => void) | undefined;
}

const PAGE = 100;
/** What comes in a row is asked for once. */
const MOMENT_MS = 300;

export function queryOf({ machine, actor, kind, since }: EventFilter): URLSearchParams {
  const query = new URLSearchParams();
  if (machine) query.set("machine", machine);
  if (actor) query.set("actor", actor);
  if (kind) query.set("kind", kind);
  if (since !== undefined) query.set("since", String(since));
  return query;
}

export function useEvents(filter: EventFilter): Events {
  const query = queryOf(filter).toString();
  const [stored, setStored] = useState<readonly StoredEvent[]>();
  const [hasMore, setMore] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const newest = useStore((state) => state.events.at(-1)?.id);
  // After a break what was missed is only in the journal.
  const link = useStore((state) => state.link);

  const fetchPage = useCallback(
    async (before: number | undefined, signal?: AbortSignal) => {
      const page = new URLSearchParams(query);
      page.set("limit", String(PAGE));
      if (before !== undefined) page.set("before", String(before));
      try {
        const { events } = await ask<{ readonly events: readonly StoredEvent[] }>(`events?${page}`, {
          ...(signal && { signal }),
        });
        const latestFirst = events.toReversed();
        if (signal?.aborted) return;
        setStored((known = []) => (before === undefined ? latestFirst : [...known, ...latestFirst]));
        setMore(events.length === PAGE);
        setFailure(undefined);
      } catch (error) {
        if (!signal?.aborted) setFailure(failureFrom(error));
      }
    },
    [query],
  );

  useEffect(() => {
    if (link !== "live") return undefined;
    const over = new AbortController();
    void fetchPage(undefined, over.signal);
    return () => over.abort();
  }, [fetchPage, link]);

  // The filter's own words are the daemon's to read: what is new is asked for with them.
  useEffect(() => {
    if (newest === undefined) return undefined;
    const over = new AbortController();
    const page = new URLSearchParams(query);
    page.set("limit", String(PAGE));
    const timer = setTimeout(() => {
      ask<{ readonly events: readonly StoredEvent[] }>(`events?${page}`, { signal: over.signal }).then(
        ({ events }) => setStored((known = []) => merged(events.toReversed(), known)),
        () => undefined,
      );
    }, MOMENT_MS);
    return () => {
      clearTimeout(timer);
      over.abort();
    };
  }, [newest, query]);

  const last = stored?.at(-1)?.id;
  return {
    events: stored,
    failure,
    older: useMemo(
      () => (hasMore && last !== undefined ? () => void fetchPage(last) : undefined),
      [hasMore, last, fetchPage],
    ),
  };
}

function merged(newer: readonly StoredEvent[], known: readonly StoredEvent[]): readonly StoredEvent[] {
  const oldest = newer.at(-1)?.id;
  if (oldest === undefined) return known;
  return [...newer, ...known.filter(({ id }) => id !== undefined && id < oldest)];
}
