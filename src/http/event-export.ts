/** The history as a file, made page by page as fast as the caller reads it. */
import { setImmediate as breathe } from "node:timers/promises";
import { csvLine } from "./csv.ts";
import type { EventsFilter, History, StoredEvent } from "./history.ts";

const PAGE = 500;

export interface ExportOptions {
  readonly history: History;
  readonly filter: Omit<EventsFilter, "limit" | "behind">;
  /** The event as the caller may see it; undefined where it may not. */
  readonly shown: (event: StoredEvent["event"]) => StoredEvent["event"] | undefined;
}

export async function* exportCsv(options: ExportOptions): AsyncGenerator<string> {
  yield csvLine(COLUMNS.map(({ name }) => name));
  for await (const page of pages(options)) {
    yield page.map((stored) => csvLine(COLUMNS.map(({ of }) => of(stored)))).join("");
  }
}

/** `{"events":[…]}`, an event a line. */
export async function* exportJson(options: ExportOptions): AsyncGenerator<string> {
  yield '{"events":[';
  let separator = "\n";
  for await (const page of pages(options)) {
    for (const stored of page) {
      yield separator + JSON.stringify(stored);
      separator = ",\n";
    }
  }
  yield "\n]}\n";
}

async function* pages({ history, filter, shown }: ExportOptions): AsyncGenerator<StoredEvent[]> {
  let behind = { at: -1, id: -1 };
  for (;;) {
    const events = history.events({ ...filter, behind, limit: PAGE });
    const last = events.at(-1);
    if (!last) return;
    behind = { at: last.event.at, id: last.id };
    yield events.flatMap(({ id, event: whole }) => {
      const event = shown(whole);
      return event ? [{ id, event }] : [];
    });
    await breathe();
  }
}

interface Column {
  readonly name: string;
  readonly of: (stored: StoredEvent) => string | number | undefined;
}

const COLUMNS: readonly Column[] = [
  { name: "id", of: ({ id }) => id },
  { name: "time", of: ({ event }) => new Date(event.at).toISOString() },
  { name: "kind", of: ({ event }) => event.kind },
  { name: "machine", of: ({ event }) => ("machine" in event ? event.machine : undefined) },
  { name: "hub", of: ({ event }) => ("hub" in event ? event.hub : undefined) },
  { name: "actor", of: ({ event }) => orderOf(event)?.actor.id ?? ("actor" in event ? event.actor : undefined) },
  { name: "actor_name", of: ({ event }) => orderOf(event)?.actor.name ?? ("by" in event ? event.by : undefined) },
  {
    name: "order",
    of: ({ event }) => orderOf(event)?.id ?? (event.kind === "machine:changed" ? event.order : undefined),
  },
  { name: "verb", of: ({ event }) => orderOf(event)?.verb },
  {
    name: "state",
    of: ({ event }) => orderOf(event)?.state ?? (event.kind === "machine:changed" ? event.to : undefined),
  },
  { name: "from_state", of: ({ event }) => (event.kind === "machine:changed" ? event.from : undefined) },
  { name: "grade", of: ({ event }) => orderOf(event)?.grade },
  { name: "repeats", of: ({ event }) => orderOf(event)?.repeats },
  { name: "error", of: ({ event }) => errorOf(event)?.code },
  { name: "message", of: ({ event }) => errorOf(event)?.message ?? messageOf(event) },
  { name: "reason", of: ({ event }) => orderOf(event)?.reason ?? ("reason" in event ? event.reason : undefined) },
];

function orderOf(event: StoredEvent["event"]) {
  return event.kind === "order:accepted" || event.kind === "order:ended" ? event.order : undefined;
}

function messageOf(event: StoredEvent["event"]): string | undefined {
  if ("what" in event) return event.what;
  return "message" in event ? event.message : undefined;
}

function errorOf(event: StoredEvent["event"]): { readonly code: string; readonly message: string } | undefined {
  return orderOf(event)?.error ?? ("error" in event ? event.error : undefined);
}
