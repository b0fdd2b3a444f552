/** What hostile callers send over one connection, and what came back. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

/** How long a server that waits for more is waited for (ms), before the caller ends its side. */
const SILENCE_MS = 15;

/** Sends the bytes in these pieces, and answers everything that comes back before the connection ends. */
export async function converse(port: number, pieces: readonly Buffer[]): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const received: Buffer[] = [];
  let last = performance.now();
  socket.on("data", (chunk: Buffer) => {
    received.push(chunk);
    last = performance.now();
  });
  // A server may well end the connection while it is still written to.
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await Promise.race([once(socket, "connect"), closed]);
  for (const piece of pieces) {
    if (!socket.destroyed) socket.write(piece);
    await turn();
  }
  last = performance.now();
  const watch = setInterval(() => {
    if (performance.now() - last > SILENCE_MS) hangUp(socket);
  }, SILENCE_MS);
  await closed;
  clearInterval(watch);
  return Buffer.concat(received).toString("latin1");
}

/** The caller has no more to say; if that ends nothing either, it is gone. */
function hangUp(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.end();
}

/** The statuses of all answers in what came back. Bodies are JSON, in which no line ends. */
export function statusesIn(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) [A-Z][^\r\n]*\r\n/g)].map((match) => Number(match[1]));
}
