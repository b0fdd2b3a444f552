/** The daemon as a process, against callers that mean it no good, and everything that it prints. */
import { copyFileSync, readFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Place, PREPARATION_MS, type Running } from "../cli/cli.ts";
import { until } from "../expecting.ts";
import { describeWith, missing, notRoot } from "./need.ts";
import { DAEMON_ADDRESS, LINK, Network } from "./network.ts";

const MAAS = "mso_token_of_maas_in_plain_text_0001";
const ADMIN = "mso_token_of_admin_in_plain_text_002";
/** Of the password `right`, quick to check: scrypt with N = 1024, made by Python's hashlib. */
const HASH = "scrypt:1024:8:1:c2FsdHNhbHRzYWx0c2FsdA==:NxheqC03Kq6y6MF1Ni36TkbiynSBfkym1GpETMHqiQ8=";
const ACCESS = `access:
  tokens:
    - { name: maas, token: ${MAAS}, role: maas }
    - { name: admin, token: ${ADMIN}, role: admin }
  users:
    - { name: anna, role: admin, password_hash: "${HASH}" }
`;
const MACHINE = "machines: { nuc1: { driver: simulated, boot: 0s, shutdown: 0s, initial: on } }\n";

function urlIn({ out }: Running): string {
  return (JSON.parse(out) as { url: string }).url;
}

function portIn(daemon: Running): number {
  return Number(new URL(urlIn(daemon)).port);
}

describe("slow and silent callers", { timeout: 120_000 }, () => {
  test("are let go in time, and hold up no MAAS meanwhile", async () => {
    await using place = Place.with({
      "maasochist.yaml": `server: { listen: 127.0.0.1:0, shutdown_grace: 0s }\n${ACCESS}${MACHINE}`,
    });
    const daemon = await place.serve();
    const port = portIn(daemon);
    const login = `POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN}\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n`;
    const callers = [
      ...Array.from({ length: 200 }, () => new SlowCaller(port, "")),
      ...Array.from(
        { length: 100 },
        () => new SlowCaller(port, "GET /maas/nuc1/query HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n"),
      ),
      ...Array.from({ length: 50 }, () => new SlowCaller(port, login, " ")),
      ...Array.from(
        { length: 50 },
        () => new SlowCaller(port, login.replace("Content-Length: 60000", "Transfer-Encoding: chunked"), "1\r\n \r\n"),
      ),
    ];
    await until(() => callers.every(({ connected }) => connected), 20_000);

    const began = performance.now();
    const headers = { authorization: `Bearer ${MAAS}` };
    let longest = 0;
    while (callers.some(({ gone }) => !gone)) {
      const before = performance.now();
      const answer = await fetch(`http://127.0.0.1:${port}/maas/nuc1/query`, { headers });
      expect(await answer.text()).toBe('{"status":"running"}');
      longest = Math.max(longest, performance.now() - before);
      if (performance.now() - began > 60_000) break;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    expect(callers.filter(({ gone }) => !gone).length).toBe(0);
    // 30 s for a whole request, and what passes until the connections are looked at.
    expect(performance.now() - began).toBeLessThan(45_000);
    expect(longest).toBeLessThan(3_000);
    for (const caller of callers) caller.end();
  });
});

/** Sends one piece a second, and never comes to an end by itself. */
class SlowCaller {
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;
  connected = false;
  gone = false;

  constructor(port: number, beginning: string, piece = "") {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("error", () => undefined);
    this.#socket.once("connect", () => {
      this.connected = true;
      if (beginning !== "") this.#socket.write(beginning);
    });
    this.#socket.once("close", () => this.end());
    this.#socket.resume();
    this.#timer = setInterval(() => {
      if (piece !== "" && this.#socket.writable) this.#socket.write(piece);
    }, 1_000);
  }

  end(): void {
    this.gone = true;
    clearInterval(this.#timer);
    this.#socket.destroy();
  }
}

describe("what the daemon prints", { timeout: PREPARATION_MS * 2 }, () => {
  test("holds no token, password, cookie or hub's secret, at the finest level and whatever fails", async () => {
    const hub = {
      password: "hub-password-not-to-be-seen",
      header: "header-secret-not-to-be-seen",
      run: "argument-secret-not-to-be-seen",
    };
    await using place = Place.with({
      "secrets.yaml": `plug: ${hub.password}\nheader: ${hub.header}\nrun: ${hub.run}\n`,
      "maasochist.yaml": `log: { level: trace }
server: { listen: 127.0.0.1:0, shutdown_grace: 0s, trusted_proxies: [127.0.0.1] }
${ACCESS}machines:
  nuc1: { driver: simulated, boot: 0s, shutdown: 0s }
  plug: { driver: shelly, address: 127.0.0.1, port: 1, password: !secret plug }
  api: { driver: http, request: { query: { url: "http://127.0.0.1:1/state", headers: { X-Key: !secret header } } }, on_regex: "on", off_regex: "off" }
  script: { driver: command, run: { query: [sh, -c, "echo broken >&2; exit 9", !secret run], on: ["true"], off: ["true"] } }
`,
    });
    const daemon = await place.serve("--verbose");
    const url = urlIn(daemon);
    const secrets = [MAAS, ADMIN, "right", HASH, ...Object.values(hub), "mso_wrong_token_1", "wrong-password-1"];
    const ask = (
      path: string,
      init: Omit<RequestInit, "headers"> & { readonly headers?: Record<string, string> } = {},
    ) => fetch(`${url}${path}`, { ...init, headers: { "content-type": "application/json", ...init.headers } });
    const as = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });
    const json = (body: unknown) => ({ method: "POST", body: JSON.stringify(body) });

    const signedIn = await ask("/api/v1/session", json({ name: "anna", password: "right" }));
    const cookie = (signedIn.headers.get("set-cookie") ?? "").split(";", 1)[0] ?? "";
    expect(cookie).toMatch(/^mso_session=.{43}$/);
    secrets.push(cookie.slice(12));
    await ask("/api/v1/session", json({ name: "anna", password: "wrong-password-1" }));
    await ask("/api/v1/session", json({ token: "mso_wrong_token_1" }));
    await ask("/api/v1/session", { method: "POST", body: '{"password":"wrong-password-1"' });
    await ask("/maas/nuc1/query", as("mso_wrong_token_1"));
    await ask("/maas/nuc1/query?token=mso_wrong_token_1");
    const meant = { cookie, "x-mso-request": "1" };
    const made = await ask("/api/v1/tokens", { ...json({ name: "made", role: "maas" }), headers: meant });
    const { token } = (await made.json()) as { token: string };
    secrets.push(token);
    await ask("/api/v1/users", {
      ...json({ name: "eva", role: "viewer", password: "password-of-eva" }),
      headers: meant,
    });
    secrets.push("password-of-eva");
    for (const machine of ["nuc1", "plug", "api", "script"]) {
      await ask(`/maas/${machine}/query`, as(token));
      await ask(`/api/v1/machines/${machine}`, { headers: meant });
      await ask(`/api/v1/machines/${machine}/query`, { method: "POST", headers: meant });
      await ask("/api/v1/orders", { ...json({ machine, verb: "on", timeout_ms: 1_000 }), headers: meant });
    }
    const shown: string[] = [];
    for (const path of [
      "machines",
      "hubs",
      "events",
      "orders",
      "status",
      "configuration",
      "configuration/resolved",
      "tokens",
      "users",
    ])
      shown.push(await (await ask(`/api/v1/${path}`, { headers: meant })).text());
    for (const words of [["list"], ["doctor"], ["config", "show"], ["events"], ["token", "list"], ["hubs"]])
      shown.push(...Object.values(await place.run(...words)).map(String));
    await ask("/api/v1/session", { method: "DELETE", headers: meant });
    const { out, err } = await daemon.end("SIGTERM");
    const all = [out, err, ...shown].join("\n");
    expect(err).toContain("request answered");
    expect(err).toContain("signed in from");
    expect(all.length).toBeGreaterThan(10_000);
    // One word is too common to look for alone.
    expect(secrets.filter((secret) => secret !== "right" && all.includes(secret))).toEqual([]);
    expect(all).not.toMatch(/"password":\s*"(?!•)/);
  });

  test("on a first start is a link, and how to sign in there", async () => {
    await using place = Place.with({
      "maasochist.yaml": `server: { listen: 127.0.0.1:0, shutdown_grace: 0s }\n${MACHINE}`,
    });
    const daemon = place.start(["serve"]);
    await daemon.says("Ctrl-C stops it");
    const [, page = "", file = ""] =
      /The dashboard: (http:\S+\/) – sign in with the token in (\S+)\./.exec(daemon.out) ?? [];
    const body = JSON.stringify({ token: readFileSync(file, "utf8").trim() });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${page}api/v1/session`, { method: "POST", headers, body });
    expect([answer.status, await answer.json()]).toMatchObject([
      200,
      { actor: { kind: "token", name: "generated (page)" } },
    ]);
    expect((await fetch(page)).headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  });
});

const TLS = join(import.meta.dirname, "../fixtures/tls");

/** Asks over TLS as MAAS does by default: whatever certificate is shown, and by address. */
function overTls(url: string, path: string): Promise<{ readonly text: string; readonly subject: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(`${url}${path}`, {
      rejectUnauthorized: false,
      agent: false,
      headers: { authorization: `Bearer ${MAAS}` },
    });
    sent.once("error", reject);
    sent.once("response", (response) => {
      const { socket } = response;
      const subject =
        "getPeerCertificate" in socket
          ? String((socket.getPeerCertificate as () => { subject: { CN: string } })().subject.CN)
          : "";
      response
        .toArray()
        .then((chunks) => resolve({ text: Buffer.concat(chunks as Buffer[]).toString(), subject }), reject);
    });
    sent.end();
  });
}

describe("a daemon with TLS", { timeout: PREPARATION_MS * 2 }, () => {
  test("serves MAAS by its address, takes a new certificate over, and keeps the old one where the new is broken", async () => {
    await using place = Place.with({
      "maasochist.yaml": `server: { listen: 127.0.0.1:0, shutdown_grace: 0s, tls: { cert: cert.pem, key: key.pem } }\n${ACCESS}${MACHINE}`,
    });
    const put = (name: string, as: string) => copyFileSync(join(TLS, name), place.file(as));
    put("device.pem", "cert.pem");
    put("device.key", "key.pem");
    const daemon = await place.serve();
    const url = urlIn(daemon);
    expect(url).toMatch(/^https:/);
    expect(await overTls(url, "/maas/nuc1/query")).toEqual({ text: '{"status":"running"}', subject: "device" });
    await expect(fetch(url.replace("https", "http"))).rejects.toThrow("fetch failed");
    await until(() => daemon.err.includes("spoke HTTP where TLS is spoken"));
    expect((await place.run("doctor")).out).toMatch(/✔ the certificate .*cert\.pem is good until 2120-01-01/);

    put("other.pem", "cert.pem");
    await until(() => daemon.err.includes("the old one goes on"), 15_000);
    expect(await overTls(url, "/readyz")).toEqual({ text: '{"ok":false}', subject: "device" });
    const doctor = (await place.run("doctor")).out;
    expect(doctor).toMatch(/✘ the key .* does not belong to .*cert\.pem \[certificate-unusable\]/);
    expect(doctor).toContain("the new certificate is not used");
    put("other.key", "key.pem");
    await until(() => daemon.err.includes("a new certificate was taken over"), 15_000);
    expect(await overTls(url, "/readyz")).toEqual({ text: '{"ok":true}', subject: "other" });
  });

  test("does not start with files that do not fit, and says which", async () => {
    await using place = Place.with({
      "maasochist.yaml": `server: { listen: 127.0.0.1:0, tls: { cert: cert.pem, key: key.pem } }\n${ACCESS}${MACHINE}`,
    });
    const { code, err } = await place.run("serve");
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(/^error: .*cert\.pem cannot be read: ENOENT[\s\S]*maasochist doctor/),
    ]);
  });
});

describeWith(missing({ ip: "iproute2" }), notRoot())("an address that comes after the daemon", () => {
  test("is listened on when it is there; the others are served meanwhile", { timeout: 120_000 }, async () => {
    await using network = await Network.open();
    const late = "10.98.0.7";
    await using place = Place.with({
      "maasochist.yaml": `server: { listen: ["${late}:6227", "${DAEMON_ADDRESS}:6227"], shutdown_grace: 0s }\n${ACCESS}${MACHINE}`,
    });
    const main = join(import.meta.dirname, "../../dist/main.js");
    const daemon = network.start("daemon", main, "serve", "--json", "-c", place.file("maasochist.yaml"));
    try {
      const from = async (address: string): Promise<string> => {
        const program = `fetch("http://${address}:6227/readyz").then(async (r) => process.stdout.write(String(r.status)), () => process.stdout.write("none"))`;
        const caller = network.start("machine", "-e", program);
        return Buffer.concat((await caller.stdout.toArray()) as Buffer[]).toString();
      };
      await until(async () => (await from(DAEMON_ADDRESS)) === "503", 30_000, 200);
      expect((await place.run("doctor")).out).toContain(`${late}:6227 is no address of this host yet`);
      await network.ip("daemon", "address", "add", `${late}/24`, "dev", LINK.daemon);
      await until(async () => (await from(late)) === "200", 30_000, 200);
      expect(await from(DAEMON_ADDRESS)).toBe("200");
    } finally {
      daemon.kill("SIGTERM");
      await new Promise((resolve) => daemon.once("close", resolve));
    }
  });
});
