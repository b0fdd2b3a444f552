/** Which machines are shown, in which order: what the address of the page says. */
import type { Machine } from "../api/types.ts";
import { compareNames } from "../words/natural-order.ts";
import { STATES } from "../words/words.ts";

export const SORTS = ["name", "power", "checked", "action", "polled"] as const;
export type Sort = (typeof SORTS)[number];
export const GROUPINGS = ["tag", "hub", "driver", "state"] as const;
export type Grouping = (typeof GROUPINGS)[number];

export interface View {
  /** Words that must all be found in what a machine is called. */
  readonly search: string;
  readonly state: Machine["state"] | undefined;
  readonly driver: string;
  readonly tag: string;
  readonly hub: string;
  readonly group: Grouping | undefined;
  readonly sort: Sort;
  readonly descending: boolean;
}

export function viewOf(search: { get(key: string): string | null }): View {
  const text = (key: string) => search.get(key) ?? "";
  return {
    search: text("search"),
    state: STATES.find((state) => state === search.get("state")),
    driver: text("driver"),
    tag: text("tag"),
    hub: text("hub"),
    group: GROUPINGS.find((group) => group === search.get("group")),
    sort: SORTS.find((sort) => sort === search.get("sort")) ?? "name",
    descending: search.get("order") === "desc",
  };
}

export function isFiltered({ search, state, driver, tag, hub }: View): boolean {
  return search.trim() !== "" || state !== undefined || driver !== "" || tag !== "" || hub !== "";
}

/** What fits all but the state, so that the counts beside it tell what choosing another state would show. */
export function matching(machines: Iterable<Machine>, { search, driver, tag, hub }: View): Machine[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return [...machines].filter(
    (machine) =>
      (driver === "" || machine.drivers.includes(driver)) &&
      (tag === "" || machine.tags.includes(tag)) &&
      (hub === "" || machine.hubs.includes(hub)) &&
      (words.length === 0 || contains(machine, words)),
  );
}

function contains(machine: Machine, words: readonly string[]): boolean {
  const { name, description = "", tags, hubs, drivers, address = "", mac = [] } = machine;
  const text = [name, description, address, ...tags, ...hubs, ...drivers, ...mac].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

export type Counts = Readonly<Record<Machine["state"], number>>;

export function countsOf(machines: readonly Machine[]): Counts {
  const counts = { on: 0, off: 0, unknown: 0, error: 0 };
  for (const { state } of machines) counts[state] += 1;
  return counts;
}

/** Trouble first: who sorts by power looks for it. */
const URGENCY: Readonly<Record<Machine["state"], number>> = { error: 0, unknown: 1, on: 2, off: 3 };

const KEYS: Readonly<Record<Exclude<Sort, "name">, (machine: Machine) => number>> = {
  power: ({ state }) => URGENCY[state],
  // The newest first; what never happened last.
  checked: ({ reading }) => -(reading?.startedAt ?? 0),
  action: ({ order, lastOrder }) => -(order?.acceptedAt ?? lastOrder?.acceptedAt ?? 0),
  polled: ({ polled }) => -(polled?.at ?? 0),
};

export function sorted(
  machines: readonly Machine[],
  { sort, descending }: Pick<View, "sort" | "descending">,
): Machine[] {
  const direction = descending ? -1 : 1;
  const byName = (a: Machine, b: Machine) => compareNames(a.name, b.name);
  if (sort === "name") return machines.toSorted((a, b) => direction * byName(a, b));
  const key = KEYS[sort];
  return machines.toSorted((a, b) => direction * (key(a) - key(b)) || byName(a, b));
}

/** What a table shows line by line. */
export type Line =
  | { readonly kind: "machine"; readonly key: string; readonly machine: Machine }
  | { readonly kind: "group"; readonly key: string; readonly name: string; readonly machines: readonly Machine[] };

const WITHOUT: Readonly<Record<Grouping, string>> = {
  tag: "without a tag",
  hub: "on no shared hub",
  driver: "without a driver",
  state: "",
};

/** A hub without a name of its own, for one machine alone, is called as that is: nobody looks for machines by it. */
function sharedHubs({ name, hubs }: Machine): readonly string[] {
  return hubs.filter((hub) => hub !== name);
}

function groupsOf(machine: Machine, group: Grouping): readonly string[] {
  const names = { tag: machine.tags, hub: sharedHubs(machine), driver: machine.drivers, state: [machine.state] }[group];
  return names.length === 0 ? [WITHOUT[group]] : names;
}

/** A machine with several tags stands under each of them. */
export function linesOf(machines: readonly Machine[], group: Grouping | undefined): Line[] {
  if (group === undefined) return machines.map((machine) => ({ kind: "machine", key: machine.name, machine }));
  const groups = new Map<string, Machine[]>();
  for (const machine of machines)
    for (const name of groupsOf(machine, group)) {
      const members = groups.get(name);
      if (members) members.push(machine);
      else groups.set(name, [machine]);
    }
  const last = WITHOUT[group];
  const names = [...groups.keys()].toSorted((a, b) => Number(a === last) - Number(b === last) || compareNames(a, b));
  return names.flatMap((name): Line[] => {
    const members = groups.get(name) ?? [];
    return [
      { kind: "group", key: `\n${name}`, name, machines: members },
      ...members.map((machine): Line => ({ kind: "machine", key: `${name}\n${machine.name}`, machine })),
    ];
  });
}

/** The values that a filter can have, in order. */
export function choices(machines: Iterable<Machine>, key: "drivers" | "tags" | "hubs"): string[] {
  const found = new Set<string>();
  for (const machine of machines)
    for (const value of key === "hubs" ? sharedHubs(machine) : machine[key]) found.add(value);
  return [...found].toSorted(compareNames);
}
