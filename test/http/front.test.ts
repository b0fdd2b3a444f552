import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { describe, expect, test } from "vitest";
import type { Front } from "../../src/http/server.ts";
import { bearer, House, token } from "./house.ts";

function open(front: Front): Promise<House> {
  return House.open({
    machines: (lab) => lab.addMachine("nuc1", { boot: "0s", shutdown: "0s" }),
    tokens: [token("admin", { role: "admin" }), token("rack", { from: ["192.0.2.0/24"] })],
    front,
  });
}

const PATHS = {
  maas: ["/maas/nuc1/query", "/maas", "/maas/none/on", "/MAAS/nuc1/query", "/maas%2Fnuc1"],
  api: ["/api/v1/machines", "/api", "/api/v1/none", "/metrics"],
  page: ["/", "/machines/nuc1", "/assets/x.js", "/none"],
} as const;

/** What is answered when a listener does not serve it: never 404 where MAAS asks. */
const NOT_SERVED = { maas: 422, api: 404, page: 404 };

describe("a listener", () => {
  test.each(["maas", "api", "page"] as const)("that serves %s serves nothing else", async (only) => {
    await using house = await open({ serve: [only] });
    const asked = (path: string) => house.ask(path, { as: bearer("admin") });
    for (const path of PATHS[only]) expect((await asked(path)).text).not.toContain("this listener");
    for (const kind of (["maas", "api", "page"] as const).filter((other) => other !== only)) {
      for (const path of PATHS[kind]) {
        const { status, text } = await asked(path);
        expect([path, status]).toEqual([path, NOT_SERVED[kind]]);
        expect(text).toContain("this listener does not serve");
      }
    }
    // MAAS takes a 404 for success, whatever it was given to ask.
    const headers = { "user-agent": "MAAS 3.7.3" };
    expect((await house.ask("/nuc1/on", { method: "POST", headers })).status).toBe(422);
    expect((await house.ask("/healthz")).status).toBe(200);
    expect((await house.ask("/readyz")).status).toBe(200);
  });

  test("hangs up on who comes from elsewhere, before anything is read of it", async () => {
    await using house = await open({ from: ["127.0.0.2", "127.0.3.0/24"] });
    const asking = { method: "POST", as: bearer("admin") };
    expect((await house.ask("/maas/nuc1/on", { ...asking, from: "127.0.0.2" })).status).toBe(200);
    expect((await house.ask("/healthz", { from: "127.0.3.7" })).status).toBe(200);
    for (const from of ["127.0.0.3", "127.0.2.255"])
      await expect(house.ask("/maas/nuc1/off", { ...asking, from })).rejects.toThrow(/ECONNRESET|hang up/);
    expect(house.lab.commands("nuc1")).toEqual(["on"]);
    expect(house.refused).toEqual(
      ["127.0.0.3", "127.0.2.255"].map((from) => `${from} is in no network of this listener's \`from\``),
    );
  });

  test("behind a proxy looks at who came to the proxy", async () => {
    await using house = await open({ from: ["192.0.2.0/24"], trustedProxies: ["127.0.0.1"] });
    const ask = (address: string) =>
      house.ask("/maas/nuc1/query", { as: bearer("admin"), headers: { "x-forwarded-for": address } });
    expect((await ask("192.0.2.7")).status).toBe(200);
    const refused = await ask("198.51.100.7");
    expect([refused.status, refused.json()]).toMatchObject([403, { error: { code: "forbidden_network" } }]);
    await expect(
      house.ask("/healthz", { from: "127.0.0.5", headers: { "x-forwarded-for": "192.0.2.7" } }),
    ).rejects.toThrow(/hang up|ECONNRESET/);
  });
});

/** Who a caller is taken for, as the refusal of a token that is for other networks names it. */
async function takenFor(house: House, headers: Record<string, string>): Promise<string> {
  const { text } = await house.ask("/api/v1/machines", { as: bearer("rack"), headers });
  return /may not be used (?:from )?([^"]*)"/.exec(text)?.[1] ?? "let in";
}

describe("what proxies say", () => {
  test.each([
    ["one hop", "198.51.100.7", "198.51.100.7"],
    ["a hop that the caller made up", "192.0.2.1, 198.51.100.7", "198.51.100.7"],
    ["several trusted proxies", "198.51.100.7, 10.0.0.9, 10.0.0.8", "198.51.100.7"],
    ["a made-up hop before trusted proxies", "192.0.2.1, 198.51.100.7, 10.0.0.8", "198.51.100.7"],
    ["nothing but trusted proxies", "10.0.0.9, 10.0.0.8", "10.0.0.9"],
    ["a port behind the address", "198.51.100.7:4711", "198.51.100.7"],
    ["IPv6 with a port", "[2001:db8::7]:4711", "2001:db8::7"],
    ["IPv4 in IPv6", "::ffff:198.51.100.7", "198.51.100.7"],
    ["what is no address", "192.0.2.1, unknown", "unknown"],
    ["a name", "192.0.2.1, _hidden", "unknown"],
    ["a caller of the network that is let in", "192.0.2.9", "let in"],
  ])("is read from the right: %s", async (_what, forwarded, expected) => {
    await using house = await open({ trustedProxies: ["127.0.0.1", "10.0.0.0/8"] });
    expect(await takenFor(house, { "x-forwarded-for": forwarded })).toBe(expected);
  });

  test("counts of nobody else, and of other headers never", async () => {
    await using house = await open({ trustedProxies: ["10.0.0.0/8"] });
    expect(await takenFor(house, { "x-forwarded-for": "192.0.2.9" })).toBe("127.0.0.1");
    await using trusting = await open({ trustedProxies: ["127.0.0.1"] });
    expect(await takenFor(trusting, { "x-real-ip": "192.0.2.9", forwarded: "for=192.0.2.9" })).toBe("127.0.0.1");
  });

  test("tells sightings and orders where MAAS is", async () => {
    await using house = await open({ trustedProxies: ["127.0.0.1"] });
    const headers = { "x-forwarded-for": "192.0.2.9", "user-agent": "MAAS 3.7.3", system_id: "k3hxa7" };
    await house.ask("/maas/nuc1/on", { method: "POST", as: bearer("rack"), headers });
    expect(house.sightings.of("nuc1")).toMatchObject({ address: "192.0.2.9", systemId: "k3hxa7" });
    expect(house.journal.orders({ limit: 1 })).toMatchObject([{ actor: { address: "192.0.2.9" } }]);
  });

  test("slows down the one who failed, not everybody behind the proxy", async () => {
    await using house = await open({ trustedProxies: ["127.0.0.1"] });
    const tried = async (address: string) =>
      (await house.ask("/api/v1/status", { as: bearer("wrong"), headers: { "x-forwarded-for": address } })).status;
    for (let time = 0; time < 6; time++) expect(await tried("198.51.100.7")).toBe(401);
    expect(await tried("198.51.100.7")).toBe(429);
    expect(await tried("198.51.100.8")).toBe(401);
  });
});

const TLS = join(import.meta.dirname, "../fixtures/tls");
const pem = (name: string) => readFileSync(join(TLS, name));

describe("TLS", () => {
  const tls = { cert: pem("device.pem"), key: pem("device.key"), minVersion: "TLSv1.2" } as const;

  test("carries the same, with the certificate that stands there whatever name is asked for, and for none as MAAS does", async () => {
    await using house = await open({ tls });
    for (const servername of [undefined, "elsewhere.example"]) {
      const { subject, text } = await overTls(house, { ...(servername !== undefined && { servername }) });
      expect(subject).toBe("device");
      expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\{"ok":true\}$/);
    }
  });

  test("of an old version is not spoken", async () => {
    await using house = await open({ tls });
    await expect(overTls(house, { maxVersion: "TLSv1.1", minVersion: "TLSv1" })).rejects.toThrow(/version|protocol/i);
    await using newer = await open({ tls: { ...tls, minVersion: "TLSv1.3" } });
    await expect(overTls(newer, { maxVersion: "TLSv1.2" })).rejects.toThrow(/version|protocol/i);
    expect((await overTls(newer, {})).subject).toBe("device");
  });

  test("hangs up on who speaks none, and the log says who that was", async () => {
    await using house = await open({ tls });
    expect(await overTcp(house.port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).not.toContain("200 OK");
    expect(house.refused).toEqual(["127.0.0.1 spoke HTTP where TLS is spoken; its URL must begin with https"]);
    expect((await overTls(house, {})).text).toContain("200 OK");
  });

  test("asks callers for a certificate where it has an authority for them", async () => {
    await using house = await open({ tls: { ...tls, ca: pem("authority.pem") } });
    await expect(overTls(house, {})).rejects.toThrow(/certificate required|hung up|ECONNRESET/i);
    await expect(overTls(house, { cert: pem("alone.pem"), key: pem("alone.key") })).rejects.toThrow(
      /alert|hung up|ECONNRESET/i,
    );
    expect((await overTls(house, { cert: pem("other.pem"), key: pem("other.key") })).text).toContain("200 OK");
    expect(house.refused[0]).toBe("127.0.0.1 showed no certificate, and this listener needs one");
  });

  test("sets a cookie that goes over TLS alone", async () => {
    await using house = await open({ tls });
    const body = JSON.stringify({ token: "admin" });
    const request = `POST /api/v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect((await overTls(house, { request })).text).toMatch(
      /set-cookie: __Host-mso_session=[\w-]{43}; .*; Secure\r\n/i,
    );
  });
});

interface Over {
  readonly request?: string;
  readonly servername?: string;
  readonly minVersion?: "TLSv1" | "TLSv1.2";
  readonly maxVersion?: "TLSv1.1" | "TLSv1.2";
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const HEALTH = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

async function overTls(
  house: House,
  { request = HEALTH, ...options }: Over,
): Promise<{ subject: string; text: string }> {
  const socket = connectTls({
    host: "127.0.0.1",
    port: house.port,
    ca: pem("authority.pem"),
    checkServerIdentity: () => undefined,
    ...options,
  });
  let subject = "";
  socket.once("secureConnect", () => {
    subject = String(socket.getPeerCertificate().subject.CN);
  });
  socket.write(request);
  const text = await everything(socket);
  return { subject, text };
}

function overTcp(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(text);
  return everything(socket).catch(String);
}

async function everything(socket: Socket): Promise<string> {
  const chunks = (await socket.toArray()) as Buffer[];
  if (chunks.length === 0) throw new Error("it hung up");
  return Buffer.concat(chunks).toString();
}
