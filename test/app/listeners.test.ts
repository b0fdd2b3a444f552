import { once } from "node:events";
import { copyFileSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { type Logger, pino } from "pino";
import { describe, expect, test } from "vitest";
import { Listeners } from "../../src/app/listeners.ts";
import { StartError } from "../../src/app/start-error.ts";
import type { ListenerSettings, TlsSettings } from "../../src/config/index.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/tls");
/** An address for documentation (RFC 5737): no host has it. */
const NOWHERE = "192.0.2.77";

const at = (host: string, more: Partial<ListenerSettings> = {}): ListenerSettings => ({
  address: { kind: "tcp", host, port: 0 },
  tls: undefined,
  serve: ["maas", "api", "page"],
  from: [],
  ...more,
});

/** A folder with a certificate and key in it, and listeners that may use them. */
class Post implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "maasochist-listeners-"));
  readonly tls: TlsSettings = {
    cert: this.file("cert.pem"),
    key: this.file("key.pem"),
    clientCa: undefined,
    minVersion: "1.2",
  };
  readonly said: { readonly level: number; readonly msg: string; readonly problem?: string }[] = [];
  now = Date.UTC(2026, 10, 29);
  listeners: Listeners | undefined;

  file(name: string): string {
    return join(this.#folder, name);
  }

  put(pair: "device" | "other", what: readonly ("pem" | "key")[] = ["pem", "key"]): void {
    // As tools that renew certificates do it: a new file in the place of the old.
    for (const end of what) {
      copyFileSync(join(FIXTURES, `${pair}.${end}`), this.file("new"));
      renameSync(this.file("new"), end === "pem" ? this.tls.cert : this.tls.key);
    }
  }

  async open(...listen: ListenerSettings[]): Promise<Listeners> {
    const answer: RequestListener = (_request, response) => response.end("here");
    this.listeners = await Listeners.open({
      server: { listen, urls: [], hold: 0, shutdownGrace: 0, trustedProxies: [], basePath: "" },
      build: ({ tls }): Server => (tls ? createTlsServer(tls, answer) : createServer(answer)),
      env: {},
      now: () => this.now,
      log: this.#log(),
    });
    return this.listeners;
  }

  #log(): Logger {
    return pino({ level: "info" }, { write: (line: string) => this.said.push(JSON.parse(line)) });
  }

  /** What the daemon does every two seconds; files are taken that did not change in between. */
  look(): void {
    for (let time = 0; time < 2; time++) this.listeners?.look();
  }

  /** Whose certificate a caller is shown who names no host, as MAAS. */
  async shown(): Promise<string> {
    const address = this.listeners?.servers[0]?.address();
    if (typeof address !== "object" || address === null) throw new Error("it does not listen");
    const socket = connect({ host: "127.0.0.1", port: address.port, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const name = String(socket.getPeerCertificate().subject.CN);
    socket.destroy();
    return name;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listeners?.[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

describe("an address that this host does not have yet", () => {
  test("holds up neither the start nor the other listeners, and is told as what is wrong", async () => {
    await using post = new Post();
    const listeners = await post.open(at(NOWHERE), at("127.0.0.1"));
    expect(listeners.waitingFor).toEqual([`${NOWHERE}:0`]);
    expect(listeners.problem).toContain(`${NOWHERE}:0 is no address of this host yet; it is tried again and again`);
    expect(listeners.addresses).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
    expect(await (await fetch(`http://${listeners.addresses[0]}`)).text()).toBe("here");
    expect(post.said.map(({ msg }) => msg)).toEqual([
      "this host does not have the address yet; it is tried again and again",
    ]);
  });

  test("is not waited for any more once the daemon stops", async () => {
    await using post = new Post();
    const listeners = await post.open(at(NOWHERE));
    await listeners[Symbol.asyncDispose]();
    expect([listeners.problem, listeners.addresses]).toEqual([undefined, []]);
  });

  test("is no other trouble: a port in use ends the start, and nothing is left listening", async () => {
    await using post = new Post();
    const other = createTcpServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const free = createTcpServer().listen(0, "127.0.0.2");
    await once(free, "listening");
    const { port: first } = free.address() as { port: number };
    free.close();
    await once(free, "close");
    const fixed = (host: string, on: number) => at(host, { address: { kind: "tcp", host, port: on } });
    await expect(post.open(fixed("127.0.0.2", first), fixed("127.0.0.1", port))).rejects.toThrow(StartError);
    other.close();
    await expect(fetch(`http://127.0.0.2:${first}`)).rejects.toThrow("fetch failed");
  });
});

describe("a certificate", () => {
  test("is taken over when its files change, without a new connection having to wait for a restart", async () => {
    await using post = new Post();
    post.put("device");
    const listeners = await post.open(at("127.0.0.1", { tls: post.tls }));
    expect([await post.shown(), listeners.certificates]).toMatchObject([
      "device",
      [{ subject: "CN=device", file: post.tls.cert }],
    ]);
    post.put("other");
    post.look();
    expect(await post.shown()).toBe("other");
    expect(listeners.certificates).toMatchObject([{ subject: "CN=other" }]);
    expect(listeners.certificateProblem).toBeUndefined();
  });

  test.each([
    [
      "a key of another",
      (post: Post) => post.put("other", ["pem"]),
      /the key .*key\.pem does not belong to .*cert\.pem/,
    ],
    ["no PEM at all", (post: Post) => writeFileSync(post.tls.cert, "not PEM"), /cert\.pem is no certificate in PEM/],
    [
      "a key of no kind",
      (post: Post) => writeFileSync(post.tls.key, "not PEM"),
      /key\.pem is no key in PEM without a passphrase/,
    ],
    ["no file", (post: Post) => rmSync(post.tls.cert), /cert\.pem cannot be read: ENOENT/],
  ])(
    "that is renewed with %s leaves the old one, says so loudly, and is taken over once it is right",
    async (_what, spoil, why) => {
      await using post = new Post();
      post.put("device");
      const listeners = await post.open(at("127.0.0.1", { tls: post.tls }));
      spoil(post);
      post.look();
      expect(listeners.certificateProblem).toMatch(why);
      expect(listeners.certificateProblem).toMatch(
        /^the new certificate is not used, and the one until 2120-01-01 goes on: /,
      );
      expect(post.said.at(-1)).toMatchObject({ level: 50, problem: listeners.certificateProblem });
      expect(await post.shown()).toBe("device");
      post.put("other");
      post.look();
      expect(listeners.certificateProblem).toBeUndefined();
      expect(await post.shown()).toBe("other");
    },
  );

  test("is taken over only when nobody writes to its files any more", async () => {
    await using post = new Post();
    post.put("device");
    const listeners = await post.open(at("127.0.0.1", { tls: post.tls }));
    post.put("other", ["pem"]);
    listeners.look();
    expect([listeners.certificateProblem, await post.shown()]).toEqual([undefined, "device"]);
    post.put("other", ["key"]);
    listeners.look();
    expect([listeners.certificateProblem, await post.shown()]).toEqual([undefined, "device"]);
    listeners.look();
    expect([listeners.certificateProblem, await post.shown()]).toEqual([undefined, "other"]);
  });

  test("behind a link is followed when the link leads elsewhere, as certbot and Kubernetes do it", async () => {
    await using post = new Post();
    const link = (target: string, end: "pem" | "key") => {
      symlinkSync(join(FIXTURES, `${target}.${end}`), post.file("link"));
      renameSync(post.file("link"), end === "pem" ? post.tls.cert : post.tls.key);
    };
    for (const end of ["pem", "key"] as const) link("device", end);
    await post.open(at("127.0.0.1", { tls: post.tls }));
    expect(await post.shown()).toBe("device");
    for (const end of ["pem", "key"] as const) link("other", end);
    post.look();
    expect(await post.shown()).toBe("other");
  });

  test("that cannot be used at the start ends it, and says which file and why, never what is in it", async () => {
    await using post = new Post();
    post.put("device", ["pem"]);
    post.put("other", ["key"]);
    const failure: unknown = await post.open(at("127.0.0.1", { tls: post.tls })).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartError);
    expect(failure).toMatchObject({
      exitCode: 3,
      message: `the key ${post.tls.key} does not belong to ${post.tls.cert}`,
    });
    writeFileSync(post.tls.key, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n");
    await expect(post.open(at("127.0.0.1", { tls: post.tls }))).rejects.toThrow(/no key in PEM/);
    await expect(post.open(at("127.0.0.1", { tls: post.tls }))).rejects.not.toThrow(/c2VjcmV0/);
  });

  test("that expires is reminded of, once a day", async () => {
    await using post = new Post();
    post.put("device");
    post.now = Date.UTC(2120, 10, 25);
    await post.open(at("127.0.0.1", { tls: post.tls }));
    expect(post.said).toMatchObject([{ level: 40, msg: "a certificate expires soon, or has expired" }]);
  });
});
