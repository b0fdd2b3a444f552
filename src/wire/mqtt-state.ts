/** What a device's messages say of its state, and of whether it is there. */
import type { Answer } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import type { Heard } from "./mqtt.ts";
import type { Dialect } from "./mqtt-dialects.ts";
import { evaluateState, matchState } from "./state-match.ts";

/** How a state is told from a payload: by one of these. */
export interface Telling extends Pick<Dialect, "property" | "values"> {
  readonly expression?: string | undefined;
  readonly on_regex?: string | undefined;
  readonly off_regex?: string | undefined;
  /** The property of a JSON payload in which watts stand. */
  readonly power?: string | undefined;
}

/** Undefined where the message speaks of something else. */
export async function stateOf(
  { topic, text, retained, at }: Heard,
  telling: Telling,
  signal?: AbortSignal,
): Promise<Answer | undefined> {
  const told = await tell(text, telling, signal);
  if (told === undefined) return undefined;
  const evidence = `${retained ? "retained" : "told"} ${clip(told.value, [], 80) || "nothing"}`;
  if (told.state === "unknown")
    return {
      state: "unknown",
      evidence,
      reason: `${topic} says ${clip(told.value, [], 80) || "nothing"}, which is no state`,
    };
  const watts = telling.power === undefined ? undefined : Number(propertyOf(text, telling.power) ?? Number.NaN);
  return {
    state: told.state,
    evidence,
    at,
    ...(watts !== undefined && Number.isFinite(watts) && { watts }),
    ...(retained && { assumed: true, reason: `the broker kept it on ${topic}: since when it is true is not known` }),
  };
}

interface Told {
  readonly state: "on" | "off" | "unknown";
  /** The words that told it. */
  readonly value: string;
}

async function tell(text: string, telling: Telling, signal: AbortSignal | undefined): Promise<Told | undefined> {
  const { expression, on_regex: on, off_regex: off, property, values } = telling;
  if (expression !== undefined) {
    try {
      return { state: await evaluateState(text, expression, signal ? { signal } : {}), value: text };
    } catch (error) {
      // What is no state in this message may be one in the next: the expression itself is wrong only where it fails.
      if (error instanceof PowerError && error.code === "protocol") return { state: "unknown", value: text };
      throw error;
    }
  }
  if (on !== undefined && off !== undefined) return { state: matchState(text, { on, off }) ?? "unknown", value: text };
  const value = property === undefined ? text : propertyOf(text, property);
  if (value === undefined) return undefined;
  const word = plain(value);
  const state = word === plain(values.on) ? "on" : word === plain(values.off) ? "off" : "unknown";
  return { state, value };
}

/** Undefined where there is none; the text itself where it is no JSON at all, so that it is told as what it is. */
function propertyOf(text: string, property: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  for (const key of property.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = Reflect.get(value, key);
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Without case, white space around it and the quotes of JSON: no device means two things by `ON` and `"on"`. */
function plain(text: string): string {
  return text
    .trim()
    .replace(/^"(.*)"$/s, "$1")
    .toLowerCase();
}

/** What says that a device is gone, where its payload is not `offline`, `false` or an object whose `state` is that. */
export function isGone(text: string, offline: string | undefined): boolean {
  const word = plain(text);
  if (offline !== undefined) return word === plain(offline);
  return ["offline", "false"].includes(plain(propertyOf(text, "state") ?? word));
}
