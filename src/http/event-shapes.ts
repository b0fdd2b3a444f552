/** Events as JSON, one form for each kind. Times are ms since 1970. */
import { z } from "zod";
import type { StoredEvent } from "./history.ts";
import { FAILURE, ORDER } from "./order-shapes.ts";

const AT = z.number().describe("Ms since 1970");
const MACHINES = z.array(z.string()).readonly();
const BY = z.string().describe("Name of who did it");
const ACTOR_ID = z.string().exactOptional().describe("Id of who did it");
const STATE = z.enum(["on", "off", "unknown"]);

const EVENT = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.enum(["order:accepted", "order:ended"]),
      at: AT,
      machine: z.string(),
      order: ORDER.pick({
        id: true,
        verb: true,
        state: true,
        actor: true,
        grade: true,
        error: true,
        repeats: true,
        reason: true,
        acceptedAt: true,
        endedAt: true,
        forced: true,
      }),
    }),
    z.object({
      kind: z.literal("machine:changed"),
      at: AT,
      machine: z.string(),
      from: STATE,
      to: STATE,
      evidence: z.array(z.string()).readonly(),
      order: z.string().exactOptional().describe("Id of the order under way; absent: nobody here did it"),
    }),
    z.object({ kind: z.literal("machine:unreadable"), at: AT, machine: z.string(), error: FAILURE }),
    z.object({ kind: z.literal("machine:readable"), at: AT, machine: z.string() }),
    z.object({
      kind: z.enum(["machine:locked", "machine:unlocked"]),
      at: AT,
      machine: z.string(),
      by: BY,
      actor: ACTOR_ID,
      reason: z.string(),
    }),
    z.object({ kind: z.literal("hub:failing"), at: AT, hub: z.string(), machines: MACHINES, error: FAILURE }),
    z.object({ kind: z.literal("hub:answering"), at: AT, hub: z.string(), machines: MACHINES }),
    z.object({
      kind: z.literal("hub:pinned"),
      at: AT,
      hub: z.string(),
      machines: MACHINES,
      id: z.string().describe("Of the device; empty where the next contact will tell"),
      by: BY.exactOptional(),
      actor: ACTOR_ID,
    }),
    z.object({
      kind: z.literal("config:reloaded"),
      at: AT,
      added: MACHINES,
      changed: MACHINES,
      removed: MACHINES,
    }),
    z.object({
      kind: z.enum(["session:opened", "session:ended", "access:changed"]),
      at: AT,
      by: BY,
      actor: z.string().describe("Id of who did it"),
      what: z.string(),
    }),
    z.object({ kind: z.literal("journal:failed"), at: AT, message: z.string() }),
  ])
  .meta({ id: "Event" }) satisfies z.ZodType<StoredEvent["event"]>;

export const EVENTS = z
  .object({ events: z.array(z.object({ id: z.number().describe("Grows with time"), event: EVENT })) })
  .meta({ id: "Events", description: "Oldest first" });
