import type { ServerResponse } from "node:http";
import { type ApiServices, type App, admit, seenMachines } from "./api-services.ts";
import { BadRequest, parsed } from "./bad-request.ts";
import { streamEvents } from "./event-stream.ts";
import type { LiveEvent } from "./history.ts";
import { EVENTS_QUERY, STREAM_QUERY } from "./shapes.ts";

/** Answers the function that ends the streams that are open. */
export function eventRoutes(app: App, services: ApiServices): () => void {
  const { history, clock, onFault } = services;
  const streams = new Set<ServerResponse>();

  app.get("/api/v1/events", async (request) => {
    const principal = await admit(services, request, "read");
    const filter = parsed(EVENTS_QUERY, request.query);
    const stored = history.events({ ...filter, machines: seenMachines(history, principal) });
    return {
      events: stored.flatMap(({ id, event }) => {
        const shown = shownTo(event, (name) => principal.sees(name));
        return shown ? [{ id, event: shown }] : [];
      }),
    };
  });

  app.get("/api/v1/events/stream", { exposeHeadRoute: false }, async (request, reply) => {
    const principal = await admit(services, request, "read");
    const { machine } = parsed(STREAM_QUERY, request.query);
    const after = lastEventId(request.headers["last-event-id"]);
    reply.hijack();
    streams.add(reply.raw);
    streamEvents({
      response: reply.raw,
      clock,
      after,
      page: (behind, limit) =>
        history.events({ machine, machines: seenMachines(history, principal), after: behind, limit }),
      follow: (listener) => history.follow(listener),
      shown: (event) =>
        machine === undefined || concernsOnly(event, machine)
          ? shownTo(event, (name) => principal.sees(name))
          : undefined,
      stands: () => principal.stands(),
    })
      .catch(onFault)
      .finally(() => streams.delete(reply.raw));
  });

  return () => {
    for (const response of streams) response.end();
  };
}

/** What concerns no machine is for everybody; what tells of several, for whoever sees them all. */
function shownTo<Event extends LiveEvent["event"]>(
  event: Event,
  sees: (machine: string) => boolean,
): Event | undefined {
  if ("machine" in event) return sees(event.machine) ? event : undefined;
  if ("machines" in event) return event.machines.every(sees) ? event : undefined;
  if (!("added" in event)) return event;
  const { added, changed, removed } = event;
  return { ...event, added: added.filter(sees), changed: changed.filter(sees), removed: removed.filter(sees) };
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
