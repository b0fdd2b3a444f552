import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { pino } from "pino";
import { expect, test } from "vitest";
import { type Daemon, startDaemon } from "../../src/app/daemon.ts";
import { parseConfiguration } from "../../src/config/index.ts";
import { drivers } from "../../src/drivers/index.ts";
import { systemClock } from "../../src/power/clock.ts";
import { simulatedHub } from "../../src/wire/simulation.ts";
import { Folder } from "../config/folder.ts";
import { until } from "../expecting.ts";
import { converse, statusesIn } from "./conversation.ts";
import { conversation, piecesOf } from "./http-requests.ts";
import { FUZZ_TIMEOUT_MS, RUNS, SETTINGS } from "./runs.ts";

const MAAS = "mso_2b7e151628aed2a6abf7158809cf4f3c";
const OPERATOR = "mso_8e73b0f7da0e6452c810f32b809079e5";
const ADMIN = "mso_603deb1015ca71be2b73aef0857d7781";
const VIEWER = "mso_000102030405060708090a0b0c0d0e0f";
const OTHERS = "mso_6bc1bee22e409f96e93d7e117393172a";
const TOKENS = [MAAS, OPERATOR, ADMIN, VIEWER, OTHERS];

const bearer = (token: string) => `Bearer ${token}`;
const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
const CREDENTIALS = {
  mighty: [bearer(MAAS), bearer(OPERATOR), bearer(ADMIN), basic(`maas:${MAAS}`), `bearer  ${MAAS} `],
  powerless: [
    "",
    bearer(VIEWER),
    bearer(OTHERS),
    basic(`x:${VIEWER}`),
    bearer(`${MAAS}x`),
    bearer(MAAS.slice(0, -1)),
    bearer(MAAS.toUpperCase()),
    bearer(`"${MAAS}"`),
    bearer(`${MAAS},${MAAS}`),
    `Digest ${MAAS}`,
    `Token ${MAAS}`,
    `Bearer${MAAS}`,
    MAAS,
    "Bearer",
    "Bearer ",
    "Basic",
    "Basic !!!!",
    basic("nocolon"),
    basic(`anna:${OTHERS}`),
    basic(":"),
    `Basic ${"A".repeat(4_000)}`,
  ],
};

/** In a clone that nobody has started yet pages are answered with 503. */
const UNBUILT = !existsSync(join(import.meta.dirname, "../../dist/dashboard/index.html"));

/** Of our own code: paths, and frames of a stack. */
const INSIDE = [join(import.meta.dirname, "../.."), "node_modules", ".ts:", "node:internal", "    at "];

const CONFIGURATION = `
server: { listen: "127.0.0.1:0" }
store: { path: ./maasochist.db }
access:
  tokens:
    - { name: maas, role: maas, token: ${MAAS} }
    - { name: operator, role: operator, token: ${OPERATOR} }
    - { name: admin, role: admin, token: ${ADMIN} }
    - { name: viewer, role: viewer, token: ${VIEWER} }
    - { name: others, role: operator, machines: ["other*"], token: ${OTHERS} }
hubs: { strip: { driver: simulated, world: fuzz } }
machines:
  nuc1: { hub: strip, outlet: a, boot: 0s, shutdown: 0s }
  nuc2: { hub: strip, outlet: b, initial: on }
  pi1: { hub: strip, outlet: c, kind: plug, above: 6W }
  pi2: { hub: strip, outlet: d, fault: unreachable }
`;

class Fuzzed implements AsyncDisposable {
  readonly daemon: Daemon;
  readonly log: string[];
  readonly #folder: Folder;

  private constructor(daemon: Daemon, log: string[], folder: Folder) {
    this.daemon = daemon;
    this.log = log;
    this.#folder = folder;
  }

  static async start(): Promise<Fuzzed> {
    const folder = await Folder.with({});
    const file = folder.file("maasochist.yaml");
    const { configuration } = await parseConfiguration(CONFIGURATION, { file, drivers, env: {} });
    if (!configuration) throw new Error("the configuration is wrong");
    const lines: string[] = [];
    const log = pino({ level: "trace" }, { write: (line) => lines.push(line) });
    return new Fuzzed(await startDaemon({ configuration, env: {}, log }), lines, folder);
  }

  get port(): number {
    return Number(this.daemon.addresses[0]?.split(":")[1]);
  }

  /** What reached the simulated machines. */
  get commands(): string[] {
    const hub = simulatedHub("fuzz/strip", { clock: systemClock, latency: 0 });
    return ["a", "b", "c", "d"].flatMap((outlet) => hub.outlet(outlet)?.commands.map(({ command }) => command) ?? []);
  }

  /** Sends a request of someone who may switch, and answers what comes back. */
  ask(line: string): Promise<string> {
    const head = `Host: x\r\nConnection: close\r\nContent-Length: 0\r\nAuthorization: ${bearer(MAAS)}\r\n\r\n`;
    return converse(this.port, [Buffer.from(`${line} HTTP/1.1\r\n${head}`)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

test(
  "no request crashes the daemon, is answered 404 under /maas, switches a machine without right, or brings out a secret",
  async () => {
    await using fuzzed = await Fuzzed.start();
    const { port, log } = fuzzed;
    const statuses = new Set<number>();
    let answered = 0;
    const property = fc.asyncProperty(conversation(CREDENTIALS), async (talk) => {
      const said = log.length;
      const received = await converse(port, piecesOf(talk));
      const got = statusesIn(received);
      for (const status of got) statuses.add(status);
      if (received.endsWith('{"status":"stopped"}')) answered += 1;
      // A page that the caller has already is no redirect; MAAS would make nothing of either.
      const redirects = (status: number) => status >= 300 && status < 400 && (status !== 304 || talk.maas);
      const wrong = (status: number) =>
        redirects(status) ||
        (status >= 500 && !(status === 503 && UNBUILT && !talk.maas)) ||
        (talk.maas && status === 404);
      expect(got.filter(wrong)).toEqual([]);
      const shown = received + log.slice(said).join("");
      expect([...TOKENS, ...INSIDE].filter((text) => shown.includes(text))).toEqual([]);
      expect(fuzzed.commands).toEqual([]);
    });
    await fc.assert(property, SETTINGS);

    // The requests came as far as every kind of answer, and the server goes on after them.
    expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 401, 403, 404, 405, 422, 429, 431]));
    expect(answered).toBeGreaterThan(RUNS / 10);
    expect(fuzzed.daemon.power.orders()).toEqual([]);
    expect(await fuzzed.ask("GET /api/v1/orders")).toContain('{"orders":[]}');
    expect(log.filter((line) => /"level":[56]0/.test(line))).toEqual([]);
    expect(await fuzzed.ask("GET /maas/nuc1/query")).toContain('{"status":"stopped"}');
    await fuzzed.ask("POST /maas/nuc1/on");
    // It hung up before; the order is on the disk first, and then it is obeyed.
    await until(() => fuzzed.commands.length > 0);
    expect(fuzzed.commands).toEqual(["on"]);
  },
  FUZZ_TIMEOUT_MS,
);
