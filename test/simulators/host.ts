/**
 * A host on loopback, of which one port can be asked. Down, it is silent as a host is that has no current: its program is
 * stopped and the line of connections it has not taken is full, so that Linux answers no further one.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** Takes connections and closes them; the shortest line there is. */
const PROGRAM = `
const server = require("node:net").createServer((socket) => socket.destroy());
server.listen({ port: 0, host: process.argv[1], backlog: 1 }, () => process.send(server.address().port));
process.on("disconnect", () => process.exit());
`;
/** Time in which a host on loopback answers if it ever does (ms). */
const ANSWER_MS = 300;

export class Host implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #waiting: Socket[] = [];
  readonly address: string;
  readonly port: number;
  state: "on" | "off" = "on";

  private constructor(child: ChildProcess, address: string, port: number) {
    this.#process = child;
    this.address = address;
    this.port = port;
  }

  static async start(address = "127.0.0.1"): Promise<Host> {
    const child = spawn(process.execPath, ["--eval", PROGRAM, address], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const [port]: unknown[] = await once(child, "message");
    return new Host(child, address, Number(port));
  }

  async set(state: "on" | "off"): Promise<void> {
    if (state === "off") await this.#silence();
    else await this.#answer();
    this.state = state;
  }

  async #silence(): Promise<void> {
    this.#process.kill("SIGSTOP");
    for (let answered = true; answered; ) {
      const socket = connect(this.port, this.address);
      socket.on("error", () => undefined);
      this.#waiting.push(socket);
      answered = await Promise.race([once(socket, "connect").then(() => true), pause(ANSWER_MS, false)]);
    }
  }

  async #answer(): Promise<void> {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
    this.#process.kill("SIGCONT");
    const socket = connect(this.port, this.address);
    await once(socket, "connect");
    socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }
}
