import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { PowerError } from "../../src/power/errors.ts";
import { Secret } from "../../src/power/secret.ts";
import { HttpClient } from "../../src/wire/http.ts";
import { failureOf } from "../drivers/run.ts";
import { Host } from "../simulators/host.ts";
import { HttpDevice } from "../simulators/http-device.ts";
import { RawDevice, type Script } from "../simulators/raw-device.ts";

const OK = "HTTP/1.1 200 OK\r\n";

function within(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new PowerError("timeout", "its time is over")), ms).unref();
  return controller.signal;
}

const post = (url: string, signal: AbortSignal) => new HttpClient().request({ method: "POST", url, signal });
const get = (url: string, signal: AbortSignal) => new HttpClient().request({ method: "GET", url, signal });

/** Writes again and again, until the caller hangs up. */
function forEver(socket: Socket, text: string): void {
  const write = () => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on("drain", write);
  write();
}

/** A piece now and then, for ever. */
function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 20);
  socket.on("close", () => clearInterval(timer));
}

describe("a device that answers with", () => {
  test.each<[string, string, Script]>([
    ["no HTTP at all", "protocol", (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")],
    ["nothing but its hanging up", "unreachable", (socket) => socket.end()],
    ["a reset", "unreachable", (socket) => socket.resetAndDestroy()],
    [
      "headers without end",
      "protocol",
      (socket) => {
        socket.write(OK);
        forEver(socket, "x-more: and more\r\n".repeat(500));
      },
    ],
    [
      "a body without end",
      "protocol",
      (socket) => {
        socket.write(`${OK}\r\n`);
        forEver(socket, "more ".repeat(10_000));
      },
    ],
    [
      "chunks without end",
      "protocol",
      (socket) => {
        socket.write(`${OK}transfer-encoding: chunked\r\n\r\n`);
        forEver(socket, `4000\r\n${"x".repeat(0x4000)}\r\n`);
      },
    ],
    [
      "a chunk of a length that is none",
      "protocol",
      (socket) => socket.end(`${OK}transfer-encoding: chunked\r\n\r\nzz\r\n`),
    ],
    ["two lengths", "protocol", (socket) => socket.end(`${OK}content-length: 2\r\ncontent-length: 4\r\n\r\nbody`)],
    ["less than it announced", "unreachable", (socket) => socket.end(`${OK}content-length: 100\r\n\r\nhalf`)],
    [
      "half a chunk and a reset",
      "unreachable",
      (socket) => {
        socket.write(`${OK}transfer-encoding: chunked\r\n\r\n10\r\nhalf`, () => socket.resetAndDestroy());
      },
    ],
    [
      "a switch to another protocol",
      "unreachable",
      (socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    ],
    ["headers that drip", "timeout", (socket) => drip(socket, `${OK}x-slow: `)],
    [
      "a body that drips",
      "timeout",
      (socket) => {
        socket.write(`${OK}transfer-encoding: chunked\r\n\r\n`);
        drip(socket, "1\r\nx\r\n");
      },
    ],
    ["silence", "timeout", () => undefined],
  ])("%s is a failure: a command may have acted, a read has not", async (_what, code, script) => {
    await using device = await RawDevice.start(script);
    expect(await failureOf(post(device.url, within(code === "timeout" ? 300 : 5_000)))).toMatchObject({
      code,
      mayHaveActed: true,
    });
    expect(await failureOf(get(device.url, within(code === "timeout" ? 300 : 5_000)))).toMatchObject({
      code,
      mayHaveActed: false,
    });
    expect(device.heads).toHaveLength(2);
    // Nothing goes on behind the failure's back.
    for (const until = Date.now() + 2_000; device.openConnections > 0 && Date.now() < until; ) await pause(10);
    expect(device.openConnections).toBe(0);
  });

  test.each<[string, string | Buffer, string]>([
    ["an answer of HTTP/1.0 that ends with the connection", "HTTP/1.0 200 OK\r\n\r\nON", "ON"],
    ["a byte order mark", `${OK}connection: close\r\n\r\n\uFEFFON`, "ON"],
    [
      "bytes that are no UTF-8",
      Buffer.concat([Buffer.from(`${OK}content-length: 3\r\n\r\nO`), Buffer.from([0xff, 0x4e])]),
      "O\uFFFDN",
    ],
    ["no content", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["interim answers first", `HTTP/1.1 102 Processing\r\n\r\n${OK}content-length: 2\r\n\r\nON`, "ON"],
  ])("%s is read all the same", async (_what, answer, text) => {
    await using device = await RawDevice.start((socket) => socket.end(answer));
    expect((await get(device.url, within(1_000))).text).toBe(text);
  });

  test("what it was sent, but no HTTP, makes a failure without a secret", async () => {
    await using device = await RawDevice.start((socket) => socket.end(`${device.heads[0]}\r\n`));
    const client = new HttpClient({ auth: { kind: "bearer", token: new Secret("hidden-token") } });
    const failure = await failureOf(client.request({ method: "POST", url: device.url, signal: within(1_000) }));
    expect(device.heads[0]).toContain("hidden-token");
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("hidden-token");
  });

  test("something compressed, for which nobody asked, is not unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    await using device = await RawDevice.start((socket) => {
      socket.write(`${OK}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
      socket.end(bomb);
    });
    expect((await get(device.url, within(2_000))).text.length).toBeLessThanOrEqual(bomb.length);
    expect(device.heads[0]?.toLowerCase()).not.toContain("accept-encoding");
  });
});

describe("a device that is not to be had", () => {
  test("refuses the connection: no command has acted", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    server.close();
    await once(server, "close");
    if (typeof address === "string" || !address) throw new Error("no port");
    const failure = await failureOf(post(`http://127.0.0.1:${address.port}/on`, within(2_000)));
    expect(failure).toMatchObject({ code: "unreachable", mayHaveActed: false });
    expect(failure.message).toContain("refuses the connection");
  });

  test("has no address: no command has acted", async () => {
    const failure = await failureOf(post("http://nowhere.invalid/on", within(10_000)));
    expect(failure).toMatchObject({ code: "unreachable", mayHaveActed: false });
  });

  test("is silent: that is told within 4 s as unreachable, and no command has acted", async () => {
    await using host = await Host.start();
    await host.set("off");
    const failure = await failureOf(post(`http://${host.address}:${host.port}/on`, within(10_000)));
    expect(failure).toMatchObject({ code: "unreachable", mayHaveActed: false });
    const cut = await failureOf(post(`http://${host.address}:${host.port}/on`, within(300)));
    expect(cut).toMatchObject({ code: "timeout", mayHaveActed: false });
  });

  test("speaks no TLS, and never ends to begin: no command has acted", async () => {
    await using device = await RawDevice.start(() => undefined);
    const before = performance.now();
    const failure = await failureOf(post(device.url.replace("http:", "https:"), within(500)));
    expect(failure).toMatchObject({ code: "timeout", mayHaveActed: false });
    expect(performance.now() - before).toBeLessThan(2_500);
  });
});

test("a signal that was aborted before sends nothing", async () => {
  await using device = await HttpDevice.start();
  const reason = new PowerError("superseded", "another order came");
  const failure = await failureOf(post(device.url("/on"), AbortSignal.abort(reason)));
  expect(failure).toMatchObject({ code: "superseded", mayHaveActed: false });
  expect(device.requests).toEqual([]);
});

test("close ends what is under way", async () => {
  await using device = await RawDevice.start(() => undefined);
  const client = new HttpClient();
  const request = failureOf(client.request({ method: "POST", url: device.url, signal: within(10_000) }));
  while (device.heads.length === 0) await pause(5);
  await client.close();
  expect(await request).toMatchObject({ code: "unreachable", mayHaveActed: true });
});

describe("digest over several requests", () => {
  const guard = { kind: "digest", user: "admin", password: "x" } as const;
  const client = () => new HttpClient({ auth: { kind: "digest", user: "admin", password: new Secret("x") } });

  test("uses a nonce again and counts its uses", async () => {
    await using device = await HttpDevice.start({ guard });
    const asking = client();
    for (const path of ["/on", "/off", "/on"]) {
      await asking.request({ method: "POST", url: device.url(path), signal: within(2_000) });
    }
    const counts = device.requests.map(({ headers }) => /nc=(\d+)/.exec(headers.authorization ?? "")?.[1]);
    expect(counts).toEqual([undefined, "00000001", "00000002", "00000003"]);
    expect(device.state).toBe("on");
  });

  test("answers with a new nonce where the old one is stale", async () => {
    await using device = await HttpDevice.start({ guard: { ...guard, nonceUses: 1 } });
    const asking = client();
    await asking.request({ method: "POST", url: device.url("/on"), signal: within(2_000) });
    await asking.request({ method: "POST", url: device.url("/off"), signal: within(2_000) });
    expect(device.state).toBe("off");
    expect(device.requests).toHaveLength(4);
  });

  test("gives up on a device for which every nonce is stale", async () => {
    await using device = await HttpDevice.start({ guard: { ...guard, nonceUses: 0 } });
    const { status } = await client().request({ method: "POST", url: device.url("/on"), signal: within(2_000) });
    expect(status).toBe(401);
    expect(device.requests).toHaveLength(3);
  });
});

test("the simulated host of these tests is silent when it is off", async () => {
  await using host = await Host.start();
  await host.set("off");
  const socket = connect(host.port, host.address);
  socket.on("error", () => undefined);
  expect(await Promise.race([once(socket, "connect").then(() => "connected"), pause(500, "silent")])).toBe("silent");
  socket.destroy();
  await host.set("on");
});
