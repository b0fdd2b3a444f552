/** Which orders are not to be taken, whatever the machine is doing. */
import type { Verb } from "./driver.ts";
import { PowerError } from "./errors.ts";
import type { Lock } from "./journal.ts";
import { type Actor, isAutomation } from "./order.ts";
import type { MachineSpec } from "./spec.ts";

export interface Subject {
  readonly spec: MachineSpec;
  readonly lock: Lock | undefined;
  readonly verbs: readonly Verb[];
}

export interface Wish {
  readonly verb: Verb;
  readonly actor: Pick<Actor, "role">;
  /** An admin passes protection. */
  readonly force?: boolean | undefined;
}

/** Why the wish is refused; undefined where it is not. */
export function refusalOf({ spec, lock, verbs }: Subject, { verb, actor, force }: Wish): PowerError | undefined {
  const { name } = spec.facts;
  if (!spec.enabled) return new PowerError("disabled", `${name} is disabled`);
  if (lock) return new PowerError("locked", `${name} is locked by ${lock.by}: ${lock.reason}`);
  if (!verbs.includes(verb)) return new PowerError("unsupported", `${name} has no way to ${verb}`);
  const guarded = spec.protect === "all" || (spec.protect === "people" && !isAutomation(actor));
  if (verb === "on" || !guarded || force) return undefined;
  const from = spec.protect === "all" ? "anybody" : "people";
  return new PowerError("protected", `${name} is protected against ${verb} by ${from}`);
}
