/**
 * One use of a driver: `{ hub: pdu, outlet: 3 }` or `{ driver: ssh, user: maas, … }`, at a machine, as a stage, a supply
 * or a query. Resolves it to an outlet of a hub.
 */
import { z } from "zod";
import { DEFAULT_PACE, type Driver, type Pace, type Verb } from "../power/driver.ts";
import { nearest } from "../power/names.ts";
import { Secret } from "../power/secret.ts";
import { type HubSpec, type OutletSpec, outletName } from "../power/spec.ts";
import { fieldFacts } from "../wire/fields.ts";
import { checked, isListField, refuseUnknownKeys, unwrapped } from "./check-value.ts";
import { type Member, own } from "./member.ts";
import { lineOf, type Problems, type Span } from "./problem.ts";
import { PACE } from "./schema.ts";
import { type Entry, hidden, type MapValue, scalarText, type Value } from "./value.ts";

/** A hub as configured: under `hubs:`, or inline. */
export interface KnownHub {
  readonly spec: HubSpec;
  /** Where it is configured. */
  readonly at: Span;
  /** Driver and address, whatever it is called; two hubs that agree in it are one thing. */
  readonly identity: string;
  /** All its settings, to tell whether another inline entry means the same. */
  readonly settings: string;
  readonly inline: boolean;
}

export interface Use {
  readonly outlet: OutletSpec;
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

export interface UseRequest {
  readonly entry: MapValue;
  readonly member: Member;
  /** Keys that belong to the surroundings: the machine's, or `wait` and `how` of a stage. */
  readonly alsoKnown: readonly string[];
  /** In the per-verb form: the verb whose value stands there. */
  readonly verb?: Verb | "query" | undefined;
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
  const near = name === undefined ? undefined : nearest(name, services.drivers.keys());
  services.problems.error(value.at, {
    code: "unknown-driver",
    message: `unknown driver "${name ?? "?"}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
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
    const near = nearest(
      text,
      [...services.hubs].filter(([, known]) => !known.inline).map(([key]) => key),
    );
    problems.error(value.at, {
      code: "unknown-hub",
      message: `unknown hub "${text}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
      hint: "Hubs are listed under `hubs:`.",
    });
    return undefined;
  }
  const { driver } = hub.spec;
  refuseUnknownKeys(
    request.entry,
    { known: new Set(["hub", ...request.alsoKnown, ...keysOf(driver.outlet)]), of: `${request.of} (${driver.name})` },
    problems,
  );
  const settings = outletSettings(request, driver, services);
  if (!settings) return undefined;
  const which = outletName(settings.output);
  return {
    outlet: {
      hub: hub.spec,
      settings: settings.output,
      label: which === undefined ? hub.spec.name : `${hub.spec.name} outlet ${which}`,
    },
    at: request.entry.at,
    hubIdentity: hub.identity,
    entries: new Map([["hub", { ...name, value }], ...settings.entries]),
  };
}

function useInline(request: UseRequest, name: Entry, services: UseServices): Use | undefined {
  const driver = driverOf(name.value, services);
  if (!driver) return undefined;
  const { entry, member, alsoKnown, of } = request;
  const { problems } = services;
  // Where the machine or the driver has a key of that name, it is theirs.
  const others = new Set([...alsoKnown, ...keysOf(driver.hub), ...keysOf(driver.outlet)]);
  const paceShape = paceFields(others);
  refuseUnknownKeys(
    entry,
    {
      known: new Set(["driver", ...others, ...Object.keys(paceShape)]),
      of: `${of} (${driver.name})`,
    },
    problems,
  );

  const hubFields = driver.hub ? fieldEntries(request, driver.hub, { driver, problems }) : NO_FIELDS;
  const pace = ownEntries(entry, paceShape, { member, problems });
  const hubSettings: unknown =
    driver.hub && checked(driver.hub as z.ZodType, { ...entry, entries: hubFields.entries }, problems, hubFields);
  const paceSettings = checked(PACE, { ...entry, entries: pace.entries }, problems, pace);
  const settings = outletSettings(request, driver, services);
  if (!settings || !paceSettings || (driver.hub && hubSettings === undefined)) return undefined;

  const address = driver.hub && addressOf(driver, hubFields.entries, hubSettings);
  const key =
    address === undefined
      ? `${driver.hub ? `${driver.name}@` : ""}machine:${member.name}`
      : `${driver.name}:${address.full}`;
  const spec: HubSpec = {
    key,
    name: address?.written ?? (driver.hub ? member.name : driver.name),
    driver,
    settings: hubSettings,
    pace: paceOf(driver, paceSettings),
  };
  const hub = driver.hub
    ? shareHub({ spec, at: name.key, identity: key, settings: settingsText(spec), inline: true }, services)
    : spec;
  const which = outletName(settings.output);
  const base = address ? `${driver.name} ${address.written}` : driver.name;
  return {
    outlet: { hub, settings: settings.output, label: which === undefined ? base : `${base} outlet ${which}` },
    at: entry.at,
    hubIdentity: key,
    entries: new Map([["driver", name], ...hubFields.entries, ...pace.entries, ...settings.entries]),
  };
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
  if (known.settings !== hub.settings) {
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

/**
 * Where a hub is: the values of the fields that make it this hub, as people wrote them and in full with defaults.
 * Undefined where none is given.
 */
export function addressOf(
  driver: Driver,
  entries: ReadonlyMap<string, Entry>,
  output: unknown,
): { readonly written: string; readonly full: string } | undefined {
  const fields = Object.entries(shapeOf(driver.hub)).filter(([, field]) => fieldFacts(field).identity);
  const join = (values: readonly unknown[]) =>
    values
      .filter((value) => typeof value === "string" || typeof value === "number")
      .map((value, index) => (index === 0 && values.length > 1 ? bracketed(String(value)) : String(value)))
      .join(":");
  const written = fields.flatMap(([key]) => {
    const value = entries.get(key)?.value;
    return value?.kind === "scalar" ? [value.value] : [];
  });
  if (written.length === 0) return undefined;
  const all: Record<string, unknown> = typeof output === "object" && output !== null ? { ...output } : {};
  return { written: join(written), full: join(fields.map(([key]) => all[key])).toLowerCase() };
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function settingsText({ settings, pace }: HubSpec): string {
  return JSON.stringify([settings, pace], function (this: Record<string, unknown>, key, value: unknown) {
    const raw = this[key];
    return raw instanceof Secret ? raw.reveal() : value;
  });
}

function outletSettings(
  request: UseRequest,
  driver: Driver,
  { problems }: UseServices,
): { readonly output: object; readonly entries: ReadonlyMap<string, Entry> } | undefined {
  const { entry, verb } = request;
  const fields = fieldEntries(request, driver.outlet, { driver, problems });
  const entries = new Map(fields.entries);
  for (const key of driver.perVerb ?? []) {
    const given = entries.get(key);
    if (given && verb !== undefined) {
      entries.set(key, { ...given, value: { kind: "map", at: given.value.at, entries: new Map([[verb, given]]) } });
    }
  }
  const output: object | undefined = checked(driver.outlet as z.ZodObject, { ...entry, entries }, problems, fields);
  return output && { output, entries: fields.entries };
}

interface Fields {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Keys of which it was said already what is wrong with them. */
  readonly silent: ReadonlySet<string>;
}

const NO_FIELDS: Fields = { entries: new Map(), silent: new Set() };

/** The entries of a schema's fields, each for this member, facts of the machine filled in where nothing is written. */
function fieldEntries(
  { entry, member, verb }: UseRequest,
  schema: z.ZodObject,
  { driver, problems }: { readonly driver: Driver; readonly problems: Problems },
): Fields {
  const entries = new Map<string, Entry>();
  const silent = new Set<string>();
  for (const [key, field] of Object.entries(shapeOf(schema))) {
    const facts = fieldFacts(field);
    const given = entry.entries.get(key);
    if (given) {
      const here = verb !== undefined && driver.perVerb?.includes(key) ? valueOfVerb(field, verb) : field;
      const value = fieldValue(given.value, { member, field: here, problems });
      if (value) entries.set(key, { ...given, value });
      else silent.add(key);
      continue;
    }
    const fact = facts.from && member[facts.from];
    if (fact !== undefined) {
      entries.set(key, { key: entry.at, value: { kind: "scalar", value: fact, at: entry.at, secret: false } });
    } else if (facts.from && !field.safeParse(undefined).success) {
      silent.add(key);
      const here = facts.from === key ? "" : `\`${key}\`, or `;
      problems.error(entry.at, {
        code: "fact-missing",
        message: `${driver.name} needs ${here}\`${facts.from}\` at machine ${member.name}`,
      });
    }
  }
  return { entries, silent };
}

/** The schema of one verb's value in a field that holds a value per verb. */
function valueOfVerb(field: z.ZodType, verb: Verb | "query"): z.ZodType {
  const bare = unwrapped(field);
  if (bare instanceof z.ZodRecord) return bare.valueType as z.ZodType;
  return (bare instanceof z.ZodObject && shapeOf(bare)[verb]) || field;
}

export interface FieldOptions {
  readonly member: Member;
  readonly field: z.ZodType;
  readonly problems: Problems;
}

/** The member's own value for a field; undefined where there is none, said in the problems. */
export function fieldValue(given: Value, { member, field, problems }: FieldOptions): Value | undefined {
  const value = own(given, member, problems, isListField(field));
  if (!value) return undefined;
  const shown = fieldFacts(field).secret ? hidden(value) : value;
  // A placeholder or a tag gives a text, even where it is all digits.
  const madeText = value.kind === "scalar" && (value !== given || value.secret) && typeof value.value === "string";
  if (!madeText || !/^\d+(?:\.\d+)?$/.test(value.value) || !(unwrapped(field) instanceof z.ZodNumber)) return shown;
  return { ...value, value: Number(value.value) };
}

/** Entries of the schema's fields for the member, as far as they are given. */
export function ownEntries(
  entry: MapValue,
  fields: Readonly<Record<string, z.ZodType>>,
  { member, problems }: { readonly member: Member; readonly problems: Problems },
): { readonly entries: Map<string, Entry>; readonly silent: ReadonlySet<string> } {
  const entries = new Map<string, Entry>();
  const silent = new Set<string>();
  for (const [key, field] of Object.entries(fields)) {
    const given = entry.entries.get(key);
    const value = given && fieldValue(given.value, { member, field, problems });
    if (given && value) entries.set(key, { ...given, value });
    else if (given) silent.add(key);
  }
  return { entries, silent };
}

/** How a hub wants to be treated, as far as the driver has no keys of these names. */
export function paceFields(taken: ReadonlySet<string>): Readonly<Record<string, z.ZodType>> {
  return Object.fromEntries(Object.entries(shapeOf(PACE)).filter(([key]) => !taken.has(key)));
}

/** The fields of an object schema by name. */
export function shapeOf(schema: z.ZodObject | undefined): Readonly<Record<string, z.ZodType>> {
  return schema?.shape ?? {};
}

function keysOf(schema: z.ZodObject | undefined): string[] {
  return Object.keys(schema?.shape ?? {});
}
