/**
 * Keeps what MAAS tells of our machines alive, behind everybody's back: a list of all of them every minute, less often
 * while MAAS is out of reach; and behind an order that MAAS gave, what its users asked it for. Nothing waits for it.
 */
import { behindOrder } from "../maas/behind.ts";
import type { MaasDirectory } from "../maas/directory.ts";
import { MaasError } from "../maas/maas-error.ts";
import type { Power } from "../power/api.ts";
import type { Clock } from "../power/clock.ts";
import { messageOf } from "../power/errors.ts";
import { isAutomation, type OrderRecord } from "../power/order.ts";
import type { Log } from "./log.ts";
import type { MaasLink } from "./maas-link.ts";

const EVERY_MS = 60_000;
/** Longest between two attempts (ms). */
const MOST_MS = 300_000;
/** Longest that the events of a machine may take (ms). */
const EVENTS_LIMIT_MS = 10_000;
/** A machine that boots from the network makes some dozens. */
const MOST_EVENTS = 100;

export interface MaasFollowerOptions {
  readonly link: MaasLink;
  readonly directory: MaasDirectory;
  readonly power: Power;
  readonly clock: Clock;
  readonly log: Log;
}

export class MaasFollower implements Disposable {
  readonly #options: MaasFollowerOptions;
  readonly #over = new AbortController();
  readonly #deafen: () => void;

  constructor(options: MaasFollowerOptions) {
    this.#options = options;
    this.#deafen = options.power.listen((signal) => {
      if (signal.kind === "order:accepted" && isAutomation(signal.order.actor)) void this.#explain(signal.order);
    });
    setImmediate(() => void this.#follow(this.#over.signal));
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, link } = this.#options;
    let pause = EVERY_MS;
    while (!signal.aborted) {
      if (link.isKnown) pause = (await this.#refresh()) ? EVERY_MS : Math.min(2 * pause, MOST_MS);
      await clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  /** Did MAAS answer? */
  async #refresh(): Promise<boolean> {
    const { directory, log } = this.#options;
    const before = directory.silence;
    try {
      await directory.refresh();
      if (before) log.info("MAAS answers again");
      return true;
    } catch (error) {
      if (!before && !this.#over.signal.aborted)
        log.warn({ problem: messageOf(error) }, "MAAS cannot be asked; machines are switched all the same");
      return false;
    }
  }

  /** Who let MAAS give the order, and what MAAS is doing with the machine. */
  async #explain({ id, machine, acceptedAt }: OrderRecord): Promise<void> {
    const { link, directory, power, clock } = this.#options;
    const known = directory.of(machine);
    if (!known || directory.silence) return;
    try {
      const client = await link.client();
      const late = AbortSignal.timeout(EVENTS_LIMIT_MS);
      const events = await client.events(
        known.systemId,
        { limit: MOST_EVENTS, level: "DEBUG" },
        AbortSignal.any([late, this.#over.signal]),
      );
      // MAAS's clock is known against that of the system, which may have been set since this process began.
      const at = Date.now() - (clock.now() - acceptedAt);
      const behind = behindOrder(events, { at, skewMs: client.skewMs ?? 0 });
      if (behind) power.attribute({ machine, id }, behind);
      await directory.ask(machine);
    } catch (error) {
      // It is good to know, and no more: that MAAS cannot be asked is told by the list.
      if (!(error instanceof MaasError) && !this.#over.signal.aborted) this.#options.log.debug(error, "no events");
    }
  }

  [Symbol.dispose](): void {
    this.#over.abort();
    this.#deafen();
  }
}
