/** Checks values by zod schemas, and says what is wrong at the value's own place. */
import { z } from "zod";
import { nearest } from "../power/names.ts";
import type { Problems } from "./problem.ts";
import { isSecret, MASK, type MapValue, plain, quoted, shownText, spanAt, type Value, valueAt } from "./value.ts";

/** A list of more keys than this helps nobody. */
const MOST_LISTED = 60;

export interface CheckOptions {
  /** What the value as a whole is called. */
  readonly name?: string;
  /** Keys about which everything was said already. */
  readonly silent?: ReadonlySet<string>;
}

/** What the schema makes of the value; undefined where it does not fit, said in the problems. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: Value,
  problems: Problems,
  { silent, name = "" }: CheckOptions = {},
): z.output<Schema> | undefined {
  refuseUnknownWithin(schema, value, { name: "", problems });
  const result = schema.safeParse(plain(value));
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    if (!silent?.has(String(issue.path[0]))) tell(issue, { schema, value, name, problems });
  }
  return undefined;
}

/** Complains of a value, unless it was said already what is wrong with it. */
export function refuse(value: Value, message: string, problems: Problems): void {
  if (value.kind === "scalar" && value.broken) return;
  problems.error(value.at, { code: "bad-value", message });
}

/** Complains of keys that are not known, each with the nearest one that is. */
export function refuseUnknownKeys(
  value: MapValue,
  options: { readonly known: ReadonlySet<string>; readonly of: string },
  problems: Problems,
): void {
  const { known, of } = options;
  for (const [key, entry] of value.entries) {
    if (known.has(key)) continue;
    const near = problems.didYouMean(key, known);
    problems.error(entry.key, {
      code: "unknown-key",
      message: `unknown key "${key}"${of === "" ? "" : ` ${of}`}${near}`,
      hint: near === "" && known.size <= MOST_LISTED ? `Known here: ${[...known].join(", ")}.` : undefined,
    });
  }
}

/** The same for maps inside the value: a schema that says nothing of other keys knows none. */
function refuseUnknownWithin(
  schema: z.ZodType,
  value: Value,
  { name, problems }: { readonly name: string; readonly problems: Problems },
): void {
  if (value.kind === "scalar") return;
  const inner = inside(schema, value);
  if (value.kind === "list") {
    if (!(inner instanceof z.ZodArray)) return;
    for (const item of value.items) refuseUnknownWithin(inner.element as z.ZodType, item, { name, problems });
  } else if (inner instanceof z.ZodRecord) {
    for (const entry of value.entries.values()) {
      refuseUnknownWithin(inner.valueType as z.ZodType, entry.value, { name, problems });
    }
  } else if (inner instanceof z.ZodObject) {
    const shape: Record<string, z.ZodType> = inner.shape;
    if (inner.def.catchall === undefined || inner.def.catchall instanceof z.ZodNever) {
      refuseUnknownKeys(value, { known: new Set(Object.keys(shape)), of: name === "" ? "" : `in ${name}` }, problems);
    }
    for (const [key, entry] of value.entries) {
      const field = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (field) refuseUnknownWithin(field, entry.value, { name: name === "" ? key : `${name}.${key}`, problems });
    }
  }
}

/** The object, record or array that the schema wants in that place; undefined where it is none or not to be told. */
function inside(schema: z.ZodType, value: Value): z.ZodType | undefined {
  const bare = unwrapped(schema);
  if (!(bare instanceof z.ZodUnion)) return bare;
  const fitting = bare.options
    .map((option) => unwrapped(option as z.ZodType))
    .filter((option) =>
      value.kind === "list"
        ? option instanceof z.ZodArray
        : option instanceof z.ZodObject || option instanceof z.ZodRecord,
    );
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** The schema without `optional`, `default`, transformations and their like. */
export function unwrapped(schema: z.ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema instanceof z.ZodPipe ? unwrapped(schema.in as z.ZodType) : schema;
}

interface Telling {
  readonly schema: z.ZodType;
  readonly value: Value;
  readonly name: string;
  readonly problems: Problems;
}

function tell(issue: z.core.$ZodIssue, { schema, value, name: whole, problems }: Telling): void {
  const path = issue.path;
  if (issue.code === "unrecognized_keys") {
    // Mostly refused before, with the near name; one place is complained of once.
    const map = valueAt(value, path);
    for (const key of issue.keys) {
      const at = (map?.kind === "map" ? map.entries.get(key)?.key : undefined) ?? spanAt(value, path);
      problems.error(at, { code: "unknown-key", message: `unknown key "${key}"` });
    }
    return;
  }
  const input = valueAt(value, path);
  if (input?.kind === "scalar" && input.broken) return;
  const said = sentence(issue, input);
  const name = path.length === 0 ? whole : path.map(String).join(".");
  problems.error(spanAt(value, path), {
    code: "bad-value",
    message: name === "" ? said : said.startsWith('"') ? `${name}: ${said}` : `"${name}" ${said}`,
    hint: issue.code === "invalid_type" && issue.expected === "string" ? textHint(schema, path, input) : undefined,
  });
}

/** What a number or true or false must become where a text is wanted. */
function textHint(schema: z.ZodType, path: readonly PropertyKey[], input: Value | undefined): string | undefined {
  if (input?.kind !== "scalar" || (typeof input.value !== "number" && typeof input.value !== "boolean"))
    return undefined;
  const field = schema instanceof z.ZodObject && path.length === 1 ? schema.shape[String(path[0])] : undefined;
  const inQuotes = field instanceof z.ZodType ? field.safeParse(String(input.value)) : undefined;
  const said = inQuotes?.error?.issues[0];
  if (said?.code === "custom" && !isSecret(input)) return said.message;
  return "Write it in quotes to make it a text.";
}

function sentence(issue: z.core.$ZodIssue, input: Value | undefined): string {
  switch (issue.code) {
    case "invalid_type":
      return input === undefined ? "is missing" : `must be ${article(issue.expected)}, not ${describe(input)}`;
    case "invalid_value": {
      const values = [...new Set(issue.values.map(String))];
      const near = input?.kind === "scalar" && !isSecret(input) ? nearest(String(input.value), values) : undefined;
      const wanted = `must be ${values.length === 1 ? values[0] : `one of ${values.join(", ")}`}`;
      if (input === undefined) return `is missing; it ${wanted}`;
      return `${wanted}, not ${describe(input)}${near === undefined ? "" : `, did you mean "${near}"?`}`;
    }
    case "invalid_union":
      return unionSentence(issue, input);
    case "too_small":
      return issue.minimum === 1 && issue.origin !== "number" && issue.origin !== "int"
        ? "must not be empty"
        : `must ${sized(issue.origin)} at least ${issue.minimum}${unitOf(issue.origin)}`;
    case "too_big":
      return `must ${sized(issue.origin)} at most ${issue.maximum}${unitOf(issue.origin)}`;
    case "unrecognized_keys":
      return `has unknown keys: ${issue.keys.join(", ")}`;
    default: {
      // A schema's own words may quote what it was given.
      const secret = input?.kind === "scalar" && isSecret(input) ? String(input.value) : "";
      return secret === "" ? issue.message : issue.message.replaceAll(secret, MASK);
    }
  }
}

function sized(origin: string): string {
  return origin === "string" || origin === "array" ? "have" : "be";
}

function unitOf(origin: string): string {
  return origin === "string" ? " characters" : origin === "array" ? " items" : "";
}

/** What came nearest of a union's ways, or what they all want. */
function unionSentence(issue: z.core.$ZodIssueInvalidUnion, input: Value | undefined): string {
  const issues = issue.errors.map((branch) => branch[0]).filter((first) => first !== undefined);
  const precise = issues.find((first) => first.code !== "invalid_type" || first.path.length > 0);
  if (precise) {
    const where = precise.path.length > 0 ? `at "${precise.path.map(String).join(".")}" ` : "";
    return `${where}${sentence(precise, input && valueAt(input, precise.path))}`;
  }
  if (input === undefined) return "is missing";
  const wanted = issues.flatMap((first) => (first.code === "invalid_type" ? [article(first.expected)] : []));
  return `must be ${[...new Set(wanted)].join(" or ")}, not ${describe(input)}`;
}

function article(type: string): string {
  const words: Record<string, string> = {
    string: "a text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
    object: "a map",
    record: "a map",
  };
  return words[type] ?? type;
}

function describe(input: Value): string {
  if (input.kind === "scalar" && input.value === null) return "empty";
  if (input.kind === "scalar" && isSecret(input)) return "what is written there";
  return input.kind === "scalar" ? quoted(input) : shownText(input);
}

/** Is the field a list by its schema, so that a list is its value and not one value a member? */
export function isListField(type: z.ZodType): boolean {
  const bare = unwrapped(type);
  if (bare instanceof z.ZodUnion) return bare.options.some((option) => isListField(option as z.ZodType));
  return bare instanceof z.ZodArray || bare instanceof z.ZodTuple;
}
