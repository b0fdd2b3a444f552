/**
 * What systemd is told by a service of `Type=notify` (sd_notify(3)), and by no other:
 *
 *     READY=1       it listens                          STOPPING=1    it ends, and takes no more orders
 *     RELOADING=1   it reads its configuration again    STATUS=…      one line that `systemctl status` shows
 *     WATCHDOG=1    it is alive; where that does not come within WatchdogSec= systemd starts it anew
 *
 * Each is a datagram to the UNIX socket that NOTIFY_SOCKET names. Node.js has no such sockets, so systemd's own
 * `systemd-notify` sends them, one after the other (docs/decisions/0007-systemd-is-told-by-a-child.md).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { messageOf } from "../power/errors.ts";
import type { Log } from "./log.ts";

const PROGRAM = "systemd-notify";
/** It waits until systemd has read what it sent, and is not let wait for longer (ms). */
const LONGEST_MS = 10_000;
/** How often the status is looked at where no watchdog sets the pace (ms). */
const LOOK_MS = 30_000;

export interface Supervised {
  /** One line, for people. */
  status(): string;
  /** False: systemd is to start it anew. */
  alive(): boolean;
}

export class SystemdNotifier implements Disposable {
  readonly #socket: string | undefined;
  /** Longest time between two signs of life (ms); undefined where nobody waits for any. */
  readonly #watchdogMs: number | undefined;
  readonly #path: string | undefined;
  readonly #log: Log;
  #sent: Promise<void> = Promise.resolve();
  #waiting = 0;
  #status = "";
  #timer: NodeJS.Timeout | undefined;
  #failed = false;

  /** Takes what systemd said out of the environment: programs that the daemon runs are not to speak for it. */
  constructor(env: NodeJS.ProcessEnv, log: Log) {
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: pid, PATH: path } = env;
    for (const key of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete env[key];
    this.#socket = socket === "" ? undefined : socket;
    const isForUs = pid === undefined || Number(pid) === process.pid;
    this.#watchdogMs = isForUs && Number(usec) > 0 ? Number(usec) / 1_000 : undefined;
    this.#path = path;
    this.#log = log;
  }

  /** It listens; from now on systemd is told its status, and that it is alive as long as it is. */
  ready(supervised: Supervised): void {
    this.#status = supervised.status();
    this.#send("READY=1", `STATUS=${this.#status}`);
    if (this.#socket === undefined) return;
    clearInterval(this.#timer);
    // Thrice as often as it must be: one that comes late is no reason to start anew.
    this.#timer = setInterval(() => this.#look(supervised), (this.#watchdogMs ?? LOOK_MS * 3) / 3);
    this.#timer.unref();
  }

  /** It reads its configuration again; `ready` follows. */
  reloading(): void {
    // CLOCK_MONOTONIC, by which systemd tells this reload from an earlier one (sd_notify(3)).
    this.#send("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`, "STATUS=Reading the configuration");
  }

  stopping(status: string): void {
    clearInterval(this.#timer);
    this.#send("STOPPING=1", `STATUS=${status}`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(supervised: Supervised): void {
    const status = supervised.status();
    const told = status === this.#status ? [] : [`STATUS=${status}`];
    const life = this.#watchdogMs !== undefined && supervised.alive() ? ["WATCHDOG=1"] : [];
    // One that still waits to be sent says the same.
    if (told.length + life.length === 0 || this.#waiting > 0) return;
    this.#status = status;
    this.#send(...life, ...told);
  }

  #send(...variables: readonly string[]): void {
    if (this.#socket === undefined) return;
    const env = { NOTIFY_SOCKET: this.#socket, PATH: this.#path };
    this.#waiting += 1;
    this.#sent = this.#sent
      .then(() => run(variables, env))
      .then(
        () => {
          this.#failed = false;
        },
        (error: unknown) => {
          if (!this.#failed) this.#log.warn({ problem: messageOf(error) }, `systemd cannot be told: ${HINT}`);
          this.#failed = true;
        },
      )
      .finally(() => {
        this.#waiting -= 1;
      });
  }
}

const HINT = `install ${PROGRAM}, and write NotifyAccess=all into the unit`;

async function run(variables: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  // A line that is longer than one line would be several variables.
  const lines = variables.map((variable) => variable.replaceAll(/\s+/g, " "));
  const child = spawn(PROGRAM, lines, { env, stdio: ["ignore", "ignore", "pipe"], timeout: LONGEST_MS });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  if (code !== 0) throw new Error(`${PROGRAM} ended with ${code ?? signal}: ${said.trim()}`);
}
