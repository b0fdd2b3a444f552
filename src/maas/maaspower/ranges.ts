/** Several machines that differ in a number alone, as one entry: `"nuc[1-6]"` with `{n}` in it. */
import { isTreeList, isTreeMap, SecretName, type Tree } from "./tree.ts";

export interface Member {
  readonly name: string;
  readonly entry: Tree;
}

export interface Range extends Member {
  /** Those that it stands for, in its order. */
  readonly members: readonly string[];
}

interface Numbered {
  readonly name: string;
  readonly n: number;
}

/** The members, as few entries as they can be told by without loss. */
export function inRanges(members: readonly Member[]): readonly Range[] {
  const left = new Map(members.map((member) => [member.name, member.entry]));
  const ranges: Range[] = [];
  for (const { name, entry } of members) {
    if (!left.has(name)) continue;
    const run = longestRun(name, left);
    const first = run?.numbers[0];
    const last = run?.numbers.at(-1);
    const merged =
      run &&
      mergedEntry(
        run,
        run.numbers.flatMap((numbered) => left.get(numbered.name) ?? []),
      );
    if (!run || !first || !last || merged === undefined) {
      left.delete(name);
      ranges.push({ name, entry, members: [name] });
      continue;
    }
    for (const numbered of run.numbers) left.delete(numbered.name);
    const [from, to] = [first.n, last.n].map((n) => String(n).padStart(run.width, "0"));
    ranges.push({
      name: `${run.before}[${from}-${to}]${run.behind}`,
      entry: merged,
      members: run.numbers.map((numbered) => numbered.name),
    });
  }
  return ranges;
}

interface Run {
  readonly before: string;
  readonly behind: string;
  /** Digits of a number, where there are zeros in front; else 0. */
  readonly width: number;
  readonly numbers: readonly Numbered[];
}

/** The longest row of names that begins with this one and goes up by one at one of its numbers; at least two. */
function longestRun(name: string, names: ReadonlyMap<string, Tree>): Run | undefined {
  let longest: Run | undefined;
  for (const { index, 0: digits } of name.matchAll(/\d+/g)) {
    const before = name.slice(0, index);
    const behind = name.slice(index + digits.length);
    const width = digits.startsWith("0") ? digits.length : 0;
    const numbers: Numbered[] = [];
    for (let n = Number(digits); Number.isSafeInteger(n); n++) {
      const next = `${before}${String(n).padStart(width, "0")}${behind}`;
      if (!names.has(next)) break;
      numbers.push({ name: next, n });
    }
    if (numbers.length > Math.max(1, longest?.numbers.length ?? 0)) longest = { before, behind, width, numbers };
  }
  return longest;
}

/** One entry for all of the run; undefined where they differ in more than their number. */
function mergedEntry(run: Run, entries: readonly Tree[]): Tree | undefined {
  const [first] = entries;
  if (first === undefined) return undefined;
  if (isTreeMap(first)) {
    const keys = Object.keys(first);
    const merged: [string, Tree][] = [];
    for (const key of keys) {
      const values = entries.map((entry) =>
        isTreeMap(entry) && Object.keys(entry).length === keys.length ? entry[key] : undefined,
      );
      const value = values.every((one) => one !== undefined) ? mergedEntry(run, values) : undefined;
      if (value === undefined) return undefined;
      merged.push([key, value]);
    }
    return Object.fromEntries(merged);
  }
  if (isTreeList(first)) {
    const lists = entries.filter(isTreeList).filter((list) => list.length === first.length);
    if (lists.length < entries.length) return undefined;
    const items = first.map((_item, index) =>
      mergedEntry(
        run,
        lists.flatMap((list) => list[index] ?? []),
      ),
    );
    return items.every((item) => item !== undefined) ? items : undefined;
  }
  if (first instanceof SecretName)
    return entries.every((entry) => entry instanceof SecretName && entry.name === first.name) ? first : undefined;
  if (entries.every((entry) => entry === first)) return first;
  const texts = entries.filter((entry) => typeof entry === "string" || typeof entry === "number").map(String);
  return texts.length === entries.length ? template(run, texts) : undefined;
}

/** The text with placeholders that gives each member its own; undefined where there is none. */
function template({ numbers, width }: Run, texts: readonly string[]): string | undefined {
  const placeholders: readonly { readonly written: string; readonly of: (numbered: Numbered) => string }[] = [
    { written: "{name}", of: ({ name }) => name },
    ...(width > 1 ? [{ written: `{n:${width}}`, of: ({ n }: Numbered) => String(n).padStart(width, "0") }] : []),
    { written: "{n}", of: ({ n }) => String(n) },
  ];
  let written = "";
  let rests = [...texts];
  while (rests.some((rest) => rest !== "")) {
    const fitting = placeholders.find(({ of }) =>
      rests.every((rest, index) => rest.startsWith(of(numbers[index] ?? { name: "", n: Number.NaN }))),
    );
    const char = rests[0]?.charAt(0) ?? "";
    if (!fitting && (char === "" || rests.some((rest) => rest.charAt(0) !== char))) return undefined;
    written += fitting?.written ?? char;
    rests = rests.map((rest, index) => {
      const numbered = numbers[index];
      return rest.slice(fitting && numbered ? fitting.of(numbered).length : 1);
    });
  }
  return written;
}
