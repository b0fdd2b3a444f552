/** Server-sent events, as a device tells them: `event: state`, `data: …`, a blank line. */
import { PowerError } from "../power/errors.ts";
import type { HttpStream } from "./http.ts";

/** An event in characters, at most. */
const MOST_EVENT = 65_536;

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

export interface ListenOptions {
  /** An event came. What it throws ends the stream as a loss. */
  readonly heard: (event: ServerEvent) => void;
  /** No more will come: it ended, broke, or was silent. Called at most once, and never after it was ended from here. */
  readonly lost: (error: PowerError) => void;
  /** How long nothing may come (ms). */
  readonly silence: number;
}

/** Tells what comes on the stream until the function it answers is called, which closes the stream. */
export function listen(stream: HttpStream, { heard, lost, silence }: ListenOptions): () => void {
  let over = false;
  const end = () => {
    over = true;
    clearTimeout(quiet);
    stream.close();
  };
  const lose = (thrown: unknown) => {
    if (over) return;
    end();
    lost(PowerError.from(thrown));
  };
  const quiet = setTimeout(() => lose(new PowerError("unreachable", "it sends no events any more")), silence);
  quiet.unref();
  const work = async () => {
    for await (const events of parsed(stream)) {
      quiet.refresh();
      for (const event of events) if (!over) heard(event);
    }
    throw new PowerError("unreachable", "it ended its stream of events");
  };
  work().catch(lose);
  return end;
}

async function* parsed({ chunks }: HttpStream): AsyncGenerator<readonly ServerEvent[]> {
  const { createParser } = await import("eventsource-parser");
  const arrived: ServerEvent[] = [];
  let endless = false;
  const parser = createParser({
    maxBufferSize: MOST_EVENT,
    onEvent: ({ event = "message", data }) => arrived.push({ event, data }),
    onError: ({ type }) => {
      endless ||= type === "max-buffer-size-exceeded";
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield arrived.splice(0);
    if (endless) throw new PowerError("protocol", `an event is longer than ${MOST_EVENT} characters`);
  }
}
