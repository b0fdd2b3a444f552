/** `compat:`, routes of other tools that are served for those who come from them. */
import { checked, refuse } from "./check-value.ts";
import type { Problems } from "./problem.ts";
import { COMPAT, MAASPOWER } from "./schema.ts";
import { quoted, scalarText, type Value, valueAt } from "./value.ts";

export interface CompatSettings {
  /** Undefined: maaspower's routes are not served. */
  readonly maaspower: MaaspowerSettings | undefined;
}

export interface MaaspowerSettings {
  /** May a GET switch, as in maaspower? */
  readonly allowGet: boolean;
  /** Machines by the names that MAAS has for them. */
  readonly names: ReadonlyMap<string, string>;
  /** Patterns of machines whose state is told by a bare word. */
  readonly plain: readonly string[];
}

/** `compat: maaspower`, or `compat: { maaspower: { … } }`. */
export function buildCompat(
  given: Value | undefined,
  { machines, problems }: { readonly machines: ReadonlySet<string>; readonly problems: Problems },
): CompatSettings {
  if (!given) return { maaspower: undefined };
  if (given.kind === "scalar" && given.value === "maaspower") return { maaspower: settingsOf({}) };
  if (given.kind !== "map") {
    refuse(given, "compat takes `maaspower`, or a map such as { maaspower: { allow_get: true } }", problems);
    return { maaspower: undefined };
  }
  const compat = checked(COMPAT, given, problems, { name: "compat" });
  const names = valueAt(given, ["maaspower", "names"]);
  if (names?.kind === "map") checkNames(names.entries, machines, problems);
  return { maaspower: compat?.maaspower === undefined ? undefined : settingsOf(compat.maaspower ?? {}) };
}

function settingsOf(given: object): MaaspowerSettings {
  const { allow_get: allowGet, names, plain } = MAASPOWER.parse(given);
  return { allowGet, names: new Map(Object.entries(names)), plain };
}

/** Each old name leads to a machine, and to no other one than its own. */
function checkNames(
  names: Extract<Value, { kind: "map" }>["entries"],
  machines: ReadonlySet<string>,
  problems: Problems,
): void {
  for (const [old, { key, value }] of names) {
    const machine = scalarText(value);
    if (machine !== undefined && !machines.has(machine))
      problems.error(value.at, {
        code: "unknown-machine",
        message: `there is no machine ${quoted(value)}${problems.didYouMean(machine, machines)}`,
      });
    if (machine !== undefined && machines.has(old) && old !== machine)
      problems.error(key, {
        code: "bad-value",
        message: `"${old}" is the name of a machine itself, and cannot stand for another`,
      });
  }
}
