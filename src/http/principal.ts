import type { Right } from "../power/access.ts";
import type { Actor } from "../power/order.ts";

/** A caller who was let in: who it is, and what it may see and do. */
export interface Principal {
  readonly actor: Actor;
  /** May it know that this machine exists? */
  sees(machine: string): boolean;
  may(right: Right): boolean;
  /** Does its credential still count, and allow the same? Asked by what lasts longer than a request. */
  stands(): boolean;
}
