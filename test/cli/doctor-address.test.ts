/** `doctor` on where MAAS asks: real web servers in front of a real daemon. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ownAddresses } from "../../src/cli/examine-daemon.ts";
import { page, toHttps, WebFront, type WebFrontOptions } from "../simulators/web-front.ts";
import { configuration, Place, type ServedPlace } from "./cli.ts";
import { type Circumstances, DIAGNOSES_MS, type Diagnosis, diagnose, later, servingAt } from "./diagnosis.ts";

const ONE = "  a: { driver: simulated }\n";
const YEARS_100 = 100 * 365.25 * 86_400_000;

function pem(name: string): string {
  return readFileSync(fixture(name), "utf8");
}

function fixture(name: string): string {
  return join(import.meta.dirname, "../fixtures/tls", name);
}

interface Scene extends AsyncDisposable {
  readonly proxy: WebFront;
  readonly place: ServedPlace;
  diagnose(circumstances?: Circumstances): Promise<Diagnosis>;
}

/** A daemon behind a web server, whose address MAAS is given. */
async function behind(options: WebFrontOptions = {}): Promise<Scene> {
  const proxy = await WebFront.start(options);
  const place = await servingAt(proxy.url, ONE);
  proxy.target = place.url;
  return {
    proxy,
    place,
    diagnose: (circumstances) => diagnose(place, circumstances),
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const ALWAYS = ["configuration-warning", "configuration-warning", "url-loopback"];

describe("doctor on the address", { timeout: DIAGNOSES_MS }, () => {
  test.skipIf(ownAddresses().length === 0)("asks from another address than loopback where there is one", async () => {
    const own = ownAddresses().find((address) => !address.includes(":")) ?? "";
    await using place = Place.with({ "maasochist.yaml": configuration(ONE).replace("127.0.0.1:0", `${own}:0`) });
    await place.serve();
    const diagnosis = await diagnose(place);
    expect(diagnosis.message("url")).toBe(
      `http://${diagnosis.found("url").facts["url"]?.slice(7)} leads to this daemon, also from ${own}`,
    );
    expect(diagnosis.amiss).toEqual(["never-polled"]);
  });

  test("tells of a host name, and that nothing listens where it leads", async () => {
    await using place = await servingAt("http://localhost.example:9", ONE);
    const diagnosis = await diagnose(place);
    expect(diagnosis.amiss).toEqual(expect.arrayContaining(["url-host-name", "url-unreachable"]));
    await using refused = await servingAt("http://127.0.0.1:9", ONE);
    expect((await diagnose(refused)).message("url-unreachable")).toBe(
      "http://127.0.0.1:9 cannot be reached: nothing listens there",
    );
  });

  test.each([
    ["http://127.0.0.1:6227/a b", "it has a space in it"],
    ["http://pförtner:6227", "it has characters in it that are not ASCII"],
  ])("tells that MAAS cannot use %s", async (url, why) => {
    await using place = await servingAt(url, ONE);
    expect((await diagnose(place)).message("url-unusable")).toBe(`MAAS cannot use ${url}: ${why}`);
  });

  test("tells of a redirect to https, which MAAS does not follow for a POST", async () => {
    await using scene = await behind();
    scene.proxy.instead = toHttps;
    const diagnosis = await scene.diagnose();
    expect(diagnosis.message("url-redirects")).toBe(
      `GET ${scene.proxy.url}/healthz is redirected to https://lab.example/healthz: MAAS follows this for a query, and fails to switch`,
    );
    expect(diagnosis.code).toBe(1);
  });

  test("tells of a redirect that meets only POST, or only a slash at the end", async () => {
    await using scene = await behind();
    scene.proxy.instead = (request, response) => request.method === "POST" && toHttps(request, response);
    expect((await scene.diagnose()).found("url-redirects").facts["method"]).toBe("POST");
    scene.proxy.instead = (request, response) => request.url?.endsWith("/") === true && toHttps(request, response);
    expect((await scene.diagnose()).message("url-redirects")).toMatch(/\/query\/ is redirected/);
  });

  test("tells of a page that something else answers with", async () => {
    await using scene = await behind();
    scene.proxy.instead = page;
    expect((await scene.diagnose()).message("url-not-daemon")).toBe(
      `${scene.proxy.url} is answered by something else than this daemon: 200, text/html <html> <title>Welcome to nginx!</title></html>`,
    );
    // Only under /maas, as where a login stands before it.
    scene.proxy.instead = (request, response) => request.url?.startsWith("/maas") === true && page(request, response);
    expect((await scene.diagnose()).amiss).toContain("url-not-daemon");
  });

  test("tells of what is no HTTP at all", async () => {
    const server = createServer((socket) => socket.end("220 mail.example ESMTP\r\n")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await using place = await servingAt(`http://127.0.0.1:${port}`, ONE);
    expect((await diagnose(place)).message("url-not-daemon")).toMatch(/: what is no HTTP$/);
    server.close();
  });

  test("tells of another daemon than the one that it speaks to", async () => {
    await using other = await Place.serving(ONE);
    await using place = await servingAt(other.url, ONE);
    expect((await diagnose(place)).message("url-other-daemon")).toBe(
      `${other.url} is answered by another MAASochist than the one at ${place.file("maasochist.sock")}`,
    );
  });

  test("tells what a proxy drops, and that it is there", async () => {
    await using scene = await behind();
    scene.proxy.drops = ["authorization", "system_id"];
    scene.proxy.adds = { "x-forwarded-for": "192.0.2.7" };
    const diagnosis = await scene.diagnose();
    expect(diagnosis.amiss).toEqual([
      ...ALWAYS.slice(1),
      "proxy-between",
      "proxy-drops-token",
      "proxy-drops-system-id",
      "never-polled",
    ]);
    expect(diagnosis.found("proxy-between").next).toContain("waits longer than `hold` (100s)");
  });

  test("tells that a proxy chunks answers, and holds them back", async () => {
    await using scene = await behind();
    scene.proxy.adds = { via: "1.1 proxy" };
    scene.proxy.chunks = true;
    scene.proxy.buffers = true;
    const diagnosis = await scene.diagnose();
    expect(diagnosis.message("answer-framing")).toMatch(/Transfer-Encoding: chunked/);
    expect(diagnosis.amiss).toContain("proxy-buffers");
    expect(diagnosis.well).toContain("url");
  });

  test("never asks for a machine that there is, and switches nothing", async () => {
    await using scene = await behind();
    await scene.diagnose();
    expect(scene.proxy.requests.map((request) => request.replace(/[0-9a-f]{32}/, "PROBE"))).toEqual([
      "GET /healthz",
      "GET /maas/_PROBE/query",
      "GET /maas/_PROBE/query/",
      "POST /maas/_PROBE/on",
    ]);
  });
});

describe("doctor on a certificate", { timeout: DIAGNOSES_MS }, () => {
  const device = { cert: pem("device.pem"), key: pem("device.key") };
  const trusting = { SSL_CERT_FILE: fixture("authority.pem") };

  test("finds nothing wrong with one from an authority of the system, whatever its name", async () => {
    await using scene = await behind({ tls: device });
    const diagnosis = await scene.diagnose({ env: trusting });
    expect(diagnosis.message("tls")).toMatch(/ is valid until 2120-01-01, without a server name as MAAS asks$/);
    expect(diagnosis.amiss).not.toContain("tls-untrusted");
    expect(diagnosis.well).toContain("url");
  });

  test("tells of one that is not", async () => {
    await using scene = await behind({ tls: { cert: pem("alone.pem"), key: pem("alone.key") } });
    const diagnosis = await scene.diagnose({ env: trusting });
    expect(diagnosis.message("tls-untrusted")).toMatch(/store: DEPTH_ZERO_SELF_SIGNED_CERT$/);
    expect(diagnosis.well).toContain("url");
    expect(diagnosis.code).toBe(0);
  });

  test("tells of one that expires soon, or has expired", async () => {
    await using scene = await behind({ tls: device });
    const end = Date.parse("2120-01-01T00:00:00Z");
    const soon = await scene.diagnose({
      env: { ...trusting, ...later(scene.place, end - Date.now() - 5 * 86_400_000) },
    });
    expect(soon.message("tls-expires")).toMatch(/ expires on 2120-01-01$/);
    const over = await scene.diagnose({ env: { ...trusting, ...later(scene.place, YEARS_100) } });
    expect(over.message("tls-expired")).toMatch(/ expired on 2120-01-01$/);
  });

  test("tells of a server that has none for a caller who names no server", async () => {
    await using scene = await behind({ tls: device, namedOnly: true });
    expect((await scene.diagnose()).amiss).toContain("tls-fails");
  });

  test("tells of a port that speaks plain HTTP", async () => {
    await using plain = await WebFront.start();
    await using place = await servingAt(plain.url.replace("http:", "https:"), ONE);
    expect((await diagnose(place)).amiss).toContain("tls-fails");
  });
});
