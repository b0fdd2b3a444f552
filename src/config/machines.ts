/** The entries under `machines:`, resolved: profiles, ranges, short and per-verb forms become plain specs. */
import type { z } from "zod";
import { capabilities, cutsOf, type Driver, type MachineFacts, VERBS, type Verb } from "../power/driver.ts";
import { nearest } from "../power/names.ts";
import type { MachineSpec, QuerySpec, StageSpec, SupplySpec } from "../power/spec.ts";
import { checked, isListField, refuseUnknownKeys } from "./check-value.ts";
import { type Member, membersOf } from "./member.ts";
import type { Problems, Span } from "./problem.ts";
import { LATER_MACHINE, MACHINE, MACHINE_STRUCTURE, STAGE, SUPPLY } from "./schema.ts";
import { own, resolveUse, type Use, type UseServices } from "./use.ts";
import type { Entry, MapValue, Value } from "./value.ts";

/** A soft off is given this long (ms), unless the stage says otherwise. */
const SOFT_WAIT_MS = 60_000;
const MIN_OFF_MS = { mains: 5_000, port: 2_000 } as const;

export interface BuiltMachine {
  readonly spec: MachineSpec;
  readonly at: Span;
  /** Entries as resolved, for `config show`. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Outlets that command, with where they are configured; for the check of doubled outlets. */
  readonly commands: readonly Use[];
  readonly queries: readonly Use[];
}

export interface MachineServices extends UseServices {
  readonly profiles: MapValue | undefined;
}

const MACHINE_KEYS = Object.keys(MACHINE.shape);
const STRUCTURE_KEYS = Object.keys(MACHINE_STRUCTURE);

/** All machines, in the order written. */
export function buildMachines(machines: MapValue, services: MachineServices): BuiltMachine[] {
  const { problems } = services;
  const written = new Map<
    string,
    { readonly member: Member; readonly entry: MapValue; readonly key: Span; readonly range: boolean }
  >();
  for (const [name, { key, value }] of machines.entries) {
    if (value.kind !== "map") {
      problems.error(value.at, {
        code: "bad-value",
        message: `machine "${name}" must be a map such as { driver: …, … }`,
      });
      continue;
    }
    const entry = withProfiles(value, services);
    for (const member of membersOf(name, key, problems)) {
      const known = written.get(member.name);
      if (!known) {
        written.set(member.name, { member, entry, key, range: member.n !== undefined });
        continue;
      }
      const override = value.entries.get("override")?.value;
      if (override?.kind === "scalar" && override.value === true && known.range) {
        const merged: MapValue = { ...known.entry, entries: new Map([...known.entry.entries, ...value.entries]) };
        written.set(member.name, { ...known, entry: merged, key });
        continue;
      }
      const { line } = known.key.source.position(known.key.start);
      problems.error(key, {
        code: "twice",
        message: `machine "${member.name}" is already given at ${known.key.source.file}:${line}`,
        hint: known.range ? "To replace single values of that range, add `override: true` here." : undefined,
      });
    }
  }
  return [...written.values()].flatMap(
    ({ member, entry, key }) => buildMachine({ member: { ...member }, entry, key }, services) ?? [],
  );
}

/** The entry over its profiles: its own keys win, lists and maps are replaced, tags add up. */
function withProfiles(entry: MapValue, { profiles, problems }: MachineServices): MapValue {
  const use = entry.entries.get("use");
  if (!use) return entry;
  const names = use.value.kind === "list" ? use.value.items : [use.value];
  const entries = new Map<string, Entry>();
  const tags: Value[] = [];
  const addTags = (from: MapValue) => {
    const value = from.entries.get("tags")?.value;
    if (value?.kind === "list") tags.push(...value.items);
  };
  for (const name of names) {
    const text = name.kind === "scalar" ? String(name.value) : "";
    const profile = profiles?.entries.get(text);
    if (!profile) {
      const near = nearest(text, profiles?.entries.keys() ?? []);
      problems.error(name.at, {
        code: "unknown-profile",
        message: `unknown profile "${text}"${near === undefined ? "" : `, did you mean "${near}"?`}`,
        hint: "Profiles are listed under `profiles:`.",
      });
    } else if (profile.value.kind === "map") {
      addTags(profile.value);
      for (const [key, value] of profile.value.entries) entries.set(key, value);
    }
  }
  addTags(entry);
  for (const [key, value] of entry.entries) entries.set(key, value);
  const [tagKey] = [entries.get("tags")];
  if (tagKey?.value.kind === "list") entries.set("tags", { ...tagKey, value: { ...tagKey.value, items: tags } });
  return { ...entry, entries };
}

interface Building {
  readonly member: Member;
  readonly entry: MapValue;
  readonly key: Span;
}

function buildMachine(building: Building, services: MachineServices): BuiltMachine | undefined {
  const { member, entry, key } = building;
  const { problems } = services;
  const before = problems.errors;
  const of = `of machine ${member.name}`;
  for (const later of LATER_MACHINE) {
    const given = entry.entries.get(later);
    if (given) problems.error(given.key, notYet(later));
  }
  const settingsEntries = ownFields(building, MACHINE, problems);
  const settings = checked(MACHINE, { ...entry, entries: settingsEntries }, problems);
  if (!settings) return undefined;

  const parts = new Parts(building, { services, of, settings });
  const short = parts.short();
  if (!entry.entries.has("hub") && !entry.entries.has("driver"))
    refuseUnknownKeys(entry, { known: [...MACHINE_KEYS, ...STRUCTURE_KEYS, ...LATER_MACHINE], of }, problems);
  const { supplies, afterAc } = parts.supplies(short);
  const stages = {
    on: parts.stages("on", short),
    off: parts.stages("off", short),
    cycle: parts.stages("cycle", short),
    reset: parts.stages("reset", short),
  };
  const query = parts.query(short);
  const nothing = supplies.length === 0 && VERBS.every((verb) => stages[verb].length === 0) && !query;
  if (nothing && problems.errors === before) {
    problems.error(key, {
      code: "no-driver",
      message: `machine "${member.name}" has nothing that acts or reads`,
      hint: "Give it `hub:` or `driver:`, a `supply:`, or `on:`, `off:` and `query:`.",
    });
  }
  if (nothing) return undefined;

  const cuts = supplies.map((supply) => cutsOf(supply.outlet.hub.driver, supply.outlet.settings));
  const { mac, address, protect, when_already_on, min_off, how, description, above, ...rest } = settings;
  const facts: MachineFacts = {
    name: member.name,
    ...(mac !== undefined && { mac }),
    ...(address !== undefined && { address }),
  };
  const spec: MachineSpec = {
    facts,
    ...(description !== undefined && { description }),
    tags: rest.tags,
    enabled: rest.enabled,
    protect: protect ?? "nobody",
    whenAlreadyOn: when_already_on,
    supplies,
    afterAc,
    stages,
    ...(query && { query }),
    ...(above !== undefined && { above }),
    verify: rest.verify,
    minOff: min_off ?? (cuts.includes("mains") ? MIN_OFF_MS.mains : cuts.includes("port") ? MIN_OFF_MS.port : 0),
    fresh: rest.fresh,
    settle: rest.settle,
    cut: rest.cut,
    ...(how && { how }),
    poll: rest.poll,
  };
  return {
    spec,
    at: key,
    entries: new Map([...settingsEntries, ...parts.shown]),
    commands: parts.commands,
    queries: parts.queries,
  };
}

/** Entries of the machine's own settings, for this member; its MAC and address are known to placeholders from then on. */
function ownFields({ member, entry }: Building, schema: z.ZodObject, problems: Problems): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const shape: Record<string, z.ZodType> = schema.shape;
  const facts = ["mac", "address"];
  for (const key of [...facts, ...Object.keys(shape).filter((name) => !facts.includes(name))]) {
    const given = entry.entries.get(key);
    const field = shape[key];
    const value = given && field && own(given.value, member, problems, isListField(field));
    if (!given || !field || !value) continue;
    entries.set(key, { ...given, value });
    const parsed = field.safeParse(value.kind === "scalar" ? value.value : undefined);
    if ((key === "mac" || key === "address") && parsed.success && typeof parsed.data === "string")
      member[key] = parsed.data;
  }
  return entries;
}

interface PartsOptions {
  readonly services: MachineServices;
  readonly of: string;
  readonly settings: z.output<typeof MACHINE>;
}

/** What a machine is made of: its uses of drivers, short or per verb. */
class Parts {
  readonly #building: Building;
  readonly #options: PartsOptions;
  readonly shown = new Map<string, Entry>();
  readonly commands: Use[] = [];
  readonly queries: Use[] = [];

  constructor(building: Building, options: PartsOptions) {
    this.#building = building;
    this.#options = options;
  }

  /** The short form: `hub:` or `driver:` at the machine itself. */
  short(): Use | undefined {
    const { entry, member } = this.#building;
    if (!entry.entries.has("hub") && !entry.entries.has("driver")) return undefined;
    const { services, of } = this.#options;
    const use = resolveUse(
      { entry, member, alsoKnown: [...MACHINE_KEYS, ...STRUCTURE_KEYS, ...LATER_MACHINE], of },
      services,
    );
    if (!use) return undefined;
    for (const [key, value] of use.entries) this.shown.set(key, value);
    return use;
  }

  supplies(short: Use | undefined): {
    readonly supplies: readonly SupplySpec[];
    readonly afterAc: MachineSpec["afterAc"];
  } {
    const supplies: SupplySpec[] = [];
    let afterAc: MachineSpec["afterAc"] = "starts";
    if (short && isSupply(short)) {
      supplies.push({ outlet: short.outlet });
      this.commands.push(short);
    }
    for (const entry of this.#list("supply")) {
      const use = this.#use(entry, { alsoKnown: Object.keys(SUPPLY.shape) });
      const own = checked(SUPPLY, onlyKeys(entry, Object.keys(SUPPLY.shape)), this.#options.services.problems);
      if (!use || !own) continue;
      if (own.after_ac === "stays_off") afterAc = "stays_off";
      supplies.push({ outlet: use.outlet });
      this.commands.push(use);
    }
    return { supplies, afterAc };
  }

  stages(verb: Verb, short: Use | undefined): readonly StageSpec[] {
    const { settings, services } = this.#options;
    const entries = this.#list(verb);
    if (!this.#building.entry.entries.has(verb)) {
      if (!short || isSupply(short)) return [];
      const { driver } = short.outlet.hub;
      const can = capabilities(driver, short.outlet.settings);
      if (!can.has(verb)) return [];
      if (!this.commands.includes(short)) this.commands.push(short);
      return [
        { outlet: short.outlet, wait: softOnly(driver, short.outlet.settings, verb) ? SOFT_WAIT_MS : settings.verify },
      ];
    }
    return entries.flatMap((entry): StageSpec[] => {
      const use = this.#use(entry, { alsoKnown: Object.keys(STAGE.shape), verb });
      const own = checked(STAGE, onlyKeys(entry, Object.keys(STAGE.shape)), services.problems);
      if (!use || !own) return [];
      const { driver } = use.outlet.hub;
      const can = capabilities(driver, use.outlet.settings);
      if (!can.has(verb)) {
        services.problems.error(entry.at, {
          code: "cannot",
          message: `${driver.name} cannot ${verb}${this.#options.of.replace("of", ": it stands at")}`,
          hint: `It can: ${[...can].join(", ") || "nothing with these settings"}.`,
        });
        return [];
      }
      if (own.how && !can.has(own.how)) {
        services.problems.error(entry.at, { code: "cannot", message: `${driver.name} has no ${own.how} off` });
        return [];
      }
      this.commands.push(use);
      const soft = own.how === "soft" || softOnly(driver, use.outlet.settings, verb);
      return [
        {
          outlet: use.outlet,
          ...(own.how && { how: own.how }),
          wait: own.wait ?? (soft ? SOFT_WAIT_MS : settings.verify),
        },
      ];
    });
  }

  query(short: Use | undefined): QuerySpec | undefined {
    const entry = this.#building.entry.entries.get("query");
    if (entry) {
      this.shown.set("query", entry);
      return this.#querySpec(entry.value);
    }
    if (!short || isSupply(short) || !capabilities(short.outlet.hub.driver, short.outlet.settings).has("query"))
      return undefined;
    this.queries.push(short);
    return { kind: "one", outlet: short.outlet };
  }

  #querySpec(value: Value): QuerySpec | undefined {
    const { problems } = this.#options.services;
    if (value.kind === "list") return this.#querySpecs("first", value.items, value.at);
    if (value.kind !== "map") {
      problems.error(value.at, {
        code: "bad-value",
        message: "query must be a map such as { driver: reachable }, or a list of them",
      });
      return undefined;
    }
    for (const kind of ["all", "any"] as const) {
      const of = value.entries.get(kind)?.value;
      if (of?.kind === "list" && value.entries.size === 1) return this.#querySpecs(kind, of.items, of.at);
    }
    const use = this.#use(value, { alsoKnown: [], verb: "query" });
    if (!use) return undefined;
    const { driver } = use.outlet.hub;
    if (!capabilities(driver, use.outlet.settings).has("query")) {
      problems.error(value.at, {
        code: "cannot",
        message: `${driver.name} cannot tell a state${this.#options.of.replace("of", ": it stands at")}`,
      });
      return undefined;
    }
    this.queries.push(use);
    return { kind: "one", outlet: use.outlet };
  }

  #querySpecs(kind: "first" | "all" | "any", values: readonly Value[], at: Span): QuerySpec | undefined {
    const of = values.flatMap((value) => this.#querySpec(value) ?? []);
    if (values.length === 0)
      this.#options.services.problems.error(at, { code: "bad-value", message: "the list of queries is empty" });
    return of.length > 0 ? { kind, of } : undefined;
  }

  /** The maps under a key that takes one or a list. */
  #list(key: "supply" | Verb): MapValue[] {
    const entry = this.#building.entry.entries.get(key);
    if (!entry) return [];
    this.shown.set(key, entry);
    const values = entry.value.kind === "list" ? entry.value.items : [entry.value];
    return values.flatMap((value): MapValue[] => {
      if (value.kind === "map") return [value];
      this.#options.services.problems.error(value.at, {
        code: "bad-value",
        message: `${key} must be a map such as { driver: … }, or a list of them`,
      });
      return [];
    });
  }

  #use(
    entry: MapValue,
    more: { readonly alsoKnown: readonly string[]; readonly verb?: Verb | "query" },
  ): Use | undefined {
    const { services, of } = this.#options;
    return resolveUse({ entry, member: this.#building.member, of, ...more }, services);
  }
}

function isSupply(use: Use): boolean {
  const cuts = cutsOf(use.outlet.hub.driver, use.outlet.settings);
  return cuts === "mains" || cuts === "port";
}

function softOnly(driver: Driver, settings: unknown, verb: Verb): boolean {
  const can = capabilities(driver, settings);
  return verb === "off" && can.has("soft") && !can.has("hard");
}

function onlyKeys(entry: MapValue, keys: readonly string[]): MapValue {
  return { ...entry, entries: new Map([...entry.entries].filter(([key]) => keys.includes(key))) };
}

export function notYet(key: string): { readonly code: string; readonly message: string; readonly hint: string } {
  return {
    code: "not-available-yet",
    message: `\`${key}\` is not available in this version`,
    hint: "Take it out for now: a setting that does nothing would be a lie.",
  };
}
