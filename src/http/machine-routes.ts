import { type ApiServices, type App, admit, visibleMachine, visibleNames } from "./api-services.ts";
import { parsed } from "./bad-request.ts";
import { actorOf } from "./principal.ts";
import { LOCK_REQUEST, MACHINES_QUERY, type MachineShape, machineShape } from "./shapes.ts";

export function machineRoutes(app: App, services: ApiServices): void {
  const { power, sightings } = services;
  const shape = (name: string): MachineShape => machineShape(power.machine(name), sightings.of(name));

  app.get("/api/v1/machines", async (request) => {
    const principal = await admit(services, request, "read");
    const { tag, state, search } = parsed(MACHINES_QUERY, request.query);
    const sought = search?.toLowerCase();
    const machines = visibleNames(power, principal)
      .map(shape)
      .filter((machine) => tag === undefined || machine.tags.includes(tag))
      .filter((machine) => state === undefined || machine.state === state)
      .filter(
        ({ name, description = "" }) => sought === undefined || `${name} ${description}`.toLowerCase().includes(sought),
      );
    return { machines };
  });

  app.get<{ Params: { name: string } }>("/api/v1/machines/:name", async (request) => {
    const principal = await admit(services, request, "read");
    return shape(visibleMachine(power, principal, request.params.name));
  });

  app.post<{ Params: { name: string } }>("/api/v1/machines/:name/query", async (request) => {
    const principal = await admit(services, request, "read");
    const name = visibleMachine(power, principal, request.params.name);
    await power.query(name);
    return shape(name);
  });

  app.post<{ Params: { name: string } }>("/api/v1/machines/:name/lock", async (request) => {
    const principal = await admit(services, request, "lock");
    const name = visibleMachine(power, principal, request.params.name);
    power.lock(name, { ...parsed(LOCK_REQUEST, request.body), actor: actorOf(principal, request.raw) });
    return shape(name);
  });

  app.post<{ Params: { name: string } }>("/api/v1/machines/:name/unlock", async (request) => {
    const principal = await admit(services, request, "lock");
    const name = visibleMachine(power, principal, request.params.name);
    power.unlock(name, actorOf(principal, request.raw));
    return shape(name);
  });
}
