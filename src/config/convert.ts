/** From YAML's nodes to values that know where they stand. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar as YamlScalar,
} from "yaml";
import type { Problems } from "./problem.ts";
import type { SecretKeys } from "./secret-keys.ts";
import { lineOf, type Source, type Span, spanOf } from "./source.ts";
import { broken, type Entry, type Scalar, type Value } from "./value.ts";

/** More nodes than any real configuration has; a few lines of nested aliases make billions. */
const MOST_NODES = 1_000_000;
/** Deeper than any real configuration; what is deeper would exhaust the stack. */
const MOST_LEVELS = 100;

export interface ConversionOptions {
  readonly document: Document;
  readonly source: Source;
  /** Where the document begins in the source; absent: at its start. */
  readonly offset?: number;
  readonly problems: Problems;
  readonly secretKeys: SecretKeys;
  /** Texts behind tags, by their nodes. */
  readonly tagged: ReadonlyMap<unknown, string | undefined>;
}

/** The tags of YAML's own schema; they need not be told. */
const CORE_TAGS: ReadonlySet<string | undefined> = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`),
);

export function hasOwnTag({ tag }: Pick<Node, "tag">): boolean {
  return tag !== undefined && !CORE_TAGS.has(tag);
}

export class Conversion {
  readonly #options: ConversionOptions;
  readonly #meant = new Map<Alias, Node | undefined>();
  /** Nodes that were not converted; aliases lead to one again and again. */
  readonly #left = new Set<unknown>();
  #nodes = 0;
  #levels = 0;

  constructor(options: ConversionOptions) {
    this.#options = options;
  }

  /** The value of a node; where there is no node, an empty one that stands `behind`. */
  convert(node: unknown, behind: Span): Value {
    const at = this.#span(node, behind);
    this.#nodes += 1;
    if (this.#nodes > MOST_NODES || this.#levels >= MOST_LEVELS) {
      const what = this.#nodes > MOST_NODES ? `more than ${MOST_NODES} values` : `more than ${MOST_LEVELS} levels`;
      this.#options.problems.error(at, { code: "yaml", message: `the file unfolds into ${what}` });
      return this.#leave(node, at);
    }
    this.#levels += 1;
    try {
      return this.#convert(node, at);
    } finally {
      this.#levels -= 1;
    }
  }

  #convert(node: unknown, at: Span): Value {
    const { document, problems } = this.#options;
    if (isAlias(node)) {
      if (!this.#meant.has(node)) this.#meant.set(node, node.resolve(document));
      const meant = this.#meant.get(node);
      if (meant) return this.convert(meant, at);
      problems.error(at, { code: "yaml", message: "no anchor of that name stands before this alias" });
      return broken(at);
    }
    if ((isSeq(node) || isMap(node)) && hasOwnTag(node)) {
      problems.error(at, { code: "unknown-tag", message: `${node.tag} takes one name, not a list or a map` });
      return this.#leave(node, at);
    }
    if (isSeq(node)) return { kind: "list", items: node.items.map((item) => this.convert(item, at)), at };
    if (isMap(node)) {
      const entries = new Map<string, Entry>();
      this.add(node.items, at, entries);
      return { kind: "map", entries, at };
    }
    return isScalar(node) ? this.#scalar(node, at) : empty(at);
  }

  /** Adds the entries of a map; what is there already is told. */
  add(pairs: readonly Pair[], at: Span, entries: Map<string, Entry>): void {
    const { problems, secretKeys } = this.#options;
    for (const pair of pairs) {
      const { key, value } = pair;
      const keyAt = this.#span(key, at);
      if (!isScalar(key) || hasOwnTag(key)) {
        problems.error(keyAt, { code: "yaml", message: "a key must be a plain name" });
        this.#leave(pair, keyAt);
        continue;
      }
      const name = key.source ?? String(key.value);
      const first = entries.get(name);
      if (first) {
        problems.error(keyAt, { code: "twice", message: `"${name}" is already given at ${lineOf(first.key)}` });
        this.#leave(pair, keyAt);
        continue;
      }
      if (name === "<<") {
        problems.error(keyAt, {
          code: "yaml",
          message: "YAML 1.2 has no merge keys",
          hint: "Write shared settings once under `profiles:`, and name them with `use:`.",
        });
        this.#leave(pair, keyAt);
        continue;
      }
      const converted = this.convert(value, keyAt);
      if (converted.kind !== "map" && secretKeys.has(name)) hideTexts(converted);
      entries.set(name, { key: keyAt, value: converted });
    }
  }

  /** What is not converted may be quoted all the same. */
  #leave(node: unknown, at: Span): Value {
    if (!this.#left.has(node)) hideSecrets(node, this.#options);
    this.#left.add(node);
    return broken(at);
  }

  #scalar(node: YamlScalar, at: Span): Value {
    const { tagged } = this.#options;
    if (tagged.has(node)) {
      const text = tagged.get(node);
      return text === undefined ? broken(at) : { kind: "scalar", value: text, at, secret: true };
    }
    const { value } = node;
    const scalar: Scalar =
      typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null
        ? value
        : (node.source ?? null);
    return { kind: "scalar", value: scalar, at, secret: false };
  }

  #span(node: unknown, behind: Span): Span {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
    const { source, offset = 0 } = this.#options;
    return range ? spanOf(source, offset + range[0], offset + range[1]) : behind;
  }
}

/** Hides what stands behind keys of secrets in a part of a document that is not converted. */
export function hideSecrets(node: unknown, where: Pick<ConversionOptions, "source" | "offset" | "secretKeys">): void {
  if (isPair(node)) {
    const { key, value } = node;
    const secret = isScalar(key) && where.secretKeys.has(key.source ?? String(key.value));
    if (secret) hideNode(value, where);
    hideSecrets(key, where);
    hideSecrets(value, where);
  } else if (isMap(node) || isSeq(node)) {
    for (const item of node.items) hideSecrets(item, where);
  }
}

function hideNode(node: unknown, where: Pick<ConversionOptions, "source" | "offset">): void {
  if (isSeq(node)) {
    for (const item of node.items) hideNode(item, where);
  } else if (isScalar(node) && node.range) {
    const { source, offset = 0 } = where;
    source.hide(spanOf(source, offset + node.range[0], offset + node.range[1]));
  }
}

/** Hides the text, or the texts of a list; maps have keys of their own. */
function hideTexts(value: Value): void {
  if (value.kind === "list") value.items.forEach(hideTexts);
  // A tag says nothing of what is behind it.
  else if (value.kind === "scalar" && !value.secret && value.value !== null) value.at.source.hide(value.at);
}

function empty(at: Span): Value {
  return { kind: "scalar", value: null, at, secret: false };
}
