/** YAML as a tree of values that know where they stand and whether they are secret. */
import type { Span } from "./source.ts";

/** Stands for what is never shown. */
export const MASK = "•••";

/** More of a value than this does not help to find it. */
const LONGEST_QUOTED = 60;

export type Scalar = string | number | boolean | null;

export interface ScalarValue {
  readonly kind: "scalar";
  readonly value: Scalar;
  readonly at: Span;
  /** Came from `!secret`, `!env` or `!file`, or fills a secret field: never shown. */
  readonly secret: boolean;
  /** It was said already that it is wrong, so nothing more is said of it. */
  readonly broken?: true;
}

/** One of a range. */
export interface Place {
  /** Its number in the range; undefined where the entry is no range. */
  readonly n: number | undefined;
  /** Position in the range, from 0, and how many there are. */
  readonly index: number;
  readonly count: number;
}

export interface ListValue {
  readonly kind: "list";
  readonly items: readonly Value[];
  readonly at: Span;
  /** Whose the items are, where the list stands in a range that overrides another. */
  readonly for?: Place;
}

export interface Entry {
  /** Where the key stands. */
  readonly key: Span;
  readonly value: Value;
}

export interface MapValue {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, Entry>;
  readonly at: Span;
}

export type Value = ScalarValue | ListValue | MapValue;

export function broken(at: Span): ScalarValue {
  return { kind: "scalar", value: null, at, secret: false, broken: true };
}

/** As plain data, for zod. */
export function plain(value: Value): unknown {
  switch (value.kind) {
    case "scalar":
      return value.value;
    case "list":
      return value.items.map(plain);
    case "map":
      return Object.fromEntries([...value.entries].map(([key, entry]) => [key, plain(entry.value)]));
    default:
      return value satisfies never;
  }
}

const hiddenValues = new WeakMap<Value, Value>();

/**
 * The same, never to be shown: neither as a value nor where it is written. A tag is not hidden itself: it says nothing.
 * One value gives one hidden value.
 */
export function hidden(value: Value): Value {
  const known = hiddenValues.get(value);
  if (known) return known;
  const made = hide(value);
  hiddenValues.set(value, made);
  return made;
}

/** Is it the hidden one of that value? */
export function isHidden(value: Value, of: Value): boolean {
  return hiddenValues.get(of) === value;
}

function hide(value: Value): Value {
  switch (value.kind) {
    case "scalar":
      if (value.secret || value.value === null) return value;
      value.at.source.hide(value.at);
      return { ...value, secret: true };
    case "list":
      return { ...value, items: value.items.map(hidden) };
    case "map":
      return {
        ...value,
        entries: new Map([...value.entries].map(([key, entry]) => [key, { ...entry, value: hidden(entry.value) }])),
      };
    default:
      return value satisfies never;
  }
}

/** The value at the path; undefined where there is none. */
export function valueAt(value: Value | undefined, path: readonly PropertyKey[]): Value | undefined {
  let inner = value;
  for (const step of path) {
    if (inner?.kind === "map") inner = inner.entries.get(String(step))?.value;
    else inner = inner?.kind === "list" ? inner.items[Number(step)] : undefined;
  }
  return inner;
}

/** Where the value at the path stands, or the deepest there is on the way: where an issue with that path is pointed at. */
export function spanAt(value: Value, path: readonly PropertyKey[]): Span {
  let at = value.at;
  for (let depth = 1; depth <= path.length; depth++) {
    const inner = valueAt(value, path.slice(0, depth));
    if (!inner) break;
    at = inner.at;
  }
  return at;
}

/** The entries of all of them; of equal keys the last. */
export function joined(
  first: ReadonlyMap<string, Entry>,
  ...others: readonly ReadonlyMap<string, Entry>[]
): Map<string, Entry> {
  const entries = new Map(first);
  for (const other of others) for (const [key, entry] of other) entries.set(key, entry);
  return entries;
}

export function scalarText(value: Value | undefined): string | undefined {
  return value?.kind === "scalar" && typeof value.value === "string" ? value.value : undefined;
}

/** Is it not to be shown? What an alias means is where its anchor is, and as secret as what stands there. */
export function isSecret({ secret, at }: ScalarValue): boolean {
  return secret || at.source.hides(at);
}

/** A value as messages name it. */
export function shownText(value: Value): string {
  if (value.kind !== "scalar") return value.kind === "list" ? "a list" : "a map";
  const text = isSecret(value) ? MASK : String(value.value);
  return text.length > LONGEST_QUOTED ? `${text.slice(0, LONGEST_QUOTED)}…` : text;
}

/** The same in quotes. */
export function quoted(value: Value): string {
  return value.kind === "scalar" ? `"${shownText(value)}"` : shownText(value);
}
