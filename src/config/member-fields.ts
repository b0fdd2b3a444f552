/** What a schema's fields hold for one member of a range. */
import { z } from "zod";
import type { Driver, Verb } from "../power/driver.ts";
import { fieldFacts } from "../wire/fields.ts";
import { checked, isListField, unwrapped } from "./check-value.ts";
import { factOf, type Member, own } from "./member.ts";
import type { Problems } from "./problem.ts";
import { PACE } from "./schema.ts";
import { type Entry, hidden, isHidden, type MapValue, type Value } from "./value.ts";

export interface Fields {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Keys of which it was said already what is wrong with them. */
  readonly silent: ReadonlySet<string>;
  /** Every member of the range has the same, as they are written. */
  readonly same: boolean;
  /** The key whose value is found before each exchange. */
  readonly sought?: string;
}

export const NO_FIELDS: Fields = { entries: new Map(), silent: new Set(), same: true };

/** By entry and schema: what the schema made of fields that are the same for every member. */
const settled = new WeakMap<MapValue, Map<z.ZodType, unknown>>();

/** What the schema makes of the fields; undefined where they do not fit, said in the problems. */
export function checkedFields<Schema extends z.ZodObject>(
  schema: Schema,
  entry: MapValue,
  fields: Fields,
  problems: Problems,
): z.output<Schema> | undefined {
  const known = settled.get(entry) ?? new Map<z.ZodType, unknown>();
  // What it holds under a schema was made by that schema.
  if (fields.same && known.has(schema)) return known.get(schema) as z.output<Schema>;
  const settings = checked(schema, { ...entry, entries: fields.entries }, problems, fields);
  if (fields.same && settings !== undefined) settled.set(entry, known.set(schema, settings));
  return settings;
}

/** Whose fields, and where they are written. */
export interface FieldsOf {
  readonly entry: MapValue;
  readonly member: Member;
  /** In the per-verb form: the verb whose value stands there. */
  readonly verb?: Verb | "query" | undefined;
}

/** The entries of a schema's fields, each for this member, facts of the machine filled in where nothing is written. */
export function fieldEntries(
  { entry, member, verb }: FieldsOf,
  schema: z.ZodObject,
  { driver, problems }: { readonly driver: Driver; readonly problems: Problems },
): Fields {
  const entries = new Map<string, Entry>();
  const silent = new Set<string>();
  let same = true;
  let sought: string | undefined;
  for (const [key, field] of Object.entries(shapeOf(schema))) {
    const facts = fieldFacts(field);
    const given = entry.entries.get(key);
    if (given) {
      const here = verb !== undefined && driver.perVerb?.includes(key) ? valueOfVerb(field, verb) : field;
      const value = fieldValue(given.value, { member, field: here, problems });
      same &&= isSame(value, given);
      if (value) entries.set(key, value === given.value ? given : { ...given, value });
      else silent.add(key);
      continue;
    }
    const fact = facts.from && factOf(member, facts.from);
    if (fact?.sought && !facts.own) {
      silent.add(key);
      problems.error(entry.at, {
        code: "address-sought",
        message: `${driver.name} needs the address of its own device, and MAAS knows that of machine ${member.name} itself`,
        hint: `Give \`${key}\` here. Only \`ssh\` and \`reachable\` take an address that MAAS is asked for.`,
      });
    } else if (fact !== undefined) {
      same = false;
      if (fact.sought) sought = key;
      const { text, secret } = fact;
      entries.set(key, { key: entry.at, value: { kind: "scalar", value: text, at: entry.at, secret } });
    } else if (facts.from && !field.safeParse(undefined).success) {
      silent.add(key);
      const here = facts.from === key ? "" : `\`${key}\`, or `;
      problems.error(entry.at, {
        code: "fact-missing",
        message: `${driver.name} needs ${here}\`${facts.from}\` at machine ${member.name}`,
      });
    }
  }
  return { entries, silent, same, ...(sought !== undefined && { sought }) };
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
): Fields {
  const entries = new Map<string, Entry>();
  const silent = new Set<string>();
  let same = true;
  for (const key of Object.keys(fields)) {
    const given = entry.entries.get(key);
    const field = fields[key];
    if (!given || !field) continue;
    const value = fieldValue(given.value, { member, field, problems });
    same &&= isSame(value, given);
    if (value) entries.set(key, value === given.value ? given : { ...given, value });
    else silent.add(key);
  }
  return { entries, silent, same };
}

function isSame(value: Value | undefined, given: Entry): boolean {
  return value === given.value || (value !== undefined && isHidden(value, given.value));
}

/** How a hub wants to be treated, as far as the driver has no keys of these names. */
export function paceFields(taken: ReadonlySet<string>): Readonly<Record<string, z.ZodType>> {
  return Object.fromEntries(Object.entries(shapeOf(PACE)).filter(([key]) => !taken.has(key)));
}

/** The fields of an object schema by name. */
export function shapeOf(schema: z.ZodObject | undefined): Readonly<Record<string, z.ZodType>> {
  return schema?.shape ?? {};
}

export function keysOf(schema: z.ZodObject | undefined): string[] {
  return Object.keys(schema?.shape ?? {});
}
