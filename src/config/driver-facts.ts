/** What there is to know about a driver's settings: the docs page and `maasochist drivers NAME` print the same. */
import { z } from "zod";
import { capabilities, DEFAULT_PACE, type Driver, type Pace } from "../power/driver.ts";
import { formatDuration } from "../wire/duration.ts";
import { fieldDescription, fieldFacts } from "../wire/fields.ts";

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
  readonly cuts: string;
  readonly momentary: string;
  readonly hub: readonly SettingFacts[];
  readonly outlet: readonly SettingFacts[];
  readonly pace: readonly { readonly key: string; readonly value: string; readonly description: string }[];
  readonly notes: readonly string[];
  readonly examples: Driver["examples"];
  readonly sources: readonly string[];
}

export function driverFacts(driver: Driver): DriverFacts {
  const { without: _without, ...everything } = driver;
  return {
    name: driver.name,
    title: driver.title,
    family: driver.family,
    summary: driver.summary,
    can: [...capabilities(everything, {})],
    cuts: typeof driver.cuts === "function" ? "depends on its settings" : driver.cuts,
    momentary: typeof driver.momentary === "function" ? "depends on its settings" : driver.momentary ? "yes" : "no",
    hub: settings(driver.hub),
    outlet: settings(driver.outlet),
    pace: pace(driver),
    notes: driver.notes ?? [],
    examples: driver.examples,
    sources: driver.sources,
  };
}

function settings(schema: z.ZodObject | undefined): SettingFacts[] {
  if (!schema) return [];
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as {
    properties?: Record<string, JsonType>;
    required?: string[];
  };
  return Object.entries(schema.shape).map(([key, type]) => {
    const field = type as z.ZodType;
    const shape = json.properties?.[key] ?? {};
    const { from, secret } = fieldFacts(field);
    const given =
      shape.default === undefined
        ? undefined
        : typeof shape.default === "string"
          ? shape.default
          : JSON.stringify(shape.default);
    return {
      key,
      type: typeWords(shape),
      required: json.required?.includes(key) ?? false,
      default: from === undefined ? given : `the machine's \`${from}\``,
      description: fieldDescription(field) ?? "",
      secret: secret ?? false,
    };
  });
}

interface JsonType {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonType[];
  readonly items?: JsonType;
  readonly default?: unknown;
  readonly additionalProperties?: unknown;
}

export function typeWords(shape: JsonType): string {
  if (shape.enum) return shape.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (shape.const !== undefined) return `\`${JSON.stringify(shape.const)}\``;
  if (shape.anyOf) return [...new Set(shape.anyOf.map(typeWords))].join(" or ");
  switch (shape.type) {
    case "array":
      return shape.items ? `list of ${typeWords(shape.items)}` : "list";
    case "object":
      return "map";
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

const PACE_DESCRIPTIONS: Readonly<Record<keyof Pace, string>> = {
  concurrency: "exchanges at once",
  interval: "least time between the starts of two exchanges",
  settle: "how long a command takes to show in a reading",
  idle: "a connection nobody used for so long is closed",
  timeout: "longest an exchange may take",
};

function pace(driver: Driver): DriverFacts["pace"] {
  const values = { ...DEFAULT_PACE, ...driver.pace };
  const keys = Object.keys(PACE_DESCRIPTIONS) as (keyof Pace)[];
  return keys.map((key) => ({
    key,
    value: key === "concurrency" ? String(values[key]) : formatDuration(values[key]),
    description: PACE_DESCRIPTIONS[key],
  }));
}
