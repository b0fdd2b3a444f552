/** `profiles:` and `use:`: settings that machines share. */
import type { Driver } from "../power/driver.ts";
import { refuse, refuseUnknownKeys } from "./check-value.ts";
import { shapeOf } from "./member-fields.ts";
import type { Problems } from "./problem.ts";
import { MACHINE, MACHINE_STRUCTURE, PACE } from "./schema.ts";
import { type Entry, type MapValue, quoted, shownText, type Value } from "./value.ts";

export type Profiles = ReadonlyMap<string, MapValue>;

/** The profiles by name; a key that no machine could use is an error, used or not. */
export function buildProfiles(
  profiles: MapValue | undefined,
  { drivers, problems }: { readonly drivers: ReadonlyMap<string, Driver>; readonly problems: Problems },
): Profiles {
  const known = new Set([
    ...Object.keys(MACHINE.shape),
    ...Object.keys(MACHINE_STRUCTURE),
    ...Object.keys(PACE.shape),
    ...[...drivers.values()].flatMap(({ hub, outlet }) => [
      ...Object.keys(shapeOf(hub)),
      ...Object.keys(shapeOf(outlet)),
    ]),
  ]);
  const built = new Map<string, MapValue>();
  for (const [name, { value }] of profiles?.entries ?? []) {
    if (value.kind !== "map") {
      refuse(value, `profile "${name}" must be a map such as { above: 6W, tags: [nuc] }`, problems);
      built.set(name, { kind: "map", entries: new Map(), at: value.at });
      continue;
    }
    refuseUnknownKeys(value, { known, of: `of profile ${name}` }, problems);
    const use = value.entries.get("use");
    if (use) {
      problems.error(use.key, {
        code: "bad-value",
        message: "a profile cannot use another",
        hint: "A machine may use several: use: [a, b].",
      });
    }
    built.set(name, value);
  }
  return built;
}

/** The entry over its profiles: its own keys win, lists and maps are replaced, tags add up. */
export function withProfiles(entry: MapValue, profiles: Profiles, problems: Problems): MapValue {
  const use = entry.entries.get("use");
  if (!use) return entry;
  const names = use.value.kind === "list" ? use.value.items : [use.value];
  const entries = new Map<string, Entry>();
  const tags: Value[] = [];
  const lay = (layer: MapValue) => {
    for (const [key, value] of layer.entries) {
      entries.set(key, value);
      if (key === "tags" && value.value.kind === "list") tags.push(...value.value.items);
    }
  };
  for (const name of names) {
    if (name.kind !== "scalar") {
      problems.error(name.at, { code: "bad-value", message: "use takes the name of a profile, or a list of names" });
      continue;
    }
    const text = String(name.value);
    const profile = profiles.get(text);
    if (profile) {
      lay(profile);
      continue;
    }
    problems.error(name.at, {
      code: "unknown-profile",
      message: `unknown profile ${quoted(name)}${problems.didYouMean(shownText(name), profiles.keys())}`,
      hint: "Profiles are listed under `profiles:`.",
    });
  }
  lay(entry);
  const last = entries.get("tags");
  if (last?.value.kind === "list") entries.set("tags", { ...last, value: { ...last.value, items: tags } });
  return { ...entry, entries };
}
