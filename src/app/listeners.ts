/**
 * Everywhere the daemon listens beside its local socket. An address that the host does not have yet, as at boot, is tried
 * again until it has; the other listeners serve meanwhile.
 */
import type { Server } from "node:http";
import type { SecureContextOptions } from "node:tls";
import type { Configuration, ListenerSettings, TlsSettings } from "../config/index.ts";
import type { Front } from "../http/server.ts";
import { messageOf } from "../power/errors.ts";
import { type CertificateFacts, LiveCertificate } from "./certificates.ts";
import { closeServer, describeServer, listen } from "./listen.ts";
import type { Log } from "./log.ts";
import { StartError } from "./start-error.ts";

const RETRY_MS = 1_000;
const LOOK_MS = 2_000;

export interface ListenersOptions {
  readonly server: Configuration["server"];
  readonly build: (front: Front) => Server;
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => number;
  readonly log: Log;
}

interface Waiting {
  readonly settings: ListenerSettings;
  readonly front: Front;
  readonly where: string;
  problem: string;
}

export class Listeners implements AsyncDisposable {
  readonly #options: ListenersOptions;
  readonly #servers: Server[] = [];
  readonly #waiting = new Set<Waiting>();
  readonly #certificates = new Map<string, LiveCertificate>();
  readonly #timers: NodeJS.Timeout[] = [];
  #retrying = Promise.resolve();

  private constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Throws StartError; then nothing is left listening. */
  static async open(options: ListenersOptions): Promise<Listeners> {
    const listeners = new Listeners(options);
    try {
      for (const settings of options.server.listen) await listeners.#open(settings);
    } catch (error) {
      await listeners[Symbol.asyncDispose]();
      throw error;
    }
    listeners.#timers.push(setInterval(() => listeners.look(), LOOK_MS));
    return listeners;
  }

  /** Takes over certificates that were renewed and have not changed since the look before. */
  look(): void {
    for (const certificate of this.#certificates.values()) certificate.look();
  }

  get servers(): readonly Server[] {
    return this.#servers;
  }

  get addresses(): string[] {
    return this.#servers.map(describeServer);
  }

  /** Addresses that the host does not have yet. */
  get waitingFor(): string[] {
    return [...this.#waiting].map(({ where }) => where);
  }

  /** What is wrong with addresses now. */
  get problem(): string | undefined {
    return joined([...this.#waiting].map(({ problem }) => problem));
  }

  get certificateProblem(): string | undefined {
    return joined([...this.#certificates.values()].flatMap(({ problem }) => problem ?? []));
  }

  get certificates(): CertificateFacts[] {
    return [...this.#certificates.values()].map(({ facts }) => facts);
  }

  async #open(settings: ListenerSettings): Promise<void> {
    const { serve, from, tls } = settings;
    const { trustedProxies, basePath: base } = this.#options.server;
    const front: Front = { serve, from, trustedProxies, base, tls: tls && this.#certificate(tls).options };
    try {
      await this.#listen(settings, front);
    } catch (error) {
      const { address } = settings;
      if (!isNotYetThere(error) || address.kind !== "tcp") throw error;
      const waiting = {
        settings,
        front,
        where: `${address.host}:${address.port}`,
        problem: `${messageOf(error)} yet; it is tried again and again`,
      };
      this.#waiting.add(waiting);
      this.#options.log.warn(
        { address: waiting.where },
        "this host does not have the address yet; it is tried again and again",
      );
      this.#retry(waiting);
    }
  }

  async #listen({ address, tls }: ListenerSettings, front: Front): Promise<void> {
    const { build, env } = this.#options;
    // A certificate may have been renewed while the address was waited for.
    const current = (): Front => ({ ...front, ...(tls && { tls: this.#certificate(tls).options }) });
    for (const server of await listen(address, () => build(current()), env)) {
      this.#servers.push(server);
      if (tls && isSecure(server)) this.#certificate(tls).hold(server);
    }
  }

  #retry(waiting: Waiting): void {
    const { log } = this.#options;
    const timer = setInterval(() => {
      this.#retrying = this.#retrying.then(async () => {
        if (!this.#waiting.has(waiting)) return;
        try {
          await this.#listen(waiting.settings, waiting.front);
          this.#waiting.delete(waiting);
          clearInterval(timer);
          log.info({ address: waiting.where }, "listening, now that the address is there");
        } catch (error) {
          const problem = messageOf(error);
          if (isNotYetThere(error) || problem === waiting.problem) return;
          waiting.problem = problem;
          log.error({ problem }, "it cannot be listened on; it is tried again and again");
        }
      });
    }, RETRY_MS);
    this.#timers.push(timer);
  }

  /** One for all listeners that have the same. Throws StartError. */
  #certificate(settings: TlsSettings): LiveCertificate {
    const key = JSON.stringify(settings);
    const known = this.#certificates.get(key);
    if (known) return known;
    const { now, log } = this.#options;
    try {
      const made = new LiveCertificate({ settings, now, log });
      this.#certificates.set(key, made);
      return made;
    } catch (error) {
      throw new StartError(messageOf(error), {
        hint: "Correct `tls: { cert: …, key: … }`; `maasochist doctor` looks at them.",
        exitCode: 3,
        cause: error,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#waiting.clear();
    await this.#retrying;
    for (const server of this.#servers.toReversed()) await closeServer(server);
  }
}

function isNotYetThere(error: unknown): boolean {
  const cause = error instanceof StartError ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "EADDRNOTAVAIL";
}

function isSecure(server: Server): server is Server & { setSecureContext(options: SecureContextOptions): void } {
  return "setSecureContext" in server;
}

function joined(problems: readonly string[]): string | undefined {
  return problems.length === 0 ? undefined : problems.join("; ");
}
