/** A real OpenSSH server on loopback, with an account of its own. Needs root. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "../expecting.ts";
import { pathOf } from "./need.ts";

const run = promisify(execFile);

/** An account for one test file. */
export interface Account extends AsyncDisposable {
  readonly name: string;
  readonly password: string;
}

export async function createAccount(): Promise<Account> {
  const name = `mso-test-${process.pid}`;
  const password = `correct-horse-${process.pid}`;
  await run("/usr/sbin/useradd", ["--create-home", "--shell", "/bin/sh", name]);
  const chpasswd = run("/usr/sbin/chpasswd", []);
  chpasswd.child.stdin?.end(`${name}:${password}\n`);
  await chpasswd;
  return {
    name,
    password,
    [Symbol.asyncDispose]: async () => {
      await run("/usr/sbin/userdel", ["--remove", "--force", name]).catch(() => undefined);
    },
  };
}

export interface SshdOptions {
  readonly account: Account;
  /** Lines for sshd_config. */
  readonly config?: readonly string[];
}

export class Sshd implements AsyncDisposable {
  /** Readable by everybody, removed with the server. */
  readonly folder: string;
  readonly port: number;
  /** Private key that the account takes. */
  readonly key: string;
  readonly #options: SshdOptions;
  #process: ChildProcess | undefined;
  #log = "";

  private constructor(
    options: SshdOptions,
    place: { readonly folder: string; readonly port: number; readonly key: string },
  ) {
    this.#options = options;
    this.folder = place.folder;
    this.port = place.port;
    this.key = place.key;
  }

  static async start(options: SshdOptions): Promise<Sshd> {
    const folder = await mkdtemp(join(tmpdir(), "mso-sshd-"));
    await run("chmod", ["755", folder]);
    // For what the account writes.
    await mkdir(join(folder, "marks"));
    await run("chown", [options.account.name, join(folder, "marks")]);
    await makeKey(join(folder, "id_ed25519"));
    const key = await readFile(join(folder, "id_ed25519"), "utf8");
    const server = new Sshd(options, { folder, port: await freePort(), key });
    await server.renewHostKey();
    return server;
  }

  /** As after a deployment by MAAS: the same machine, another host key. */
  async renewHostKey(): Promise<void> {
    await this.kill();
    await rm(join(this.folder, "host_key"), { force: true });
    await makeKey(join(this.folder, "host_key"));
    await this.#listen();
  }

  /** What `ssh-keyscan` tells, as it goes into known_hosts; with `-H` hashed. */
  async scan(...flags: readonly string[]): Promise<string> {
    const { stdout } = await run("ssh-keyscan", [...flags, "-p", String(this.port), "127.0.0.1"]);
    return stdout;
  }

  /** The server and its sessions are gone at once, as when a machine loses its power. */
  async kill(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server?.pid === undefined || server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    for (const pid of await family(server.pid)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended by itself meanwhile.
      }
    }
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #listen(): Promise<void> {
    const { account, config = [] } = this.#options;
    const file = join(this.folder, "sshd_config");
    const lines = [
      `Port ${this.port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${join(this.folder, "host_key")}`,
      `AuthorizedKeysFile ${join(this.folder, "id_ed25519.pub")}`,
      "StrictModes no",
      "PidFile none",
      `AllowUsers ${account.name}`,
      ...config,
      // The first line about a thing holds.
      "UsePAM no",
      "PasswordAuthentication yes",
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    await mkdir("/run/sshd", { recursive: true });
    // sshd starts itself again for each connection, by its full path.
    const server = spawn(pathOf("sshd") ?? "sshd", ["-D", "-e", "-f", file], { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = server;
    this.#log = "";
    server.stderr?.on("data", (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
    await until(() => {
      if (server.exitCode !== null) throw new Error(`sshd ended: ${this.#log}`);
      return this.#log.includes("Server listening on 127.0.0.1");
    });
  }
}

async function makeKey(file: string): Promise<void> {
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || !address) throw new Error("there is no free port");
  return address.port;
}

/** A process and all that came from it. */
async function family(pid: number): Promise<number[]> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid="]);
  const all = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const known of found) {
    for (const [child, parent] of all) if (parent === known && child !== undefined) found.push(child);
  }
  return found;
}

/** A real agent that holds a key. */
export async function startAgent(keyFile: string, socket: string): Promise<AsyncDisposable> {
  const agent = spawn(pathOf("ssh-agent") ?? "ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  await until(() =>
    run("ssh-add", ["-q", keyFile], { env: { ...process.env, SSH_AUTH_SOCK: socket } }).then(
      () => true,
      () => false,
    ),
  );
  return {
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((resolve) => agent.once("exit", resolve));
      agent.kill();
      await ended;
    },
  };
}
