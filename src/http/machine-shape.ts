/** A machine as the API shows it. */
import { refusalOf } from "../power/admission.ts";
import type { MachineView } from "../power/api.ts";
import { VERBS } from "../power/driver.ts";
import type { Role } from "../power/order.ts";
import { allOutlets, type MachineSpec, type OutletSpec, outletName, type QuerySpec } from "../power/spec.ts";
import type { MaasShape, MachineDetails, MachineShape } from "./shapes.ts";
import type { RefusedSighting, Sighting } from "./sightings.ts";

export interface Seen {
  readonly polled: Sighting | undefined;
  readonly refused: RefusedSighting | undefined;
  readonly maas: MaasShape | undefined;
  readonly checking: boolean;
  /** Of whoever asks. */
  readonly role: Role;
}

export function machineShape(view: MachineView, { polled, refused, maas, checking, role }: Seen): MachineShape {
  const { spec, reading, error, order, lastOrder, verbs, lock } = view;
  const { name, address, mac } = spec.facts;
  const { drivers, hubs } = namesOf(spec);
  const refusal = refusalOf({ spec, lock, verbs: VERBS }, { verb: "off", actor: { role } });
  return {
    name,
    ...(spec.description !== undefined && { description: spec.description }),
    tags: spec.tags,
    enabled: spec.enabled,
    protect: spec.protect,
    drivers,
    hubs,
    ...(address !== undefined && { address }),
    ...(mac !== undefined && { mac: [mac] }),
    verbs,
    state: stateOf(view),
    ...(reading && { reading }),
    ...(error && { error: { code: error.code, message: error.message, hint: error.hint } }),
    ...(lock && { lock }),
    ...(order && { order }),
    ...(lastOrder && { lastOrder }),
    ...(polled && { polled }),
    ...(refused && { refused }),
    ...(maas && { maas: { systemId: maas.systemId, hostname: maas.hostname, status: maas.status, at: maas.at } }),
    ...(refusal && { refuses: { code: refusal.code, message: refusal.message } }),
    checking,
  };
}

export function stateOf({ error, reading }: MachineView): MachineShape["state"] {
  return error ? "error" : (reading?.state ?? "unknown");
}

interface Names {
  readonly drivers: readonly string[];
  readonly hubs: readonly string[];
}

const names = new WeakMap<MachineSpec, Names>();

/** Of all drivers and hubs that the machine uses. A driver without a hub of its own makes none. */
export function namesOf(spec: MachineSpec): Names {
  let known = names.get(spec);
  if (!known) {
    const hubs = allOutlets(spec).map((outlet) => outlet.hub);
    known = {
      drivers: [...new Set(hubs.map((hub) => hub.driver.name))],
      hubs: [...new Set(hubs.filter((hub) => hub.driver.hub !== undefined).map((hub) => hub.name))],
    };
    names.set(spec, known);
  }
  return known;
}

/** What of a machine only its own page shows. `config` and `origin` are the configuration's. */
export function machineDetails(spec: MachineSpec): Pick<MachineDetails, "stages" | "supply" | "query"> {
  return {
    stages: VERBS.flatMap((verb) =>
      spec.stages[verb].map(({ outlet, how, wait }) => ({ verb, ...usedOutlet(outlet), ...(how && { how }), wait })),
    ),
    supply: spec.supplies.map(({ outlet }) => usedOutlet(outlet)),
    ...(spec.query && { query: queryWords(spec.query) }),
  };
}

function usedOutlet(outlet: OutletSpec): MachineDetails["supply"][number] {
  const name = shownOutlet(outlet);
  return { driver: outlet.hub.driver.name, hub: outlet.hub.name, ...(name !== undefined && { outlet: name }) };
}

/** The outlet's name; undefined where there is none, or where it is a secret: then its label does not tell it either. */
export function shownOutlet({ settings, label }: OutletSpec): string | undefined {
  const name = outletName(settings);
  return name !== undefined && label.endsWith(` outlet ${name}`) ? name : undefined;
}

function queryWords(query: QuerySpec): string {
  if (query.kind === "one") return query.outlet.label;
  const parts = query.of.map(queryWords);
  return query.kind === "first" ? parts.join(", else ") : `${query.kind} of (${parts.join(", ")})`;
}
