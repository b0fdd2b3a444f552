/**
 * What MAAS last told of our machines. *Refreshed* at intervals by one list of all of them; *asked* for one where that is
 * too old. *Silent*: MAAS could not be asked; whoever asks is told so at once instead of waiting, and behind his back MAAS
 * is tried again.
 */
import type { MaasClient } from "./client.ts";
import { MaasError, type MaasErrorCode } from "./maas-error.ts";
import { type Match, matches, matchMachines, type OwnMachine } from "./match.ts";
import { addressOf, type MaasMachine } from "./shapes.ts";

/** Longest that one machine may take (ms): somebody waits for it. */
const ONE_LIMIT_MS = 2_000;
/** Longest that the list may take (ms). */
const LIST_LIMIT_MS = 30_000;
/** How long a silent MAAS is spared (ms). */
const SPARED_MS = 10_000;

export interface KnownMachine {
  readonly systemId: string;
  readonly hostname: string;
  /** `Ready`, `Deployed`, … */
  readonly status: string;
  /** Undefined: MAAS has none for it. */
  readonly address: string | undefined;
  /** When it was asked (ms since 1970). */
  readonly at: number;
}

/** Since when MAAS cannot be asked (ms since 1970), and why. */
export interface Silence {
  readonly since: number;
  readonly code: MaasErrorCode;
  readonly message: string;
  readonly hint: string;
}

export interface DirectoryOptions {
  /** Machines of the configuration as it is now. */
  readonly own: () => readonly OwnMachine[];
  /** Throws MaasError where no MAAS can be asked. */
  readonly client: () => Promise<MaasClient>;
  readonly now: () => number;
}

export class MaasDirectory implements Disposable {
  readonly #options: DirectoryOptions;
  readonly #known = new Map<string, KnownMachine>();
  readonly #asking = new Map<string, Promise<KnownMachine | undefined>>();
  readonly #over = new AbortController();
  #refreshing: Promise<void> | undefined;
  #silence: Silence | undefined;
  #triedAt = -Infinity;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** By our name; however old. Undefined where MAAS has no such machine, or was not asked yet. */
  of(machine: string): KnownMachine | undefined {
    return this.#known.get(machine);
  }

  /** Undefined while MAAS answers. */
  get silence(): Silence | undefined {
    return this.#silence;
  }

  /** Asks for all machines; who asks meanwhile shares the answer. Throws MaasError. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#within(LIST_LIMIT_MS, (client, signal) => this.#list(client, signal)).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /**
   * Asks for one machine. Undefined: MAAS has no such machine. Throws MaasError; at once while MAAS is silent.
   */
  async ask(machine: string): Promise<KnownMachine | undefined> {
    const { now } = this.#options;
    if (this.#silence) {
      const { code, message, hint } = this.#silence;
      if (now() - this.#triedAt >= SPARED_MS) this.refresh().catch(() => undefined);
      throw new MaasError(code, message, { hint });
    }
    const asked = this.#asking.get(machine);
    if (asked) return asked;
    const asking = this.#askOne(machine).finally(() => this.#asking.delete(machine));
    this.#asking.set(machine, asking);
    return asking;
  }

  async #askOne(machine: string): Promise<KnownMachine | undefined> {
    return this.#within(ONE_LIMIT_MS, async (client, signal) => {
      const known = this.#known.get(machine);
      if (!known) await this.#list(client, signal);
      else {
        const at = this.#options.now();
        try {
          this.#known.set(machine, told(await client.machine(known.systemId, signal), at));
        } catch (error) {
          if (!(error instanceof MaasError) || error.code !== "not_found") throw error;
          // Deleted, and perhaps enlisted again under another id.
          await this.#list(client, signal);
        }
      }
      return this.#known.get(machine);
    });
  }

  async #list(client: MaasClient, signal: AbortSignal): Promise<void> {
    const own = this.#options.own();
    const at = this.#options.now();
    const found = await this.#matched(client, own, signal);
    for (const name of this.#known.keys()) if (found.get(name)?.kind !== "found") this.#known.delete(name);
    for (const [name, match] of found) if (match.kind === "found") this.#known.set(name, told(match.machine, at));
  }

  /** In one request where all are known already; else by all that may tell which is which. */
  async #matched(
    client: MaasClient,
    own: readonly OwnMachine[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Match>> {
    const ids = own.flatMap(({ name }) => this.#known.get(name)?.systemId ?? []);
    if (ids.length === own.length) {
      const found = matches(own, ids.length === 0 ? [] : await client.machines({ ids }, signal));
      if ([...found.values()].every(({ kind }) => kind === "found")) return found;
    }
    return matchMachines(client, own, signal);
  }

  async #within<T>(limitMs: number, work: (client: MaasClient, signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = AbortSignal.timeout(limitMs);
    this.#triedAt = this.#options.now();
    try {
      const result = await work(await this.#options.client(), AbortSignal.any([late, this.#over.signal]));
      this.#silence = undefined;
      return result;
    } catch (thrown) {
      this.#over.signal.throwIfAborted();
      const error = late.aborted
        ? new MaasError("timeout", `MAAS did not answer within ${limitMs / 1_000} s`, { cause: thrown })
        : thrown;
      if (!(error instanceof MaasError)) throw error;
      const { code, message, hint } = error;
      this.#silence = { since: this.#silence?.since ?? this.#options.now(), code, message, hint };
      throw error;
    }
  }

  /** Whoever still waits gets the reason of an abort. */
  [Symbol.dispose](): void {
    this.#over.abort(new MaasError("unreachable", "the daemon stops"));
  }
}

function told(machine: MaasMachine, at: number): KnownMachine {
  const { system_id: systemId, hostname, status_name: status } = machine;
  return { systemId, hostname, status, address: addressOf(machine), at };
}
