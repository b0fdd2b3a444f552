import { Listeners } from "../power/events.ts";

/** Who polled which machine last, as MAAS's own requests tell it: the best sign that MAAS reaches this daemon. */
export interface Sighting {
  /** Ms since 1970. */
  readonly at: number;
  readonly address?: string | undefined;
  /** `MAAS 3.7.3`. */
  readonly agent?: string | undefined;
  /** MAAS's own id of the machine; it sends it only sometimes, so it is kept when it once came. */
  readonly systemId?: string | undefined;
  /** Which of another tool's routes it came by; absent for `/maas`. */
  readonly route?: OldRoute;
  /** What its last query was answered, and when (ms since 1970); absent before the first. */
  readonly told?: { readonly answer: Told; readonly at: number } | undefined;
}

/** A request of MAAS that was not let in, or not to that machine. */
export interface RefusedSighting {
  /** Ms since 1970. */
  readonly at: number;
  readonly address: string;
  readonly agent: string;
  /** As its answer had it, such as `unauthenticated`. */
  readonly code: string;
}

/** Routes that are answered for those who come from another tool. */
export const OLD_ROUTES = ["maaspower"] as const;
export type OldRoute = (typeof OLD_ROUTES)[number];

/** The word for MAAS's regexes; `failure` where the machine could not be read. */
export const TOLD = ["running", "stopped", "unknown", "failure"] as const;
export type Told = (typeof TOLD)[number];

const ADDRESS_LASTS_MS = 1_000;

/** Changed in place: MAAS polls thousands of machines. */
type Kept = { -readonly [Key in keyof Sighting]: Sighting[Key] };

export class Sightings {
  readonly #byMachine = new Map<string, Kept>();
  readonly #refused = new Map<string, RefusedSighting>();
  readonly #listeners = new Listeners<string>();

  /**
   * The address is asked for once a second and machine: it costs more than the rest of a poll's answer.
   * Everybody else who calls a webhook, by curl or to test it, is not MAAS. Was it MAAS?
   */
  saw(
    machine: string,
    { address, ...sighting }: Omit<Sighting, "address" | "told"> & { readonly address: () => string },
  ): boolean {
    if (!sighting.agent?.startsWith("MAAS ")) return false;
    const last = this.#byMachine.get(machine);
    const recent =
      last !== undefined &&
      sighting.at - last.at < ADDRESS_LASTS_MS &&
      last.agent === sighting.agent &&
      last.route === sighting.route;
    const systemId = sighting.systemId ?? last?.systemId;
    const told = last?.told;
    // The time stays that of the address, or a steady caller's would never be asked for again.
    if (!recent) this.#byMachine.set(machine, { ...sighting, address: address(), systemId, told });
    else last.systemId = systemId;
    this.#listeners.tell(machine);
    return true;
  }

  /** Tells the name of a machine that was polled. Answers the function that ends it. */
  listen(listener: (machine: string) => void): () => void {
    return this.#listeners.listen(listener);
  }

  /** What MAAS was answered, whose request for it was seen before. */
  told(machine: string, told: { readonly answer: Told; readonly at: number }): void {
    const last = this.#byMachine.get(machine);
    if (last) last.told = told;
  }

  /** A request for a machine that there is was refused. Anybody may call himself MAAS, so this proves nothing. */
  refused(
    machine: string,
    { agent, ...refusal }: Omit<RefusedSighting, "agent"> & { readonly agent?: string | undefined },
  ): void {
    if (agent?.startsWith("MAAS ")) this.#refused.set(machine, { agent, ...refusal });
  }

  of(machine: string): Sighting | undefined {
    return this.#byMachine.get(machine);
  }

  refusalOf(machine: string): RefusedSighting | undefined {
    return this.#refused.get(machine);
  }
}
