/** What there is to know about a driver's settings: the docs page and `maasochist drivers NAME` print the same. */
import { z } from "zod";
import { type Cut, capabilities, DEFAULT_PACE, type Driver, type Pace } from "../power/driver.ts";
import { formatDuration } from "../wire/duration.ts";
import { fieldDescription, fieldFacts } from "../wire/fields.ts";
import { PACE } from "./schema.ts";

export interface SettingFacts {
  readonly key: string;
  readonly type: string;
  readonly required: boolean;
  /** As written in YAML; undefined where there is none. */
  readonly default: string | undefined;
  readonly description: string;
  readonly secret: boolean;
}

export interface DriverFacts {
  readonly name: string;
  readonly title: string;
  readonly family: string;
  readonly summary: string;
  readonly can: readonly string[];
  /** What `off` takes away, for people. */
  readonly cuts: string;
  readonly momentary: string;
  /** How the state comes about, one sentence each. */
  readonly reads: readonly string[];
  readonly hub: readonly SettingFacts[];
  readonly outlet: readonly SettingFacts[];
  readonly pace: readonly { readonly key: string; readonly value: string; readonly description: string }[];
  readonly notes: readonly string[];
  readonly examples: Driver["examples"];
  readonly sources: readonly string[];
}

const CUT_MEANINGS: Readonly<Record<Cut, string>> = {
  mains: "the mains: like a power failure, so it becomes the machine's supply",
  port: "the current of a port, such as PoE, so it becomes the machine's supply",
  button: "what a press of the power button does",
  bmc: "what the management controller cuts: the machine stops at once, its standby current stays",
  vm: "the virtual machine",
  os: "nothing by itself: it asks the operating system, and a machine that hangs stays on",
  nothing: "nothing",
  unknown: "not known",
};

export function driverFacts(driver: Driver): DriverFacts {
  const { without: _without, ...everything } = driver;
  const varies = "cuts" in driver.outlet.shape ? "what you say with `cuts`" : "depends on its settings";
  return {
    name: driver.name,
    title: driver.title,
    family: driver.family,
    summary: driver.summary,
    can: [...capabilities(everything, {})],
    cuts: typeof driver.cuts === "function" ? varies : CUT_MEANINGS[driver.cuts],
    momentary: typeof driver.momentary === "function" ? "depends on its settings" : driver.momentary ? "yes" : "no",
    reads: reads(driver),
    hub: settingFacts(driver.hub),
    outlet: settingFacts(driver.outlet),
    pace: pace(driver),
    notes: driver.notes ?? [],
    examples: driver.examples,
    sources: driver.sources,
  };
}

function reads({ query, watts, assumes, without }: Driver): string[] {
  const may = without ? ", where its settings give it one" : "";
  return [
    ...(query && assumes ? ["Nothing is measured: it tells what was proven or ordered last, always as assumed."] : []),
    ...(query && !assumes ? [`Its query asks at every reading${may}; what that answers counts as measured.`] : []),
    ...(watts
      ? [`Its meter tells watts${may}: with \`above\` they tell a machine that runs from one that is only fed.`]
      : []),
    ...(query || watts ? [] : ["It reads nothing: give the machine a `query:`, or a supply that can be read."]),
  ];
}

/** What there is to know about each field of a schema, in the order it was declared. */
export function settingFacts(schema: z.ZodObject | undefined): SettingFacts[] {
  if (!schema) return [];
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as {
    properties?: Record<string, JsonType>;
    required?: string[];
  };
  return Object.entries(schema.shape).map(([key, type]) => {
    const field = type as z.ZodType;
    const shape = json.properties?.[key] ?? {};
    const { from, secret, written } = fieldFacts(field);
    return {
      key,
      type: written ?? typeWords(shape),
      required: json.required?.includes(key) ?? false,
      default: from === undefined ? yaml(shape.default) : `the machine's \`${from}\``,
      description: fieldDescription(field) ?? "",
      secret: secret ?? false,
    };
  });
}

/** A default as it would be written; an empty one is as good as none. */
function yaml(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.length === 0 ? undefined : `[${value.map(flowItem).join(", ")}]`;
  if (value === undefined || (typeof value === "object" && value !== null)) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function flowItem(value: unknown): string {
  const text = String(value);
  return /^[\w.-]+$/.test(text) ? text : JSON.stringify(text);
}

interface JsonType {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonType[];
  readonly items?: JsonType;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
}

function typeWords(shape: JsonType): string {
  if (shape.enum) return codes(shape.enum);
  if (shape.const !== undefined) return `\`${JSON.stringify(shape.const)}\``;
  if (shape.anyOf) return [...new Set(shape.anyOf.map(typeWords))].join(" or ");
  switch (shape.type) {
    case "array":
      return shape.items?.type || shape.items?.enum ? `list of ${plural(typeWords(shape.items))}` : "list";
    case "object":
      return shape.properties ? `map of ${codes(Object.keys(shape.properties))}` : "map";
    case "string":
      return "text";
    case "integer":
      return "whole number";
    case "number":
      return "number";
    case "boolean":
      return "true or false";
    default:
      return "value";
  }
}

function codes(words: readonly unknown[]): string {
  return [...new Set(words.map(String))].map((word) => `\`${word}\``).join(", ");
}

function plural(words: string): string {
  return /^(text|map|number|whole number)$/.test(words) ? `${words}s` : words;
}

function pace(driver: Driver): DriverFacts["pace"] {
  const values: Pace = { ...DEFAULT_PACE, ...driver.pace };
  const keys = Object.keys(PACE.shape) as (keyof Pace)[];
  return keys.map((key) => ({
    key,
    value: key === "concurrency" ? String(values[key]) : formatDuration(values[key]),
    description: fieldDescription(PACE.shape[key]) ?? "",
  }));
}
