/** A real daemon in this process: its configuration as it is written, a store in a folder of its own, real sockets. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import { type Daemon, startDaemon } from "../../src/app/daemon.ts";
import { formatProblem, parseConfiguration } from "../../src/config/index.ts";
import { drivers } from "../../src/drivers/index.ts";

/** Tokens of every configuration here: MAAS's, and of somebody who looks. */
export const MAAS_TOKEN = "the_token_that_maas_was_given";
export const VIEWER_TOKEN = "the_token_of_who_only_looks";

const COMMON = `
server: { listen: 127.0.0.1:0, shutdown_grace: 0s }
access:
  tokens:
    - { name: maas, token: ${MAAS_TOKEN}, role: maas }
    - { name: eyes, token: ${VIEWER_TOKEN}, role: viewer }
    - { name: half, token: the_token_of_who_sees_one_alone, role: viewer, machines: [nuc1] }
`;

/** Simulated machines go on from one daemon to the next in one process: each daemon has a world of its own. */
let worlds = 0;

export class RunningDaemon implements AsyncDisposable {
  readonly daemon: Daemon;
  /** What it logged, line by line. */
  readonly lines: readonly string[];
  readonly #folder: string;

  private constructor(
    daemon: Daemon,
    { folder, lines }: { readonly folder: string; readonly lines: readonly string[] },
  ) {
    this.daemon = daemon;
    this.#folder = folder;
    this.lines = lines;
  }

  /** Starts it with these sections, beside `server` and `access`. */
  static async start(sections: string, { level = "info" } = {}): Promise<RunningDaemon> {
    const folder = mkdtempSync(join(tmpdir(), "maasochist-running-"));
    const file = join(folder, "maasochist.yaml");
    worlds += 1;
    const text = `${COMMON}${sections}`.replaceAll("driver: simulated", `driver: simulated, world: w${worlds}`);
    const { configuration, problems } = await parseConfiguration(text, { file, drivers, env: {} });
    if (!configuration) throw new Error(problems.map((problem) => formatProblem(problem, { color: false })).join("\n"));
    const lines: string[] = [];
    const log: Logger = pino({ level, base: null }, { write: (line: string) => void lines.push(line) });
    const daemon = await startDaemon({ configuration: { ...configuration, watchedFiles: [] }, log, env: {} });
    return new RunningDaemon(daemon, { folder, lines });
  }

  /** Asks it, with that token. */
  async ask(path: string, { token, method = "GET" }: { readonly token?: string; readonly method?: string } = {}) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${this.daemon.url}${path}`, { method, headers });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}
