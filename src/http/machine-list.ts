/**
 * Finds, sorts and pages machines. Filters and sorting look at what is at hand; only the machines of the page are shaped,
 * and what a configuration decides (names to sort by, words to search) is worked out once for each.
 */
import type { z } from "zod";
import type { MachineView } from "../power/api.ts";
import type { MachineSpec } from "../power/spec.ts";
import { namesOf, stateOf } from "./machine-shape.ts";
import type { MACHINES_QUERY, SORTS } from "./queries.ts";
import type { Sighting } from "./sightings.ts";

type Query = z.output<typeof MACHINES_QUERY>;

export interface MachinePage {
  /** Those of the page. */
  readonly views: readonly MachineView[];
  readonly total: number;
  readonly counts: Readonly<Record<ReturnType<typeof stateOf>, number>>;
}

export function pageOfMachines(
  views: readonly MachineView[],
  query: Query,
  polled: (machine: string) => Sighting | undefined,
): MachinePage {
  const fits = filterOf(query);
  const found = views.filter(fits);
  const counts = { on: 0, off: 0, unknown: 0, error: 0 };
  for (const view of found) counts[stateOf(view)] += 1;
  const { sort, order, offset, limit } = query;
  if (sort === "configured") {
    if (order === "desc") found.reverse();
  } else sortBy(found, keyFor(sort, polled), order === "desc");
  return { views: found.slice(offset, limit === undefined ? undefined : offset + limit), total: found.length, counts };
}

function filterOf({ search = "", tag, hub, driver, state }: Query): (view: MachineView) => boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return (view) => {
    const { spec } = view;
    return (
      (tag === undefined || spec.tags.includes(tag)) &&
      (hub === undefined || namesOf(spec).hubs.includes(hub)) &&
      (driver === undefined || namesOf(spec).drivers.includes(driver)) &&
      (state === undefined || stateOf(view) === state) &&
      (words.length === 0 || contains(spec, words))
    );
  };
}

const texts = new WeakMap<MachineSpec, string>();

function contains(spec: MachineSpec, words: readonly string[]): boolean {
  let text = texts.get(spec);
  if (text === undefined) {
    const { name, address = "", mac = "" } = spec.facts;
    const { hubs, drivers } = namesOf(spec);
    text = [name, spec.description ?? "", address, mac, ...spec.tags, ...hubs, ...drivers].join("\n").toLowerCase();
    texts.set(spec, text);
  }
  const all = text;
  return words.every((word) => all.includes(word));
}

type Key = (view: MachineView) => string | number;

function sortBy(views: MachineView[], key: Key, descending: boolean): void {
  const direction = descending ? -1 : 1;
  const keyed = views.map((view) => ({ view, key: key(view), name: naturalName(view.spec) }));
  keyed.sort((a, b) => {
    if (a.key !== b.key) return a.key < b.key ? -direction : direction;
    // Of equal ones the name decides, always upwards.
    return a.name < b.name ? -1 : 1;
  });
  for (const [index, { view }] of keyed.entries()) views[index] = view;
}

function keyFor(
  sort: Exclude<(typeof SORTS)[number], "configured">,
  polled: (machine: string) => Sighting | undefined,
): Key {
  switch (sort) {
    case "name":
      return ({ spec }) => naturalName(spec);
    case "power":
      return stateOf;
    case "driver":
      return ({ spec }) => namesOf(spec).drivers.join(" ");
    case "checked":
      return ({ reading }) => reading?.startedAt ?? 0;
    case "action":
      return ({ order, lastOrder }) => order?.acceptedAt ?? lastOrder?.endedAt ?? 0;
    case "polled":
      return ({ spec }) => polled(spec.facts.name)?.at ?? 0;
    default:
      return sort satisfies never;
  }
}

const naturalNames = new WeakMap<MachineSpec, string>();

/** So that nuc2 comes before nuc10: numbers as wide as any. */
function naturalName(spec: MachineSpec): string {
  let name = naturalNames.get(spec);
  if (name === undefined) {
    name = spec.facts.name.toLowerCase().replaceAll(/\d+/g, (digits) => digits.padStart(12, "0"));
    naturalNames.set(spec, name);
  }
  return name;
}
