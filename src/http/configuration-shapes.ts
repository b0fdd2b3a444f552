/** What the API tells of the configuration and of drivers. Times are ms since 1970. */
import { z } from "zod";
import type { Difference } from "../power/api.ts";
import { CUTS } from "../power/driver.ts";
import { ERROR_FACTS } from "./errors-shape.ts";
import { READING } from "./order-shapes.ts";

const NAMES = z.array(z.string()).readonly();

export const PROBLEM = z
  .object({
    severity: z.enum(["error", "warning"]),
    code: z.string(),
    message: z.string(),
    hint: z.string().exactOptional(),
    file: z.string(),
    line: z.number(),
    column: z.number(),
    endColumn: z.number().exactOptional().describe("Behind the last character meant"),
    source: z
      .string()
      .exactOptional()
      .describe("The line, with secrets as •••; where it is very long, what is around the place"),
    sourceColumn: z.number().exactOptional().describe("Where in `source` the place begins, from 1"),
  })
  .meta({ id: "Problem", description: "What is wrong in a configuration, and where" });

export type ProblemShape = z.infer<typeof PROBLEM>;

export const CONFIGURATION = z
  .object({
    file: z.string().nullable().describe("Null for the demonstration, and for callers who do not see every machine"),
    loadedAt: z.number().describe("Since when the configuration that runs does (ms since 1970)"),
    warnings: z.array(PROBLEM).readonly().describe("Of the configuration that runs"),
    problems: z.array(PROBLEM).readonly().describe("Of the file as it stands, where it could not be taken over"),
    invalid: z.boolean().describe("The file as it stands is invalid, and the last good one runs on"),
  })
  .meta({ id: "Configuration" });

export type ConfigurationShape = z.infer<typeof CONFIGURATION>;

const DIFFERENCE = z
  .object({ added: NAMES, changed: NAMES, removed: NAMES })
  .meta({ id: "Difference", description: "Names of machines" }) satisfies z.ZodType<Difference>;

export const RELOAD_REQUEST = z.strictObject({ dry_run: z.boolean().default(false) }).meta({ id: "ReloadRequest" });

export const RELOAD = z
  .object({
    applied: z.boolean().describe("False: it is invalid, or was only asked about"),
    difference: DIFFERENCE.exactOptional(),
    restart: NAMES.describe("Sections that changed and that only a restart takes over"),
    problems: z.array(PROBLEM).readonly(),
  })
  .meta({ id: "Reload" });

export type ReloadShape = z.infer<typeof RELOAD>;

/** JSON Schema, 2020-12. Secrets are `writeOnly`; `x-from` names the machine's own fact that fills a field left empty. */
const JSON_SCHEMA = z
  .record(z.string(), z.unknown())
  .meta({ id: "JsonSchema", description: "A JSON Schema (2020-12)" });

export const DRIVER = z
  .object({
    name: z.string(),
    title: z.string(),
    family: z.string(),
    summary: z.string(),
    cuts: z.enum([...CUTS, "varies"]).describe("What its off takes away; `varies`: its settings tell"),
    verbs: NAMES.describe("What it can do at most"),
    momentary: z.boolean().describe("A command may be a press that toggles"),
    hub: JSON_SCHEMA.nullable().describe("Settings of what machines share; null where they share nothing"),
    outlet: JSON_SCHEMA.describe("Settings of what one machine uses"),
    lists: z.boolean().describe("Can it find its outlets by itself?"),
  })
  .meta({ id: "Driver" });

export type DriverShape = z.infer<typeof DRIVER>;

const SETTING = z
  .object({
    key: z.string(),
    type: z.string(),
    required: z.boolean(),
    default: z.string().optional(),
    description: z.string(),
    secret: z.boolean(),
  })
  .meta({ id: "Setting" });

export const DRIVER_PAGE = DRIVER.extend({
  cutsWords: z.string(),
  reads: NAMES.describe("How the state comes about, one sentence each"),
  settings: z.object({ hub: z.array(SETTING).readonly(), outlet: z.array(SETTING).readonly() }),
  pace: z.array(z.object({ key: z.string(), value: z.string(), description: z.string() })).readonly(),
  notes: NAMES,
  examples: z.array(z.object({ title: z.string(), yaml: z.string() })).readonly(),
  sources: NAMES,
}).meta({ id: "DriverPage" });

export type DriverPageShape = z.infer<typeof DRIVER_PAGE>;

export const TRY_REQUEST = z
  .strictObject({
    machine: z.record(z.string(), z.unknown()).describe("As it would stand in the configuration under its name"),
    name: z.string().min(1).max(256).default("new-machine"),
  })
  .meta({ id: "TryRequest" });

export const TRY = z
  .object({
    problems: z.array(PROBLEM).readonly(),
    reading: READING.exactOptional(),
    error: ERROR_FACTS.exactOptional().describe("Why it could not be measured"),
    yaml: z.string().describe("The fragment for the configuration; its secrets go into secrets.yaml, as it says"),
  })
  .meta({ id: "Try" });

export type TryShape = z.infer<typeof TRY>;
