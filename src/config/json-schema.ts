/** The JSON Schema of a configuration file, for editors: it completes each driver's settings. */
import { z } from "zod";
import { type Driver, VERBS } from "../power/driver.ts";
import { keysOf, shapeOf } from "./member-fields.ts";
import {
  ACCESS,
  COMPAT,
  LIMIT,
  LOG,
  MAAS,
  MACHINE,
  MACHINE_STRUCTURE,
  METRICS,
  PACE,
  SERVER,
  STAGE,
  STORE,
  SUPPLY,
  TOKEN,
  TOP_LEVEL,
  USER,
} from "./schema.ts";

export type Json = Record<string, unknown>;

const PLACEHOLDER = { type: "string", pattern: "\\{(n([+:-]\\d+)?|name|mac|address)\\}" };
const STRINGS = { type: "array", items: { type: "string" } };
/** The key is known; what it holds is said elsewhere. */
const KNOWN = {};

/** Draft 2020-12. The same drivers give the same text. */
export function jsonSchema(drivers: readonly Driver[]): Json {
  const machine = { ...perMember(properties(MACHINE)), ...structure() };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "MAASochist configuration",
    description:
      "Any value may also be !secret NAME, !env NAME or !file PATH: name these three as scalars in the editor's setting yaml.customTags.",
    type: "object",
    additionalProperties: false,
    properties: {
      server: { ...inputSchema(SERVER), description: TOP_LEVEL.server },
      access: {
        ...inputSchema(ACCESS.extend({ tokens: z.array(TOKEN).optional(), users: z.array(USER).optional() })),
        description: TOP_LEVEL.access,
      },
      store: { ...inputSchema(STORE), description: TOP_LEVEL.store },
      metrics: { ...inputSchema(METRICS), description: TOP_LEVEL.metrics },
      log: { ...inputSchema(LOG), description: TOP_LEVEL.log },
      maas: { ...inputSchema(MAAS), description: TOP_LEVEL.maas },
      drivers: { ...STRINGS, description: TOP_LEVEL.drivers },
      include: { ...oneOrMore({ type: "string" }), description: TOP_LEVEL.include },
      limits: { type: "array", items: inputSchema(LIMIT), description: TOP_LEVEL.limits },
      compat: { anyOf: [{ const: "maaspower" }, inputSchema(COMPAT)], description: TOP_LEVEL.compat },
      profiles: { ...mapOf("profile"), description: TOP_LEVEL.profiles },
      hubs: { ...mapOf("hub"), description: TOP_LEVEL.hubs },
      machines: { ...mapOf("machine"), description: TOP_LEVEL.machines },
    },
    $defs: {
      machine: using("machine", drivers, { own: machine, perVerb: false }),
      profile: profile(drivers, machine),
      supply: using("supply", drivers, { own: perMember(properties(SUPPLY)), perVerb: false }),
      stage: using("stage", drivers, { own: perMember(properties(STAGE)), perVerb: true }),
      query: query(drivers),
      hub: hub(drivers),
      ...Object.fromEntries(drivers.map((driver) => [definitionOf(driver), driverSettings(driver)])),
    },
  };
}

export function inputSchema(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    target: "draft-2020-12",
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  return rest;
}

function properties(schema: z.ZodObject | undefined): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(shapeOf(schema)).map(([key, field]) => [key, inputSchema(field)]));
}

/** In a range each field may be a text with placeholders, or a list with a value for each member. */
function perMember(fields: Readonly<Record<string, Json>>): Json {
  return Object.fromEntries(
    Object.entries(fields).map(([key, { description, default: preset, ...rest }]) => [
      key,
      {
        ...(description !== undefined && { description }),
        ...(preset !== undefined && { default: preset }),
        ...(rest["type"] === "array" ? rest : { anyOf: [rest, PLACEHOLDER, { type: "array" }] }),
      },
    ]),
  );
}

function ref(definition: string): Json {
  return { $ref: `#/$defs/${definition}` };
}

function mapOf(definition: string): Json {
  return { type: "object", additionalProperties: ref(definition) };
}

function oneOrMore(schema: Json): Json {
  return { anyOf: [schema, { type: "array", items: schema }] };
}

function structure(): Json {
  const parts = (definition: string, description: string) => ({ ...oneOrMore(ref(definition)), description });
  return {
    use: { ...oneOrMore({ type: "string" }), description: MACHINE_STRUCTURE.use },
    override: { type: "boolean", description: MACHINE_STRUCTURE.override },
    supply: parts("supply", MACHINE_STRUCTURE.supply),
    query: parts("query", MACHINE_STRUCTURE.query),
    ...Object.fromEntries(VERBS.map((verb) => [verb, parts("stage", MACHINE_STRUCTURE[verb])])),
  };
}

function definitionOf(driver: Driver): string {
  return `driver-${driver.name}`;
}

/** Everything that may stand where the driver is used inline; the other definitions point into it. */
function driverSettings(driver: Driver): Json {
  return {
    title: driver.title,
    description: driver.summary,
    properties: {
      driver: { const: driver.name, description: driver.summary },
      ...perMember(properties(PACE)),
      ...perMember(properties(driver.hub)),
      ...perMember(properties(driver.outlet)),
    },
  };
}

function pointers(driver: Driver, keys: readonly string[]): Json {
  return Object.fromEntries(keys.map((key) => [key, ref(`${definitionOf(driver)}/properties/${key}`)]));
}

function whenDriver(driver: Driver, consequence: Json): Json {
  return {
    if: { properties: { driver: { const: driver.name } }, required: ["driver"] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { ...consequence, additionalProperties: false },
  };
}

function driverNames(drivers: readonly Driver[], description: string): Json {
  return { driver: { description, enum: drivers.map((driver) => driver.name) } };
}

function hub(drivers: readonly Driver[]): Json {
  const hubs = drivers.filter((driver) => driver.hub);
  return {
    type: "object",
    required: ["driver"],
    properties: driverNames(hubs, "What the hub is"),
    allOf: hubs.map((driver) => {
      const fields = shapeOf(driver.hub);
      const required = Object.keys(fields).filter((key) => !fields[key]?.safeParse(undefined).success);
      return whenDriver(driver, {
        properties: pointers(driver, ["driver", ...keysOf(PACE), ...keysOf(driver.hub)]),
        ...(required.length > 0 && { required }),
      });
    }),
  };
}

interface UsingOptions {
  /** What the entry has beside its driver's settings. */
  readonly own: Json;
  /** Does the value of a per-verb key stand there alone? */
  readonly perVerb: boolean;
}

/** An entry that uses a driver: inline by `driver:`, or through a `hub:`. */
function using(title: string, drivers: readonly Driver[], { own, perVerb }: UsingOptions): Json {
  const ownKeys = Object.fromEntries(["hub", ...Object.keys(own)].map((key) => [key, KNOWN]));
  const outletKeys = Object.fromEntries(
    drivers.filter((driver) => driver.hub).flatMap((driver) => keysOf(driver.outlet).map((key) => [key, KNOWN])),
  );
  return {
    title,
    type: "object",
    properties: {
      ...driverNames(drivers, MACHINE_STRUCTURE.driver),
      hub: { ...oneOrMore({ type: "string" }), description: MACHINE_STRUCTURE.hub },
      ...own,
    },
    allOf: [
      ...drivers.map((driver) => {
        const keys = ["driver", ...keysOf(PACE), ...keysOf(driver.hub), ...keysOf(driver.outlet)];
        const alone = perVerb ? (driver.perVerb ?? []) : [];
        return whenDriver(driver, {
          properties: {
            ...pointers(driver, keys),
            ...Object.fromEntries(alone.map((key) => [key, { description: "For this verb alone" }])),
            ...ownKeys,
          },
        });
      }),
      {
        if: { not: { required: ["driver"] } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { properties: { ...outletKeys, ...ownKeys }, additionalProperties: false },
      },
    ],
  };
}

/** One query, or `all:` or `any:` of several. */
function query(drivers: readonly Driver[]): Json {
  const several = { type: "array", items: ref("query"), minItems: 1 };
  return using("query", drivers, {
    own: {
      all: { ...several, description: "On if all are on, off if any is off" },
      any: { ...several, description: "On if any is on, off if all are off" },
    },
    perVerb: true,
  });
}

/** Any setting that some machine could use. */
function profile(drivers: readonly Driver[], machine: Json): Json {
  const settings = drivers.flatMap((driver) => [...keysOf(driver.hub), ...keysOf(driver.outlet)]);
  const known = Object.fromEntries([...keysOf(PACE), ...settings].map((key) => [key, KNOWN]));
  const { use: _use, override: _override, ...own } = machine;
  return {
    type: "object",
    properties: {
      ...known,
      ...driverNames(drivers, MACHINE_STRUCTURE.driver),
      hub: { type: "string", description: MACHINE_STRUCTURE.hub },
      ...own,
    },
    additionalProperties: false,
  };
}
