/** An order: a wish that a machine reach a goal, with its actor and reason, and everything that became of it. */
import type { How, Verb } from "./driver.ts";
import type { ErrorCode } from "./errors.ts";
import type { Reading } from "./reading.ts";

/** `maas` is automation; everybody else is a person. */
export type Role = "maas" | "viewer" | "operator" | "admin";

/** Who asks. Two requests come from one actor when `id` is the same. */
export interface Actor {
  /** `token:maas`, `user:anna`, `local:root`. */
  readonly id: string;
  /** As people read it: `maas`, `anna`, `root (local)`. */
  readonly name: string;
  readonly role: Role;
  /** Where the request came from, where it came over a network. */
  readonly address?: string;
  /** What the caller says it is: `MAAS 3.7.3`. */
  readonly agent?: string;
}

export function isAutomation(actor: Pick<Actor, "role">): boolean {
  return actor.role === "maas";
}

export interface OrderRequest {
  readonly machine: string;
  readonly verb: Verb;
  readonly actor: Actor;
  readonly reason?: string;
  /** A person's choice; absent: the machine's `how`. */
  readonly how?: How;
  /** An admin passes protection. */
  readonly force?: boolean;
}

/**
 * How sure a success is. `measured`: a reading that began after the command shows the goal. `accepted`: a native cycle
 * or reset was taken and the machine reads on afterwards. `assumed`: nothing can measure it.
 */
export type Grade = "measured" | "accepted" | "assumed";

export type OrderState = "waiting" | "running" | "done" | "failed" | "superseded" | "cut_short";

/** One thing that was done or seen while an order ran. */
export interface Step {
  /** Ms since 1970. */
  readonly at: number;
  readonly what: "command" | "read" | "rest" | "wait" | "note";
  /** For people: `off (hard) by shelly1 outlet 0`, `relay open`. */
  readonly text: string;
  readonly durationMs?: number;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

/** Who let automation give an order, as far as that automation tells it. */
export interface Behind {
  readonly user: string;
  /** What the user did there: `releasing node`. */
  readonly event: string;
}

/** What the journal keeps of an order, and what the API shows. Plain data. */
export interface OrderRecord {
  readonly id: string;
  readonly machine: string;
  readonly verb: Verb;
  readonly how?: How;
  readonly actor: Actor;
  readonly reason?: string;
  behind?: Behind;
  readonly forced: boolean;
  /** Ms since 1970. */
  readonly acceptedAt: number;
  state: OrderState;
  endedAt?: number;
  grade?: Grade;
  /** The reading that proved it. */
  proof?: Reading;
  error?: { readonly code: ErrorCode; readonly message: string; readonly hint: string; readonly mayHaveActed: boolean };
  readonly steps: Step[];
  /** Requests of the same click that joined or repeated this order, after the first. */
  repeats: number;
  /** Those who joined with a request of their own. */
  readonly joined: Actor[];
  /** The journal could not be written when this was accepted. */
  unjournalled?: boolean;
  /** What it waits for, while it does: an order to end, its turn to start. */
  waitingFor?: string;
  /** Outlets of a redundant supply that could not be closed, and why; the machine runs on the others. */
  degraded?: string[];
  /** It is about to switch off a machine that is to be on in the end: after a crash it is switched on again. */
  turning?: boolean;
  /** A cycle or reset has its off behind it. */
  turned?: boolean;
  /** The cycle that this order completes, which a restart of the daemon cut short. */
  readonly completes?: string;
}
