/** Why something cannot be asked of a machine now; undefined where it can. */
import type { Machine, Session, Verb } from "../api/types.ts";
import { VERB_WORDS } from "./words.ts";

export type Rights = Pick<Session, "can"> & { readonly actor: Pick<Session["actor"], "role"> };

export function mayNotSwitch({ can, actor }: Rights): string | undefined {
  return can.order ? undefined : `Your role, ${actor.role}, may look but not switch machines.`;
}

/** Who may lock and unlock: whoever switches, and is no automation. */
export function mayNotLock(rights: Rights): string | undefined {
  if (rights.actor.role === "maas") return "The role maas may not lock machines.";
  return rights.can.order ? undefined : `Your role, ${rights.actor.role}, may look but not lock machines.`;
}

/** Protection that this caller may pass, when saying so. */
export function isProtected({ refuses }: Machine, verb: Verb): boolean {
  return verb !== "on" && refuses?.code === "protected";
}

export function whyNot(machine: Machine, verb: Verb, rights: Rights): string | undefined {
  const { enabled, lock, verbs, refuses } = machine;
  const refused = mayNotSwitch(rights);
  if (refused !== undefined) return refused;
  if (!enabled) return "The configuration has enabled: false for this machine.";
  if (lock) return `This machine is locked. You have to unlock it to perform any actions. ${lock.by}: ${lock.reason}`;
  if (!verbs.includes(verb)) return `Nothing in its configuration can ${VERB_WORDS[verb].name.toLowerCase()} it.`;
  if (isProtected(machine, verb) && rights.can.force) return undefined;
  if (verb !== "on" && refuses) return refuses.message;
  return undefined;
}

/** The same, and that it is there already: what was only assumed may be asked for once more. */
export function whyNotNow(machine: Machine, verb: Verb, rights: Rights): string | undefined {
  const { order, reading, state } = machine;
  const refused = whyNot(machine, verb, rights);
  if (refused !== undefined) return refused;
  if (!order && state === verb && reading?.confidence === "measured") return `It is ${state} already.`;
  if (order?.verb === verb) return `${VERB_WORDS[verb].name} is under way.`;
  return undefined;
}
