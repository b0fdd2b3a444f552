import { z } from "zod";
import type { HubView, Power } from "../power/api.ts";
import { PowerError } from "../power/errors.ts";
import { AccessError } from "./access-error.ts";
import type { ApiServices, App } from "./api-services.ts";
import { hubShape } from "./hub-shape.ts";
import { actorOf, type Principal } from "./principal.ts";
import { BY_NAME } from "./queries.ts";
import { addRoute } from "./route.ts";
import { HUB, LISTED_OUTLET, PIN, TRAP } from "./shapes.ts";

const LIST_TIMEOUT_MS = 15_000;
const NO_HUB = "There is no such hub, or none with a machine that you may know of.";

export function hubRoutes(app: App, services: ApiServices): void {
  const { power } = services;
  const shape = (hub: HubView, principal: Principal) => hubShape(hub, power, (machine) => principal.sees(machine));

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/hubs",
    tag: "hubs",
    summary: "List hubs",
    right: "read",
    answer: z.object({ hubs: z.array(HUB) }).meta({ id: "Hubs" }),
    handle: ({ principal }) => {
      const visible = power.hubs().filter((hub) => hub.machines.some((machine) => principal.sees(machine)));
      return { hubs: visible.map((hub) => shape(hub, principal)) };
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/hubs/:name",
    tag: "hubs",
    summary: "One hub",
    right: "read",
    params: BY_NAME,
    answer: HUB,
    absent: NO_HUB,
    handle: ({ principal, params }) => shape(visibleHub(power, principal, params.name), principal),
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/hubs/:name/outlets",
    tag: "hubs",
    summary: "The outlets that a hub's driver finds",
    description: "Asks the device. Only for callers who see every machine on the hub.",
    right: "configure",
    params: BY_NAME,
    answer: z.object({ outlets: z.array(LISTED_OUTLET).readonly() }).meta({ id: "Outlets" }),
    absent: NO_HUB,
    fails: ["unsupported", "unreachable", "busy", "timeout", "auth", "refused", "protocol", "wrong_device"],
    handle: async ({ principal, params: { name } }) => {
      const hub = visibleHub(power, principal, name);
      // Its list would name the outlets of the others as well.
      if (!hub.machines.every((machine) => principal.sees(machine)))
        throw new AccessError("forbidden", `${principal.actor.name} may not see every machine of ${name}`);
      return { outlets: await power.list(name, AbortSignal.timeout(LIST_TIMEOUT_MS)) };
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/hubs/:name/traps",
    tag: "hubs",
    summary: "What of the device's own settings works against us",
    description: "Asks the device. Only for outlets of machines that the caller sees.",
    right: "configure",
    params: BY_NAME,
    answer: z.object({ traps: z.array(TRAP).readonly() }).meta({ id: "Traps" }),
    absent: NO_HUB,
    fails: ["unsupported", "unreachable", "busy", "timeout", "auth", "refused", "protocol", "wrong_device"],
    handle: async ({ principal, params: { name } }) => {
      visibleHub(power, principal, name);
      const traps = await power.examine(name, AbortSignal.timeout(LIST_TIMEOUT_MS));
      return { traps: traps?.filter(({ machine }) => principal.sees(machine)) ?? [] };
    },
  });

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/hubs/:name/trust",
    tag: "hubs",
    summary: "Accept the device that answers for a hub now in place of the one found before",
    right: "configure",
    params: BY_NAME,
    answer: z.object({ hub: z.string(), before: PIN.nullable() }).meta({ id: "Trust" }),
    absent: NO_HUB,
    fails: ["unsupported"],
    handle: async ({ principal, params: { name }, request }) => {
      const hub = visibleHub(power, principal, name);
      await power.trust(name, actorOf(principal, request.raw));
      return { hub: name, before: hub.pin ?? null };
    },
  });
}

/** A hub with a machine that the caller may know of. Throws PowerError. */
function visibleHub(power: Power, principal: Principal, name: string): HubView {
  const hub = power.hubs().find((known) => known.spec.name === name);
  if (hub?.machines.some((machine) => principal.sees(machine))) return hub;
  throw new PowerError("not_found", `there is no hub "${name.slice(0, 80)}"`, { status: 404 });
}
