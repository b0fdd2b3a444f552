/**
 * One use of a driver: `{ hub: pdu, outlet: 3 }` or `{ driver: ssh, user: maas, … }`, at a machine, as a stage, a supply
 * or a query. Resolves it to an outlet of a hub.
 */
import type { z } from "zod";
import { DEFAULT_PACE, type Driver, type Pace, type Verb } from "../power/driver.ts";
import { nearest } from "../power/names.ts";
import { type HubSpec, type OutletSpec, outletName } from "../power/spec.ts";
import { fieldFacts } from "../wire/fields.ts";
import { checked, isListField, refuseUnknownKeys } from "./check-value.ts";
import { fill, type Member, pick } from "./member.ts";
import type { Problems, Span } from "./problem.ts";
import { PACE } from "./schema.ts";
import { type Entry, type MapValue, scalarText, type Value } from "./value.ts";

/** A hub as configured: under `hubs:`, or inline. */
export interface KnownHub {
  readonly spec: HubSpec;
  /** Where it is configured. */
  readonly at: Span;
  /** Its settings as written, to tell whether another inline entry means the same. */
  readonly written: string;
  readonly inline: boolean;
}

export interface Use {
  readonly outlet: OutletSpec;
  readonly at: Span;
  /** Entries as they were resolved, for `config show`. */
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface UseServices {
  readonly drivers: ReadonlyMap<string, Driver>;
  /** By key. */
  readonly hubs: Map<string, KnownHub>;
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
  const text = value && (scalarText(value) ?? (value.kind === "scalar" ? String(value.value) : undefined));
  if (!value || text === undefined) return undefined;
  const hub = services.hubs.get(text);
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
    { known: ["hub", ...request.alsoKnown, ...keysOf(driver.outlet)], of: `${request.of} (${driver.name})` },
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
    entries: new Map([["hub", { ...name, value }], ...settings.entries]),
  };
}

function useInline(request: UseRequest, name: Entry, services: UseServices): Use | undefined {
  const driver = driverOf(name.value, services);
  if (!driver) return undefined;
  const { entry, member, alsoKnown, of } = request;
  const { problems } = services;
  const pace = Object.keys(PACE.shape).filter((key) => !alsoKnown.includes(key));
  refuseUnknownKeys(
    entry,
    {
      known: ["driver", ...alsoKnown, ...keysOf(driver.hub), ...keysOf(driver.outlet), ...pace],
      of: `${of} (${driver.name})`,
    },
    problems,
  );

  const hubEntries = driver.hub ? fieldEntries(request, driver.hub, services) : new Map<string, Entry>();
  const paceEntries = ownEntries(entry, pace, member, problems);
  const hubSettings = driver.hub ? checked(driver.hub, { ...entry, entries: hubEntries }, problems) : undefined;
  const paceSettings = checked(PACE, { ...entry, entries: paceEntries }, problems);
  const settings = outletSettings(request, driver, services);
  if (!settings || !paceSettings || (driver.hub && hubSettings === undefined)) return undefined;

  const identity = driver.hub ? identityOf(driver, hubEntries) : undefined;
  const key =
    identity === undefined
      ? driver.hub
        ? `${driver.name}@machine:${member.name}`
        : `machine:${member.name}`
      : `${driver.name}:${identity}`;
  const spec: HubSpec = {
    key,
    name: identity ?? (driver.hub ? member.name : driver.name),
    driver,
    settings: hubSettings,
    pace: paceOf(driver, paceSettings),
  };
  const hub = driver.hub
    ? shareHub({ spec, at: name.key, written: written(hubEntries, paceEntries), inline: true }, services)
    : spec;
  const which = outletName(settings.output);
  const base = driver.hub && identity !== undefined ? `${driver.name} ${identity}` : driver.name;
  return {
    outlet: { hub, settings: settings.output, label: which === undefined ? base : `${base} outlet ${which}` },
    at: entry.at,
    entries: new Map([["driver", name], ...hubEntries, ...paceEntries, ...settings.entries]),
  };
}

/** Inline hubs with the same driver and address are one hub. */
function shareHub(hub: KnownHub, { hubs, problems }: UseServices): HubSpec {
  const known = hubs.get(hub.spec.key);
  if (!known) {
    hubs.set(hub.spec.key, hub);
    return hub.spec;
  }
  if (known.written !== hub.written) {
    const { line } = known.at.source.position(known.at.start);
    problems.error(hub.at, {
      code: "hub-differs",
      message: `${hub.spec.name} is the same hub as at ${known.at.source.file}:${line}, with other settings`,
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

/** The values of the fields that make a hub this hub, or undefined where none is given. */
export function identityOf(driver: Driver, entries: ReadonlyMap<string, Entry>): string | undefined {
  const parts = Object.entries(driver.hub?.shape ?? {}).flatMap(([key, field]) => {
    const value = entries.get(key)?.value;
    return fieldFacts(field as z.ZodType).identity && value?.kind === "scalar" ? [String(value.value)] : [];
  });
  return parts.length > 0 ? parts.join(":") : undefined;
}

function written(...maps: ReadonlyMap<string, Entry>[]): string {
  const lines = maps.flatMap((map) =>
    [...map].map(
      ([key, { value }]) =>
        `${key}=${JSON.stringify(value, (name, inner) => (name === "at" || name === "key" ? undefined : inner))}`,
    ),
  );
  return lines.sort().join("\n");
}

function outletSettings(
  request: UseRequest,
  driver: Driver,
  services: UseServices,
): { readonly output: object; readonly entries: ReadonlyMap<string, Entry> } | undefined {
  const entries = fieldEntries(request, driver.outlet, services);
  const { verb } = request;
  for (const key of driver.perVerb ?? []) {
    const entry = entries.get(key);
    if (entry && verb !== undefined) {
      entries.set(key, { ...entry, value: { kind: "map", at: entry.value.at, entries: new Map([[verb, entry]]) } });
    }
  }
  const output: object | undefined = checked(
    driver.outlet as z.ZodObject,
    { ...request.entry, entries },
    services.problems,
  );
  return output && { output, entries };
}

/** The entries of a schema's fields, each for this member, facts of the machine filled in where nothing is written. */
function fieldEntries(request: UseRequest, schema: z.ZodObject, { problems }: UseServices): Map<string, Entry> {
  const { entry, member } = request;
  const entries = new Map<string, Entry>();
  for (const [key, type] of Object.entries(schema.shape)) {
    const field = type as z.ZodType;
    const facts = fieldFacts(field);
    const given = entry.entries.get(key);
    if (given) {
      const value = own(given.value, member, problems, isListField(field));
      if (value)
        entries.set(key, {
          ...given,
          value: facts.secret && value.kind === "scalar" ? { ...value, secret: true } : value,
        });
      continue;
    }
    const fact = facts.from && member[facts.from];
    if (fact !== undefined)
      entries.set(key, { key: entry.at, value: { kind: "scalar", value: fact, at: entry.at, secret: false } });
    else if (facts.from && !field.safeParse(undefined).success) {
      const from = facts.from;
      problems.error(entry.at, {
        code: "bad-value",
        message: `"${key}" is missing ${request.of}`,
        hint:
          from === key ? `Give the machine its \`${from}\`.` : `Give \`${key}\` here, or \`${from}\` at the machine.`,
      });
      // Said already, and better than the schema would.
      entries.set(key, {
        key: entry.at,
        value: { kind: "scalar", value: from === "mac" ? "00:00:00:00:00:00" : "missing", at: entry.at, secret: false },
      });
    }
  }
  return entries;
}

/** The member's own value: its element of a list, its placeholders replaced. */
export function own(value: Value, member: Member, problems: Problems, list = false): Value | undefined {
  const picked = value.kind === "list" && !list ? pick(value, member, problems) : value;
  return picked && fill(picked, member, problems);
}

function ownEntries(entry: MapValue, keys: readonly string[], member: Member, problems: Problems): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const key of keys) {
    const given = entry.entries.get(key);
    const value = given && own(given.value, member, problems);
    if (given && value) entries.set(key, { ...given, value });
  }
  return entries;
}

function keysOf(schema: z.ZodObject | undefined): string[] {
  return Object.keys(schema?.shape ?? {});
}
