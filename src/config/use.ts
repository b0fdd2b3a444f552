/**
 * One use of a driver: `{ hub: pdu, outlet: 3 }` or `{ driver: ssh, user: maas, … }`, at a machine, as a stage, a supply
 * or a query. Resolves it to an outlet of a hub.
 */
import type { z } from "zod";
import type { Sought } from "../power/address.ts";
import { type Capability, capabilities, DEFAULT_PACE, type Driver, type Pace } from "../power/driver.ts";
import { Secret } from "../power/secret.ts";
import { type HubSpec, type OutletSpec, outletName } from "../power/spec.ts";
import { fieldFacts } from "../wire/fields.ts";
import { refuseUnknownKeys } from "./check-value.ts";
import { own } from "./member.ts";
import {
  checkedFields,
  type Fields,
  type FieldsOf,
  fieldEntries,
  keysOf,
  NO_FIELDS,
  ownEntries,
  paceFields,
  shapeOf,
} from "./member-fields.ts";
import type { Problems } from "./problem.ts";
import { PACE } from "./schema.ts";
import { lineOf, type Span } from "./source.ts";
import { type Entry, isSecret, joined, quoted, scalarText, shownText, type Value } from "./value.ts";

/** A hub as configured: under `hubs:`, or inline. */
export interface KnownHub {
  readonly spec: HubSpec;
  /** Where it is configured. */
  readonly at: Span;
  /** Driver and address, whatever it is called; two hubs that agree in it are one thing. */
  readonly identity: string;
  readonly inline: boolean;
}

export interface Use {
  readonly outlet: OutletSpec;
  readonly can: ReadonlySet<Capability>;
  readonly at: Span;
  readonly hubIdentity: string;
  /** Entries as they were resolved, for `config show`. */
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface UseServices {
  readonly drivers: ReadonlyMap<string, Driver>;
  /** By key. */
  readonly hubs: Map<string, KnownHub>;
  /** Those under `hubs:`, by identity. */
  readonly named: Map<string, KnownHub>;
  /** Names of hubs that are too wrong to be used; machines that name them are not to be blamed as well. */
  readonly broken: Set<string>;
  readonly problems: Problems;
}

export interface UseRequest extends FieldsOf {
  /** Keys that belong to the surroundings: the machine's, or `wait` and `how` of a stage. */
  readonly alsoKnown: readonly string[];
  /** What the entry is, for messages: `of machine nuc1`. */
  readonly of: string;
}

/** The outlet that the entry means; undefined where it is wrong, said in the problems. */
export function resolveUse(request: UseRequest, services: UseServices): Use | undefined {
  const { entry } = request;
  const hubName = entry.entries.get("hub");
  const driverName = entry.entries.get("driver");
  if (hubName && driverName) {
    services.problems.error(driverName.key, {
      code: "hub-and-driver",
      message: "either `hub:` or `driver:` is given, not both",
      hint: "`hub:` names an entry under `hubs:`, which has its driver already.",
    });
    return undefined;
  }
  if (hubName) return useOfHub(request, hubName, services);
  if (driverName) return useInline(request, driverName, services);
  services.problems.error(entry.at, {
    code: "no-driver",
    message: `neither \`hub:\` nor \`driver:\` is given ${request.of}`,
  });
  return undefined;
}

/** The driver of that name; undefined where there is none, said in the problems. */
export function driverOf(value: Value, services: Pick<UseServices, "drivers" | "problems">): Driver | undefined {
  if (value.kind === "scalar" && value.broken) return undefined;
  const name = scalarText(value);
  const driver = name === undefined ? undefined : services.drivers.get(name);
  if (driver) return driver;
  services.problems.error(value.at, {
    code: "unknown-driver",
    message: `unknown driver ${quoted(value)}${services.problems.didYouMean(shownText(value), services.drivers.keys())}`,
    hint: `There are: ${[...services.drivers.keys()].join(", ")}.`,
  });
  return undefined;
}

function useOfHub(request: UseRequest, name: Entry, services: UseServices): Use | undefined {
  const { problems } = services;
  const value = own(name.value, request.member, problems);
  if (!value) return undefined;
  const text = value.kind === "scalar" ? String(value.value) : "";
  const hub = services.hubs.get(text);
  if (services.broken.has(text)) return undefined;
  if (!hub || hub.inline) {
    problems.error(value.at, {
      code: "unknown-hub",
      message: `unknown hub ${quoted(value)}${problems.didYouMean(shownText(value), namesOf(services.hubs))}`,
      hint: "Hubs are listed under `hubs:`.",
    });
    return undefined;
  }
  const { driver } = hub.spec;
  const { known } = layoutOf(driver, request.alsoKnown, "hub");
  refuseUnknownKeys(request.entry, { known, of: `${request.of} (${driver.name})` }, problems);
  const settings = outletSettings(request, driver, services);
  if (!settings) return undefined;
  return {
    outlet: outletOf(hub.spec, settings, hub.spec.name),
    can: capabilities(driver, settings.output),
    at: request.entry.at,
    hubIdentity: hub.identity,
    entries: joined(new Map([["hub", { ...name, value }]]), settings.entries),
  };
}

function useInline(request: UseRequest, name: Entry, services: UseServices): Use | undefined {
  const driver = driverOf(name.value, services);
  if (!driver) return undefined;
  const { entry, member, alsoKnown, of } = request;
  const { problems } = services;
  const { known, pace: paceShape } = layoutOf(driver, alsoKnown);
  refuseUnknownKeys(entry, { known, of: `${of} (${driver.name})` }, problems);

  const hubFields = driver.hub ? fieldEntries(request, driver.hub, { driver, problems }) : NO_FIELDS;
  const pace = ownEntries(entry, paceShape, { member, problems });
  const hubSettings: unknown = driver.hub && checkedFields(driver.hub as z.ZodObject, entry, hubFields, problems);
  const paceSettings = checkedFields(PACE, entry, pace, problems);
  const settings = outletSettings(request, driver, services);
  if (!settings || !paceSettings || (driver.hub && hubSettings === undefined)) return undefined;

  const sought = soughtBy(hubFields, request);
  const address = driver.hub && !sought ? addressOf(driver, hubFields.entries, hubSettings) : undefined;
  const key =
    address === undefined
      ? `${driver.hub ? `${driver.name}@` : ""}machine:${member.name}`
      : `${driver.name}:${address.full}`;
  const spec: HubSpec = {
    key,
    name: address?.written ?? (driver.hub ? member.name : driver.name),
    ...(address?.written !== undefined && { address: address.written }),
    driver,
    settings: hubSettings,
    ...(sought && { sought }),
    pace: paceOf(driver, paceSettings),
  };
  const hub = driver.hub ? shareHub({ spec, at: name.key, identity: key, inline: true }, services) : spec;
  const base = address?.written === undefined ? driver.name : `${driver.name} ${address.written}`;
  return {
    outlet: outletOf(hub, settings, base),
    can: capabilities(driver, settings.output),
    at: entry.at,
    hubIdentity: key,
    entries: joined(new Map([["driver", name]]), hubFields.entries, pace.entries, settings.entries),
  };
}

function outletOf(hub: HubSpec, settings: OutletSettings, base: string): OutletSpec {
  const { output, sought } = settings;
  return { hub, settings: output, ...(sought && { sought }), label: labelled(base, settings) };
}

/** What of the fields is the address of a machine that is found before each exchange. */
function soughtBy({ sought: key }: Fields, { member }: UseRequest): Sought | undefined {
  return key === undefined ? undefined : { key, machine: member.name };
}

function* namesOf(hubs: ReadonlyMap<string, KnownHub>): Generator<string> {
  for (const [name, { inline }] of hubs) if (!inline) yield name;
}

/** What may stand in an entry that uses a driver. */
interface Layout {
  readonly known: ReadonlySet<string>;
  /** Keys of the hub's pace, as far as neither the surroundings nor the driver have keys of these names. */
  readonly pace: Readonly<Record<string, z.ZodType>>;
}

const layouts = new WeakMap<Driver, Map<readonly string[], Readonly<Record<"driver" | "hub", Layout>>>>();

/** What may stand beside `driver:` or `hub:`; the same for all entries in such surroundings. */
function layoutOf(driver: Driver, alsoKnown: readonly string[], by: "driver" | "hub" = "driver"): Layout {
  const ofDriver = layouts.get(driver) ?? new Map<readonly string[], Readonly<Record<"driver" | "hub", Layout>>>();
  layouts.set(driver, ofDriver);
  let layout = ofDriver.get(alsoKnown);
  if (!layout) {
    const others = new Set([...alsoKnown, ...keysOf(driver.hub), ...keysOf(driver.outlet)]);
    const pace = paceFields(others);
    layout = {
      driver: { known: new Set(["driver", ...others, ...Object.keys(pace)]), pace },
      hub: { known: new Set(["hub", ...alsoKnown, ...keysOf(driver.outlet)]), pace: {} },
    };
    ofDriver.set(alsoKnown, layout);
  }
  return layout[by];
}

/** For evidence and messages, so without an outlet that is a secret. */
function labelled(hub: string, { output, entries }: OutletSettings): string {
  const given = entries.get("outlet")?.value;
  const which = given?.kind === "scalar" && isSecret(given) ? undefined : outletName(output);
  return which === undefined ? hub : `${hub} outlet ${which}`;
}

/** Inline hubs with the same driver and address are one hub. */
function shareHub(hub: KnownHub, { hubs, named, problems }: UseServices): HubSpec {
  const configured = named.get(hub.identity);
  if (configured) {
    const { name } = configured.spec;
    problems.error(hub.at, {
      code: "hub-named",
      message: `this is the hub "${name}" of ${lineOf(configured.at)}, configured a second time`,
      hint: `Write \`hub: ${name}\` in place of its driver and address.`,
    });
    return configured.spec;
  }
  const known = hubs.get(hub.spec.key);
  if (!known) {
    hubs.set(hub.spec.key, hub);
    return hub.spec;
  }
  if (known.spec !== hub.spec && settingsText(known.spec) !== settingsText(hub.spec)) {
    problems.error(hub.at, {
      code: "hub-differs",
      message: `${hub.spec.driver.name} ${hub.spec.name} is the same hub as at ${lineOf(known.at)}, with other settings`,
      hint: "Give both the same settings, or configure it once under `hubs:` and name it.",
    });
  }
  return known.spec;
}

export function paceOf(driver: Driver, settings: z.output<typeof PACE>): Pace {
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const defaults = Object.fromEntries(Object.entries(driver.pace ?? {}).filter(([, value]) => value !== undefined));
  return { ...DEFAULT_PACE, ...defaults, ...given };
}

export interface HubAddress {
  /** As people wrote it; undefined where it is a secret. */
  readonly written: string | undefined;
  /** With defaults: what makes it this hub. */
  readonly full: string;
}

/** Where a hub is, by the fields that make it this hub; undefined where none is given. */
export function addressOf(
  driver: Driver,
  entries: ReadonlyMap<string, Entry>,
  output: unknown,
): HubAddress | undefined {
  const fields = Object.entries(shapeOf(driver.hub)).filter(([, field]) => fieldFacts(field).identity);
  const join = (values: readonly unknown[]) =>
    values
      .filter((value) => typeof value === "string" || typeof value === "number")
      .map((value, index) => (index === 0 && values.length > 1 ? bracketed(String(value)) : String(value)))
      .join(":");
  const given = fields.flatMap(([key]) => {
    const value = entries.get(key)?.value;
    return value?.kind === "scalar" ? [value] : [];
  });
  if (given.length === 0) return undefined;
  const all: Record<string, unknown> = typeof output === "object" && output !== null ? { ...output } : {};
  return {
    written: given.some(isSecret) ? undefined : join(given.map((value) => value.value)),
    full: join(fields.map(([key]) => all[key])).toLowerCase(),
  };
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** All settings of a hub, to tell whether another entry means the same. */
function settingsText({ settings, pace }: HubSpec): string {
  return JSON.stringify([settings, pace], function (this: Record<string, unknown>, key, value: unknown) {
    const raw = this[key];
    return raw instanceof Secret ? raw.reveal() : value;
  });
}

interface OutletSettings {
  readonly output: object;
  readonly sought: Sought | undefined;
  readonly entries: ReadonlyMap<string, Entry>;
}

function outletSettings(request: UseRequest, driver: Driver, { problems }: UseServices): OutletSettings | undefined {
  const { entry, verb } = request;
  const fields = fieldEntries(request, driver.outlet, { driver, problems });
  const entries = new Map(fields.entries);
  for (const key of driver.perVerb ?? []) {
    const given = entries.get(key);
    if (given && verb !== undefined) {
      entries.set(key, { ...given, value: { kind: "map", at: given.value.at, entries: new Map([[verb, given]]) } });
    }
  }
  const output: object | undefined = checkedFields(
    driver.outlet as z.ZodObject,
    entry,
    { ...fields, entries },
    problems,
  );
  return output && { output, sought: soughtBy(fields, request), entries: fields.entries };
}
