/**
 * A TCP port of a machine that is on and off: it accepts, or it is silent as the port of a machine without power is.
 *
 * A closed port on this host would refuse, which proves that a machine is up. So the port stays open, and its queue is
 * filled up with connections that nobody takes: the system then lets further ones go unanswered (listen(2)).
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";

const SHUT = 1;
const OPEN = 0;
/** On this host an answer comes at once, or it does not come. */
const SILENT_MS = 15;

export class Door implements AsyncDisposable {
  readonly port: number;
  readonly #worker: Worker;
  readonly #gate: Int32Array;
  readonly #queue: Socket[] = [];

  private constructor(port: number, worker: Worker, gate: Int32Array) {
    this.port = port;
    this.#worker = worker;
    this.#gate = gate;
  }

  /** A door that is open. */
  static async start(): Promise<Door> {
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL("door-worker.mjs", import.meta.url), { workerData: gate.buffer });
    const [port] = (await once(worker, "message")) as [number];
    return new Door(port, worker, gate);
  }

  async shut(): Promise<void> {
    Atomics.store(this.#gate, 0, SHUT);
    this.#worker.postMessage("wait");
    for (let socket = await this.#knock(); socket; socket = await this.#knock()) this.#queue.push(socket);
  }

  async open(): Promise<void> {
    this.#release();
    for (let socket = await this.#knock(); ; socket = await this.#knock()) {
      socket?.destroy();
      if (socket) return;
    }
  }

  #release(): void {
    Atomics.store(this.#gate, 0, OPEN);
    Atomics.notify(this.#gate, 0);
    for (const socket of this.#queue.splice(0)) socket.destroy();
  }

  /** The connection; undefined where nobody answers. */
  async #knock(): Promise<Socket | undefined> {
    const socket = connect(this.port, "127.0.0.1");
    socket.on("error", () => undefined);
    const connected = new Promise((resolve) => socket.once("connect", resolve));
    await Promise.race([connected, pause(SILENT_MS)]);
    // Where the event loop was late, an answer may be waiting behind the timer.
    await new Promise((resolve) => setImmediate(resolve));
    if (socket.readyState === "open") return socket;
    socket.destroy();
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release();
    await this.#worker.terminate();
  }
}
