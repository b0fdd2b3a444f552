/** What the daemon tells as it happens. A stream that falls silent is taken for broken: a heartbeat comes every 15 s. */
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { open } from "./client.ts";

const SILENCE_MS = 40_000;

export interface LiveOptions {
  readonly signal: AbortSignal;
  /** The stream stands: what happens from now on will be told. */
  readonly opened: () => void;
  readonly message: (message: EventSourceMessage) => void;
  /** Something came, were it only a heartbeat. */
  readonly alive: () => void;
}

/** Resolves when the stream ended. Throws ApiError when it could not be opened or broke. */
export async function follow({ signal, opened, message, alive }: LiveOptions): Promise<void> {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), SILENCE_MS);
  try {
    const response = await open("live", {
      signal: AbortSignal.any([signal, silent.signal]),
      headers: { Accept: "text/event-stream" },
    });
    if (!response.body) return;
    opened();
    const parser = createParser({ onEvent: message });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_MS);
      alive();
      parser.feed(value);
    }
  } finally {
    clearTimeout(timer);
  }
}
