/**
 * What is on its way between MAAS and the daemon. A request is, from its connection until the daemon has read it; so is an
 * answer, from its last byte written until MAAS has it. In between the daemon holds it, and time may move.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { Line } from "./webhook.ts";

const READ = "http.server.request.start";
const ANSWERED = "http.server.response.finish";

export class ObservedLine implements Line, Disposable {
  readonly #held = new Map<Socket, boolean>();
  readonly #read = (message: unknown) => this.#at(message, true);
  readonly #answered = (message: unknown) => this.#at(message, false);

  constructor() {
    subscribe(READ, this.#read);
    subscribe(ANSWERED, this.#answered);
  }

  /** Is nothing on its way? */
  get quiet(): boolean {
    return [...this.#held.values()].every((held) => held);
  }

  opened(socket: Socket): void {
    this.#held.set(socket, false);
  }

  closed(socket: Socket): void {
    this.#held.delete(socket);
  }

  /** The message is of the other end of a connection: the ports stand the other way round there. */
  #at(message: unknown, held: boolean): void {
    const { socket: there } = message as { readonly socket: Socket };
    for (const here of this.#held.keys()) {
      if (here.localPort === there.remotePort && here.remotePort === there.localPort) this.#held.set(here, held);
    }
  }

  [Symbol.dispose](): void {
    unsubscribe(READ, this.#read);
    unsubscribe(ANSWERED, this.#answered);
  }
}
