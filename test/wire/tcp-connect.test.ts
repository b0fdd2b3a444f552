import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { tcpConnect } from "../../src/wire/tcp-connect.ts";

describe("a TCP connection", () => {
  test("that was answered in time is not silent, however late this process is to look", async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const outcome = tcpConnect({ host: "127.0.0.1", port, waitMs: 20, signal: new AbortController().signal });
    // The connection is begun in the next turn, and answered by the system while this process is busy.
    await new Promise((resolve) => setImmediate(resolve));
    for (const until = performance.now() + 60; performance.now() < until; );
    expect(await outcome).toBe("accepted");
    server.close();
  });
});
