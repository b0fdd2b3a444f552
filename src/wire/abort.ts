/** What an aborted signal means for the work that it ends. */
import { type ErrorCode, PowerError } from "../power/errors.ts";

/** The code of a failure that came from a signal's abort: its reason's own, or `timeout` where that is no PowerError. */
export function abortCode(signal: AbortSignal): ErrorCode {
  return signal.reason instanceof PowerError ? signal.reason.code : "timeout";
}

/** For calls that take no signal: what the work gives; or the signal's reason, thrown when it aborts first. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
