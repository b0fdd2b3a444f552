/** A device whose bytes are its own affair: it reads a request's head and then does whatever its script does. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export type Script = (socket: Socket) => void;

export class RawDevice implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The head of each request that arrived. */
  readonly heads: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(script: Script): Promise<RawDevice> {
    const server = createServer();
    const device = new RawDevice(server);
    server.on("connection", (socket) => device.#serve(socket, script));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return device;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  #serve(socket: Socket, script: Script): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // The caller hangs up when it has had enough.
    socket.on("error", () => undefined);
    let head = "";
    socket.on("data", (chunk) => {
      const before = head.includes("\r\n\r\n");
      head += chunk.toString("latin1");
      if (before || !head.includes("\r\n\r\n")) return;
      this.heads.push(head);
      script(socket);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
