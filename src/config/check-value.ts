/** Checks values by zod schemas, and says what is wrong at the value's own place. */
import { z } from "zod";
import { nearest } from "../power/names.ts";
import type { Problems } from "./problem.ts";
import { type MapValue, plain, spanAt, type Value } from "./value.ts";

/** What the schema makes of the value; undefined where it does not fit, said in the problems. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: Value,
  problems: Problems,
): z.output<Schema> | undefined {
  const result = schema.safeParse(plain(value));
  if (result.success) return result.data;
  for (const issue of result.error.issues) tell(issue, value, problems);
  return undefined;
}

/** Complains of keys that are not known, each with the nearest one that is. */
export function refuseUnknownKeys(
  value: MapValue,
  options: { readonly known: Iterable<string>; readonly of: string },
  problems: Problems,
): void {
  const known = [...options.known];
  for (const [key, entry] of value.entries) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    problems.error(entry.key, {
      code: "unknown-key",
      message: `unknown key "${key}"${options.of === "" ? "" : ` ${options.of}`}${near === undefined ? "" : `, did you mean "${near}"?`}`,
      hint: near === undefined ? `Known here: ${known.slice(0, 30).join(", ")}.` : undefined,
    });
  }
}

function tell(issue: z.core.$ZodIssue, value: Value, problems: Problems): void {
  const path = issue.path;
  const at = spanAt(value, path);
  const name = path.length > 0 ? `"${path.map(String).join(".")}" ` : "";
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys) {
      problems.error(spanAt(value, path), { code: "unknown-key", message: `unknown key "${key}"` });
    }
    return;
  }
  problems.error(at, { code: "bad-value", message: `${name}${sentence(issue, valueAt(value, path))}` });
}

/** Stands for a value that must not be quoted. */
const HIDDEN = Symbol("hidden");

function valueAt(value: Value, path: readonly PropertyKey[]): unknown {
  let inner: Value | undefined = value;
  for (const step of path) {
    if (inner?.kind === "map") inner = inner.entries.get(String(step))?.value;
    else inner = inner?.kind === "list" ? inner.items[Number(step)] : undefined;
  }
  if (inner?.kind === "scalar" && inner.secret && inner.value !== null) return HIDDEN;
  return inner && plain(inner);
}

function sentence(issue: z.core.$ZodIssue, input: unknown): string {
  switch (issue.code) {
    case "invalid_type":
      return input === undefined ? "is missing" : `must be ${article(issue.expected)}, not ${describe(input)}`;
    case "invalid_value": {
      const values = issue.values.map(String);
      const near = typeof input === "string" ? nearest(input, values) : undefined;
      return `must be ${values.length === 1 ? values[0] : `one of ${values.join(", ")}`}, not ${describe(input)}${near === undefined ? "" : `; did you mean "${near}"?`}`;
    }
    case "invalid_union":
      return unionSentence(issue, input);
    case "too_small":
      return issue.origin === "string" ? "must not be empty" : `must be at least ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    case "unrecognized_keys":
      return `has unknown keys: ${issue.keys.join(", ")}`;
    case "custom":
    case "invalid_format":
      return issue.message;
    default:
      return issue.message;
  }
}

/** What came nearest of a union's ways, or what they all want. */
function unionSentence(issue: z.core.$ZodIssueInvalidUnion, input: unknown): string {
  const issues = issue.errors.map((branch) => branch[0]).filter((first) => first !== undefined);
  const precise = issues.find((first) => first.code !== "invalid_type" || first.path.length > 0);
  if (precise) {
    const where = precise.path.length > 0 ? `at "${precise.path.map(String).join(".")}" ` : "";
    const inner = precise.path.reduce<unknown>(
      (outer, step) =>
        typeof outer === "object" && outer !== null ? (outer as Record<PropertyKey, unknown>)[step] : undefined,
      input,
    );
    return `${where}${sentence(precise, inner)}`;
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

function describe(input: unknown): string {
  if (input === HIDDEN) return "what the tag gives";
  if (input === null) return "empty";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object") return "a map";
  const text = typeof input === "string" ? input : JSON.stringify(input);
  return `"${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`;
}

/** Is the field a list by its schema, so that a list is its value and not one value a member? */
export function isListField(type: z.ZodType): boolean {
  if (type instanceof z.ZodArray || type instanceof z.ZodTuple) return true;
  if (
    type instanceof z.ZodOptional ||
    type instanceof z.ZodDefault ||
    type instanceof z.ZodPrefault ||
    type instanceof z.ZodNullable
  ) {
    return isListField(type.unwrap() as z.ZodType);
  }
  if (type instanceof z.ZodPipe) return isListField(type.in as z.ZodType);
  if (type instanceof z.ZodUnion) return type.options.some((option) => isListField(option as z.ZodType));
  return false;
}
