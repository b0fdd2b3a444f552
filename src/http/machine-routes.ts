import { type ApiServices, type App, visibleMachine, visibleNames } from "./api-services.ts";
import { maasFields } from "./maas-fields.ts";
import { pageOfMachines } from "./machine-list.ts";
import { machineDetails, machineShape } from "./machine-shape.ts";
import { LOCK_REQUEST } from "./order-shapes.ts";
import { actorOf, type Principal } from "./principal.ts";
import { BY_NAME, MACHINES_QUERY } from "./queries.ts";
import { addRoute } from "./route.ts";
import { MAAS_FIELDS, MACHINE, MACHINE_DETAILS, MACHINES, type MachineDetails, type MachineShape } from "./shapes.ts";

const NO_MACHINE = "There is no such machine, or none that you may know of.";

export function machineRoutes(app: App, services: ApiServices): void {
  const { power, sightings, checks, configuration, status, maas } = services;
  const seen = (name: string, { actor }: Principal) => ({
    polled: sightings.of(name),
    refused: sightings.refusalOf(name),
    maas: maas?.(name),
    checking: checks.has(name),
    role: actor.role,
  });
  const shape = (name: string, principal: Principal): MachineShape =>
    machineShape(power.machine(name), seen(name, principal));
  const details = (name: string, principal: Principal): MachineDetails => {
    const { config = "", origin } = configuration.machine(name) ?? {};
    return {
      ...shape(name, principal),
      ...machineDetails(power.machine(name).spec),
      config,
      ...(origin && { origin }),
    };
  };

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/machines",
    tag: "machines",
    summary: "List machines",
    right: "read",
    query: MACHINES_QUERY,
    answer: MACHINES,
    handle: ({ principal, query }) => {
      const views = visibleNames(power, principal).map((name) => power.machine(name));
      const page = pageOfMachines(views, query, (name) => sightings.of(name));
      const machines = page.views.map((view) => machineShape(view, seen(view.spec.facts.name, principal)));
      return { machines, total: page.total, counts: page.counts };
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/machines/:name",
    tag: "machines",
    summary: "One machine, with its stages, its supply and its configuration",
    right: "read",
    params: BY_NAME,
    answer: MACHINE_DETAILS,
    absent: NO_MACHINE,
    handle: ({ principal, params }) => details(visibleMachine(power, principal, params.name), principal),
  });

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/machines/:name/query",
    tag: "machines",
    summary: "Measure a machine now",
    description: "Answers within 10 s. A reading younger than the machine's `fresh` is good enough.",
    right: "read",
    params: BY_NAME,
    answer: MACHINE,
    absent: NO_MACHINE,
    fails: [
      "unreachable",
      "busy",
      "timeout",
      "auth",
      "refused",
      "protocol",
      "wrong_device",
      "not_found",
      "unsupported",
    ],
    handle: async ({ principal, params }) => {
      const name = visibleMachine(power, principal, params.name);
      await checks.during(name, () => power.query(name));
      return shape(name, principal);
    },
  });

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/machines/:name/lock",
    tag: "machines",
    summary: "Refuse every order for a machine, to everybody, until it is unlocked",
    right: "lock",
    params: BY_NAME,
    body: LOCK_REQUEST,
    answer: MACHINE,
    absent: NO_MACHINE,
    handle: ({ principal, params, body, request }) => {
      const name = visibleMachine(power, principal, params.name);
      power.lock(name, { reason: body.reason, actor: actorOf(principal, request.raw) });
      return shape(name, principal);
    },
  });

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/machines/:name/unlock",
    tag: "machines",
    summary: "Unlock a machine",
    right: "lock",
    params: BY_NAME,
    answer: MACHINE,
    absent: NO_MACHINE,
    handle: ({ principal, params, request }) => {
      const name = visibleMachine(power, principal, params.name);
      power.unlock(name, actorOf(principal, request.raw));
      return shape(name, principal);
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/machines/:name/maas",
    tag: "machines",
    summary: "What to enter in MAAS for a machine",
    right: "read",
    params: BY_NAME,
    answer: MAAS_FIELDS,
    absent: NO_MACHINE,
    handle: ({ principal, params }) => ({
      fields: maasFields(visibleMachine(power, principal, params.name), status().url),
    }),
  });
}
