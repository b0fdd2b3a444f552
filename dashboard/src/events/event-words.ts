/** What an event says: what it is about, what happened, who did it, and how it went. */
import type { OrderRecord, StoredEvent } from "../api/types.ts";
import { duration } from "../words/time.ts";
import { actorName, number, VERB_WORDS } from "../words/words.ts";

export type Tone = "good" | "bad" | "plain";

export interface EventWords {
  readonly machine?: string;
  readonly hub?: string;
  readonly what: string;
  readonly who?: string;
  readonly detail?: string;
  readonly tone: Tone;
}

type Event = StoredEvent["event"];

/** Kinds that can be asked for, in people's words. */
export const KINDS: Readonly<Record<string, string>> = {
  "order:accepted": "Orders taken",
  "order:ended": "Orders ended",
  "machine:changed": "Power changed",
  "machine:unreadable": "Power cannot be read",
  "machine:readable": "Power can be read again",
  "machine:locked": "Locked",
  "machine:unlocked": "Unlocked",
  "hub:failing": "Hub fails",
  "hub:answering": "Hub answers again",
  "hub:pinned": "Device remembered",
  "config:reloaded": "Configuration reloaded",
  "session:opened": "Signed in",
  "session:ended": "Signed out",
  "access:changed": "Access changed",
  "journal:failed": "Journal failed",
};

function text(event: Event, key: string): string | undefined {
  const value = event[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function texts(event: Event, key: string): readonly string[] {
  const value = event[key];
  return Array.isArray(value) ? value.map(String) : [];
}

function messageIn(event: Event): string | undefined {
  const { error } = event;
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : undefined;
}

function orderIn({ order }: Event): OrderRecord | undefined {
  return typeof order === "object" && order !== null && "verb" in order ? (order as OrderRecord) : undefined;
}

export function wordsOf(event: Event): EventWords {
  const machine = text(event, "machine");
  const hub = text(event, "hub");
  const about = { ...(machine !== undefined && { machine }), ...(hub !== undefined && { hub }) };
  const who = text(event, "by");
  const by = who === undefined ? {} : { who };
  const detail = (value: string | undefined) => (value === undefined || value === "" ? {} : { detail: value });
  switch (event.kind) {
    case "order:accepted":
    case "order:ended":
      return { ...about, ...orderEvent(event) };
    case "machine:changed":
      return {
        ...about,
        what: `Power changed from ${text(event, "from") ?? "?"} to ${text(event, "to") ?? "?"}`,
        ...(typeof event["order"] === "string" ? {} : { who: "outside" }),
        ...detail(texts(event, "evidence").join(", ")),
        tone: "plain",
      };
    case "machine:unreadable":
      return { ...about, what: "Power cannot be read", ...detail(messageIn(event)), tone: "bad" };
    case "machine:readable":
      return { ...about, what: "Power can be read again", tone: "good" };
    case "machine:locked":
      return { ...about, ...by, what: "Locked", ...detail(text(event, "reason")), tone: "plain" };
    case "machine:unlocked":
      return { ...about, ...by, what: "Unlocked", tone: "plain" };
    case "hub:failing":
      return { ...about, what: "Does not answer", ...detail(messageIn(event)), tone: "bad" };
    case "hub:answering":
      return { ...about, what: "Answers again", tone: "good" };
    case "hub:pinned":
      return { ...about, ...by, what: "Device remembered", ...detail(text(event, "id")), tone: "plain" };
    case "config:reloaded":
      return { ...about, ...by, what: "Configuration reloaded", ...detail(reloadWords(event)), tone: "plain" };
    case "session:opened":
    case "session:ended":
    case "access:changed":
      return { ...by, what: KINDS[event.kind] ?? event.kind, ...detail(text(event, "what")), tone: "plain" };
    case "journal:failed":
      return { what: "The journal could not be written", ...detail(text(event, "message")), tone: "bad" };
    // Of a newer daemon: better its own name than nothing.
    default:
      return {
        ...about,
        ...by,
        what: event.kind,
        ...detail(text(event, "message") ?? messageIn(event)),
        tone: "plain",
      };
  }
}

function orderEvent(event: Event): EventWords {
  const order = orderIn(event);
  if (!order) return { what: event.kind, tone: "plain" };
  const { verb, actor, state, error, reason, repeats, acceptedAt, endedAt, grade } = order;
  const who = [actorName(actor), actor.role === "maas" && actor.agent].filter(Boolean).join(" · ");
  const { name } = VERB_WORDS[verb];
  if (event.kind === "order:accepted")
    return { what: `${name} ordered`, who, ...(reason && { detail: reason }), tone: "plain" };
  const asked = repeats > 0 ? `asked ${repeats + 1}×` : "";
  const took = endedAt === undefined ? "" : duration(endedAt - acceptedAt);
  const detail = [error?.message ?? grade, took, asked].filter(Boolean).join(", ");
  return {
    what: state === "done" ? `${name} done` : `${name} ${state.replace("_", " ")}`,
    who,
    ...(detail !== "" && { detail }),
    tone: state === "done" ? "good" : state === "failed" ? "bad" : "plain",
  };
}

function reloadWords(event: Event): string {
  const parts = (["added", "changed", "removed"] as const).flatMap((key) => {
    const { length } = texts(event, key);
    return length === 0 ? [] : [`${number(length, "machine")} ${key}`];
  });
  return parts.join(", ");
}
