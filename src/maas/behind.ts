/**
 * Who let MAAS switch a machine. MAAS notes what its users ask for before it acts on it, with the user's name in front of
 * the comment (canonical/maas src/maasserver/models/node.py `_register_request_event`, src/maascommon/events.py):
 *
 *     { "type": "User releasing node", "description": "(bob) - not needed", "created": "Wed, 27 Aug. 2014 09:52:34" }
 *
 * INFO in old versions, DEBUG in newer ones. Times are UTC of MAAS's clock, without fractions.
 */
import type { MaasEvent } from "./shapes.ts";

/** MAAS gives a power action up after this time (ms); what is older than that did not cause it. */
const LONGEST_MS = 300_000;
/** Clocks are compared by whole seconds (ms). */
const ROUNDING_MS = 2_000;
/** What users ask for that moves no power. */
const IDLE = /\b(?:locking|unlocking|acquiring|overrode)\b/;

export interface BehindOptions {
  /** When MAAS ordered (ms since 1970, by our clock). */
  readonly at: number;
  /** How far MAAS's clock is ahead of ours (ms). */
  readonly skewMs: number;
}

/** The newest wish of a user before the order; undefined where MAAS acted on its own account. */
export function behindOrder(
  events: readonly MaasEvent[],
  { at, skewMs }: BehindOptions,
): { readonly user: string; readonly event: string } | undefined {
  const wishes = events.flatMap(({ id, type, description, created }) => {
    const [, event] = /^User (\S.*)$/.exec(type) ?? [];
    const [, user] = /^\(([^()]+)\)/.exec(description) ?? [];
    const time = timeOf(created);
    if (event === undefined || user === undefined || time === undefined || IDLE.test(event)) return [];
    const before = at - (time - skewMs);
    return before >= -ROUNDING_MS && before <= LONGEST_MS ? [{ id, user, event }] : [];
  });
  const [newest] = wishes.toSorted((a, b) => b.id - a.id);
  return newest && { user: newest.user, event: newest.event };
}

/** `Wed, 27 Aug. 2014 09:52:34`; May has no shorter name, and a dot all the same. */
function timeOf(created: string): number | undefined {
  const time = Date.parse(`${created.replace(".", "")} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
