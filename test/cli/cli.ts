/** The command line as people and scripts run it: processes of the built program, and a daemon that is one of them. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Verb } from "../../src/power/driver.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import { until } from "../expecting.ts";

const ROOT = join(import.meta.dirname, "../..");
export const MAIN = join(ROOT, "dist/main.js");
/** Longest that a command may take (ms). */
const LONGEST_MS = 15_000;
/** Longest that it may take until a place is ready (ms): the first one builds the program. */
export const PREPARATION_MS = 60_000;

/** What MAAS's token is in `configuration`. */
export const TOKEN = "the_token_that_maas_was_given";
/** The token of the test itself, to give orders and to look without a process of its own. */
const OWN_TOKEN = "the_token_of_the_test_itself";

let isBuilt = false;

/** Builds the program as `npm start` does, which is quick when nothing has changed. */
function built(): void {
  if (isBuilt) return;
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "scripts/build.mjs")], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the build failed: ${stderr}`);
  isBuilt = true;
}

/** A configuration with these machines, the first in its second line, on a port that is free. */
export function configuration(machines: string, more = ""): string {
  return `machines:
${machines}server: { listen: 127.0.0.1:0, shutdown_grace: 0s }
access:
  tokens:
    - { name: maas, token: ${TOKEN}, role: maas }
    - { name: test, token: ${OWN_TOKEN}, role: operator }
${more}
`;
}

export interface Ended {
  /** Exit code; the signal's name where one ended it. */
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A folder below the one of the test. */
  readonly cwd?: string;
}

/** A process whose output is read as it comes. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #ended: Promise<number | string>;
  out = "";
  err = "";

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
    this.#ended = once(child, "close").then(([code, signal]: (number | string | null)[]) => code ?? signal ?? "gone");
  }

  /** Resolves when it has printed that on standard output. */
  async says(text: string): Promise<void> {
    await until(() => this.out.includes(text) || this.child.exitCode !== null, LONGEST_MS);
    if (!this.out.includes(text)) throw new Error(`it ended without "${text}":\n${this.out}${this.err}`);
  }

  async end(signal?: NodeJS.Signals, longestMs = LONGEST_MS): Promise<Ended> {
    if (signal) this.child.kill(signal);
    const late = setTimeout(() => this.child.kill("SIGKILL"), longestMs);
    const code = await this.#ended;
    clearTimeout(late);
    return { code, out: this.out, err: this.err };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end("SIGTERM");
  }
}

/** A place whose daemon runs. */
export type ServedPlace = Place & { readonly daemon: Running; readonly url: string };

/** The state that MAAS is told of a machine, which the daemon measures for the asking. */
export async function reads({ url }: ServedPlace, machine: string): Promise<string> {
  const response = await fetch(`${url}/maas/${machine}/query`, { headers: { authorization: `Bearer ${TOKEN}` } });
  const { status = "" } = (await response.json()) as { status?: string };
  return status;
}

/** The orders of a machine, the newest first. */
export async function ordersOf({ url }: ServedPlace, machine: string): Promise<readonly OrderRecord[]> {
  const headers = { authorization: `Bearer ${OWN_TOKEN}` };
  const response = await fetch(`${url}/api/v1/orders?machine=${machine}`, { headers });
  return ((await response.json()) as { orders: OrderRecord[] }).orders;
}

/** Gives an order by the API, and waits for its end. */
export async function order({ url }: ServedPlace, verb: Verb, machine: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/orders`, {
    method: "POST",
    headers: { authorization: `Bearer ${OWN_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ machine, verb }),
  });
  if (!response.ok) throw new Error(await response.text());
}

/** A folder to work in, with files in it; it is gone afterwards, and so are the daemons that were started in it. */
export class Place implements AsyncDisposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), "maasochist-cli-")));
  readonly #running: Running[] = [];

  static with(files: Readonly<Record<string, string>> = {}): Place {
    built();
    const place = new Place();
    for (const [name, text] of Object.entries(files)) place.write(name, text);
    return place;
  }

  /** A place with such machines and their daemon. */
  static async serving(machines: string, more?: string): Promise<ServedPlace> {
    const place = Place.with({ "maasochist.yaml": configuration(machines, more) });
    const daemon = await place.serve();
    const { url } = JSON.parse(daemon.out) as { url: string };
    return Object.assign(place, { daemon, url });
  }

  file(name: string): string {
    return join(this.path, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.file(name)), { recursive: true });
    writeFileSync(this.file(name), text, { mode: 0o600 });
  }

  /** Starts the daemon; answers when it listens. */
  async serve(...args: string[]): Promise<Running> {
    const daemon = this.start(["serve", "--json", ...args]);
    await daemon.says('"listening"');
    return daemon;
  }

  start(args: readonly string[], options: RunOptions = {}): Running {
    return this.startProgram(MAIN, args, options);
  }

  /** The same with a program that was built elsewhere. */
  startProgram(main: string, args: readonly string[], { input, env = {}, cwd = "." }: RunOptions = {}): Running {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: join(this.path, cwd),
      env: { PATH: process.env["PATH"], HOME: this.path, ...env },
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    child.stdin?.end(input);
    const running = new Running(child);
    this.#running.push(running);
    return running;
  }

  /** Runs a command to its end. */
  run(...args: string[]): Promise<Ended> {
    return this.start(args).end();
  }

  /** Runs a command with `--json`; answers the document that it printed, a failure's from standard error. */
  async json<T>(...args: string[]): Promise<T & { readonly code: number | string }> {
    const { code, out, err } = await this.run("--json", ...args);
    const document = documentIn(out === "" ? err : out) as T;
    return { ...document, code };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running.toReversed()) await running[Symbol.asyncDispose]();
    rmSync(this.path, { recursive: true });
  }
}

/** The one line of JSON; whatever is printed under `--json` has this form. */
function documentIn(text: string): object {
  if (!/^[^\n]+\n$/.test(text)) throw new Error(`not one line:\n${text}`);
  const document: unknown = JSON.parse(text);
  if (typeof document !== "object" || document === null || !("schemaVersion" in document))
    throw new Error(`no document: ${text}`);
  const { schemaVersion, ...rest } = document;
  if (schemaVersion !== 1) throw new Error(`of another version: ${text}`);
  return rest;
}

export interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}
