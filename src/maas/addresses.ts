/**
 * Where machines are whose address is MAAS's to know: it is one while they are commissioned, another one once they are
 * deployed, and none when they are released.
 *
 * What MAAS told within 30 s is good, unless something went wrong with it since. Where MAAS cannot be asked, or has no
 * address for a machine, the last one it told stands in, marked as such; over restarts as well.
 */
import type { Addresses, Found } from "../power/address.ts";
import { PowerError } from "../power/errors.ts";
import type { KnownMachine, MaasDirectory } from "./directory.ts";
import { MaasError } from "./maas-error.ts";

const FRESH_MS = 30_000;
/** However doubtful an address is: so soon after MAAS told it, it is not asked for again (ms). */
const LEAST_MS = 2_000;
/** The time of a place that did not change is kept so exactly (ms). */
const KEPT_EVERY_MS = 3_600_000;

/** Where a machine was, and when that was last known (ms since 1970). */
interface Place {
  readonly address: string;
  readonly at: number;
}

export interface AddressesOptions {
  readonly directory: MaasDirectory;
  /** What outlives a restart. */
  readonly memory: {
    place(machine: string): Place | undefined;
    /** Throws where it cannot be kept. */
    setPlace(machine: string, place: Place): void;
  };
  readonly now: () => number;
}

export class MaasAddresses implements Addresses {
  readonly #options: AddressesOptions;
  /** Machines of which an address was given that was doubted later (ms since 1970). */
  readonly #doubted = new Map<string, number>();

  constructor(options: AddressesOptions) {
    this.#options = options;
  }

  async find(machine: string): Promise<Found> {
    const { directory } = this.#options;
    let known = directory.of(machine);
    if (!known || !this.#isFresh(machine, known)) {
      try {
        known = await directory.ask(machine);
      } catch (error) {
        if (!(error instanceof MaasError)) throw error;
        const last = this.#last(machine, { why: `MAAS cannot be asked: ${error.message}`, hint: error.hint });
        return known && known.address === undefined ? { ...last, gone: true } : last;
      }
    }
    if (!known)
      throw new PowerError("unreachable", `the address of ${machine} is not known: MAAS has no such machine`, {
        hint: "Enlist it in MAAS, or say which one it is: `maas: { system_id: … }` at the machine.",
      });
    const { address, at, status } = known;
    if (address === undefined) {
      const hint = "MAAS gives it one when it starts.";
      return { ...this.#last(machine, { why: `MAAS has none for it now (${status})`, hint }), gone: true };
    }
    this.#keep(machine, { address, at });
    return { address };
  }

  doubt(machine: string): void {
    this.#doubted.set(machine, this.#options.now());
  }

  #isFresh(machine: string, { at }: KnownMachine): boolean {
    const age = this.#options.now() - at;
    const doubtedAt = this.#doubted.get(machine) ?? -Infinity;
    return age <= (at >= doubtedAt ? FRESH_MS : LEAST_MS);
  }

  #last(machine: string, { why, hint }: { readonly why: string; readonly hint: string }): Found {
    const { directory, memory, now } = this.#options;
    const { address, at = 0 } = directory.of(machine) ?? {};
    const place = address === undefined ? memory.place(machine) : { address, at };
    if (!place) throw new PowerError("unreachable", `the address of ${machine} is not known: ${why}`, { hint });
    const age = words(now() - place.at);
    return { address: place.address, doubt: `${place.address} is the address it had ${age} ago, and ${why}` };
  }

  #keep(machine: string, place: Place): void {
    const { memory } = this.#options;
    const before = memory.place(machine);
    if (before?.address === place.address && place.at - before.at < KEPT_EVERY_MS) return;
    try {
      memory.setPlace(machine, place);
    } catch {
      // The store tells by itself that it cannot be written, and the address is good all the same.
    }
  }
}

function words(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${Math.max(1, minutes)} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
