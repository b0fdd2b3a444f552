/**
 * A command that may have acted clouds its machine: until its goal shows or its `wait` is over, a reading of the other
 * state may be about to change, so it proves nothing and completes no order.
 */
export interface Cloud {
  readonly goal: "on" | "off";
  /** When the command ended (ms since 1970). */
  readonly since: number;
  readonly until: number;
}

export class Clouds {
  #clouds: Cloud[] = [];

  add(cloud: Cloud): void {
    this.#clouds = this.#clouds.filter((other) => other.goal !== cloud.goal);
    this.#clouds.push(cloud);
  }

  /** The goal showed in a reading that began at `startedAt`: commands that ended before it are done with. */
  shown(goal: "on" | "off", startedAt: number): void {
    this.#clouds = this.#clouds.filter((cloud) => cloud.goal !== goal || cloud.since > startedAt);
  }

  /** Its supply is proven open: nothing that was asked of it before can still happen. */
  clear(startedAt: number): void {
    this.#clouds = this.#clouds.filter((cloud) => cloud.since > startedAt);
  }

  /** The cloud under which a reading of `state` is not to be trusted at `now`. */
  against(state: "on" | "off", now: number): Cloud | undefined {
    this.#clouds = this.#clouds.filter((cloud) => cloud.until > now);
    return this.#clouds.find((cloud) => cloud.goal !== state);
  }
}
