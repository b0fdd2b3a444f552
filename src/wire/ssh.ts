/** SSH for drivers: one connection, one command at a time. */
import type { Client, ClientChannel } from "ssh2";
import { PowerError } from "../power/errors.ts";
import { connectSsh, type LoggedIn, overtime, type SshSettings } from "./ssh-connect.ts";

export type { SshSettings } from "./ssh-connect.ts";

/** After the exit, output that is already on its way is still taken for so long (ms). */
const DRAIN_MS = 200;
const MOST_OUTPUT = 65_536;

export interface SshCommand {
  /** Read by the login's own shell on the other side. */
  readonly line: string;
  /** Its standard input. */
  readonly input?: string | undefined;
  readonly signal: AbortSignal;
}

/** How a command ended that the machine had taken. */
export type SshEnd =
  | { readonly how: "exited"; readonly code: number }
  /** `signal` such as SIGTERM. */
  | { readonly how: "killed"; readonly signal: string }
  /** The connection was gone before the command told its end. */
  | { readonly how: "lost" };

/** The last 65,536 characters of each output. */
export type SshEnded = SshEnd & { readonly stdout: string; readonly stderr: string };

export class SshClient {
  readonly #settings: SshSettings;
  #login: LoggedIn | undefined;

  constructor(settings: SshSettings) {
    this.#settings = settings;
  }

  /**
   * Connects, compares the host key and logs in, unless that stands.
   * Throws PowerError: unreachable, timeout, busy, auth, wrong_device, protocol, config.
   */
  async connect(signal: AbortSignal): Promise<void> {
    if (this.#login) return;
    const login = await connectSsh(this.#settings, signal);
    this.#login = login;
    login.client.once("close", () => {
      this.#login = undefined;
    });
  }

  /**
   * Runs one command to its end: its exit, or the end of the connection.
   * Throws what `connect` throws, `refused` where the machine does not take commands, and what the signal means; with
   * `mayHaveActed` unless the machine cannot have got it.
   */
  async run({ line, input, signal }: SshCommand): Promise<SshEnded> {
    await this.connect(signal);
    return this.#until(signal, (ended, failed) => {
      const taken = (client: Client, channel: ClientChannel) => {
        const stdout = tail(channel);
        const stderr = tail(channel.stderr);
        channel.on("error", () => undefined);
        channel.end(input ?? "");
        watch(client, channel, (end) => ended({ ...end, stdout: stdout(), stderr: stderr() }));
      };
      this.#exec(line, taken, failed);
    });
  }

  close(): void {
    this.#login?.client.end();
    // A machine that went down answers no farewell.
    this.#login?.socket.destroySoon();
  }

  #exec(
    line: string,
    taken: (client: Client, channel: ClientChannel) => void,
    failed: (error: PowerError) => void,
  ): void {
    const { host } = this.#settings;
    const client = this.#login?.client;
    if (!client) {
      failed(new PowerError("unreachable", `the connection to ${host} is gone`));
      return;
    }
    const lost = () =>
      // ssh2 does not tell when the command left, so it may be there.
      failed(
        new PowerError("unreachable", `${host} closed the connection as it got the command`, { mayHaveActed: true }),
      );
    client.once("close", lost);
    try {
      client.exec(line, (cause, channel) => {
        client.off("close", lost);
        if (!cause) taken(client, channel);
        else
          failed(
            new PowerError("refused", `${host} runs no commands for this login`, {
              cause,
              hint: "The user needs a shell, and sshd must allow it sessions.",
            }),
          );
      });
    } catch (cause) {
      // ssh2 throws where the other side has closed already.
      failed(new PowerError("unreachable", `the connection to ${host} is gone`, { cause }));
    }
  }

  /** What `run` settles; or the signal's failure, and then the connection is gone too. */
  async #until(
    signal: AbortSignal,
    run: (ended: (end: SshEnded) => void, failed: (error: PowerError) => void) => void,
  ): Promise<SshEnded> {
    if (signal.aborted) throw overtime(signal, `there was no time left for a command to ${this.#settings.host}`);
    let stop: (() => void) | undefined;
    try {
      return await new Promise<SshEnded>((resolve, reject) => {
        stop = () => {
          reject(overtime(signal, `${this.#settings.host} did not end the command in time`, { mayHaveActed: true }));
          this.#login?.socket.destroy();
        };
        signal.addEventListener("abort", stop, { once: true });
        run(resolve, reject);
      });
    } finally {
      if (stop) signal.removeEventListener("abort", stop);
    }
  }
}

function watch(client: Client, channel: ClientChannel, ended: (end: SshEnd) => void): void {
  let end: SshEnd = { how: "lost" };
  let drained: NodeJS.Timeout | undefined;
  const over = () => {
    clearTimeout(drained);
    client.off("close", over);
    ended(end);
  };
  client.once("close", over);
  channel.once("close", over);
  channel.once("exit", (code: number | null, signal?: string) => {
    end = code === null ? { how: "killed", signal: signal ?? "a signal" } : { how: "exited", code };
    // Something that it left running may hold its output open.
    drained = setTimeout(over, DRAIN_MS);
  });
}

/** Keeps the end of an output: what went wrong is said last. */
function tail(stream: NodeJS.ReadableStream): () => string {
  const decoder = new TextDecoder();
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-MOST_OUTPUT);
  });
  return () => text;
}
