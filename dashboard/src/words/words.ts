/** What machines and orders are called, in MAAS's own words where it has them. */
import type { Machine, OrderRecord, Verb } from "../api/types.ts";

export const VERBS = ["on", "off", "cycle", "reset"] as const satisfies readonly Verb[];

interface VerbWords {
  /** `Power off`: of the act, in buttons and titles. */
  readonly name: string;
  /** In the menu of one machine. */
  readonly menu: string;
  /** `Powering off…`: while it is under way. */
  readonly doing: string;
  /** `powered off`, behind a number of machines. */
  readonly done: string;
  /** `Power off will …` */
  readonly warning?: string;
}

export const VERB_WORDS: Readonly<Record<Verb, VerbWords>> = {
  on: { name: "Power on", menu: "Turn on", doing: "Powering on", done: "powered on" },
  off: {
    name: "Power off",
    menu: "Turn off…",
    doing: "Powering off",
    done: "powered off",
    warning: "Power off will perform a hard power off, which occurs immediately without any warning to the OS.",
  },
  cycle: {
    name: "Power cycle",
    menu: "Power cycle…",
    doing: "Power cycling",
    done: "power cycled",
    warning: "Power cycle will perform a hard power off, which occurs immediately without any warning to the OS.",
  },
  reset: {
    name: "Reset",
    menu: "Reset…",
    doing: "Resetting",
    done: "reset",
    warning: "Reset will restart the machine immediately, without any warning to the OS.",
  },
};

export const STATES = ["on", "off", "unknown", "error"] as const satisfies readonly Machine["state"][];

const STATE_WORDS: Readonly<Record<Machine["state"], string>> = {
  on: "On",
  off: "Off",
  unknown: "Unknown",
  error: "Error",
};

export type Look = "on" | "off" | "unknown" | "error" | "assumed-on" | "assumed-off" | "busy";

export interface Shown {
  readonly look: Look;
  readonly word: string;
}

/** What the machine is doing, as an icon and a word. */
export function shownState({ state, reading, order, checking }: Machine): Shown {
  if (order)
    return { look: "busy", word: order.waitingFor === undefined ? `${VERB_WORDS[order.verb].doing}…` : "Waiting…" };
  if (checking) return { look: "busy", word: "Checking power" };
  if ((state === "on" || state === "off") && reading && reading.confidence !== "measured")
    return { look: `assumed-${state}`, word: `${STATE_WORDS[state]} (${reading.confidence})` };
  return { look: state, word: STATE_WORDS[state] };
}

/** `Powered on`, as MAAS's own page of a machine says it. */
export function headline(machine: Machine): Shown {
  const shown = shownState(machine);
  if (shown.look === "busy") return shown;
  if (machine.state === "error") return { ...shown, word: "Power error" };
  const how = shown.look.startsWith("assumed") && machine.reading ? ` (${machine.reading.confidence})` : "";
  return { ...shown, word: `Powered ${machine.state}${how}` };
}

export function stateWord(state: Machine["state"]): string {
  return STATE_WORDS[state];
}

/** `MAAS`, `anna`. */
export function actorName({ name, role }: OrderRecord["actor"]): string {
  if (role !== "maas") return name;
  return name.toLowerCase() === "maas" ? "MAAS" : `MAAS (${name})`;
}

const OUTCOMES: Readonly<Record<OrderRecord["state"], string>> = {
  waiting: "waiting",
  running: "under way",
  done: "",
  failed: "failed",
  superseded: "superseded",
  cut_short: "cut short",
};

/** `Power on by MAAS`, and what became of it where it is not simply done. */
export function orderWords(order: OrderRecord): string {
  const outcome = OUTCOMES[order.state];
  return `${VERB_WORDS[order.verb].name} by ${actorName(order.actor)}${outcome === "" ? "" : `, ${outcome}`}`;
}

/** `1 machine`, `2 machines`. */
export function number(count: number, word: string): string {
  return `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** `10,000`. By hand, because the browser takes a twentieth of a second to load what formats numbers. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
