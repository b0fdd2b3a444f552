/** The API's JSON: the command line and the dashboard read the same types. Times are ms since 1970, durations ms. */
import { z } from "zod";
import type { MachineTrap } from "../power/api.ts";
import type { BreakerState } from "../power/breaker.ts";
import { TRAPS, VERBS } from "../power/driver.ts";
import type { Lock, Pin } from "../power/journal.ts";
import { ORDER, READING, VERB } from "./order-shapes.ts";
import type { Arrival } from "./probes.ts";
import { OLD_ROUTES, type RefusedSighting, type Sighting, TOLD } from "./sightings.ts";

const LOCK = z
  .object({ by: z.string(), reason: z.string(), at: z.number().describe("Ms since 1970") })
  .meta({ id: "Lock", description: "While it stands nothing but queries is taken" }) satisfies z.ZodType<Lock>;

const POLLED = z
  .object({
    at: z.number().describe("Ms since 1970"),
    address: z.string().optional(),
    agent: z.string().optional().describe("`MAAS 3.7.3`"),
    systemId: z.string().optional().describe("MAAS's own id of the machine, where it once told it"),
    route: z.enum(OLD_ROUTES).exactOptional().describe("Which of another tool's routes it came by; absent for /maas"),
    told: z
      .object({ answer: z.enum(TOLD), at: z.number().describe("Ms since 1970") })
      .optional()
      .describe("What its last query was answered"),
  })
  .meta({ id: "Polled", description: "MAAS's last request for it" }) satisfies z.ZodType<Sighting>;

const REFUSED = z
  .object({
    at: z.number().describe("Ms since 1970"),
    address: z.string(),
    agent: z.string(),
    code: z.string().describe("As its answer had it, such as `unauthenticated`"),
  })
  .meta({
    id: "Refused",
    description: "MAAS's last request for it that was not let in",
  }) satisfies z.ZodType<RefusedSighting>;

const IN_MAAS = z
  .object({
    systemId: z.string(),
    hostname: z.string(),
    status: z.string().describe("`Ready`, `Deployed`, …"),
    at: z.number().describe("When MAAS told it (ms since 1970)"),
  })
  .meta({ id: "InMaas", description: "The machine as MAAS has it" });

export type MaasShape = z.infer<typeof IN_MAAS>;

export const STATE = z.enum(["on", "off", "unknown", "error"]);

export const MACHINE = z
  .object({
    name: z.string(),
    description: z.string().exactOptional(),
    tags: z.array(z.string()).readonly(),
    enabled: z.boolean(),
    protect: z.enum(["nobody", "people", "all"]).describe("From whom off, cycle and reset are refused"),
    drivers: z.array(z.string()).readonly().describe("Names of the drivers it uses"),
    hubs: z.array(z.string()).readonly().describe("Names of the hubs it uses"),
    address: z.string().exactOptional(),
    mac: z.array(z.string()).readonly().exactOptional(),
    verbs: z.array(VERB).readonly(),
    state: STATE.describe("`error` where the newest attempt to read failed"),
    reading: READING.exactOptional(),
    error: z
      .object({ code: z.string(), message: z.string(), hint: z.string() })
      .exactOptional()
      .describe("Why the newest attempt to read failed"),
    lock: LOCK.exactOptional(),
    order: ORDER.exactOptional().describe("The order under way"),
    lastOrder: ORDER.exactOptional().describe("The last order that ended"),
    polled: POLLED.exactOptional(),
    refused: REFUSED.exactOptional(),
    maas: IN_MAAS.exactOptional().describe("Where MAAS is asked and has it"),
    refuses: z
      .object({ code: z.string(), message: z.string() })
      .exactOptional()
      .describe("Why an off would be refused to this caller now: disabled, locked or protected"),
    checking: z.boolean().describe("Somebody asked to have it measured, and it is being measured"),
  })
  .meta({ id: "Machine" });

export type MachineShape = z.infer<typeof MACHINE>;

const USED_OUTLET = z.object({ driver: z.string(), hub: z.string(), outlet: z.string().exactOptional() });

export const MACHINE_DETAILS = MACHINE.extend({
  stages: z
    .array(
      USED_OUTLET.extend({
        verb: VERB,
        how: z.enum(["soft", "hard"]).exactOptional(),
        wait: z.number().describe("How long the goal may take to show (ms)"),
      }),
    )
    .readonly()
    .describe("Ways to obey, in the order they are tried"),
  supply: z.array(USED_OUTLET).readonly().describe("Outlets through which it gets its current"),
  query: z.string().exactOptional().describe("Where its state is read, in words"),
  config: z.string().describe("Its configuration as resolved, in YAML, with secrets as •••"),
  origin: z.object({ file: z.string(), line: z.number() }).exactOptional().describe("Where it is configured"),
}).meta({ id: "MachineDetails" });

export type MachineDetails = z.infer<typeof MACHINE_DETAILS>;

export const MACHINES = z
  .object({
    machines: z.array(MACHINE),
    total: z.number().describe("How many fit, on all pages"),
    counts: z
      .object({ on: z.number(), off: z.number(), unknown: z.number(), error: z.number() })
      .describe("Of those that fit, on all pages"),
  })
  .meta({ id: "Machines" });

export const PIN = z
  .object({
    id: z.string(),
    model: z.string().exactOptional(),
    firmware: z.string().exactOptional(),
    at: z.number().describe("Ms since 1970"),
  })
  .meta({ id: "Pin", description: "The device that was found at first contact" }) satisfies z.ZodType<Pin>;

const BREAKER = z.enum(["closed", "open", "half-open"]) satisfies z.ZodType<BreakerState>;

export const HUB = z
  .object({
    name: z.string(),
    driver: z.string(),
    address: z.string().exactOptional(),
    machines: z.array(z.string()).readonly(),
    connected: z.boolean(),
    queued: z.number().describe("Exchanges that wait for their turn"),
    running: z.number(),
    failing: z
      .object({ since: z.number().describe("Ms since 1970"), code: z.string(), message: z.string(), hint: z.string() })
      .exactOptional(),
    lastExchange: z.object({ at: z.number().describe("Ms since 1970"), durationMs: z.number() }).exactOptional(),
    latency: z
      .object({ p50: z.number(), p99: z.number() })
      .exactOptional()
      .describe("What half, and all but one in a hundred, of the last 100 exchanges took at most (ms)"),
    breaker: BREAKER.describe("`open`: it fails, and queries are answered at once; `half-open`: the next one may try"),
    pin: PIN.exactOptional(),
    outlets: z
      .array(
        z.object({
          machine: z.string(),
          outlet: z.string().exactOptional(),
          role: z.enum(["supply", ...VERBS, "query"]),
        }),
      )
      .readonly()
      .describe("What machines use of it, and for what"),
  })
  .meta({ id: "Hub" });

export type HubShape = z.infer<typeof HUB>;

export const STATUS = z
  .object({
    version: z.string(),
    startedAt: z.number().describe("Ms since 1970"),
    pid: z.number(),
    configuration: z.string().nullable().describe("The file; null for the demonstration"),
    configuredAt: z.number().describe("Since when the configuration that runs does (ms since 1970)"),
    listening: z.array(z.string()).readonly(),
    url: z.string().describe("How MAAS reaches the daemon"),
    certificates: z
      .array(
        z.object({
          file: z.string(),
          subject: z.string(),
          names: z.string().describe("Hosts and addresses that it is for, as they are written in it"),
          validFrom: z.number().describe("Ms since 1970"),
          validTo: z.number().describe("Ms since 1970"),
        }),
      )
      .readonly()
      .exactOptional()
      .describe("Of the listeners that speak TLS"),
    machines: z.number().describe("How many the caller sees"),
    warnings: z
      .array(z.object({ code: z.string(), message: z.string(), file: z.string(), line: z.number() }))
      .readonly(),
    maasSilent: z
      .object({ since: z.number().describe("Ms since 1970"), message: z.string(), hint: z.string() })
      .exactOptional()
      .describe("Since when MAAS's API cannot be asked; absent while it answers, and where nobody speaks of one"),
    problems: z
      .array(z.string())
      .readonly()
      .describe("What is wrong now: the journal, the credentials, the configuration"),
  })
  .meta({ id: "Status" });

export type DaemonStatus = z.infer<typeof STATUS>;

export const TRAP = z
  .object({
    kind: z.enum(TRAPS),
    problem: z.string().describe("What the device does, the outlet being the subject"),
    mend: z.string().describe("How to end it"),
    machine: z.string(),
    outlet: z.string(),
  })
  .meta({ id: "Trap", description: "A setting of a device that works against us" }) satisfies z.ZodType<MachineTrap>;

export const PROBE = z.object({ probe: z.string() }).meta({ id: "Probe" });

export const ARRIVALS = z
  .object({
    arrivals: z
      .array(
        z.object({
          method: z.string(),
          httpVersion: z.string(),
          address: z.string(),
          authorization: z.string().exactOptional(),
          systemId: z.string().exactOptional(),
          forwarded: z.boolean().describe("Does a header tell of a proxy?"),
        }),
      )
      .readonly(),
  })
  .meta({ id: "Arrivals", description: "How requests with the probe arrived" }) satisfies z.ZodType<{
  readonly arrivals: readonly Arrival[];
}>;

export const WELL = z.object({ ok: z.boolean() }).meta({ id: "Well" });

export const LISTED_OUTLET = z
  .object({
    outlet: z.string().describe("The value for the key `outlet`"),
    label: z.string().exactOptional(),
    state: z.enum(["on", "off", "unknown"]).exactOptional(),
    macs: z.array(z.string()).readonly().exactOptional().describe("MAC addresses seen there"),
  })
  .meta({ id: "ListedOutlet" });

export const MAAS_FIELDS = z
  .object({
    fields: z
      .array(
        z.object({
          label: z.string().describe("As MAAS's form has it"),
          name: z.string().describe("As MAAS's API has it, behind `power_parameters_`"),
          value: z.string(),
          secret: z.literal(true).exactOptional(),
          hint: z.string().exactOptional(),
        }),
      )
      .readonly(),
  })
  .meta({ id: "MaasFields", description: "What to enter in MAAS, in the order of its form" });
