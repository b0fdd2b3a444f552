/**
 * A command that may have acted clouds its machine: until its goal shows or its `wait` is over, a reading of the other
 * state may be about to change, so it proves nothing and completes no order. Plain data, for it outlives the daemon.
 */
export interface Cloud {
  readonly goal: "on" | "off";
  /** What was commanded. What was asked of a machine is void when its current is cut; what was asked of its supply is not. */
  readonly of: "machine" | "supply";
  /** When the command ended (ms since 1970); when it began, while it is under way. */
  readonly since: number;
  readonly until: number;
}

export class Clouds {
  #clouds: readonly Cloud[];

  constructor(clouds: readonly Cloud[] = []) {
    this.#clouds = clouds;
  }

  get all(): readonly Cloud[] {
    return this.#clouds;
  }

  /** The newest command for a goal counts; its cloud ends no earlier than those before it. */
  add(cloud: Cloud): void {
    const same = this.#clouds.find((other) => other.goal === cloud.goal && other.of === cloud.of);
    const until = Math.max(cloud.until, same?.until ?? 0);
    this.#clouds = [...this.#clouds.filter((other) => other !== same), { ...cloud, until }];
  }

  /** A command turned out not to have acted: everything is as it was before it. */
  restore(clouds: readonly Cloud[]): void {
    this.#clouds = clouds;
  }

  /** The machine showed the state in a reading that began at `startedAt`: earlier commands for it are done with. */
  shown(state: "on" | "off", startedAt: number): void {
    this.#drop(startedAt, (cloud) => cloud.of === "machine" && cloud.goal === state);
  }

  /** The supply was seen closed or open. Open: nothing that was asked of the machine before can still happen in it. */
  supplied(fed: boolean, startedAt: number): void {
    this.#drop(startedAt, (cloud) => (cloud.of === "supply" ? (cloud.goal === "on") === fed : !fed));
  }

  /** The cloud under which a reading of `state` is not to be trusted at `now`. */
  against(state: "on" | "off", now: number): Cloud | undefined {
    return this.#clouds.find((cloud) => cloud.goal !== state && cloud.until > now);
  }

  #drop(startedAt: number, done: (cloud: Cloud) => boolean): void {
    const left = this.#clouds.filter((cloud) => cloud.since > startedAt || !done(cloud));
    if (left.length < this.#clouds.length) this.#clouds = left;
  }
}
