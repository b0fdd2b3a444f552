/** A server on a real socket that answers whatever bytes a test gives it, and keeps those that came. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

export class ScriptedServer implements AsyncDisposable {
  /** Each request in the bytes it came in. */
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Bytes for each path; `hang` behind them: the connection stays open. */
  readonly answers = new Map<string, { readonly bytes: string; readonly hang?: boolean }>();

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(answers: Readonly<Record<string, string>> = {}): Promise<ScriptedServer> {
    const server = new ScriptedServer();
    for (const [path, bytes] of Object.entries(answers)) server.answers.set(path, { bytes });
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== "object" || !address) throw new Error("the server does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => undefined);
    let received = "";
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (!received.endsWith("\r\n\r\n")) return;
      this.requests.push(received);
      const { bytes = "", hang = false } = this.answers.get(received.split(" ")[1] ?? "") ?? {};
      socket.write(bytes, "latin1");
      if (!hang) socket.end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** An answer with its length; each character is a byte. */
export function answer(status: number, body = "", headers = ""): string {
  return `HTTP/1.1 ${status} X\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}
