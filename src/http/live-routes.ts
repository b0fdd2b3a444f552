import { z } from "zod";
import type { ApiServices, App } from "./api-services.ts";
import { Live } from "./live.ts";
import { addRoute } from "./route.ts";

/** Answers the function that ends the streams that are open. */
export function liveRoutes(app: App, services: ApiServices): () => void {
  const live = new Live(services);
  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/live",
    tag: "events",
    summary: "What machines, hubs and the daemon are, whenever it changes",
    description: [
      "Server-sent events, for pages: `machine` (a Machine), `removed` (`{ name }`), `hub` (a Hub), `status` (a Status), `event` (`{ id, event }`).",
      "A machine is told at most every 50 ms, and not for a reading that only confirms the one before. Nothing is resumed: subscribe, then fetch the lists, and do so again after a break, or when `status` tells of another configuration.",
    ].join("\n\n"),
    right: "read",
    answer: z.string().describe("A stream of events"),
    type: "text/event-stream",
    handle: ({ principal, reply }) => {
      reply.hijack();
      live.open(reply.raw, principal);
      return reply;
    },
  });
  return () => live.close();
}
