/** Ports for devices that go away and come back: below those that the system hands out, so that nobody takes them meanwhile. */
import { once } from "node:events";
import { createServer } from "node:net";

const FIRST = 20_000;
const COUNT = 12_000;

/** A port of this host's loopback address that is free now. */
export async function keptPort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = createServer();
    const listening = once(server, "listening");
    server.listen(port, "127.0.0.1");
    const free = await listening.then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
