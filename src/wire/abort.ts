import { type ErrorCode, PowerError } from "../power/errors.ts";

/** The code of a failure that came from a signal's abort: its reason's own, or `timeout` where that is no PowerError. */
export function abortCode(signal: AbortSignal): ErrorCode {
  return signal.reason instanceof PowerError ? signal.reason.code : "timeout";
}
