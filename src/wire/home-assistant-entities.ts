/** What can be done with the entities of Home Assistant, by their domain. */
import type { Verb } from "../power/driver.ts";

/** Entities that are pressed or run, and have no state of their own. */
export const BUTTONS = ["button", "input_button"];
export const RUNS = ["script", "scene", "automation"];
/** Entities that only tell. */
const TELLS = ["binary_sensor", "sensor", "device_tracker", "person", "update"];
const SWITCHES = ["switch", "light", "fan", "input_boolean", "group", "siren", "humidifier", "remote", "media_player"];

/** Those that `list` shows. */
export const LISTED = [...SWITCHES, ...BUTTONS, ...RUNS, "binary_sensor"];

/** The entities of one machine. */
export interface Entities {
  readonly outlet?: string | undefined;
  readonly state?: string | undefined;
  readonly run: Readonly<Partial<Record<Verb, string | undefined>>>;
  /** Is the outlet pressed for on and for off, whatever it is? */
  readonly momentary?: boolean | undefined;
}

export function is(domains: readonly string[], entity: string | undefined): boolean {
  return entity !== undefined && domains.includes(domainOf(entity));
}

/** The entity that tells the state. */
export function readBy({ outlet, state }: Entities): string | undefined {
  return state ?? (is(BUTTONS, outlet) ? undefined : outlet);
}

export interface Target {
  readonly entity: string;
  readonly service: string;
}

/** What a verb means; undefined where it means nothing. */
export function target({ outlet, run, momentary }: Entities, verb: Verb): Target | undefined {
  const ran = run[verb];
  if (ran !== undefined) return { entity: ran, service: pressing(ran) };
  if (outlet === undefined || is(TELLS, outlet) || (verb !== "on" && verb !== "off")) return undefined;
  if (momentary || is(BUTTONS, outlet)) return { entity: outlet, service: pressing(outlet) };
  // Groups have no services of their own. The common one leaves undone what a domain cannot do, and says 200.
  const domain = is(["group"], outlet) ? "homeassistant" : domainOf(outlet);
  return { entity: outlet, service: `${domain}.turn_${verb}` };
}

function pressing(entity: string): string {
  const domain = domainOf(entity);
  return is(BUTTONS, entity) ? `${domain}.press` : domain === "automation" ? "automation.trigger" : `${domain}.turn_on`;
}

export function domainOf(entity: string): string {
  return entity.slice(0, entity.indexOf("."));
}
