/** What may stand in the path and behind the question mark. */
import { z } from "zod";
import { ORDER_STATE, VERB } from "./order-shapes.ts";
import { STATE } from "./shapes.ts";

export const BY_NAME = z.object({ name: z.string().min(1).max(256) });
export const BY_ID = z.object({ id: z.string().min(1).max(256) });

const TIME = z.coerce.number().describe("Ms since 1970");
const LIMIT = z.coerce.number().int().min(1).max(10_000);

export const SORTS = ["configured", "name", "power", "driver", "checked", "action", "polled"] as const;

export const MACHINES_QUERY = z.strictObject({
  search: z
    .string()
    .max(1_000)
    .optional()
    .describe("Words that must all be found in name, description, address, MAC, tags, hubs and drivers"),
  tag: z.string().optional(),
  hub: z.string().optional(),
  driver: z.string().optional(),
  state: STATE.optional(),
  sort: z
    .enum(SORTS)
    .default("configured")
    .describe("`configured`: as written; `checked`, `action`, `polled`: by time, what never was first"),
  order: z.enum(["asc", "desc"]).default("asc"),
  offset: z.coerce.number().int().min(0).default(0),
  limit: LIMIT.optional().describe("Absent: all"),
});

const FILTER = z.strictObject({
  machine: z.string().optional(),
  actor: z.string().optional().describe("Id of who asked, such as `user:anna`"),
  since: TIME.optional(),
  until: TIME.optional().describe("Ms since 1970; not included"),
});

export const ORDERS_QUERY = FILTER.extend({
  verb: VERB.optional(),
  state: ORDER_STATE.optional(),
  before: z.string().max(256).optional().describe("Id of an order: only older ones, to page backwards"),
  limit: LIMIT.default(100),
});

const EVENTS_FILTER = FILTER.extend({ kind: z.string().optional().describe("Such as `order:ended`") });

export const EVENTS_QUERY = EVENTS_FILTER.extend({
  after: z.coerce.number().int().optional().describe("Number of an event: only later ones, the oldest of them first"),
  before: z.coerce.number().int().optional().describe("Number of an event: only older ones, to page backwards"),
  limit: LIMIT.default(100),
});

export const EXPORT_QUERY = EVENTS_FILTER.extend({ format: z.enum(["csv", "json"]).default("csv") });

export const STREAM_QUERY = z.strictObject({ machine: z.string().optional() });
