/** Time, injected: the domain never asks the system for it, so that tests can move it. */
export interface Clock {
  /** Milliseconds since 1970 (UTC). Never runs backwards within one process. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

const bootedAt = Date.now() - performance.now();

/** The system's clock: wall time at start, advanced by the monotonic clock, so that a time change moves nothing. */
export const systemClock: Clock = {
  now: () => bootedAt + performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};
