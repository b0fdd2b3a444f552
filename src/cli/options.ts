/** Values of options, checked: what does not fit is said, never replaced by a default. */
import { parseDuration } from "../wire/duration.ts";
import { wrongUsage } from "./cli-error.ts";

/** As the API takes them. */
const MOST_LISTED = 10_000;

/** ms. Throws CliError. */
export function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw wrongUsage(`"${text}" is not a duration`, "Write 30s, 5m, 1h or 2d.");
  return ms;
}

/** How many lines to list. Throws CliError. */
export function countOption(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_LISTED) throw wrongUsage(`"${text}" is not a number from 1 to ${MOST_LISTED}`);
  return count;
}
