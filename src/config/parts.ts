/** What a machine is made of: its supply, its stages and its query, in the short form or one verb at a time. */
import type { z } from "zod";
import { cutsOf, type Verb } from "../power/driver.ts";
import type { MachineSpec, QuerySpec, StageSpec, SupplySpec } from "../power/spec.ts";
import { refuse } from "./check-value.ts";
import type { Member } from "./member.ts";
import { checkedFields, ownEntries, shapeOf } from "./member-fields.ts";
import { MACHINE, MACHINE_STRUCTURE, STAGE, SUPPLY } from "./schema.ts";
import type { Span } from "./source.ts";
import { resolveUse, type Use, type UseServices } from "./use.ts";
import { type Entry, joined, type MapValue, type Value } from "./value.ts";

/** A soft off is given this long (ms), unless the stage says otherwise. */
const SOFT_WAIT_MS = 60_000;

const MACHINE_KEYS = [...Object.keys(MACHINE.shape), ...Object.keys(MACHINE_STRUCTURE)];
const STAGE_KEYS = Object.keys(STAGE.shape);
const NO_KEYS: readonly string[] = [];
const SUPPLY_KEYS = Object.keys(SUPPLY.shape);

export interface PartsOptions {
  readonly member: Member;
  readonly entry: MapValue;
  readonly services: UseServices;
  /** How long a goal may take where a stage does not say (ms). */
  readonly verify: number;
}

export class Parts {
  readonly #options: PartsOptions;
  /** Entries as resolved, for `config show`. */
  readonly shown = new Map<string, Entry>();
  /** What commands. */
  readonly commands = new Set<Use>();
  /** What reads. */
  readonly queries: Use[] = [];

  constructor(options: PartsOptions) {
    this.#options = options;
  }

  /** The short form: `hub:` or `driver:` at the machine itself. */
  short(): Use | undefined {
    const { entry } = this.#options;
    if (!entry.entries.has("hub") && !entry.entries.has("driver")) return undefined;
    const use = this.#use(entry, { alsoKnown: MACHINE_KEYS });
    for (const [key, value] of use?.entries ?? []) this.shown.set(key, value);
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
      this.commands.add(short);
    }
    this.#each("supply", (entry) => {
      const use = this.#use(entry, { alsoKnown: SUPPLY_KEYS });
      const { settings, entries } = this.#own(SUPPLY, entry);
      if (!use || !settings) return undefined;
      if (settings.after_ac === "stays_off") afterAc = "stays_off";
      supplies.push({ outlet: use.outlet });
      this.commands.add(use);
      return shownUse(entry, use, entries);
    });
    return { supplies, afterAc };
  }

  stages(verb: Verb, short: Use | undefined): readonly StageSpec[] {
    if (this.#options.entry.entries.has(verb)) {
      const stages: StageSpec[] = [];
      this.#each(verb, (entry) => {
        const use = this.#use(entry, { alsoKnown: STAGE_KEYS, verb });
        const { settings, entries } = this.#own(STAGE, entry);
        if (!use || !settings || !this.#can(use, settings.how ?? verb, entry)) return undefined;
        const soft = settings.how === "soft" || isSoftOnly(use, verb);
        stages.push({
          outlet: use.outlet,
          ...(settings.how && { how: settings.how }),
          wait: settings.wait ?? (soft ? SOFT_WAIT_MS : this.#options.verify),
        });
        this.commands.add(use);
        return shownUse(entry, use, entries);
      });
      return stages;
    }
    if (!short || isSupply(short)) return [];
    if (!short.can.has(verb)) return [];
    this.commands.add(short);
    return [
      {
        outlet: short.outlet,
        wait: isSoftOnly(short, verb) ? SOFT_WAIT_MS : this.#options.verify,
      },
    ];
  }

  query(short: Use | undefined): QuerySpec | undefined {
    const entry = this.#options.entry.entries.get("query");
    if (entry) {
      const query = this.#querySpec(entry.value);
      if (query) this.shown.set("query", { ...entry, value: query.shown });
      return query?.spec;
    }
    if (!short || isSupply(short)) return undefined;
    if (!short.can.has("query")) return undefined;
    this.queries.push(short);
    return { kind: "one", outlet: short.outlet };
  }

  #querySpec(value: Value): ShownQuery | undefined {
    const { problems } = this.#options.services;
    if (value.kind === "list") return this.#querySpecs("first", value.items, value.at);
    if (value.kind !== "map") {
      refuse(value, "query must be a map such as { driver: reachable }, or a list of them", problems);
      return undefined;
    }
    for (const kind of ["all", "any"] as const) {
      const of = value.entries.get(kind);
      if (of?.value.kind !== "list" || value.entries.size > 1) continue;
      const query = this.#querySpecs(kind, of.value.items, of.value.at);
      return (
        query && {
          spec: query.spec,
          shown: { ...value, entries: new Map([[kind, { ...of, value: query.shown }]]) },
        }
      );
    }
    const use = this.#use(value, { alsoKnown: NO_KEYS, verb: "query" });
    if (!use || !this.#can(use, "query", value)) return undefined;
    this.queries.push(use);
    return { spec: { kind: "one", outlet: use.outlet }, shown: shownUse(value, use, new Map()) };
  }

  #querySpecs(kind: "first" | "all" | "any", values: readonly Value[], at: Span): ShownQuery | undefined {
    const of = values.flatMap((value) => this.#querySpec(value) ?? []);
    if (values.length === 0) {
      this.#options.services.problems.error(at, { code: "bad-value", message: "the list of queries is empty" });
    }
    if (of.length === 0) return undefined;
    return {
      spec: { kind, of: of.map(({ spec }) => spec) },
      shown: { kind: "list", items: of.map(({ shown }) => shown), at },
    };
  }

  /** Builds each map under a key that takes one or a list; what `build` answers is shown. */
  #each(key: "supply" | Verb, build: (entry: MapValue) => MapValue | undefined): void {
    const entry = this.#options.entry.entries.get(key);
    if (!entry) return;
    const { value } = entry;
    const { problems } = this.#options.services;
    const shown: Value[] = [];
    for (const item of value.kind === "list" ? value.items : [value]) {
      const built = item.kind === "map" ? build(item) : undefined;
      if (built) shown.push(built);
      if (item.kind === "map") continue;
      refuse(item, `${key} must be a map such as { driver: … }, or a list of them`, problems);
    }
    if (value.kind === "list" && value.items.length === 0) {
      refuse(value, `the list under ${key} is empty`, problems);
    }
    const [first] = shown;
    if (value.kind === "list") this.shown.set(key, { ...entry, value: { ...value, items: shown } });
    else if (first) this.shown.set(key, { ...entry, value: first });
  }

  /** What the entry says beside its driver's settings. */
  #own<Schema extends z.ZodObject>(schema: Schema, entry: MapValue): OwnSettings<Schema> {
    const { member, services } = this.#options;
    const { problems } = services;
    const own = ownEntries(entry, shapeOf(schema), { member, problems });
    return { settings: checkedFields(schema, entry, own, problems), entries: own.entries };
  }

  #can(use: Use, what: Verb | "query" | "soft" | "hard", entry: MapValue): boolean {
    const { driver } = use.outlet.hub;
    if (use.can.has(what)) return true;
    const at = entry.entries.get("driver")?.value.at ?? entry.entries.get("hub")?.value.at ?? entry.at;
    this.#options.services.problems.error(at, {
      code: "cannot",
      message: `${driver.name} ${CANNOT[what]}`,
      hint: use.can.size > 0 ? `It can: ${[...use.can].join(", ")}.` : "With these settings it can do nothing.",
    });
    return false;
  }

  #use(
    entry: MapValue,
    more: { readonly alsoKnown: readonly string[]; readonly verb?: Verb | "query" },
  ): Use | undefined {
    const { services, member } = this.#options;
    return resolveUse({ entry, member, of: `of machine ${member.name}`, ...more }, services);
  }
}

const CANNOT = {
  on: "cannot switch on",
  off: "cannot switch off",
  cycle: "has no cycle of its own; without `cycle:` it is off and on",
  reset: "has no reset of its own; without `reset:` it is a cycle",
  query: "cannot tell a state",
  soft: "has no soft off",
  hard: "has no hard off",
} as const;

interface OwnSettings<Schema extends z.ZodObject> {
  readonly settings: z.output<Schema> | undefined;
  readonly entries: ReadonlyMap<string, Entry>;
}

interface ShownQuery {
  readonly spec: QuerySpec;
  readonly shown: Value;
}

function shownUse(entry: MapValue, use: Use, more: ReadonlyMap<string, Entry>): MapValue {
  return { ...entry, entries: joined(use.entries, more) };
}

function isSupply(use: Use): boolean {
  const cuts = cutsOf(use.outlet.hub.driver, use.outlet.settings);
  return cuts === "mains" || cuts === "port";
}

function isSoftOnly({ can }: Use, verb: Verb): boolean {
  return verb === "off" && can.has("soft") && !can.has("hard");
}
