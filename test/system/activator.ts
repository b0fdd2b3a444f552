/**
 * What systemd does with a socket unit: it listens, passes the socket to the daemon as descriptor 3 (sd_listen_fds(3)), and
 * keeps it while the daemon restarts. The daemon is the built one, with a configuration and a store in a folder of its own.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The built daemon. */
export const MAIN = join(ROOT, "dist", "main.js");

/**
 * The parent: a shell, for Node.js would itself accept connections on a socket that it holds. It takes one word a line,
 * and answers with one line. LISTEN_PID must name the process that the daemon becomes.
 */
const PARENT = `
while read -r word; do
  case $word in
    start) LISTEN_FDS=1 sh -c 'LISTEN_PID=$$ exec "$@"' sh "$@" >/dev/null & pid=$!; echo started ;;
    stop) kill -TERM $pid; wait $pid; echo "ended with $?"; pid= ;;
  esac
done
if [ "$pid" ]; then kill -KILL $pid; fi
`;

/** Builds the daemon where that is not done. */
export async function build(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(ROOT, "scripts", "build.mjs")]);
}

export class Activator implements AsyncDisposable {
  readonly url: string;
  /** The file of its daemons' configuration. */
  readonly config: string;
  readonly #parent: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #folder: string;
  /** What its daemons wrote on standard error. */
  log = "";

  private constructor(
    parent: ChildProcess,
    place: {
      readonly url: string;
      readonly config: string;
      readonly folder: string;
      readonly answers: AsyncIterator<string>;
    },
  ) {
    this.#parent = parent;
    this.url = place.url;
    this.config = place.config;
    this.#folder = place.folder;
    this.#answers = place.answers;
    parent.stderr?.on("data", (chunk: Buffer) => {
      this.log += chunk.toString();
    });
  }

  /** Listens, and starts no daemon yet. `machines` is YAML in flow style. */
  static async listen({ machines, token }: { readonly machines: string; readonly token: string }): Promise<Activator> {
    const folder = await mkdtemp(join(tmpdir(), "mso-activation-"));
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address !== "object" || !address) throw new Error("there is no free port");
    const url = `http://127.0.0.1:${address.port}`;
    const config = join(folder, "maasochist.yaml");
    await writeFile(
      config,
      [
        `server: { listen: systemd, url: "${url}" }`,
        `access: { tokens: [{ name: maas, token: ${token}, role: maas }] }`,
        "store: { path: ./maasochist.db }",
        `machines: ${machines}`,
        "",
      ].join("\n"),
      { mode: 0o600 },
    );
    const daemon = [process.execPath, MAIN, "serve", "-c", config];
    const parent = spawn("/bin/sh", ["-c", PARENT, "sh", ...daemon], {
      stdio: ["pipe", "pipe", "pipe", descriptorOf(server)],
      env: { ...process.env, HOME: folder },
    });
    await once(parent, "spawn");
    const { stdout } = parent;
    if (!stdout) throw new Error("the parent has no output");
    // The parent holds it from now on, and here nothing may accept.
    server.close();
    const answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
    return new Activator(parent, { url, config, folder, answers });
  }

  /** Starts the daemon. It need not listen yet: who connects waits for it. */
  async start(): Promise<void> {
    await this.#say("start");
  }

  /** Stops the daemon, and tells how it ended. */
  async stop(): Promise<string> {
    return this.#say("stop");
  }

  async #say(word: string): Promise<string> {
    this.#parent.stdin?.write(`${word}\n`);
    const { done, value } = await this.#answers.next();
    if (done) throw new Error(`the parent of the daemon is gone: ${this.log}`);
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#parent, "close");
    this.#parent.stdin?.end();
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function descriptorOf(server: Server): number {
  const handle: unknown = "_handle" in server ? server._handle : undefined;
  const fd = typeof handle === "object" && handle !== null && "fd" in handle ? handle.fd : undefined;
  if (typeof fd !== "number") throw new Error("this server tells no descriptor");
  return fd;
}
