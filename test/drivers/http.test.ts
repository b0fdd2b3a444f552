import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import driver from "../../src/drivers/http.ts";
import { HttpDevice } from "../simulators/http-device.ts";
import { command, failureOf, findings, query } from "./run.ts";

const TLS = join(import.meta.dirname, "../fixtures/tls");
const pem = (name: string) => readFileSync(join(TLS, name), "utf8");
const identity = (name: string) => ({ cert: pem(`${name}.pem`), key: pem(`${name}.key`) });
const fingerprint = (name: string) => new X509Certificate(pem(`${name}.pem`)).fingerprint256;

describe("a request", () => {
  test("has the method, URL, headers and body of its verb", async () => {
    await using device = await HttpDevice.start();
    device.handler = (_request, response) => response.end();
    const outlet = {
      headers: { "X-Rack": "4", Accept: "text/plain" },
      request: {
        on: {
          method: "PATCH",
          url: device.url("/power?outlet=3&to=on%20now"),
          headers: { accept: "application/json", "content-type": "application/json" },
          body: '{"on":true}',
        },
        off: { url: device.url("/off") },
      },
    };
    await command("on", { driver, outlet });
    await command("off", { driver, outlet });
    const [on, off] = device.requests;
    expect(on).toMatchObject({ method: "PATCH", url: "/power?outlet=3&to=on%20now", body: '{"on":true}' });
    expect(on?.headers).toMatchObject({ "x-rack": "4", accept: "application/json", "content-length": "11" });
    // Small servers wait for a body where no length says that there is none.
    expect(off).toMatchObject({ method: "POST", url: "/off", body: "" });
    expect(off?.headers).toMatchObject({ "content-length": "0", accept: "text/plain", connection: "close" });
  });

  test("sends a header once, however its name is written", async () => {
    await using device = await HttpDevice.start();
    const outlet = {
      headers: { "x-api-KEY": "old", Authorization: "Bearer old" },
      request: { on: { url: device.url("/on"), headers: { "X-Api-Key": "new" } } },
      token: "hidden",
    };
    await command("on", { driver, outlet });
    const names = device.requests[0]?.rawHeaders
      .filter((_, index) => index % 2 === 0)
      .map((name) => name.toLowerCase());
    expect(names?.filter((name) => name === "x-api-key" || name === "authorization")).toHaveLength(2);
    expect(device.requests[0]?.headers).toMatchObject({ "x-api-key": "new", authorization: "Bearer hidden" });
  });

  test("reaches a device by IPv6", async () => {
    await using device = await HttpDevice.start({ address: "::1" });
    await command("on", { driver, outlet: { request: device.requestSettings } });
    expect(device.state).toBe("on");
    expect(device.requests[0]?.headers.host).toBe(`[::1]:${device.port}`);
  });
});

describe("the state", () => {
  async function stateOf(answer: string, settings: Record<string, unknown>, status = 200) {
    await using device = await HttpDevice.start();
    device.handler = (_request, response) => response.writeHead(status).end(answer);
    return await query({ driver, outlet: { request: { query: { url: device.url() } }, ...settings } });
  }

  test.each([
    ['{"relays":[{"ison":true}]}', "relays[0].ison", "on"],
    ['{"power":{"state":"PoweredOff"}}', "power.state = 'PoweredOn'", "off"],
    ['\uFEFF{"POWER":"OFF"}', "POWER", "off"],
    ['{"value":1}', "value", "on"],
    ['{"value":null}', "value", "unknown"],
    ['{"value":1}', "somewhere.else", "unknown"],
  ])("of %s is what the expression %s says", async (answer, expression, state) => {
    expect(await stateOf(answer, { expression })).toMatchObject({ state });
  });

  test.each([
    ["4: closed\n5: open", "on"],
    ["4: open\n5: closed", "off"],
  ])("of %j is what the regular expressions find", async (answer, state) => {
    const settings = { on_regex: "(?m)^4: closed$", off_regex: "(?m)^4: open$" };
    expect(await stateOf(answer, settings)).toMatchObject({ state });
  });

  test("is on where both regular expressions are found, as MAAS takes it", async () => {
    expect(await stateOf("off and on", { on_regex: "on", off_regex: "off" })).toMatchObject({ state: "on" });
  });

  test.each([
    [204, "off"],
    [200, "on"],
  ])("of status %i is what `status` says", async (status, state) => {
    const reading = await stateOf("", { status: { on: 200, off: 204 } }, status);
    expect(reading).toMatchObject({ state, evidence: `answered ${status}` });
  });

  test.each([
    ["a JSON text in which nothing is a state", '{"value":"PoweringOn"}', { expression: "value" }, "protocol"],
    ["no JSON", "<html>", { expression: "value" }, "protocol"],
    ["an empty answer", "", { expression: "value" }, "protocol"],
    ["an answer that no regular expression finds", "standby", { on_regex: "on$", off_regex: "off$" }, "protocol"],
    ["another success than those named", "", { status: { on: 200, off: 204 } }, "protocol", 202],
    ["a failure that `status` does not name", "", { status: { on: 200, off: 204 } }, "not_found", 404],
    ["an expression that fails", '{"value":"x"}', { expression: "value + 1" }, "config"],
  ])("is never made of %s", async (_what, answer, settings, code, status = 200) => {
    const failure = await failureOf(stateOf(answer, settings, status));
    expect(failure).toMatchObject({ code, mayHaveActed: false });
    expect(failure.hint).not.toBe("");
  });
});

describe("credentials", () => {
  const digest = { user: "admin", password: "open sesame", auth: "digest" };

  test("go as Basic and as Bearer", async () => {
    const expected = Buffer.from("admin:grün:1").toString("base64");
    await using basic = await HttpDevice.start({ guard: { kind: "basic", expected } });
    await using bearer = await HttpDevice.start({ guard: { kind: "bearer", expected: "t0ken" } });
    const request = (device: HttpDevice) => device.requestSettings;
    await command("on", { driver, outlet: { request: request(basic), user: "admin", password: "grün:1" } });
    await command("on", { driver, outlet: { request: request(bearer), token: "t0ken" } });
    expect([basic.state, bearer.state]).toEqual(["on", "on"]);
  });

  test.each([
    ["MD5", { algorithms: ["MD5"] }],
    ["MD5-sess", { algorithms: ["MD5-sess"] }],
    ["SHA-256", { algorithms: ["SHA-256"] }],
    ["SHA-256-sess", { algorithms: ["SHA-256-sess"] }],
    ["the old form without qop", { qop: null }],
    ["auth beside auth-int", { qop: "auth-int,auth" }],
    ["a realm with commas and quotes", { realm: 'rack 4, "left", Basic realm=x' }],
  ])("go as digest: %s", async (_what, options) => {
    const { user, password } = digest;
    await using device = await HttpDevice.start({ guard: { kind: "digest", user, password, ...options } });
    await command("on", { driver, outlet: { request: { on: { url: device.url("/on?relay=0&x=a,b") } }, ...digest } });
    expect(device.state).toBe("on");
    expect(device.requests).toHaveLength(2);
  });

  test("go by SHA-256 where MD5 is offered first", async () => {
    const { user, password } = digest;
    const guard = { kind: "digest", user, password, algorithms: ["MD5", "SHA-256"] } as const;
    await using device = await HttpDevice.start({ guard });
    await command("on", { driver, outlet: { request: device.requestSettings, ...digest } });
    expect(device.requests[1]?.headers.authorization).toContain("algorithm=SHA-256,");
  });

  test("that are wrong are a failure in which nothing acted, and are not tried again and again", async () => {
    await using device = await HttpDevice.start({ guard: { kind: "digest", user: "admin", password: "other" } });
    const failure = await failureOf(command("on", { driver, outlet: { request: device.requestSettings, ...digest } }));
    expect(failure).toMatchObject({ code: "auth", mayHaveActed: false });
    expect(device.state).toBe("off");
    expect(device.requests).toHaveLength(2);
  });

  test("are never sent in the clear to a device that asks for Basic where digest was wanted", async () => {
    await using device = await HttpDevice.start({ guard: { kind: "basic", expected: "?" } });
    const failure = await failureOf(command("on", { driver, outlet: { request: device.requestSettings, ...digest } }));
    expect(failure).toMatchObject({ code: "auth", hint: expect.stringContaining("asks for Basic") });
    expect(device.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe("over TLS", () => {
  test("a device is trusted by its own authority, by its fingerprint, or blindly", async () => {
    await using device = await HttpDevice.start({ tls: identity("device") });
    await using alone = await HttpDevice.start({ tls: identity("alone") });
    await command("on", { driver, outlet: { request: device.requestSettings, ca: pem("authority.pem") } });
    expect(device.state).toBe("on");
    const pin = fingerprint("alone").toLowerCase().replaceAll(":", "");
    await command("on", { driver, outlet: { request: alone.requestSettings, pin_sha256: pin } });
    expect(alone.state).toBe("on");
    await command("off", { driver, outlet: { request: alone.requestSettings, insecure: true } });
    expect(alone.state).toBe("off");
  });

  test("a pinned device is let in again with every connection that digest needs", async () => {
    const guard = { kind: "digest", user: "admin", password: "x", algorithms: ["SHA-256"] } as const;
    await using device = await HttpDevice.start({ tls: identity("alone"), guard });
    const outlet = {
      request: device.requestSettings,
      pin_sha256: fingerprint("alone"),
      user: "admin",
      password: "x",
      auth: "digest",
    };
    await command("on", { driver, outlet });
    expect(device.state).toBe("on");
    expect(device.connections).toBe(2);
  });

  test.each([
    ["an unknown certificate", "device", {}, "auth"],
    ["one for another name", "alone", { ca: pem("alone.pem") }, "auth"],
    ["one of another authority", "alone", { ca: pem("authority.pem") }, "auth"],
    ["another than the pinned one", "other", { pin_sha256: fingerprint("device") }, "wrong_device"],
  ])("nothing is sent to a device that shows %s", async (_what, name, trust, code) => {
    await using device = await HttpDevice.start({ tls: identity(name) });
    const outlet = { request: device.requestSettings, token: "hidden-token", ...trust };
    const failure = await failureOf(command("on", { driver, outlet }));
    expect(failure).toMatchObject({ code, mayHaveActed: false });
    expect(device.connections).toBe(1);
    expect(device.requests).toEqual([]);
  });

  test("a device that speaks plain HTTP is told from one that is not trusted", async () => {
    await using device = await HttpDevice.start();
    const url = device.url("/on").replace("http:", "https:");
    const failure = await failureOf(command("on", { driver, outlet: { request: { on: { url } }, insecure: true } }));
    expect(failure).toMatchObject({ code: "protocol", mayHaveActed: false });
  });
});

describe("an answer that is no success", () => {
  test.each([
    [301, "protocol", true],
    [302, "protocol", true],
    [400, "refused", false],
    [401, "auth", false],
    [403, "auth", false],
    [404, "not_found", false],
    [409, "busy", false],
    [423, "busy", false],
    [429, "busy", false],
    [500, "refused", true],
    [503, "busy", false],
  ])("of status %i is %s", async (status, code, mayHaveActed) => {
    await using device = await HttpDevice.start();
    device.handler = (_request, response) => response.writeHead(status, { location: "/on?key=hidden" }).end("no");
    const failure = await failureOf(command("on", { driver, outlet: { request: device.requestSettings } }));
    expect(failure).toMatchObject({ code, mayHaveActed });
    expect(device.requests).toHaveLength(1);
    expect(inspect(failure)).not.toContain("hidden");
  });

  test("tells the device's own words, and no secret that they repeat", async () => {
    await using device = await HttpDevice.start();
    device.handler = ({ url, headers, body }, response) =>
      response.writeHead(500).end(`relay stuck\n\u001b[31m${url} ${JSON.stringify(headers)} ${body}`);
    const outlet = {
      request: {
        on: {
          url: device.url("/on?user=admin&password=in-the-url"),
          headers: { "x-key": "in-a-header" },
          body: '{"pin": "in-the-body"}',
        },
      },
      user: "operator",
      password: "in-basic",
    };
    const failure = await failureOf(command("on", { driver, outlet }));
    expect(failure.message).toContain("relay stuck /on?");
    const told = inspect(failure, { depth: 10, showHidden: true });
    const basic = Buffer.from("operator:in-basic").toString("base64");
    for (const secret of ["in-the-url", "in-a-header", "in-the-body", "in-basic", basic, "\u001b"]) {
      expect(told).not.toContain(secret);
    }
  });

  test("keeps its secrets in evidence and in complaints about JSON as well", async () => {
    await using device = await HttpDevice.start();
    device.handler = ({ headers }, response) => response.end(`${headers.authorization} is on`);
    const request = { query: { url: device.url() } };
    const regexes = { on_regex: "is on", off_regex: "is off" };
    expect(inspect(await query({ driver, outlet: { request, token: "t0k3n-1234", ...regexes } }))).not.toContain(
      "t0k3n",
    );
    const failure = await failureOf(query({ driver, outlet: { request, token: "t0k3n-1234", expression: "a" } }));
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain("t0k3n");
  });
});

describe("a mistake in the settings", () => {
  const url = "http://127.0.0.1/";
  const request = { on: { url }, off: { url } };
  const query_ = { query: { url } };

  test.each([
    [{ request: query_ }, "request: a query needs"],
    [{ request: query_, expression: "a", status: { on: 200, off: 204 } }, "expression: only one of"],
    [{ request: query_, expression: "a[" }, "expression: it is no JSONata"],
    [{ request: query_, on_regex: "on" }, "on_regex: needs `off_regex` too"],
    [{ request: query_, on_regex: "(", off_regex: "off" }, "on_regex: it is no regular expression"],
    [{ request: query_, status: { on: 200, off: 200 } }, "status: on and off have the same status"],
    [{ request, user: "admin" }, "user: `user` and `password` go together"],
    [{ request, password: "x" }, "password: `user` and `password` go together"],
    [{ request, token: "t", user: "admin", password: "x" }, "token: either"],
    [{ request, auth: "digest" }, "auth: digest needs"],
    [{ request, user: "a:b", password: "x" }, "user: Basic cannot send"],
    [{ request, token: "a\nb" }, "token: holds a line break"],
    [{ request, insecure: true }, "insecure: needs https"],
    [
      { request: { on: { url: "https://127.0.0.1/" } }, insecure: true, pin_sha256: "00".repeat(32) },
      "insecure: `pin_sha256` and",
    ],
    [{ request: { on: { url: "https://127.0.0.1/" } }, ca: "nothing" }, "ca: is no certificate"],
    [{ request: { on: { url: "http://u:p@127.0.0.1/" } } }, "request: a URL holds user or password"],
    [{ request, headers: { "bad name": "x" } }, 'headers: "bad name" is no name'],
    [{ request, headers: { "x-key": "a\r\nb" } }, "headers: the header x-key holds"],
    [{ request: { on: { url, headers: { "Content-Length": "4" } } } }, "request: the header Content-Length follows"],
  ])("%j is found", (outlet, finding) => {
    expect(findings({ driver, outlet })).toEqual([expect.stringContaining(finding)]);
  });

  test.each([
    { request: { on: { url: "ftp://127.0.0.1/" } } },
    { request: { on: { url, method: "get" } } },
    { request: { on: { url, method: "CONNECT" } } },
    { request: { on: { url, verb: "GET" } } },
    { request, pin_sha256: "0011" },
  ])("%j is refused", (outlet) => {
    expect(driver.outlet.safeParse(outlet).success).toBe(false);
  });
});
