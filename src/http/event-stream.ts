/**
 * Live events as server-sent events, resumed behind the last one that the caller has.
 *
 * *Catching up*: what the journal holds behind that event is sent page by page, as fast as the caller reads. What happens
 * meanwhile is in the journal as well, and comes with a later page. *Live*: once a page is empty, every event is sent as it
 * happens; the journal tells right after it wrote, so nothing is left out in between and nothing comes twice. An event
 * that could not be written is sent at once, without a number. A stream ends when the caller hangs up or reads too slowly,
 * when its credential does not count any more, and when the daemon stops.
 */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Clock } from "../power/clock.ts";
import { beginStream, HEARTBEAT, HEARTBEAT_MS, messageText, writeStream } from "./event-source.ts";
import type { LiveEvent, StoredEvent } from "./history.ts";

const PAGE = 500;

export interface StreamOptions {
  readonly response: ServerResponse;
  readonly clock: Clock;
  /** Number of the last event that the caller has; absent: only what happens from now on. */
  readonly after: number | undefined;
  /** The events behind this number, oldest first. */
  readonly page: (after: number, limit: number) => readonly StoredEvent[];
  readonly follow: (listener: (event: LiveEvent) => void) => () => void;
  /** The event as the caller may see it; undefined where it may not. */
  readonly shown: (event: LiveEvent["event"]) => LiveEvent["event"] | undefined;
  /** Does the caller's credential still count? */
  readonly stands: () => boolean;
}

/** Resolves when the stream ended. */
export async function streamEvents(options: StreamOptions): Promise<void> {
  const { response, clock, after, page, follow, shown, stands } = options;
  const ended = new AbortController();
  response.once("close", () => ended.abort());
  beginStream(response);

  const send = ({ id, event: whole }: LiveEvent) => {
    const event = shown(whole);
    if (event) writeStream(response, messageText(event.kind, { id, event }, id), stands);
  };
  let live = after === undefined;
  const unfollow = follow((event) => {
    if (live || event.id === undefined) send(event);
  });
  try {
    for (let behind = after; behind !== undefined && !live; ) {
      const events = page(behind, PAGE);
      for (const event of events) send(event);
      behind = events.at(-1)?.id;
      live = behind === undefined;
      if (response.writableNeedDrain) await once(response, "drain", { signal: ended.signal });
    }
    for (;;) {
      await clock.sleep(HEARTBEAT_MS, ended.signal);
      writeStream(response, HEARTBEAT, stands);
    }
  } catch (error) {
    if (!ended.signal.aborted) throw error;
  } finally {
    unfollow();
  }
}
