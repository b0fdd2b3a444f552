/** A form's fields, out of a driver's JSON Schema; and out of what was typed, the settings as they stand in the configuration. */

/** A JSON Schema, as far as drivers' settings use it. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly writeOnly?: boolean;
  /** The machine's own fact that fills it where it is left empty. */
  readonly "x-from"?: string;
  /** How a text is written: `duration`. */
  readonly "x-written"?: string;
}

type Scalar = "string" | "number" | "boolean";

interface Named {
  readonly key: string;
  readonly description: string;
  readonly required: boolean;
  /** What holds where it is left empty, in words. */
  readonly preset?: string;
}

export type Field =
  | (Named & {
      readonly kind: "text";
      readonly reads: readonly Scalar[];
      readonly secret: boolean;
      readonly from?: string;
    })
  | (Named & { readonly kind: "flag" })
  | (Named & { readonly kind: "choice"; readonly values: readonly (string | number)[] })
  /** One value a line. */
  | (Named & { readonly kind: "list"; readonly reads: readonly Scalar[] })
  /** `name: value`, one a line. */
  | (Named & { readonly kind: "pairs"; readonly secret: boolean })
  | (Named & { readonly kind: "group"; readonly fields: readonly Field[] });

/** What was typed, by field; of groups by their fields' names. */
export interface Typed {
  readonly [key: string]: string | Typed;
}

export function fieldsOf(schema: Schema): Field[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([key, property]) => fieldOf(key, property, required.has(key)));
}

function fieldOf(key: string, schema: Schema, required: boolean): Field {
  const { description = key, default: preset, writeOnly: secret = false, "x-from": from } = schema;
  const words = presetWords(preset);
  const named = { key, description, required, ...(words !== undefined && { preset: words }) };
  const alternatives = flattened(schema);
  const [only] = alternatives;
  if (only && alternatives.length === 1) {
    if (only.properties) return { ...named, kind: "group", fields: fieldsOf(only) };
    if (only.type === "object") return { ...named, kind: "pairs", secret };
    if (only.type === "array") return { ...named, kind: "list", reads: scalarsOf(flattened(only.items ?? {})) };
    if (only.type === "boolean" && only.const === undefined) return { ...named, kind: "flag" };
  }
  const values = alternatives.flatMap(
    (alternative) => alternative.enum ?? (alternative.const === undefined ? [] : [alternative.const]),
  );
  if (
    alternatives.length > 0 &&
    alternatives.every((alternative) => alternative.enum ?? alternative.const !== undefined)
  )
    return { ...named, kind: "choice", values: distinct(values) };
  return { ...named, kind: "text", reads: scalarsOf(alternatives), secret, ...(from !== undefined && { from }) };
}

/** `anyOf` within `anyOf`, and several types at once, as one list of alternatives. */
function flattened(schema: Schema): Schema[] {
  if (schema.anyOf) return schema.anyOf.flatMap(flattened);
  if (typeof schema.type === "object") return schema.type.map((type) => ({ ...schema, type }));
  return [schema];
}

function scalarsOf(alternatives: readonly Schema[]): Scalar[] {
  const found = new Set<Scalar>();
  for (const { type, const: constant } of alternatives) {
    if (type === "integer" || type === "number" || typeof constant === "number") found.add("number");
    else if (type === "boolean") found.add("boolean");
    else if (type === "string") found.add("string");
  }
  return found.size === 0 ? ["string"] : [...found];
}

/** Some take a number as a text too: that is one choice. */
function distinct(values: readonly unknown[]): (string | number)[] {
  const found = new Map<string, string | number>();
  for (const value of values)
    if (typeof value === "string" || typeof value === "number") found.set(String(value), value);
  return [...found.values()];
}

function presetWords(preset: unknown): string | undefined {
  if (preset === undefined || preset === "" || preset === null) return undefined;
  if (Array.isArray(preset)) return preset.length === 0 ? undefined : preset.join(", ");
  if (typeof preset === "object") return undefined;
  if (typeof preset === "boolean") return preset ? "yes" : "no";
  return typeof preset === "string" ? preset : JSON.stringify(preset);
}

/** What was typed, as the configuration takes it; what was left empty is left out. */
export function settingsOf(fields: readonly Field[], typed: Typed): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const field of fields) {
    const value = settingOf(field, typed[field.key]);
    if (value !== undefined) settings[field.key] = value;
  }
  return settings;
}

function settingOf(field: Field, typed: string | Typed | undefined): unknown {
  if (field.kind === "group") {
    const inner = typeof typed === "object" ? settingsOf(field.fields, typed) : {};
    return Object.keys(inner).length === 0 ? undefined : inner;
  }
  if (typeof typed !== "string") return undefined;
  // A password may begin or end with a space.
  const text = field.kind === "text" && field.secret ? typed : typed.trim();
  if (text === "") return undefined;
  switch (field.kind) {
    case "text":
      return scalar(text, field.secret ? ["string"] : field.reads);
    case "flag":
      return text === "yes";
    case "choice":
      return field.values.find((value) => String(value) === text) ?? text;
    case "list":
      return lines(text).map((line) => scalar(line, field.reads));
    case "pairs":
      return Object.fromEntries(lines(text).map(pair));
    default:
      return field satisfies never;
  }
}

function scalar(text: string, reads: readonly Scalar[]): string | number | boolean {
  // As it is: "007" is no number, and must stay what it is.
  if (reads.includes("number") && String(Number(text)) === text) return Number(text);
  if (reads.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  return text;
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

function pair(line: string): [string, string] {
  const at = line.indexOf(":");
  return at < 0 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

/** Names of what must be filled in and is not; what the machine's own facts fill is there when they are. */
export function missingOf(fields: readonly Field[], typed: Typed, facts: Typed): string[] {
  return fields
    .filter((field) => field.required && settingOf(field, typed[field.key]) === undefined)
    .filter((field) => !(field.kind === "text" && field.from !== undefined && facts[field.from]))
    .map((field) => field.key);
}
