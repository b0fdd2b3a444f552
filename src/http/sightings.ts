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

const ADDRESS_LASTS_MS = 1_000;

export class Sightings {
  readonly #byMachine = new Map<string, Sighting>();

  /**
   * The address is asked for once a second and machine: it costs more than the rest of a poll's answer.
   * Everybody else who calls a webhook, by curl or to test it, is not MAAS.
   */
  saw(machine: string, { address, ...sighting }: Omit<Sighting, "address"> & { readonly address: () => string }): void {
    if (!sighting.agent?.startsWith("MAAS ")) return;
    const last = this.#byMachine.get(machine);
    const recent = last !== undefined && sighting.at - last.at < ADDRESS_LASTS_MS && last.agent === sighting.agent;
    const systemId = sighting.systemId ?? last?.systemId;
    // The time stays that of the address, or a steady caller's would never be asked for again.
    if (recent) this.#byMachine.set(machine, { ...last, systemId });
    else this.#byMachine.set(machine, { ...sighting, address: address(), systemId });
  }

  of(machine: string): Sighting | undefined {
    return this.#byMachine.get(machine);
  }
}
