/** Live events as server-sent events, resumed behind the last one that the caller has. */
import type { ServerResponse } from "node:http";
import type { PowerEvent } from "../power/events.ts";

/** An event with a number that grows. */
export interface StoredEvent {
  /** Absent where the journal could not keep it: then nobody can resume behind it. */
  readonly id?: number;
  readonly event:
    | PowerEvent
    | { readonly kind: "order:accepted" | "order:ended"; readonly at: number; readonly machine: string };
}

const HEARTBEAT_MS = 15_000;
const MOST_RESUMED = 10_000;
/** A caller that reads so slowly that this much waits for it is let go; it comes back and resumes. */
const MOST_WAITING_BYTES = 1_048_576;

export interface StreamOptions {
  readonly response: ServerResponse;
  readonly history: {
    events(filter: { after?: number | undefined; limit: number }): StoredEvent[];
    follow(listener: (event: StoredEvent) => void): () => void;
  };
  readonly after: number | undefined;
  readonly fits: (event: StoredEvent) => boolean;
}

export function followEvents({ response, history, after, fits }: StreamOptions): void {
  response.writeHead(200, {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    Connection: "keep-alive",
    "X-Accel-Buffering": "no",
  });
  response.write(": connected\n\n");
  const send = (stored: StoredEvent) => {
    if (!fits(stored)) return;
    if (response.writableLength > MOST_WAITING_BYTES) response.destroy();
    else
      response.write(
        `${stored.id === undefined ? "" : `id: ${stored.id}\n`}event: ${stored.event.kind}\ndata: ${JSON.stringify(stored)}\n\n`,
      );
  };
  if (after !== undefined) for (const stored of history.events({ after, limit: MOST_RESUMED })) send(stored);
  const unfollow = history.follow(send);
  const heartbeat = setInterval(() => response.write(": still here\n\n"), HEARTBEAT_MS);
  response.once("close", () => {
    unfollow();
    clearInterval(heartbeat);
  });
}
