import { z } from "zod";
import { PowerError } from "../power/errors.ts";
import type { ApiServices, App } from "./api-services.ts";
import { addRoute } from "./route.ts";
import { ARRIVALS, PROBE } from "./shapes.ts";

const BY_ID = z.object({ id: z.string() });

export function probeRoutes(app: App, services: ApiServices): void {
  const { probes } = services;

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/probes",
    tag: "daemon",
    summary: "Look out for a request that is sent to where MAAS sends its own",
    right: "configure",
    answer: PROBE,
    handle: () => ({ probe: probes.expect() }),
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/probes/:id",
    tag: "daemon",
    summary: "How the requests of a probe arrived",
    right: "configure",
    params: BY_ID,
    answer: ARRIVALS,
    absent: "There is no such probe.",
    handle: ({ params }) => {
      const arrivals = probes.arrivals(params.id);
      if (arrivals) return { arrivals };
      throw new PowerError("not_found", "there is no such probe", { status: 404 });
    },
  });
}
