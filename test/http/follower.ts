import type { IncomingMessage } from "node:http";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { bearer, type House } from "./house.ts";

export interface Following {
  readonly path: string;
  /** The token it follows with. */
  readonly as?: string;
  /** Number of the last event that it has. */
  readonly after?: string | number;
}

/** A caller that follows a stream, and keeps what it is told. */
export class Follower implements Disposable {
  readonly messages: EventSourceMessage[] = [];
  /** Everything else that keeps a connection alive. */
  comments = 0;
  ended = false;
  readonly response: IncomingMessage;

  private constructor(response: IncomingMessage) {
    this.response = response;
    const parser = createParser({
      onEvent: (message) => this.messages.push(message),
      onComment: () => {
        this.comments += 1;
      },
    });
    response.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
    response.once("close", () => {
      this.ended = true;
    });
  }

  static async of(house: House, { path, as = "anna", after }: Following): Promise<Follower> {
    const headers = after === undefined ? {} : { "last-event-id": String(after) };
    return new Follower(await house.send(path, { as: bearer(as), headers }));
  }

  [Symbol.dispose](): void {
    this.response.destroy();
  }
}
