/** What is known of the daemon: one value, replaced as a whole. A change is shown at once, more within a moment as one. */
import type { DaemonStatus, Hub, Machine, StoredEvent } from "../api/types.ts";

export interface State {
  /** By name; undefined before the first answer. */
  readonly machines: ReadonlyMap<string, Machine> | undefined;
  /** By name; undefined before the first answer. */
  readonly hubs: ReadonlyMap<string, Hub> | undefined;
  readonly status: DaemonStatus | undefined;
  /** The newest that came live, oldest first. */
  readonly events: readonly StoredEvent[];
  /** `lost`: what is shown is of `freshAt` and may be wrong by now. */
  readonly link: "connecting" | "live" | "lost";
  /** When what is shown was last known to be true (ms since 1970). */
  readonly freshAt: number | undefined;
}

export interface Change {
  readonly machines?: readonly Machine[];
  /** Names of machines that are no more. */
  readonly removed?: readonly string[];
  readonly hubs?: readonly Hub[];
  readonly status?: DaemonStatus;
  readonly events?: readonly StoredEvent[];
}

const MOST_EVENTS = 1_000;
const MOMENT_MS = 80;
const EMPTY: State = {
  machines: undefined,
  hubs: undefined,
  status: undefined,
  events: [],
  link: "connecting",
  freshAt: undefined,
};

let state = EMPTY;
let waiting: Change[] = [];
/** When changes were last shown (ms, of the page's own clock). */
let shownAt = Number.NEGATIVE_INFINITY;
const listeners = new Set<() => void>();

function replace(next: State): void {
  state = next;
  for (const listener of listeners) listener();
}

/** All machines anew: one that is not among them is no more. */
export function setMachines(machines: readonly Machine[]): void {
  flush();
  replace({ ...state, machines: byName(machines) });
}

/** All hubs anew, likewise. */
export function setHubs(hubs: readonly Hub[]): void {
  flush();
  replace({ ...state, hubs: byName(hubs) });
}

export function change(next: Change): void {
  waiting.push(next);
  if (waiting.length === 1) setTimeout(flush, Math.max(0, shownAt + MOMENT_MS - performance.now()));
}

export function setLink(link: State["link"]): void {
  flush();
  if (state.link !== link) replace({ ...state, link });
}

/** Something came from the daemon. It is not worth showing anew. */
export function markFresh(): void {
  state = { ...state, freshAt: Date.now() };
}

/** Nothing of one caller is shown to the next. */
export function forget(): void {
  waiting = [];
  replace(EMPTY);
}

function flush(): void {
  const changes = waiting;
  if (changes.length === 0) return;
  waiting = [];
  shownAt = performance.now();
  const machines = new Map(state.machines);
  const hubs = new Map(state.hubs);
  let { status, events } = state;
  for (const next of changes) {
    for (const machine of next.machines ?? []) machines.set(machine.name, machine);
    for (const name of next.removed ?? []) machines.delete(name);
    for (const hub of next.hubs ?? []) hubs.set(hub.name, hub);
    if (next.status) status = next.status;
    if (next.events) events = [...events, ...next.events].slice(-MOST_EVENTS);
  }
  replace({
    ...state,
    // What did not change stays the same value, and is not shown anew.
    machines: changes.some((next) => next.machines ?? next.removed) && state.machines ? machines : state.machines,
    hubs: changes.some((next) => next.hubs) && state.hubs ? hubs : state.hubs,
    status,
    events,
  });
}

function byName<T extends { readonly name: string }>(list: readonly T[]): ReadonlyMap<string, T> {
  return new Map(list.map((member) => [member.name, member]));
}

export function current(): State {
  return state;
}

export function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
