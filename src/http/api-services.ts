/** What the API's routes share: the rooms behind them, who may ask, and what a caller may know of. */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Right } from "../power/access.ts";
import type { Power } from "../power/api.ts";
import type { Clock } from "../power/clock.ts";
import { PowerError } from "../power/errors.ts";
import { nearest } from "../power/names.ts";
import { AccessError } from "./access-error.ts";
import type { AccessServices } from "./access-services.ts";
import type { Checks } from "./checks.ts";
import type { ConfigurationServices } from "./configuration-services.ts";
import { refuseForeignPage } from "./foreign-page.ts";
import type { History } from "./history.ts";
import type { MetricsServices } from "./metrics.ts";
import type { Principal } from "./principal.ts";
import type { Probes } from "./probes.ts";
import { type Answered, learn } from "./request-log.ts";
import type { DaemonStatus, MaasShape } from "./shapes.ts";
import type { Sightings } from "./sightings.ts";

export type App = FastifyInstance;

export interface ApiServices {
  readonly power: Power;
  readonly history: History;
  readonly authenticate: (request: IncomingMessage) => Principal | Promise<Principal>;
  readonly status: () => DaemonStatus;
  readonly configuration: ConfigurationServices;
  readonly sightings: Sightings;
  readonly checks: Checks;
  readonly metrics: MetricsServices;
  readonly access: AccessServices;
  /** What MAAS told last of a machine. Absent: no MAAS is asked. */
  readonly maas?: (machine: string) => MaasShape | undefined;
  readonly probes: Probes;
  readonly clock: Clock;
  /** Something failed that is our own fault; the caller gets a 500. `request` is the id of what was asked. */
  readonly onFault: (error: unknown, request?: string) => void;
  /** Told of every answer. */
  readonly answered: (answered: Answered) => void;
}

const WISHES: Readonly<Record<Right, string>> = {
  read: "read this",
  order: "switch machines",
  lock: "lock machines",
  configure: "do this",
};

/** Who calls, if it may. Throws AccessError. */
export async function admit(services: ApiServices, request: FastifyRequest, right: Right): Promise<Principal> {
  const principal = await services.authenticate(request.raw);
  learn(request.raw, { actor: principal.actor.id });
  if (!principal.may(right)) throw new AccessError("forbidden", `${principal.actor.name} may not ${WISHES[right]}`);
  if (request.method !== "GET") refuseForeignPage(request.raw);
  return principal;
}

/** The name of a machine that the caller may know of. Throws PowerError, the same for one that is hidden and one that is not. */
export function visibleMachine(power: Power, principal: Principal, name: string): string {
  if (power.has(name) && principal.sees(name)) return name;
  const near = nearest(name, visibleNames(power, principal));
  const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
  throw new PowerError(
    "not_found",
    `there is no machine "${shown}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
    { status: 404 },
  );
}

export function visibleNames(power: Power, principal: Principal): readonly string[] {
  return power.names.filter((name) => principal.sees(name));
}

/** Which machines the journal is to look for; undefined for a caller who may know of all that it holds. */
export function seenMachines(history: History, principal: Principal): readonly string[] | undefined {
  const names = history.machines();
  const seen = names.filter((name) => principal.sees(name));
  return seen.length === names.length ? undefined : seen;
}
