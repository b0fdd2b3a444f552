/** YAML as a tree of values that know where they stand and whether they are secret. */
import type { Span } from "./problem.ts";

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

export interface ListValue {
  readonly kind: "list";
  readonly items: readonly Value[];
  readonly at: Span;
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

/** The same, never to be shown. A tag is not hidden itself: it says nothing. */
export function hidden(value: Value): Value {
  if (value.kind !== "scalar" || value.secret) return value;
  return { ...value, secret: true, at: { ...value.at, secret: true } };
}

/** The value at the path, or the deepest there is on the way: where an issue with that path is pointed at. */
export function spanAt(value: Value, path: readonly PropertyKey[]): Span {
  const [step, ...rest] = path;
  if (step === undefined) return value.at;
  const next =
    value.kind === "map"
      ? value.entries.get(String(step))?.value
      : value.kind === "list"
        ? value.items[Number(step)]
        : undefined;
  return next ? spanAt(next, rest) : value.at;
}

export function scalarText(value: Value | undefined): string | undefined {
  return value?.kind === "scalar" && typeof value.value === "string" ? value.value : undefined;
}
