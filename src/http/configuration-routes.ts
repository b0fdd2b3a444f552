import { z } from "zod";
import { PowerError } from "../power/errors.ts";
import { nearest } from "../power/names.ts";
import { AccessError } from "./access-error.ts";
import type { ApiServices, App } from "./api-services.ts";
import {
  CONFIGURATION,
  DRIVER,
  DRIVER_PAGE,
  RELOAD,
  RELOAD_REQUEST,
  TRY,
  TRY_REQUEST,
} from "./configuration-shapes.ts";
import type { Principal } from "./principal.ts";
import { BY_NAME } from "./queries.ts";
import { addRoute } from "./route.ts";

export function configurationRoutes(app: App, services: ApiServices): void {
  const { configuration } = services;
  /** Throws AccessError: what concerns the whole configuration tells of every machine. */
  const mustSeeAll = (principal: Principal) => {
    if (!principal.seesAll)
      throw new AccessError("forbidden", `${principal.actor.name} may not see every machine, and this tells of all`);
  };

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/configuration",
    tag: "configuration",
    summary: "What runs, and what is wrong with the file as it stands",
    right: "read",
    answer: CONFIGURATION,
    handle: ({ principal }) => {
      const whole = configuration.state();
      // Its problems tell of machines, and of files that tell of machines.
      return principal.seesAll ? whole : { ...whole, file: null, warnings: [], problems: [] };
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/configuration/resolved",
    tag: "configuration",
    summary: "The configuration that runs, as it was understood",
    description: "YAML: ranges, profiles and placeholders resolved, secrets as •••.",
    right: "configure",
    answer: z.string().describe("The YAML"),
    type: "application/yaml",
    handle: ({ principal, reply }) => {
      mustSeeAll(principal);
      return reply.header("Content-Type", "application/yaml").send(configuration.resolved());
    },
  });

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/configuration/reload",
    tag: "configuration",
    summary: "Read the configuration again, and take it over where it is valid",
    right: "configure",
    body: RELOAD_REQUEST,
    answer: RELOAD,
    handle: ({ body, principal }) => {
      mustSeeAll(principal);
      return configuration.reload({ dryRun: body.dry_run });
    },
  });

  addRoute(app, services, {
    method: "POST",
    path: "/api/v1/try",
    tag: "configuration",
    summary: "Try a machine that is not configured yet",
    description: [
      "Checks the fragment by the rules of the configuration and, where it is valid, asks the device once. Nothing is kept, nothing is switched.",
      "Drivers that run programs are tried over the local socket alone: `maasochist test`.",
    ].join("\n\n"),
    right: "configure",
    body: TRY_REQUEST,
    answer: TRY,
    handle: ({ body, principal }) => {
      mustSeeAll(principal);
      return configuration.tryMachine({ ...body, mayRun: principal.kind === "local" });
    },
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/drivers",
    tag: "configuration",
    summary: "List drivers, with the settings of each",
    right: "read",
    answer: z.object({ drivers: z.array(DRIVER).readonly() }).meta({ id: "Drivers" }),
    handle: () => ({ drivers: configuration.drivers() }),
  });

  addRoute(app, services, {
    method: "GET",
    path: "/api/v1/drivers/:name",
    tag: "configuration",
    summary: "One driver, with notes and examples",
    right: "read",
    params: BY_NAME,
    answer: DRIVER_PAGE,
    absent: "There is no such driver.",
    handle: ({ params: { name } }) => {
      const driver = configuration.driver(name);
      if (driver) return driver;
      const near = nearest(
        name,
        configuration.drivers().map((known) => known.name),
      );
      throw new PowerError(
        "not_found",
        `there is no driver "${name.slice(0, 80)}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
        { status: 404, hint: "`maasochist drivers` lists them." },
      );
    },
  });
}
