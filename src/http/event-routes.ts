import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { z } from "zod";
import { type ApiServices, type App, seenMachines } from "./api-services.ts";
import { BadRequest } from "./bad-request.ts";
import { exportCsv, exportJson } from "./event-export.ts";
import { EVENTS } from "./event-shapes.ts";
import { streamEvents } from "./event-stream.ts";
import type { LiveEvent } from "./history.ts";
import { EVENTS_QUERY, EXPORT_QUERY, STREAM_QUERY } from "./queries.ts";
import { addRoute } from "./route.ts";
import { shownEvent } from "./shown-event.ts";

/** Answers the function that ends the streams that are open. */
export function eventRoutes(app: App, services: ApiServices): () => void {
  const { history, clock, metrics, onFault } = services;
  const streams = new Set<ServerResponse>();

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/events",
    tag: "events",
    summary: "List what happened",
    description: "The newest that fit, or with `after` the first behind it; always the oldest of them first.",
    right: "read",
    query: EVENTS_QUERY,
    answer: EVENTS,
    handle: ({ principal, query }) => {
      const stored = history.events({ ...query, machines: seenMachines(history, principal) });
      return {
        events: stored.flatMap(({ id, event }) => {
          const shown = shownEvent(event, principal);
          return shown ? [{ id, event: shown }] : [];
        }),
      };
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/events/export",
    tag: "events",
    summary: "Everything that happened, as a file",
    description: "CSV (RFC 4180, UTF-8, times in UTC), or JSON as the list has it. The oldest first.",
    right: "read",
    query: EXPORT_QUERY,
    answer: z.string().describe("The file"),
    type: "text/csv",
    asJson: EVENTS,
    handle: ({ principal, query, reply }) => {
      const { format, ...filter } = query;
      const options = {
        history,
        filter: { ...filter, machines: seenMachines(history, principal) },
        shown: (event: LiveEvent["event"]) => shownEvent(event, principal),
      };
      const csv = format === "csv";
      return reply
        .header("Content-Type", csv ? "text/csv; charset=utf-8; header=present" : "application/json")
        .header("Content-Disposition", `attachment; filename="maasochist-events.${format}"`)
        .header("Cache-Control", "no-store")
        .send(Readable.from(csv ? exportCsv(options) : exportJson(options)));
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/events/stream",
    tag: "events",
    summary: "Follow what happens",
    description:
      "Server-sent events, each with its number. A caller that comes back with `Last-Event-ID` misses nothing; a comment every 15 s shows that the stream lives.",
    right: "read",
    query: STREAM_QUERY,
    answer: z.string().describe("A stream of events"),
    type: "text/event-stream",
    handle: ({ principal, query: { machine }, request, reply }) => {
      const after = lastEventId(request.headers["last-event-id"]);
      reply.hijack();
      streams.add(reply.raw);
      const ended = metrics.tallies.opened("events");
      streamEvents({
        response: reply.raw,
        clock,
        after,
        page: (behind, limit) =>
          history.events({ machine, machines: seenMachines(history, principal), after: behind, limit }),
        follow: (listener) => history.follow(listener),
        shown: (event) =>
          machine === undefined || concernsOnly(event, machine) ? shownEvent(event, principal) : undefined,
        stands: () => principal.stands(),
      })
        .catch(onFault)
        .finally(() => {
          ended();
          streams.delete(reply.raw);
        });
      return reply;
    },
  });

  return () => {
    for (const response of streams) response.end();
  };
}

function concernsOnly(event: LiveEvent["event"], machine: string): boolean {
  return "machine" in event && event.machine === machine;
}

function lastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  const id = Number(header);
  if (!Number.isSafeInteger(id) || id < 0) throw new BadRequest("Last-Event-ID: it is no number of an event");
  return id;
}
