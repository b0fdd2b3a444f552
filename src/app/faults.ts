/**
 * What nobody caught, most likely in a driver of somebody's own.
 *
 * *A rejected promise* that nobody waits for left nothing of ours half done: it is told and counted, and the daemon goes on,
 * for a lamp's driver must not stop a rack. *An exception* that came up to the event loop, such as an `error` event that
 * nobody listens to, broke something off in its middle, and nobody knows what: callers are answered, orders end at their
 * next safe point, and the process ends with 1, to be started anew by whoever watches it. Every order is in the journal.
 */
import type { Log } from "./log.ts";

/** How long an orderly end may take after an exception (ms). */
const END_WITHIN_MS = 5_000;

export interface FaultsOptions {
  readonly log: Log;
  /** Counts one. */
  readonly count: () => void;
  /** Ends the daemon in order. */
  readonly end: () => Promise<void>;
}

/** From now on, as long as the process lives. */
export function watchFaults({ log, count, end }: FaultsOptions): void {
  let ending = false;
  const onRejection = (reason: unknown) => {
    count();
    log.error(
      { err: reason },
      "a promise was rejected that nobody waits for: a fault of ours, or of a driver; the daemon goes on",
    );
  };
  const onException = (error: unknown) => {
    count();
    if (ending) {
      log.error({ err: error }, "another exception while the daemon ends");
      return;
    }
    ending = true;
    log.fatal(
      { err: error },
      "an exception that nobody caught, by a fault of ours or of a driver; the daemon ends, to be started anew",
    );
    const late = setTimeout(() => process.exit(1), END_WITHIN_MS);
    end()
      .catch((problem: unknown) => log.error({ err: problem }, "the daemon could not end in order"))
      .finally(() => {
        clearTimeout(late);
        process.exit(1);
      });
  };
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onException);
}
