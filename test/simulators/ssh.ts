/**
 * A machine with an SSH server, as its protocols and manuals describe it: logins (RFC 4252, RFC 4256), `exec` with exit
 * status or signal (RFC 4254, 6.5 and 6.10), sudo(8), and the shutdown commands of four systems. When it goes down, its
 * connections and its port go with it.
 */

import { createServer, type Server as NetServer, type Socket } from "node:net";
import ssh2, { type AuthContext, type AuthenticationType, type ServerChannel, type Session } from "ssh2";
import { keptPort } from "../kept-port.ts";
import type { ProgramEnd } from "./programs.ts";

export interface SshUser {
  readonly password?: string;
  /** OpenSSH public key. */
  readonly key?: string;
  /** The password is asked for at a prompt: by no other method, or by that too. */
  readonly prompts?: "only" | "too";
  /** The key alone is not enough: the password must follow. */
  readonly both?: boolean;
  /** The password must be changed. */
  readonly expired?: boolean;
}

export interface SshMachineOptions {
  readonly users: Readonly<Record<string, SshUser>>;
  /** Absent: 127.0.0.1, at a port of its own. */
  readonly at?: { readonly address: string; readonly port: number };
  /** Must sudo have the user's password? Default: it asks nobody for one. */
  readonly sudo?: "asks" | "free" | "forbids";
  readonly os?: "linux" | "macos" | "bsd" | "windows";
  /** It was asked to shut down or to restart, and does. */
  readonly onShutdown?: () => void;
  /** Programs it has beside these: how the command line ends there; undefined where it is none of theirs. */
  readonly programs?: (line: string) => Promise<ProgramEnd | undefined>;
}

/**
 * How it fails. At the door: `silent`, `rubbish`, `hangs-up`, `turns-away`. At the login: `faints` with the password in
 * its hand. In the session: `no-session` closes the connection when one is opened, `no-exec` refuses the command, `hangs`
 * never ends it.
 */
export type SshFault = "silent" | "rubbish" | "hangs-up" | "turns-away" | "faints" | "no-session" | "no-exec" | "hangs";

/** What the last command sees of the machine's end: its exit first, a signal, nothing at all, or a dead line. */
export type SshFarewell = "exit" | "signal" | "lost" | "dead";

interface CommandEnd {
  readonly code: number;
  /** On standard error. */
  readonly words: string;
}

type Task = "off" | "restart";

/** shutdown(8) of systemd, macOS and FreeBSD, and Microsoft's documentation of shutdown. */
const TASKS: Readonly<Record<NonNullable<SshMachineOptions["os"]>, Readonly<Record<string, Task>>>> = {
  linux: { "shutdown -h now": "off", "shutdown -P now": "off", "shutdown -r now": "restart", poweroff: "off" },
  macos: { "shutdown -h now": "off", "shutdown -r now": "restart" },
  bsd: { "shutdown -p now": "off", "shutdown -r now": "restart" },
  windows: { "shutdown /s /f /t 0": "off", "shutdown /r /f /t 0": "restart" },
};

export type KeyPair = ReturnType<typeof ssh2.utils.generateKeyPairSync>;

/** A new pair in OpenSSH's formats, encrypted where there is a passphrase. */
export function keyPair({ passphrase }: { readonly passphrase?: string } = {}): KeyPair {
  const lock = passphrase === undefined ? undefined : { passphrase, cipher: "aes256-ctr", rounds: 4 };
  for (;;) {
    const pair = lock ? ssh2.utils.generateKeyPairSync("ed25519", lock) : ssh2.utils.generateKeyPairSync("ed25519");
    // One in 200 is broken: https://github.com/mscdex/ssh2/issues/1390
    const broken = [ssh2.utils.parseKey(pair.private, passphrase), ssh2.utils.parseKey(pair.public)];
    if (!broken.some((key) => key instanceof Error)) return pair;
  }
}

export function ecdsaKeyPair(): KeyPair {
  return ssh2.utils.generateKeyPairSync("ecdsa", { bits: 256 });
}

export class SshMachine implements AsyncDisposable {
  readonly #options: SshMachineOptions;
  #server: ssh2.Server;
  readonly #sockets = new Set<Socket>();
  #door: NetServer | undefined;
  /** Where it boots. */
  address: string;
  #port: number;
  #hostKeys: readonly KeyPair[];
  fault: SshFault | undefined;
  farewell: SshFarewell = "exit";
  /** How every command ends, in place of doing anything. */
  exitWith: CommandEnd | undefined;
  /** Command lines as they arrived. */
  readonly commands: string[] = [];
  /** Methods that were tried, `none` left out. */
  readonly logins: string[] = [];
  /** What arrived on standard input of the commands that ended. */
  readonly inputs: string[] = [];
  boots = 0;

  private constructor(options: SshMachineOptions) {
    this.#options = options;
    this.address = options.at?.address ?? "127.0.0.1";
    this.#port = options.at?.port ?? 0;
    this.#hostKeys = [keyPair()];
    this.#server = this.#serve();
  }

  static async start(options: SshMachineOptions): Promise<SshMachine> {
    const machine = new SshMachine(options);
    await machine.boot();
    return machine;
  }

  get running(): boolean {
    return this.#door !== undefined;
  }

  get port(): number {
    return this.#port;
  }

  /** Open connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Lines for known_hosts, one for each host key. */
  knownHosts(name = `[127.0.0.1]:${this.#port}`): string {
    return this.#hostKeys.map((key) => `${name} ${key.public}\n`).join("");
  }

  /** As after a deployment by MAAS. */
  renewHostKeys(keys: readonly KeyPair[] = [keyPair()]): void {
    this.#hostKeys = keys;
    this.#server = this.#serve();
  }

  async boot(): Promise<void> {
    if (this.#door) return;
    this.boots += 1;
    if (this.#port === 0) this.#port = await keptPort();
    const door = createServer({ noDelay: true }, (socket) => this.#meet(socket));
    this.#door = door;
    await new Promise<void>((resolve) => door.listen(this.#port, this.address, resolve));
  }

  /** The power is gone. */
  async cut(): Promise<void> {
    const door = this.#door;
    this.#door = undefined;
    this.dropConnections();
    await new Promise<void>((resolve) => (door ? door.close(() => resolve()) : resolve()));
  }

  dropConnections(): void {
    // What was written still leaves.
    for (const socket of this.#sockets) socket.destroySoon();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  #meet(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    switch (this.fault) {
      case "silent":
        socket.resume();
        return;
      case "rubbish":
        socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n");
        return;
      case "turns-away":
        socket.resume().end("Exceeded MaxStartups\r\n");
        return;
      case "hangs-up":
        socket.destroy();
        return;
      default:
        this.#server.injectSocket(socket);
    }
  }

  #serve(): ssh2.Server {
    const hostKeys = this.#hostKeys.map((key) => key.private);
    return new ssh2.Server({ hostKeys }, (client) => {
      const passed = new Set<string>();
      client.on("error", () => undefined);
      client.on("authentication", (context) => this.#authenticate(context, passed));
      client.on("session", (accept) => {
        if (this.fault === "no-session") this.dropConnections();
        else this.#session(accept());
      });
    });
  }

  #authenticate(context: AuthContext, passed: Set<string>): void {
    const user = this.#options.users[context.username];
    const offered = methodsOf(user, passed);
    if (context.method !== "none") this.logins.push(context.method);
    if (context.method !== "none" && this.fault === "faints") {
      this.dropConnections();
      return;
    }
    if (!user || !offered.includes(context.method)) {
      context.reject(offered);
      return;
    }
    switch (context.method) {
      case "publickey": {
        const known = ssh2.utils.parseKey(user.key ?? "");
        const right =
          !(known instanceof Error) &&
          known.getPublicSSH().equals(context.key.data) &&
          (!context.signature ||
            !context.blob ||
            known.verify(context.blob, context.signature, context.hashAlgo) === true);
        if (!right) context.reject(offered);
        else if (!user.both || !context.signature) context.accept();
        else {
          passed.add("publickey");
          context.reject(methodsOf(user, passed), true);
        }
        return;
      }
      case "password":
        if (user.expired) context.requestChange("Your password has expired.", () => context.reject(offered));
        else if (context.password === user.password) context.accept();
        else context.reject(offered);
        return;
      case "keyboard-interactive":
        context.prompt([{ prompt: "Password: ", echo: false }], ([answer]) => {
          if (answer === user.password) context.accept();
          else context.reject(offered);
        });
        return;
      default:
        context.reject(offered);
    }
  }

  #session(session: Session): void {
    session.on("exec", (accept, reject, { command }) => {
      this.commands.push(command);
      if (this.fault === "no-exec") {
        reject();
        return;
      }
      const channel = accept();
      const input = read(channel);
      void this.#run(channel, command, input);
    });
  }

  async #run(channel: ServerChannel, line: string, input: Promise<string>): Promise<void> {
    if (this.fault === "hangs") return;
    const text = await input;
    this.inputs.push(text);
    if (this.exitWith) {
      end(channel, this.exitWith);
      return;
    }
    const ended = await this.#options.programs?.(line);
    if (ended) {
      channel.write(ended.stdout ?? "");
      end(channel, { code: ended.code ?? 0, words: ended.stderr ?? "" });
      return;
    }
    const [, flags, inner] = /^sudo (-n|-S -p '') -- (.*)$/.exec(line) ?? [];
    const refusal = inner === undefined ? undefined : this.#sudo(flags === "-n", text);
    if (refusal !== undefined) {
      end(channel, { code: 1, words: refusal });
      return;
    }
    const command = inner ?? line;
    const task = TASKS[this.#options.os ?? "linux"][command];
    if (task) await this.#goDown(channel, task);
    else end(channel, { code: 127, words: `sh: 1: ${command.split(" ")[0]}: not found\n` });
  }

  /** What sudo says when it does not run the command. */
  #sudo(quiet: boolean, input: string): string | undefined {
    const { sudo = "free", users } = this.#options;
    if (sudo === "forbids") return "maas is not in the sudoers file.\n";
    if (sudo === "free") return undefined;
    if (quiet) return "sudo: a password is required\n";
    const right = Object.values(users).some(({ password }) => `${password}\n` === input);
    return right
      ? undefined
      : "Sorry, try again.\nsudo: no password was provided\nsudo: 1 incorrect password attempt\n";
  }

  async #goDown(channel: ServerChannel, task: Task): Promise<void> {
    this.#options.onShutdown?.();
    if (this.farewell === "dead") {
      // The line is dead: nothing arrives any more, not even the end of the connection.
      for (const socket of this.#sockets) socket.pause();
      const door = this.#door;
      this.#door = undefined;
      door?.close();
      return;
    }
    if (this.farewell === "exit") end(channel, { code: 0, words: "" });
    if (this.farewell === "signal") channel.exit("TERM", false, "");
    await this.cut();
    if (task === "restart") await this.boot();
  }
}

function methodsOf(user: SshUser | undefined, passed: ReadonlySet<string>): AuthenticationType[] {
  // To a stranger it looks like any other user.
  if (!user) return ["publickey", "password"];
  const byPassword: readonly AuthenticationType[] = {
    no: ["password" as const],
    only: ["keyboard-interactive" as const],
    too: ["password" as const, "keyboard-interactive" as const],
  }[user.prompts ?? "no"];
  if (user.both) return passed.has("publickey") ? [...byPassword] : ["publickey"];
  return [
    ...(user.key === undefined ? [] : (["publickey"] as const)),
    ...(user.password === undefined ? [] : byPassword),
  ];
}

function read(channel: ServerChannel): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    channel.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    channel.on("end", () => resolve(text));
  });
}

function end(channel: ServerChannel, { code, words }: CommandEnd): void {
  channel.stderr.write(words);
  channel.exit(code);
  channel.end();
}
