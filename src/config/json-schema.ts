/** The JSON Schema of a configuration file, for editors: it completes each driver's settings. */
import { z } from "zod";
import { type Driver, VERBS } from "../power/driver.ts";
import { ACCESS, MACHINE, MACHINE_STRUCTURE, PACE, SERVER, STAGE, STORE, SUPPLY, TOP_LEVEL } from "./schema.ts";

type Json = Record<string, unknown>;

export function jsonSchema(drivers: readonly Driver[]): Json {
  const machine = entry("machine", drivers, {
    more: { ...properties(MACHINE), ...structure() },
    pace: true,
    lists: true,
  });
  const stage = entry("stage", drivers, { more: properties(STAGE), pace: true, lists: true, perVerb: true });
  const supply = entry("supply", drivers, { more: properties(SUPPLY), pace: true, lists: true });
  const query = entry("query", drivers, {
    more: { all: listOf("query"), any: listOf("query") },
    pace: true,
    lists: true,
    perVerb: true,
  });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "MAASochist configuration",
    description:
      "In YAML, values may also be tagged: !secret NAME, !env NAME, !file PATH (set yaml.customTags to these three as scalars).",
    type: "object",
    additionalProperties: false,
    properties: {
      server: { description: TOP_LEVEL.server, ...inputSchema(SERVER) },
      access: { description: TOP_LEVEL.access, ...inputSchema(ACCESS) },
      store: { description: TOP_LEVEL.store, ...inputSchema(STORE) },
      drivers: { description: TOP_LEVEL.drivers, type: "array", items: { type: "string" } },
      include: { description: TOP_LEVEL.include, type: "array", items: { type: "string" } },
      profiles: { description: TOP_LEVEL.profiles, type: "object", additionalProperties: { $ref: "#/$defs/machine" } },
      hubs: { description: TOP_LEVEL.hubs, type: "object", additionalProperties: { $ref: "#/$defs/hub" } },
      machines: { description: TOP_LEVEL.machines, type: "object", additionalProperties: { $ref: "#/$defs/machine" } },
    },
    $defs: { hub: hub(drivers), machine, stage, supply, query },
  };
}

function inputSchema(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    target: "draft-2020-12",
  }) as Json;
  return rest;
}

function properties(schema: z.ZodObject | undefined): Json {
  if (!schema) return {};
  const { properties } = inputSchema(schema) as { properties?: Json };
  return properties ?? {};
}

/** A range takes a list where each member has a value of its own. */
function orList(schema: unknown): Json {
  const described = schema as Json;
  if (described["type"] === "array") return described;
  const { description, ...rest } = described;
  return { ...(description !== undefined && { description }), anyOf: [rest, { type: "array" }] };
}

function withLists(map: Json): Json {
  return Object.fromEntries(Object.entries(map).map(([key, schema]) => [key, orList(schema)]));
}

function listOf(definition: string): Json {
  return { type: "array", items: { $ref: `#/$defs/${definition}` } };
}

function structure(): Json {
  const oneOrMore = (definition: string, description: string) => ({
    description,
    anyOf: [{ $ref: `#/$defs/${definition}` }, listOf(definition)],
  });
  return {
    use: {
      description: MACHINE_STRUCTURE.use,
      anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }],
    },
    override: { description: MACHINE_STRUCTURE.override, type: "boolean" },
    supply: oneOrMore("supply", MACHINE_STRUCTURE.supply),
    query: oneOrMore("query", MACHINE_STRUCTURE.query),
    ...Object.fromEntries(VERBS.map((verb) => [verb, oneOrMore("stage", MACHINE_STRUCTURE[verb])])),
  };
}

function hub(drivers: readonly Driver[]): Json {
  const hubs = drivers.filter((driver) => driver.hub);
  return {
    type: "object",
    required: ["driver"],
    properties: { driver: { description: "Driver of the hub", enum: hubs.map((driver) => driver.name) } },
    allOf: hubs.map((driver) => ({
      if: { properties: { driver: { const: driver.name } }, required: ["driver"] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: {
        properties: { driver: {}, ...withLists(properties(driver.hub)), ...withLists(properties(PACE)) },
        additionalProperties: false,
      },
    })),
  };
}

interface EntryOptions {
  readonly more: Json;
  readonly pace: boolean;
  readonly lists: boolean;
  readonly perVerb?: boolean;
}

/** An entry that uses a driver: inline by `driver:`, or by `hub:` with the settings of any driver's outlet. */
function entry(title: string, drivers: readonly Driver[], { more, perVerb }: EntryOptions): Json {
  const common = { hub: orList({ type: "string", description: MACHINE_STRUCTURE.hub }), ...withLists(more) };
  const anyOutlet: Json = {};
  for (const driver of drivers) for (const key of Object.keys(driver.outlet.shape)) anyOutlet[key] ??= {};
  return {
    title,
    type: "object",
    properties: { driver: { description: MACHINE_STRUCTURE.driver, enum: drivers.map((driver) => driver.name) } },
    allOf: [
      ...drivers.map((driver) => {
        const outlet = properties(driver.outlet);
        if (perVerb) for (const key of driver.perVerb ?? []) outlet[key] = { description: "For this verb" };
        return {
          if: { properties: { driver: { const: driver.name } }, required: ["driver"] },
          // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
          then: {
            properties: {
              driver: {},
              ...withLists(properties(PACE)),
              ...withLists(properties(driver.hub)),
              ...withLists(outlet),
              ...common,
            },
            additionalProperties: false,
          },
        };
      }),
      {
        if: { not: { required: ["driver"] } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { properties: { ...anyOutlet, ...common }, additionalProperties: false },
      },
    ],
  };
}
