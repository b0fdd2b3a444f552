/**
 * Readings and orders as JSON. The domain declares their types; these say the same to whoever reads the OpenAPI document,
 * and the compiler sees to it that both agree. Times are ms since 1970, durations ms.
 */
import { z } from "zod";
import { VERBS } from "../power/driver.ts";
import { ERROR_CODES } from "../power/errors.ts";
import type { Actor, OrderRecord } from "../power/order.ts";
import type { Reading } from "../power/reading.ts";

export const VERB = z.enum(VERBS);
const HOW = z.enum(["soft", "hard"]);

export const READING = z
  .object({
    state: z.enum(["on", "off", "unknown"]),
    confidence: z
      .enum(["measured", "assumed", "stale"])
      .describe("`assumed`: it follows from what was ordered, or from current alone; `stale`: older than it should be"),
    startedAt: z.number().describe("When the exchange that told it began (ms since 1970)"),
    evidence: z.array(z.string()).readonly().describe("What was seen, one short fact each"),
    reason: z.string().exactOptional().describe("Why the state is unknown or assumed"),
    towards: z.enum(["on", "off"]).exactOptional().describe("The device says it is on its way there"),
    watts: z.number().exactOptional().describe("Watts drawn"),
    outlets: z
      .array(z.object({ label: z.string(), state: z.enum(["closed", "open", "unknown"]) }))
      .readonly()
      .exactOptional()
      .describe("The outlets of a supply that has several"),
    fed: z.boolean().exactOptional().describe("Does current reach the machine?"),
  })
  .meta({ id: "Reading", description: "A state with its evidence" }) satisfies z.ZodType<Reading>;

const ACTOR = z
  .object({
    id: z.string().describe("`token:maas`, `user:anna`, `local:root`"),
    name: z.string(),
    role: z.enum(["maas", "viewer", "operator", "admin"]),
    address: z.string().exactOptional(),
    agent: z.string().exactOptional().describe("What the caller says it is"),
  })
  .meta({ id: "Actor", description: "Who asked" }) satisfies z.ZodType<Actor>;

export const FAILURE = z
  .object({ code: z.enum(ERROR_CODES), message: z.string() })
  .meta({ id: "Failure", description: "How something failed" });

const STEP = z
  .object({
    at: z.number().describe("Ms since 1970"),
    what: z.enum(["command", "read", "rest", "wait", "note"]),
    text: z.string(),
    durationMs: z.number().exactOptional(),
    error: FAILURE.exactOptional(),
  })
  .meta({ id: "Step", description: "One thing that was done or seen while an order ran" });

export const ORDER_STATE = z.enum(["waiting", "running", "done", "failed", "superseded", "cut_short"]);

export const ORDER = z
  .object({
    id: z.string(),
    machine: z.string(),
    verb: VERB,
    how: HOW.exactOptional(),
    actor: ACTOR,
    reason: z.string().exactOptional(),
    behind: z
      .object({ user: z.string(), event: z.string().describe("What the user did there: `releasing node`") })
      .exactOptional()
      .describe("Who in MAAS was behind it, where MAAS tells"),
    forced: z.boolean().describe("An admin passed protection"),
    acceptedAt: z.number().describe("Ms since 1970"),
    state: ORDER_STATE,
    endedAt: z.number().exactOptional().describe("Ms since 1970"),
    grade: z
      .enum(["measured", "accepted", "assumed"])
      .exactOptional()
      .describe(
        "How sure its success is: a reading after the command shows the goal; a restart was taken and the machine reads on; or nothing can measure it",
      ),
    proof: READING.exactOptional().describe("The reading that proved it"),
    error: z
      .object({
        code: z.enum(ERROR_CODES),
        message: z.string(),
        hint: z.string(),
        mayHaveActed: z.boolean().describe("Could the command have reached the device?"),
      })
      .exactOptional(),
    steps: z.array(STEP),
    repeats: z.number().describe("Requests of the same click after the first"),
    joined: z.array(ACTOR).describe("Those who joined with a request of their own"),
    unjournalled: z.boolean().exactOptional().describe("The journal could not be written when it was accepted"),
    waitingFor: z.string().exactOptional(),
    degraded: z.array(z.string()).exactOptional().describe("Outlets of a redundant supply that could not be closed"),
    turning: z.boolean().exactOptional().describe("It is to be on in the end, and is about to be switched off"),
    turned: z.boolean().exactOptional().describe("A cycle or reset has its off behind it"),
    completes: z
      .string()
      .exactOptional()
      .describe("Id of the cycle it completes, which a restart of the daemon cut short"),
  })
  .meta({
    id: "Order",
    description: "A wish that a machine reach a goal, and what became of it",
  }) satisfies z.ZodType<OrderRecord>;

export const ORDER_REQUEST = z
  .strictObject({
    machine: z.string().min(1).max(256),
    verb: VERB,
    how: HOW.optional().describe("For `off`; absent: what the machine's configuration says"),
    reason: z.string().max(1_000).optional(),
    force: z.boolean().default(false).describe("Passes protection; for admins"),
    wait: z.boolean().default(true).describe("False: answered as soon as it is accepted"),
    timeout_ms: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(600_000)
      .describe("Longest to wait for its end (ms); it goes on all the same"),
  })
  .meta({ id: "OrderRequest" });

const MOST_AT_ONCE = 1_000;

export const BULK_REQUEST = ORDER_REQUEST.pick({ verb: true, how: true, reason: true, force: true })
  .extend({ machines: z.array(z.string().min(1).max(256)).min(1).max(MOST_AT_ONCE) })
  .meta({ id: "BulkRequest" });

export const LOCK_REQUEST = z.strictObject({ reason: z.string().min(1).max(1_000) }).meta({ id: "LockRequest" });
