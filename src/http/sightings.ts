/** Who polled which machine last, as MAAS's own requests tell it: the best sign that MAAS reaches this daemon. */
export interface Sighting {
  /** Ms since 1970. */
  readonly at: number;
  readonly address?: string | undefined;
  /** `MAAS 3.7.3`. */
  readonly agent?: string | undefined;
  /** MAAS's own id of the machine; it sends it only sometimes, so it is kept when it once came. */
  readonly systemId?: string | undefined;
}

export class Sightings {
  readonly #byMachine = new Map<string, Sighting>();

  /** Everybody else who calls a webhook, by curl or to test it, is not MAAS. */
  saw(machine: string, sighting: Sighting): void {
    if (!sighting.agent?.startsWith("MAAS ")) return;
    const systemId = sighting.systemId ?? this.#byMachine.get(machine)?.systemId;
    this.#byMachine.set(machine, { ...sighting, systemId });
  }

  of(machine: string): Sighting | undefined {
    return this.#byMachine.get(machine);
  }
}
