import type { LiveEvent } from "./history.ts";
import type { Principal } from "./principal.ts";

/**
 * As a caller may know it: what concerns no machine is for everybody; what tells of several, for whoever sees them all;
 * who signed in, and what was changed of credentials, for whoever may change them.
 */
export function shownEvent<Event extends LiveEvent["event"]>(
  event: Event,
  reader: Pick<Principal, "sees" | "seesAll" | "may">,
): Event | undefined {
  const sees = (machine: string) => reader.sees(machine);
  if ("machine" in event) return sees(event.machine) ? event : undefined;
  if ("machines" in event) return event.machines.every(sees) ? event : undefined;
  if ("what" in event) return reader.seesAll && reader.may("configure") ? event : undefined;
  if (!("added" in event)) return event;
  const { added, changed, removed } = event;
  return { ...event, added: added.filter(sees), changed: changed.filter(sees), removed: removed.filter(sees) };
}
