/**
 * Addresses that are not written down but found before each exchange, because they change. Where they are found is
 * none of the domain's business.
 */
import type { Answer } from "./driver.ts";
import { PowerError } from "./errors.ts";

/** A setting that takes the address of a machine, to be found before each exchange. */
export interface Sought {
  /** Of the settings that it stands with. */
  readonly key: string;
  readonly machine: string;
}

export interface Found {
  readonly address: string;
  /** Why it may not be the machine's any more, for people; absent: it is. */
  readonly doubt?: string;
  /** It is known that the machine does not have it now, and nobody knows a newer one. */
  readonly gone?: boolean;
}

export interface Addresses {
  /** Answers within seconds. Throws PowerError where no address is known. */
  find(machine: string): Promise<Found>;
  /** What came of its address says that it may be another one by now. */
  doubt(machine: string): void;
}

/** For whoever has nobody to ask. */
export const NOWHERE: Addresses = {
  find: (machine) =>
    Promise.reject(new PowerError("unreachable", `the address of ${machine} changes, and nothing here finds it`)),
  doubt: () => undefined,
};

/** The settings with the address in its place. */
export function located(settings: unknown, { key }: Sought, { address }: Found): unknown {
  return typeof settings === "object" && settings !== null ? { ...settings, [key]: address } : settings;
}

/** Throws where a command would go to whoever has the address now. */
export function mayCommand({ machine }: Sought, { gone, doubt = "" }: Found): void {
  if (gone) throw new PowerError("unreachable", `${machine} cannot be told anything: ${doubt}`);
}

/** An answer as it counts: what was heard at an address that may be another's by now is no measurement. */
export function doubted(answer: Answer, { doubt, gone }: Found, label: string): Answer {
  if (doubt === undefined) return answer;
  const { state, evidence = `${label} says ${state}`, reason } = answer;
  return {
    ...answer,
    // It may be another machine that answers there.
    state: gone && state === "on" ? "unknown" : state,
    assumed: true,
    evidence: `${evidence}, at its last known address`,
    reason: reason === undefined ? doubt : `${reason}; ${doubt}`,
  };
}
