/**
 * Keeps the store true while the page is looked at.
 *
 * *Connecting*: a stream is opened, and then everything is fetched; what the stream tells meanwhile is applied behind it.
 * *Live*: what the stream tells; everything is fetched again now and then, for the times at which machines were checked,
 * and when the daemon runs another configuration.
 * *Lost*: what is known stays, marked with its time, and is tried again after 1, 2, 4, at most 10 s. A page that nobody
 * looks at lets go of its stream: browsers allow few of them at once.
 */
import { ask } from "../api/client.ts";
import { follow } from "../api/live.ts";
import type { DaemonStatus, Hub, Machine, StoredEvent } from "../api/types.ts";
import { type Change, change, current, markFresh, setHubs, setLink, setMachines } from "./store.ts";

const REFRESH_MS = 30_000;
/** A list of thousands is a burden for both sides (ms per machine). */
const REFRESH_PER_MACHINE_MS = 15;
const LONGEST_PAUSE_MS = 10_000;
const HIDDEN_MS = 60_000;

/** Answers the function that ends it. */
export function connect(): () => void {
  const over = new AbortController();
  void run(over.signal);
  return () => over.abort();
}

async function run(signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    await visible(signal);
    const stream = new AbortController();
    const stopWatching = whenHidden(() => stream.abort("hidden"));
    const wasLive = await live(AbortSignal.any([signal, stream.signal]));
    stopWatching();
    if (signal.aborted) return;
    if (stream.signal.aborted) continue;
    setLink("lost");
    failures = wasLive ? 1 : failures + 1;
    await pause(Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures), signal);
  }
}

/** Resolves when the stream is over, with whether all was known meanwhile. */
async function live(signal: AbortSignal): Promise<boolean> {
  const attempt = new AbortController();
  const both = AbortSignal.any([signal, attempt.signal]);
  let behind: Change[] | undefined;
  let isLive = false;
  let waking = new AbortController();
  const take = (next: Change) => {
    // Another configuration may have other hubs, and what is no more is told of by none.
    const { status } = current();
    if (next.status && status && next.status.configuredAt !== status.configuredAt) waking.abort();
    if (behind) behind.push(next);
    else change(next);
  };
  const fetchAll = async () => {
    behind = [];
    try {
      // What most look at comes first, and is not held up by the rest.
      const { machines } = await ask<{ readonly machines: readonly Machine[] }>("machines", { signal: both });
      setMachines(machines);
      const [{ hubs }, status] = await Promise.all([
        ask<{ readonly hubs: readonly Hub[] }>("hubs", { signal: both }),
        ask<DaemonStatus>("status", { signal: both }),
      ]);
      setHubs(hubs);
      change({ status });
    } finally {
      const missed: readonly Change[] = behind;
      behind = undefined;
      for (const next of missed) change(next);
    }
  };
  const keepTrue = async () => {
    for (;;) {
      await fetchAll();
      markFresh();
      isLive = true;
      setLink("live");
      const count = current().machines?.size ?? 0;
      waking = new AbortController();
      await pause(Math.max(REFRESH_MS, count * REFRESH_PER_MACHINE_MS), AbortSignal.any([both, waking.signal]));
      if (both.aborted) return;
    }
  };
  await follow({
    signal: both,
    opened: () => void keepTrue().catch(() => attempt.abort()),
    message: ({ event, data }) => take(changeIn(event, data)),
    alive: markFresh,
  }).catch(() => undefined);
  attempt.abort();
  return isLive;
}

function changeIn(event: string | undefined, data: string): Change {
  const value: unknown = JSON.parse(data);
  switch (event) {
    case "machine":
      return { machines: [value as Machine] };
    case "removed":
      return { removed: [(value as { readonly name: string }).name] };
    case "hub":
      return { hubs: [value as Hub] };
    case "status":
      return { status: value as DaemonStatus };
    case "event":
      return { events: [value as StoredEvent] };
    // Of a newer daemon.
    default:
      return {};
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Resolves when the page is looked at, or when it does not matter any more. */
function visible(signal: AbortSignal): Promise<void> {
  if (!document.hidden || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", () => resolve(), { once: true });
    signal.addEventListener("abort", () => resolve());
  });
}

/** Calls back when nobody has looked for a while. Answers the function that ends the watching. */
function whenHidden(callback: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(callback, HIDDEN_MS);
  };
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}
