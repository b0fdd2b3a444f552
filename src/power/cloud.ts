/**
 * A command that may have acted clouds its machine: until its goal shows or its `wait` is over, a reading of the other
 * state may be about to change, so it proves nothing and completes no order. Nor does it show the goal of a later
 * command: an off that is read under an on that has not shown may be the off from before both. Plain data, for it
 * outlives the daemon.
 */
import type { SupplySeen } from "./reading.ts";

export interface Cloud {
  readonly goal: "on" | "off";
  /** What was commanded. What was asked of a machine is void when its current is cut; what was asked of its supply is not. */
  readonly of: "machine" | "supply";
  /** When the command ended (ms since 1970); when it began, while it is under way. */
  readonly since: number;
  readonly until: number;
  /** Labels of the outlets that may have acted, where the supply has several: it has shown when each of them has. */
  readonly outlets?: readonly string[];
  /** A native cycle or reset, of whose off nothing was seen yet: an on that is read may be the on from before it. */
  readonly restarts?: boolean;
}

export class Clouds {
  #clouds: readonly Cloud[];

  constructor(clouds: readonly Cloud[] = []) {
    this.#clouds = clouds;
  }

  get all(): readonly Cloud[] {
    return this.#clouds;
  }

  /** Those that are over by then go. */
  add(clouds: readonly Cloud[]): void {
    const now = Math.max(...clouds.map((cloud) => cloud.since));
    this.#clouds = [...this.#clouds.filter((cloud) => cloud.until > now), ...clouds];
  }

  /** Commands turned out not to have acted, or are told better. */
  remove(clouds: readonly Cloud[]): void {
    this.#clouds = this.#clouds.filter((cloud) => !clouds.includes(cloud));
  }

  /** The machine showed the state in a reading that began at `startedAt`: earlier commands for it are done with. */
  shown(state: "on" | "off", startedAt: number): void {
    if (state === "off") this.#turned(startedAt);
    this.#drop(
      startedAt,
      (cloud) =>
        cloud.of === "machine" &&
        cloud.goal === state &&
        cloud.restarts !== true &&
        !this.#unsettled(state, cloud.since, startedAt),
    );
  }

  /** The off of a restart was seen: the next on is the one after it. */
  #turned(startedAt: number): void {
    const turned = (cloud: Cloud) => cloud.restarts === true && cloud.since <= startedAt;
    if (!this.#clouds.some(turned)) return;
    this.#clouds = this.#clouds.map((cloud) => (turned(cloud) ? { ...cloud, restarts: false } : cloud));
  }

  /**
   * The supply was seen closed or open, or each of its outlets. Open: nothing that was asked of the machine before can
   * still happen in it. Answers whether a command to open it showed for the first time.
   */
  supplied(seen: SupplySeen): boolean {
    const { fed, startedAt } = seen;
    const dropped = this.#drop(startedAt, (cloud) =>
      cloud.of === "supply"
        ? hasShown(cloud, seen) && !this.#unsettled(cloud.goal, cloud.since, startedAt, "supply")
        : !fed && !this.#closing(startedAt),
    );
    return !fed && dropped.some((cloud) => cloud.of === "supply");
  }

  /** The cloud under which a reading of `state` is not to be trusted at `now`. */
  against(state: "on" | "off", now: number): Cloud | undefined {
    return this.#clouds.find((cloud) => cloud.goal !== state && cloud.until > now);
  }

  /** Had a command away from `state` that was sent before `since` not shown when a reading began? */
  #unsettled(state: "on" | "off", since: number, startedAt: number, of?: Cloud["of"]): boolean {
    return this.#clouds.some(
      (cloud) =>
        cloud.goal !== state && cloud.since < since && cloud.until > startedAt && (of === undefined || cloud.of === of),
    );
  }

  /** May the supply, when a reading began, have been about to close? */
  #closing(startedAt: number): boolean {
    return this.#clouds.some(
      ({ goal, of, since, until }) => goal === "on" && of === "supply" && since <= startedAt && until > startedAt,
    );
  }

  #drop(startedAt: number, done: (cloud: Cloud) => boolean): readonly Cloud[] {
    const dropped = this.#clouds.filter((cloud) => cloud.since <= startedAt && done(cloud));
    if (dropped.length > 0) this.remove(dropped);
    return dropped;
  }
}

function hasShown({ goal, outlets: commanded }: Cloud, { fed, outlets: seen }: SupplySeen): boolean {
  if (!commanded || !seen) return fed === (goal === "on");
  const wanted = goal === "on" ? "closed" : "open";
  return commanded.every((label) => seen.some((outlet) => outlet.label === label && outlet.state === wanted));
}
