/** Those who stand between MAAS and the daemon, and those who are not MAAS at all. */
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { hashPassword } from "../../src/http/password.ts";
import { HTTP, SIMULATED } from "./builds.ts";
import { Scene } from "./scene.ts";
import { TOKEN } from "./world.ts";

const AUTHORIZATION = `Authorization: Bearer ${TOKEN}\r\n`;

function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf("\r\n\r\n") + 4);
}

describe("a caller", () => {
  test("behind nginx, which speaks HTTP/1.0 and drops System_Id, is served like MAAS itself", async () => {
    await using at = await Scene.open(HTTP, { boot: 3_000 });
    const proxied = `HTTP/1.0\r\nHost: maasochist\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\nUser-Agent: MAAS 3.7.3\r\nAccept: application/json\r\n${AUTHORIZATION}`;
    const on = await at.world.run(at.world.raw(`POST /maas/nuc1/on ${proxied}Content-Length: 0\r\n\r\n`));
    expect(on).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(bodyOf(on)).toBe('{"result":"done"}');
    const query = await at.world.run(at.world.raw(`GET /maas/nuc1/query ${proxied}\r\n`));
    expect(query).toContain("\r\nContent-Length: 20\r\n");
    expect(bodyOf(query)).toBe('{"status":"running"}');
    expect(at.build.commands).toEqual(["power on"]);
  });

  test("behind haproxy, which keeps its connection, gets one answer after the other on it", async () => {
    await using at = await Scene.open(SIMULATED);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    const ask = (method: string, action: string) =>
      new Promise<string>((resolve, reject) => {
        const headers = { authorization: `Bearer ${TOKEN}`, system_id: "k3hxa7" };
        request(`${at.world.url}/maas/nuc1/${action}`, { method, agent, headers }, (response) => {
          ports.add(response.socket.localPort);
          response.toArray().then((chunks: Buffer[]) => resolve(Buffer.concat(chunks).toString()), reject);
        })
          .on("error", reject)
          .end();
      });
    expect(await at.world.run(ask("POST", "on"))).toBe('{"result":"done"}');
    expect(await at.world.run(ask("GET", "query"))).toBe('{"status":"running"}');
    expect(ports.size).toBe(1);
    agent.destroy();
  });

  test("that hangs up while it is held cancels nothing, and MAAS hears of the end", async () => {
    await using at = await Scene.open(HTTP, { lag: 30_000 });
    const socket = connect(Number(new URL(at.world.url).port), "127.0.0.1");
    at.world.line.opened(socket);
    socket.write(`POST /maas/nuc1/on HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n${AUTHORIZATION}\r\n`);
    await at.world.wait(10_000);
    socket.destroy();
    at.world.line.closed(socket);
    await at.world.wait(10_000);
    expect(await at.world.run(at.maas.on())).toBe("on");
    expect(at.build.commands).toEqual(["power on"]);
    expect(at.maas.exchanges).toEqual(["POST /maas/nuc1/on 200", "GET /maas/nuc1/query 200"]);
  });

  test.each([
    ["a user and a password", { token: "", user: "maas", pass: "s3cr:et é" }],
    ["a user and a token for password", { token: "", user: "anybody", pass: "tokén_tokén_tokén" }],
    ["a token that is not ASCII", { token: "tokén_tokén_tokén" }],
  ])("with %s is let in", async (_what, settings) => {
    const access = `{
      tokens: [{ name: rack, token: "tokén_tokén_tokén", role: maas }],
      users: [{ name: maas, password_hash: "${await hashPassword("s3cr:et é")}", role: maas }] }`;
    await using at = await Scene.open(SIMULATED, { access });
    // A password is computed in real time: the clock stands meanwhile.
    expect(await at.world.clock.busy(at.world.maas("nuc1", { settings }).query())).toBe("off");
  });

  test("that tells its System_Id is remembered, and MAAS that does not tell it keeps it", async () => {
    await using at = await Scene.open(SIMULATED);
    await at.world.run(at.world.maas("nuc1", { settings: { systemId: "k3hxa7" } }).query());
    await at.world.wait(60_000);
    await at.world.run(at.maas.query());
    const { polled } = await at.world.machine("nuc1");
    expect(polled).toEqual({
      at: at.world.clock.now(),
      address: "127.0.0.1",
      agent: "MAAS 3.7.3",
      systemId: "k3hxa7",
      told: { answer: "stopped", at: at.world.clock.now() },
    });
  });
});

test("MAAS's polls are answered from a reading that the daemon made by itself", async () => {
  await using at = await Scene.open(SIMULATED, { settings: "fresh: 60s" });
  await at.world.wait(35_000);
  await at.build.die();
  expect(await at.world.run(at.maas.query())).toBe("off");
});
