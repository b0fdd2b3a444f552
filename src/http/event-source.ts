/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), the part that all streams share. */
import type { ServerResponse } from "node:http";

export const HEARTBEAT = ": still here\n\n";
export const HEARTBEAT_MS = 15_000;
/** A caller that reads so slowly that this much waits for it is let go; it comes back. */
const MOST_WAITING_BYTES = 1_048_576;
/** When a caller that lost its stream is to come back (ms). */
const RETRY_MS = 2_000;

export function beginStream(response: ServerResponse): void {
  // A connection that breaks while something is written to it closes as well.
  response.on("error", () => undefined);
  response.writeHead(200, {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
  });
  response.write(`retry: ${RETRY_MS}\n: connected\n\n`);
}

/** Writes to a stream; ends it where the caller's credential counts no more, or the caller does not read. */
export function writeStream(response: ServerResponse, chunk: string | Buffer, stands: () => boolean): void {
  if (response.writableEnded || response.destroyed) return;
  if (!stands()) response.end();
  else if (response.writableLength > MOST_WAITING_BYTES) response.destroy();
  else response.write(chunk);
}

/** One message. `data` is sent as JSON, on one line. */
export function messageText(event: string, data: unknown, id?: number): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
