import type { HubView, Power } from "../power/api.ts";
import { PowerError } from "../power/errors.ts";
import { AccessError } from "./access-error.ts";
import { type ApiServices, type App, admit } from "./api-services.ts";
import { actorOf, type Principal } from "./principal.ts";
import { hubShape } from "./shapes.ts";

const LIST_TIMEOUT_MS = 15_000;

export function hubRoutes(app: App, services: ApiServices): void {
  const { power } = services;

  app.get("/api/v1/hubs", async (request) => {
    const principal = await admit(services, request, "read");
    const sees = (machine: string) => principal.sees(machine);
    const visible = power.hubs().filter((hub) => hub.machines.some(sees));
    return { hubs: visible.map((hub) => hubShape(hub, sees)) };
  });

  app.get<{ Params: { name: string } }>("/api/v1/hubs/:name/outlets", async (request) => {
    const principal = await admit(services, request, "configure");
    const { name } = request.params;
    const hub = visibleHub(power, principal, name);
    // Its list would name the outlets of the others as well.
    if (!hub.machines.every((machine) => principal.sees(machine)))
      throw new AccessError("forbidden", `${principal.actor.name} may not see every machine of ${name}`);
    return { outlets: await power.list(name, AbortSignal.timeout(LIST_TIMEOUT_MS)) };
  });

  app.post<{ Params: { name: string } }>("/api/v1/hubs/:name/trust", async (request) => {
    const principal = await admit(services, request, "configure");
    const { name } = request.params;
    const hub = visibleHub(power, principal, name);
    await power.trust(name, actorOf(principal, request.raw));
    return { hub: name, before: hub.pin ?? null };
  });
}

/** A hub with a machine that the caller may know of. Throws PowerError. */
function visibleHub(power: Power, principal: Principal, name: string): HubView {
  const hub = power.hubs().find((known) => known.spec.name === name);
  if (hub?.machines.some((machine) => principal.sees(machine))) return hub;
  throw new PowerError("not_found", `there is no hub "${name}"`, { status: 404 });
}
