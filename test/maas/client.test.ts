/** The client itself, against bytes. What it makes of each was seen with Twisted's HTTP client, used as MAAS's driver uses it. */
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../virtual-clock.ts";
import { Maas } from "./client.ts";
import type { WebhookSettings } from "./request.ts";
import { answer, ScriptedServer } from "./scripted-server.ts";
import type { Line } from "./webhook.ts";

const ON = answer(200, '{"status":"running"}');
const OFF = answer(200, '{"status":"stopped"}');

/** MAAS with its settings, on a clock that stands while any of its connections is open. */
function client(server: ScriptedServer, more: Partial<WebhookSettings> & { readonly attempts?: number } = {}) {
  const { attempts = 1, ...settings } = more;
  const clock = new VirtualClock(0);
  const open = new Set<Socket>();
  const line: Line = { opened: (socket) => open.add(socket), closed: (socket) => open.delete(socket) };
  const uris = { onUri: `${server.url}/on`, offUri: `${server.url}/off`, queryUri: `${server.url}/query` };
  const maas = new Maas({ clock, line, attempts, settings: { ...uris, ...settings } });
  const hangs = () => [...server.answers.values()].some((answer) => answer.hang);
  const run = <T>(promise: Promise<T>) => clock.run(promise, { idle: () => open.size === 0 || hangs() });
  return { maas, clock, run };
}

describe("MAAS's requests", () => {
  test("are these bytes", async () => {
    await using server = await ScriptedServer.start({ "/on": answer(200), "/query": ON });
    const { maas, run } = client(server, { token: "mso_abc", systemId: "k3hxa7" });
    await run(maas.on());
    const host = server.url.slice("http://".length);
    const tail = `User-Agent: MAAS 3.7.3\r\nAccept: application/json\r\nSystem_id: k3hxa7\r\nAuthorization: Bearer mso_abc\r\nHost: ${host}\r\n\r\n`;
    expect(server.requests).toEqual([
      `POST /on HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n${tail}`,
      `GET /query HTTP/1.1\r\nConnection: close\r\n${tail}`,
    ]);
  });

  test.each([
    [{ user: "admin", pass: "s3cr:et é" }, "Authorization: Basic YWRtaW46czNjcjpldCDDqQ==\r\n"],
    [{ token: "tokén" }, `Authorization: Bearer ${Buffer.from("tokén").toString("latin1")}\r\n`],
    [{ user: "admin", pass: "x", token: "wins" }, "Authorization: Bearer wins\r\n"],
    [{ token: "two\r\nlines" }, "Authorization: Bearer two lines\r\n"],
  ])("carry the credential of %j", async (settings, header) => {
    await using server = await ScriptedServer.start({ "/query": ON });
    const { maas, run } = client(server, settings);
    await run(maas.query());
    expect(server.requests[0]).toContain(header);
  });

  test.each([{ user: "admin" }, { pass: "x" }, {}])("carry no credential for %j", async (settings) => {
    await using server = await ScriptedServer.start({ "/query": ON });
    const { maas, run } = client(server, settings);
    await run(maas.query());
    expect(server.requests[0]).not.toMatch(/Authorization|System_id/);
  });

  test("are not made for a URI that Twisted does not take", async () => {
    await using server = await ScriptedServer.start();
    for (const queryUri of [
      "https://127.0.0.1/",
      "127.0.0.1:80/x",
      "http://a@127.0.0.1/",
      "http://h/ö",
      "http://h/a b",
    ]) {
      const { maas, run } = client(server, { queryUri });
      expect(await run(maas.query())).toMatch(/^Invalid URI|^Unsupported scheme|^invalid hostname/);
    }
  });
});

describe("what MAAS makes of an answer to a query", () => {
  test.each([
    ["a length", ON, "on"],
    ["no length, and the end of the connection", 'HTTP/1.1 200 OK\r\n\r\n{"status":"stopped"}', "off"],
    ["HTTP/1.0", 'HTTP/1.0 200 OK\r\nContent-Length: 20\r\n\r\n{"status":"running"}', "on"],
    ["line feeds alone", 'HTTP/1.1 200 OK\nContent-Length: 20\n\n{"status":"running"}', "on"],
    ["no reason phrase", 'HTTP/1.1 200\r\nContent-Length: 20\r\n\r\n{"status":"running"}', "on"],
    [
      "chunks",
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n14;x=1\r\n{"status":"running"}\r\n0\r\n\r\n',
      "on",
    ],
    ["100 and 103 in front", `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n${ON}`, "on"],
    ["status 201", answer(201, '{"status":"running"}'), "on"],
    ["status 204", answer(204, '{"status":"running"}'), "unknown"],
    ["status 304", "HTTP/1.1 304 Not Modified\r\n\r\n", "unknown"],
    ["an empty body", answer(200), "unknown"],
    ["a byte order mark", answer(200, '\u00ef\u00bb\u00bf{"status":"running"}'), "on"],
    ["both states in one line", answer(200, '{"status":"stopped","message":"was running 5 s ago"}'), "on"],
    ["JSON over several lines", answer(200, '{"status":\n"running"}'), "unknown"],
  ])("with %s", async (_what, bytes, state) => {
    await using server = await ScriptedServer.start({ "/query": bytes });
    const { maas, run } = client(server);
    expect(await run(maas.query())).toBe(state);
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    [
      "a body that is cut off",
      'HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{"status":"running"}',
      "the body is cut off",
    ],
    [
      "chunks that are cut off",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
      "the body is cut off",
    ],
    ["no status line", "nonsense\r\n\r\n", "no status line: nonsense"],
    ["HTTP/2", "HTTP/2 200\r\n\r\n", "no status line: HTTP/2 200"],
    ["a header of 17 KB", `HTTP/1.1 200 OK\r\nX: ${"a".repeat(17_000)}\r\n\r\n`, "a line is too long"],
    ["nothing", "", "ResponseNeverReceived"],
    ["a body in Latin-1", answer(200, "\u00e9"), "The encoded data was not valid for encoding utf-8"],
  ])("%s: it fails at once", async (_what, bytes, conclusion) => {
    await using server = await ScriptedServer.start({ "/query": bytes });
    const { maas, run } = client(server);
    expect(await run(maas.query())).toBe(conclusion);
    expect(server.requests).toHaveLength(1);
  });

  test("a refused connection: it fails at once", async () => {
    await using server = await ScriptedServer.start();
    const { maas, run, clock } = client(server, { onUri: "http://127.0.0.1:1/on" });
    expect(await run(maas.on())).toContain("ECONNREFUSED");
    expect(clock.now()).toBe(0);
  });

  test("none at all: it hangs until its 5 minutes are over, and the connection with it", async () => {
    await using server = await ScriptedServer.start();
    server.answers.set("/query", { bytes: 'HTTP/1.1 200 OK\r\n\r\n{"status":"running"}', hang: true });
    const { maas, run, clock } = client(server);
    expect(await run(maas.query())).toBe("activity StartToClose timeout");
    expect(clock.now()).toBe(300_000);
  });

  test.each([301, 302, 303, 307, 308])("status %i: a query follows it", async (status) => {
    await using server = await ScriptedServer.start({
      "/query": answer(status, "", "Location: /there\r\n"),
      "/there": ON,
    });
    const { maas, run } = client(server, { token: "abc" });
    expect(await run(maas.query())).toBe("on");
    expect(maas.exchanges).toEqual([`GET /query ${status}`, "GET /there 200"]);
    expect(server.requests[1]).toContain("Authorization: Bearer abc");
  });

  test("a redirect to another origin: the credential stays behind", async () => {
    await using there = await ScriptedServer.start({ "/query": OFF });
    await using server = await ScriptedServer.start({ "/query": answer(302, "", `Location: ${there.url}/query\r\n`) });
    const { maas, run } = client(server, { token: "abc", systemId: "k3hxa7" });
    expect(await run(maas.query())).toBe("off");
    expect(there.requests[0]).toContain("System_id: k3hxa7\r\n");
    expect(there.requests[0]).not.toContain("Authorization");
  });

  test("a circle of redirects, or one to nowhere: it fails at once", async () => {
    await using server = await ScriptedServer.start({
      "/circle": answer(302, "", "Location: /circle\r\n"),
      "/nowhere": answer(302),
    });
    const circle = client(server, { queryUri: `${server.url}/circle` });
    expect(await circle.run(circle.maas.query())).toBe("InfiniteRedirection");
    const nowhere = client(server, { queryUri: `${server.url}/nowhere` });
    expect(await nowhere.run(nowhere.maas.query())).toBe("RedirectWithNoLocation");
  });
});

describe("what MAAS makes of an answer to an action", () => {
  test("404: it sends the same with a slash behind, and takes the first for success", async () => {
    await using server = await ScriptedServer.start({ "/on": answer(404), "/on/": answer(500), "/query": ON });
    const { maas, run } = client(server);
    expect(await run(maas.on())).toBe("on");
    expect(maas.exchanges).toEqual(["POST /on 404", "POST /on/ 500", "GET /query 200"]);
  });

  test.each([
    ["/query/", "GET /query// -"],
    ["/query?node=7", "GET /query?node=7/ -"],
  ])("404 to %s: the slash comes at the very end", async (path, second) => {
    await using server = await ScriptedServer.start({ [path]: answer(404, '{"status":"running"}') });
    const { maas, run } = client(server, { queryUri: `${server.url}${path}` });
    expect(await run(maas.query())).toBe("on");
    expect(maas.exchanges[1]).toBe(second);
  });

  test.each([301, 302, 307, 308])("status %i: it fails at once", async (status) => {
    await using server = await ScriptedServer.start({ "/on": answer(status, "", "Location: /there\r\n") });
    const { maas, run } = client(server);
    expect(await run(maas.on())).toBe(`PageRedirect: ${status} to /there`);
    expect(maas.exchanges).toEqual([`POST /on ${status}`]);
  });

  test("status 303: it asks there with GET, and takes that for success", async () => {
    await using server = await ScriptedServer.start({
      "/on": answer(303, "", "Location: /there\r\n"),
      "/there": answer(200),
      "/query": ON,
    });
    const { maas, run } = client(server);
    expect(await run(maas.on())).toBe("on");
    expect(maas.exchanges).toEqual(["POST /on 303", "GET /there 200", "GET /query 200"]);
  });

  test.each([400, 401, 403, 405, 409, 422, 429, 500, 503])("status %i: it tries 7 times in 35 s", async (status) => {
    await using server = await ScriptedServer.start({ "/on": answer(status) });
    const { maas, run, clock } = client(server);
    expect(await run(maas.on())).toBe(`Request failed with response status code: ${status}.`);
    expect(maas.exchanges).toEqual(Array(7).fill(`POST /on ${status}`));
    expect(clock.now()).toBe(35_000);
  });

  test("a state that never changes: 7 rounds of action and query, and the words MAAS shows", async () => {
    await using server = await ScriptedServer.start({ "/off": answer(200), "/query": ON });
    const { maas, run, clock } = client(server, { systemId: "k3hxa7" });
    expect(await run(maas.off())).toBe("Failed to power k3hxa7. BMC never transitioned from on to off.");
    expect(maas.exchanges).toEqual(Array(7).fill(["POST /off 200", "GET /query 200"]).flat());
    expect(clock.now()).toBe(35_000);
  });

  test("a failure once, and no goal after it: the failure is what is told", async () => {
    await using server = await ScriptedServer.start({ "/on": answer(500), "/query": OFF });
    const { maas, run } = client(server);
    const conclusion = maas.on();
    void (async () => {
      while (server.requests.length < 1) await new Promise((resolve) => setImmediate(resolve));
      server.answers.set("/on", { bytes: answer(200) });
    })();
    expect(await run(conclusion)).toBe("Request failed with response status code: 500.");
    expect(maas.exchanges.slice(0, 3)).toEqual(["POST /on 500", "POST /on 200", "GET /query 200"]);
  });

  test("cycle: a query, off where it reads on, and on", async () => {
    await using server = await ScriptedServer.start({ "/on": answer(200), "/off": answer(200), "/query": OFF });
    const { maas, run } = client(server);
    await run(maas.cycle());
    expect(maas.exchanges.slice(0, 3)).toEqual(["GET /query 200", "POST /on 200", "GET /query 200"]);
    server.answers.set("/query", { bytes: ON });
    const running = client(server);
    await running.run(running.maas.cycle());
    expect(running.maas.exchanges.slice(0, 2)).toEqual(["GET /query 200", "POST /off 200"]);
    expect(running.maas.exchanges).not.toContain("POST /on 200");
  });

  test("three attempts, a second and two apart: up to 21 POSTs", async () => {
    await using server = await ScriptedServer.start({ "/on": answer(503) });
    const { maas, run, clock } = client(server, { attempts: 3 });
    expect(await run(maas.on())).toBe("Request failed with response status code: 503.");
    expect(maas.exchanges).toHaveLength(21);
    expect(clock.now()).toBe(3 * 35_000 + 1_000 + 2_000);
  });
});
