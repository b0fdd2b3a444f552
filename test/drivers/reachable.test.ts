import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/reachable.ts";
import { Host } from "../simulators/host.ts";
import { failureOf, findings, query } from "./run.ts";

const fast = { by: ["tcp"], wait: "200ms", misses: 2 };

/** A port of this host at which nothing listens. */
async function closedPort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe.each(["127.0.0.1", "::1"])("a host at %s", (address) => {
  test("is on where it accepts a connection", async () => {
    await using host = await Host.start(address);
    const answer = await query({ driver, outlet: { host: address, ports: [host.port], ...fast } });
    expect(answer).toEqual({ state: "on", evidence: `${address} accepts TCP ${host.port}` });
  });

  test("is on where it refuses a connection: somebody is there to refuse", async () => {
    const port = await closedPort(address);
    const answer = await query({ driver, outlet: { host: address, ports: [port], ...fast } });
    expect(answer).toEqual({ state: "on", evidence: `${address} refuses TCP ${port}` });
  });
});

describe("silence", () => {
  test("is unknown, and off where the user says so", async () => {
    await using host = await Host.start();
    await host.set("off");
    const outlet = { host: host.address, ports: [host.port], ...fast };
    const evidence = `no answer from 127.0.0.1 (tcp ${host.port}; 2 × 0.2 s)`;
    expect(await query({ driver, outlet })).toMatchObject({ state: "unknown", evidence, reason: expect.any(String) });
    expect(await query({ driver, outlet: { ...outlet, silence: "off" } })).toEqual({ state: "off", evidence });
  });

  test("lasts as long as its rounds", async () => {
    await using host = await Host.start();
    await host.set("off");
    const before = performance.now();
    await query({ driver, outlet: { host: host.address, ports: [host.port], by: ["tcp"], wait: "300ms", misses: 3 } });
    expect(performance.now() - before).toBeGreaterThan(850);
  });

  test("of one port is none where another answers", async () => {
    await using silent = await Host.start();
    await silent.set("off");
    await using host = await Host.start();
    const outlet = { host: host.address, ports: [silent.port, host.port], ...fast };
    expect(await query({ driver, outlet })).toMatchObject({ state: "on" });
  });

  test("ends when the host answers again", async () => {
    await using host = await Host.start();
    await host.set("off");
    const outlet = { host: host.address, ports: [host.port], by: ["tcp"], wait: "1s", misses: 8, silence: "off" };
    const answer = query({ driver, outlet });
    await host.set("on");
    expect(await answer).toMatchObject({ state: "on" });
  });
});

describe("what cannot be asked", () => {
  test("is a failure, never silence: a name that is not known", async () => {
    const failure = await failureOf(query({ driver, outlet: { host: "nowhere.invalid", silence: "off" } }));
    expect(failure).toMatchObject({ code: "unreachable", message: "nowhere.invalid has no address" });
  });

  test("is a failure, never silence: no way leads there", async () => {
    // An address of one link, and no link named.
    const failure = await failureOf(query({ driver, outlet: { host: "fe80::1", silence: "off", ...fast } }));
    expect(failure).toMatchObject({ code: "unreachable" });
  });

  test("makes the state unknown where the rest is silent", async () => {
    await using host = await Host.start();
    await host.set("off");
    // Nobody asks for an address of loopback by ARP.
    const outlet = { host: host.address, ports: [host.port], ...fast, by: ["tcp", "arp"], silence: "off" };
    expect(await query({ driver, outlet })).toMatchObject({
      state: "unknown",
      reason: expect.stringContaining("not every way could be asked"),
    });
  });

  test("hinders nothing where the rest answers", async () => {
    await using host = await Host.start();
    const outlet = { host: host.address, ports: [host.port], ...fast, by: ["arp", "tcp"] };
    expect(await query({ driver, outlet })).toMatchObject({ state: "on" });
  });
});

test("a query that runs out of time fails", async () => {
  await using host = await Host.start();
  await host.set("off");
  const outlet = { host: host.address, ports: [host.port], by: ["tcp"], silence: "off" };
  expect(await failureOf(query({ driver, outlet, timeout: 300 }))).toMatchObject({ code: "timeout" });
});

test("more rounds than a query has time for are found to be a mistake", () => {
  const outlet = { host: "192.168.1.17", wait: "4s", misses: 3 };
  expect(findings({ driver, outlet })).toEqual([expect.stringContaining("misses: times `wait`")]);
});
