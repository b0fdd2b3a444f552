/** Ranges and placeholders: one entry `"nuc[1-6]"` stands for six machines or hubs, each with values of its own. */
import { NAME_PATTERN } from "../power/names.ts";
import type { Problems } from "./problem.ts";
import type { Span } from "./source.ts";
import { broken, type Entry, type ListValue, type Place, type Value } from "./value.ts";

const RANGE = /^(.*)\[(\d+)-(\d+)\](.*)$/;
const PLACEHOLDER = /\{(?:n(?:([+:-])(\d+))?|(name|mac|address))\}/g;
/** As YAML reads an unquoted placeholder: a map with one key and no value. */
const UNQUOTED = /^(?:n(?:[+:-]\d+)?|name|mac|address)$/;
const MOST_MEMBERS = 100_000;

export interface Member extends Place {
  readonly name: string;
  /** Filled in once known. */
  mac?: Fact;
  address?: Fact;
}

export interface Fact {
  readonly text: string;
  /** It is not to be shown, nor what it is put into. */
  readonly secret: boolean;
  /** It stands for an address that is found before each exchange. */
  readonly sought?: boolean;
}

/** What is known of the member under that name. */
export function factOf(member: Member, name: "name" | "mac" | "address"): Fact | undefined {
  return name === "name" ? { text: member.name, secret: false } : member[name];
}

/** The members that a name stands for; none where the name is wrong, said in the problems. */
export function membersOf(written: string, key: Span, problems: Problems): Member[] {
  const range = RANGE.exec(written);
  if (!range) {
    if (NAME_PATTERN.test(written)) return [{ name: written, n: undefined, index: 0, count: 1 }];
    problems.error(key, {
      code: "bad-name",
      message: `"${written}" is no name: letters, digits, dots, dashes and underscores, beginning with a letter or digit`,
      hint: /[[\]]/.test(written) ? 'A range is written like "nuc[1-6]", in quotes.' : undefined,
    });
    return [];
  }
  const [, before = "", from = "", to = "", behind = ""] = range;
  const [first, last] = [Number(from), Number(to)];
  if (!NAME_PATTERN.test(`${before}${from}${behind}`)) {
    problems.error(key, { code: "bad-name", message: `"${before}${from}${behind}" is no name` });
    return [];
  }
  if (!Number.isSafeInteger(last)) {
    problems.error(key, { code: "bad-range", message: "the numbers of the range are too large" });
    return [];
  }
  if (last < first || last - first >= MOST_MEMBERS) {
    problems.error(key, {
      code: "bad-range",
      message:
        last < first
          ? `the range counts down from ${first} to ${last}`
          : `the range has more than ${MOST_MEMBERS} members`,
    });
    return [];
  }
  const width = from.startsWith("0") ? from.length : 0;
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    name: `${before}${String(first + index).padStart(width, "0")}${behind}`,
    n: first + index,
    index,
    count: last - first + 1,
  }));
}

/** The value for one member: placeholders replaced everywhere in it. The same value where there were none. */
function fill(value: Value, member: Member, problems: Problems): Value {
  switch (value.kind) {
    case "scalar": {
      // What a tag stands for is taken as it is: a password may hold braces.
      if (typeof value.value !== "string" || value.secret || !value.value.includes("{")) return value;
      let wrong = false;
      let secret = false;
      const text = value.value.replace(
        PLACEHOLDER,
        (
          written,
          operator: string | undefined,
          operand: string | undefined,
          name: "name" | "mac" | "address" | undefined,
        ) => {
          const fact = name && factOf(member, name);
          secret ||= fact?.secret ?? false;
          const replaced = name ? fact?.text : number(member, operator, operand);
          if (replaced !== undefined && !fact?.sought) return replaced;
          wrong = true;
          if (fact?.sought) {
            problems.error(value.at, {
              code: "address-sought",
              message: `${written} is replaced when the configuration is read, and the address of "${member.name}" is asked for later`,
              hint: "Only `ssh` and `reachable` take an address that MAAS is asked for; here write the address itself.",
            });
            return written;
          }
          problems.error(value.at, {
            code: "placeholder",
            message: name
              ? `${written} has nothing to stand for: "${member.name}" has no ${name}`
              : `${written} stands for a member's number, and "${member.name}" is no range`,
          });
          return written;
        },
      );
      if (wrong) return broken(value.at);
      return text === value.value ? value : { ...value, value: text, secret };
    }
    case "list": {
      const items = value.items.map((item) => fill(item, member, problems));
      return items.every((item, index) => item === value.items[index]) ? value : { ...value, items };
    }
    case "map": {
      if (isUnquoted(value)) {
        problems.error(value.at, {
          code: "placeholder-unquoted",
          message: "an unquoted placeholder is a map to YAML",
          hint: `Write it in quotes: "{${[...value.entries.keys()][0]}}".`,
        });
        return broken(value.at);
      }
      let changed = false;
      const entries = new Map(value.entries);
      for (const [key, entry] of value.entries) {
        const filled = fill(entry.value, member, problems);
        if (filled === entry.value) continue;
        entries.set(key, { ...entry, value: filled });
        changed = true;
      }
      return changed ? { ...value, entries } : value;
    }
    default:
      return value satisfies never;
  }
}

/** The member's own value: its element of a list, its placeholders replaced. */
export function own(value: Value, member: Member, problems: Problems, list = false): Value | undefined {
  const picked = value.kind === "list" && !list ? pick(value, member, problems) : value;
  const filled = picked && fill(picked, member, problems);
  return filled?.kind === "scalar" && filled.broken ? undefined : filled;
}

/** The member's own element of a list that gives each member a value. */
function pick(list: ListValue, member: Member, problems: Problems): Value | undefined {
  const { index, count, n } = list.for ?? member;
  if (list.items.length === count && n !== undefined) return list.items[index];
  problems.error(list.at, {
    code: "member-list",
    message:
      n === undefined
        ? "a list is not taken here: one value is needed"
        : `the range has ${count} members, and the list has ${list.items.length} values for them`,
  });
  return undefined;
}

/** The entries with their lists meant for the members of another range than the one the machine is first in. */
export function meantFor(place: Place, entries: ReadonlyMap<string, Entry>): ReadonlyMap<string, Entry> {
  return new Map([...entries].map(([key, entry]) => [key, { ...entry, value: valueFor(place, entry.value) }]));
}

function valueFor(place: Place, value: Value): Value {
  if (value.kind === "map") return { ...value, entries: meantFor(place, value.entries) };
  if (value.kind === "list") return { ...value, items: value.items.map((item) => valueFor(place, item)), for: place };
  return value;
}

function isUnquoted(value: Value): boolean {
  if (value.kind !== "map" || value.entries.size !== 1) return false;
  const [[key, entry] = []] = value.entries;
  return key !== undefined && UNQUOTED.test(key) && entry?.value.kind === "scalar" && entry.value.value === null;
}

function number({ n }: Member, operator: string | undefined, operand: string | undefined): string | undefined {
  if (n === undefined) return undefined;
  switch (operator) {
    case "+":
      return String(n + Number(operand));
    case "-":
      return String(n - Number(operand));
    case ":":
      return String(n).padStart(Number(operand), "0");
    default:
      return String(n);
  }
}
