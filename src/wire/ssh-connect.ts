/** From nothing to a login on ssh2, with every way to fail told apart. */
import { connect as connectTcp, type Socket } from "node:net";
import type { Client, ClientErrorExtensions } from "ssh2";
import { PowerError } from "../power/errors.ts";
import { abortCode } from "./abort.ts";
import { clip } from "./clip.ts";
import { type HostKeyCheck, type HostKeySettings, hostKeyCheck } from "./ssh-host-key.ts";
import { LoginAttempt, type SshLogin } from "./ssh-login.ts";

/** A host that is off does not answer; waiting longer for it would only delay the next way (ms). */
const CONNECT_TIMEOUT_MS = 5_000;
/**
 * A host that loses its power sends no farewell: silent for so long, it is gone (ms, times).
 * https://github.com/mscdex/ssh2/issues/269
 */
const KEEPALIVE = { keepaliveInterval: 2_000, keepaliveCountMax: 2 };
/** Reasons of a DISCONNECT (RFC 4253, 11.1) that speak of the protocol. */
const PROTOCOL_REASONS = new Set([2, 3, 5, 8]);
const TOO_MANY_CONNECTIONS = 12;

export interface SshSettings extends SshLogin {
  readonly host: string;
  readonly port: number;
  readonly hostKey: Pick<HostKeySettings, "rule" | "file">;
}

/** A login that stands. `error` events of the client have a listener already: its `close` follows them. */
export interface LoggedIn {
  readonly client: Client;
  readonly socket: Socket;
}

/** Throws PowerError: unreachable, timeout, busy, auth, wrong_device, protocol, config. */
export async function connectSsh(settings: SshSettings, signal: AbortSignal): Promise<LoggedIn> {
  const { host, port, hostKey } = settings;
  const check = await hostKeyCheck({ host, port, ...hostKey });
  const attempt = new LoginAttempt(settings);
  // Loaded here, so that only those who use it pay for it.
  const { default: ssh2 } = await import("ssh2");
  openKey(ssh2.utils.parseKey, settings);
  if (signal.aborted) throw overtime(signal, `there was no time left to connect to ${host}`);

  const client = new ssh2.Client();
  // Small packets that wait for each other: held back they would take a tenth of a second each.
  const socket = connectTcp({ host, port, noDelay: true });
  const opening = new Opening(settings, { socket, check, attempt });
  try {
    await opening.done(client, signal);
    return { client, socket };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

type ParseKey = (key: string, passphrase?: string) => object;

function openKey(parseKey: ParseKey, { key, passphrase }: SshLogin): void {
  const parsed = key && parseKey(key.reveal(), passphrase?.reveal());
  if (!(parsed instanceof Error)) return;
  throw new PowerError("config", `the key cannot be opened: ${parsed.message}`, {
    cause: parsed,
    hint: passphrase ? "Check `passphrase`, and that `key` is the key it belongs to." : "Check `key`.",
  });
}

/** How a connection gets on: TCP, then the handshake with the host key, then the login. */
class Opening {
  readonly #settings: SshSettings;
  readonly #socket: Socket;
  readonly #check: HostKeyCheck;
  readonly #attempt: LoginAttempt;
  #phase: "tcp" | "handshake" | "login" = "tcp";
  /** What the host said first. */
  #greeting = "";
  #left = false;
  #shown: Buffer | undefined;
  #refusal: PowerError | undefined;

  constructor(
    settings: SshSettings,
    parts: { readonly socket: Socket; readonly check: HostKeyCheck; readonly attempt: LoginAttempt },
  ) {
    this.#settings = settings;
    this.#socket = parts.socket;
    this.#check = parts.check;
    this.#attempt = parts.attempt;
  }

  async done(client: Client, signal: AbortSignal): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let stop: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        stop = () => reject(overtime(signal, this.#unfinished()));
        signal.addEventListener("abort", stop, { once: true });
        timer = setTimeout(() => reject(this.#silent()), CONNECT_TIMEOUT_MS);
        this.#socket.once("connect", () => {
          clearTimeout(timer);
          this.#phase = "handshake";
        });
        // Before ssh2's own listeners, so that its errors find it known.
        for (const event of ["end", "close"]) {
          this.#socket.once(event, () => {
            this.#left = true;
          });
        }
        client.on("handshake", () => {
          this.#phase = "login";
        });
        client.on("change password", () =>
          reject(
            new PowerError("auth", `the password of ${this.#settings.user} at ${this.#settings.host} has expired`, {
              hint: "Log in by hand and change it, or use a key.",
            }),
          ),
        );
        client.on("error", (error) => {
          const failure = this.#failure(error);
          if (failure) reject(failure);
        });
        client.on("close", () => reject(this.#refusal ?? this.#closed(undefined)));
        client.on("ready", resolve);
        this.#begin(client);
      });
    } finally {
      clearTimeout(timer);
      if (stop) signal.removeEventListener("abort", stop);
    }
    if (this.#shown) this.#check.keep(this.#shown);
  }

  #begin(client: Client): void {
    client.connect({
      sock: this.#socket,
      username: this.#settings.user,
      // The signal keeps the time.
      readyTimeout: 0,
      ...KEEPALIVE,
      algorithms: { serverHostKey: this.#check.algorithms },
      hostVerifier: (key: Buffer) => {
        this.#shown = key;
        this.#refusal = this.#check.refuse(key);
        return this.#refusal === undefined;
      },
      authHandler: (offered, _partial, next) => {
        const method = this.#attempt.next(offered);
        // ssh2 takes false for "there is no other way"; its types do not know.
        next(method as Exclude<typeof method, false>);
      },
    });
    // ssh2 has paused the socket: whoever listens now takes nothing from it.
    this.#socket.once("data", (chunk: Buffer) => {
      this.#greeting = chunk.toString("latin1", 0, 200);
    });
  }

  /** Why it came to nothing; undefined where it goes on. */
  #failure(error: Error & ClientErrorExtensions): PowerError | undefined {
    const { host } = this.#settings;
    if (this.#refusal) return this.#refusal;
    if (this.#phase === "tcp") return this.#unconnected(error);
    if (this.#attempt.exhausted) return this.#attempt.failure(host);
    if (error.level === "agent" || error.level === "client-authentication") {
      this.#attempt.trouble(error);
      return undefined;
    }
    const reason = "code" in error && typeof error.code === "number" ? error.code : undefined;
    if (reason === TOO_MANY_CONNECTIONS)
      return new PowerError("busy", `${host} has too many connections`, { cause: error });
    // A server that has enough of wrong passwords says so in its farewell, in place of a refusal.
    if (reason !== undefined && this.#attempt.begun) return this.#attempt.failure(host);
    const farewell = reason !== undefined && !PROTOCOL_REASONS.has(reason);
    if (farewell || error.level === "client-socket" || this.#left) return this.#closed(error);
    return new PowerError("protocol", `${host} and this client do not agree on SSH: ${error.message}`, {
      cause: error,
      hint: "Check `port`, and which algorithms the machine's sshd allows.",
    });
  }

  #unconnected(cause: NodeJS.ErrnoException): PowerError {
    const { host, port } = this.#settings;
    switch (cause.code) {
      case "ECONNREFUSED":
        return new PowerError("unreachable", `${host} refuses connections on port ${port}`, {
          cause,
          hint: "Check that sshd runs there, and on this `port`; a machine that boots does not have it yet.",
        });
      case "ENOTFOUND":
      case "EAI_AGAIN":
        return new PowerError("unreachable", `${host} has no address`, { cause });
      default:
        return new PowerError("unreachable", `${host} cannot be reached: ${cause.message}`, { cause });
    }
  }

  #closed(cause: Error | undefined): PowerError {
    const { host, port } = this.#settings;
    if (this.#attempt.refused) return this.#attempt.failure(host);
    const said = clip(this.#greeting);
    if (said !== "" && !said.startsWith("SSH-")) {
      return new PowerError("protocol", `what answers at ${host} port ${port} is no SSH: ${said}`, {
        cause,
        hint: "Check `port`. An sshd that is overloaded or holds a grudge says so in these words: then wait a moment.",
      });
    }
    return new PowerError("unreachable", `${host} closed the connection during the ${this.#phase}`, { cause });
  }

  #silent(): PowerError {
    const { host, port } = this.#settings;
    return new PowerError(
      "unreachable",
      `${host} does not answer on port ${port} within ${CONNECT_TIMEOUT_MS / 1_000} s`,
    );
  }

  #unfinished(): string {
    const { host, port } = this.#settings;
    return this.#phase === "tcp"
      ? `${host} did not answer on port ${port} in time`
      : `${host} took the connection, but the ${this.#phase} did not end in time`;
  }
}

/** The failure that an aborted signal means. */
export function overtime(
  signal: AbortSignal,
  message: string,
  options: { readonly mayHaveActed?: boolean } = {},
): PowerError {
  return new PowerError(abortCode(signal), message, { cause: signal.reason, ...options });
}
