import type { ApiServices, App } from "./api-services.ts";
import { addOpenRoute, addRoute } from "./route.ts";
import { STATUS, WELL } from "./shapes.ts";
import { statusFor } from "./status-shape.ts";

/** The first two are for load balancers and supervisors: asked by anybody, they tell yes or no and nothing else. */
export function statusRoutes(app: App, services: ApiServices): void {
  const { status } = services;

  addOpenRoute(app, {
    method: "GET",
    path: "/healthz",
    tag: "daemon",
    summary: "Does the daemon answer?",
    answer: WELL,
    handle: () => ({ ok: true }),
  });

  addOpenRoute(app, {
    method: "GET",
    path: "/readyz",
    tag: "daemon",
    summary: "Is all well?",
    answer: WELL,
    also: { 503: "Something is wrong; `/api/v1/status` tells what" },
    handle: ({ reply }) => {
      const ok = status().problems.length === 0;
      reply.code(ok ? 200 : 503);
      return { ok };
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/status",
    tag: "daemon",
    summary: "How the daemon does",
    right: "read",
    answer: STATUS,
    handle: ({ principal }) => statusFor(services, (machine) => principal.sees(machine)),
  });
}
