/**
 * Configurations that nobody should write: valid ones with some of their parts mutated, and trees of known keys with hostile
 * values. Secrets are planted in them; what is mutated is around the secrets and their keys, never they themselves.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { stringify } from "yaml";
import type { z } from "zod";
import { OWN_KEYS, TOP_LEVEL } from "../../src/config/schema.ts";
import type { Driver } from "../../src/power/driver.ts";
import { fieldFacts } from "../../src/wire/fields.ts";
import { plantedSecret } from "./planted.ts";

interface YamlFile {
  readonly text: string;
  /** The secrets in the text, and those behind the names of `SECRET_NAMES`. */
  readonly inText: readonly string[];
  readonly named: readonly string[];
}

const CASES = join(import.meta.dirname, "../config/cases");

/** Names that the seeds take from `secrets.yaml`. */
export const SECRET_NAMES = ["maas_token", "plug", "digits", "board", "desktop", "lamp", "windows", "wol"] as const;

const HOSTILE = [
  "",
  "~",
  "null",
  "true",
  "yes",
  "0",
  "-1",
  "007",
  "0x1F",
  "1e999",
  ".nan",
  "{",
  "}",
  "[",
  "]",
  "[]",
  "{}",
  ",",
  ":",
  ": ",
  "- ",
  "? ",
  "#",
  " # ",
  "\n",
  "\r\n",
  "\r",
  "\t",
  "  ",
  "\n  ",
  "\n\n",
  "'",
  '"',
  "|\n",
  ">-\n",
  "&a ",
  "*a",
  "&a [*a]",
  "<<: *a",
  "!secret plug",
  "!secret nobody",
  "!secret",
  "!env FUZZ",
  "!env PATHS",
  "!file key",
  "!file .",
  "!file /dev/zero",
  "!mac x",
  "!!binary aGk=",
  "!!str",
  "!<tag:x>",
  "%YAML 9.9\n",
  "---\n",
  "\n--- x\n",
  "...\n",
  "{n}",
  "{n+1}",
  "{name}",
  "{mac}",
  "{{n}}",
  "a[1-3]",
  "a[3-1]",
  "a[1-99999999999]",
  "a[01-002]",
  "x".repeat(5_000),
  "[".repeat(300),
  "{a: ".repeat(300),
  "- ".repeat(300),
  "\u0000",
  "\u0007",
  "\u001b[2J",
  "\u0085",
  "\u009b",
  "\u2028",
  "\u202e",
  "\ufeff",
  "\ud800",
  "\udfff",
  "😀",
  "é",
  "__proto__",
  "constructor",
  "toString",
  "-x",
  "a/b",
  "../..",
  "/",
  "*",
  "0s",
  "1h",
  "99999d",
  "-5s",
  "6W",
  "aa:bb:cc:dd:ee:ff",
  "10.0.0.1",
  "::1",
  "[::]:6227",
  "10.0.0.0/33",
  "http://u:p@h/",
  "(",
  "(?<a",
  "$",
  "a.b[0]",
  "127.0.0.1:0",
  "unix:",
  "systemd",
] as const;

const hostileText = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<string>(...HOSTILE) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12, unit: "binary" }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12, unit: "grapheme-ascii" }) },
);

/** A text in parts; what is `kept` holds a secret, with its key. */
interface Part {
  readonly text: string;
  readonly kept: boolean;
}

/** A key of secrets with its value, where it stands in a seed as such. */
const PLANTED =
  /(?<=[\s{])"?(password|token|password_hash|key|community|passphrase|sudo_password|secureon)"?: (?!!)("[^"\n]*"|'[^'\n]*'|[^\s,}\]]+)/g;
const TOKENS = /\s+|[\w.-]+|[^\s\w]/g;

/** Ways to write a secret behind its key on one line of a flow or block map. */
const WAYS: readonly ((key: string, secret: string) => string)[] = [
  (key, secret) => `${key}: ${JSON.stringify(secret)}`,
  (key, secret) => `"${key}": ${JSON.stringify(secret)}`,
  (key, secret) => `${key}: '${secret.replaceAll("'", "''")}'`,
  (key, secret) => `${key}: &${key} ${JSON.stringify(secret)}`,
  (key, secret) => `${key}: [${JSON.stringify(secret)}]`,
  (key, secret) => `${key}: ${/^\w+$/.test(secret) ? secret : JSON.stringify(secret)}`,
];

/** The seeds' texts: whole configurations, some of them valid. */
function seeds(drivers: readonly Driver[]): string[] {
  const cases = readdirSync(CASES).filter((file) => file.endsWith(".yaml") && file !== "secrets.yaml");
  return [
    ...cases.map((file) => readFileSync(join(CASES, file), "utf8")),
    ...drivers.flatMap(({ examples }) => examples.map(({ yaml }) => yaml)),
  ];
}

function partsOf(seed: string, secrets: readonly string[], way: number): Part[] {
  const parts: Part[] = [];
  const tokens = (text: string) => (text.match(TOKENS) ?? []).map((token) => ({ text: token, kept: false }));
  let from = 0;
  let count = 0;
  for (const match of seed.matchAll(PLANTED)) {
    parts.push(...tokens(seed.slice(from, match.index)));
    const write = WAYS[(way + count) % WAYS.length];
    const secret = secrets[count % secrets.length];
    if (write && secret !== undefined) parts.push({ text: write(match[1] ?? "", secret), kept: true });
    from = match.index + match[0].length;
    count += 1;
  }
  return [...parts, ...tokens(seed.slice(from))];
}

interface Mutation {
  readonly kind: "delete" | "repeat" | "insert" | "replace" | "swap" | "bytes" | "cut";
  readonly at: number;
  readonly to: number;
  readonly text: string;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom("delete", "repeat", "insert", "replace", "swap", "bytes", "cut"),
  at: fc.nat({ max: 100_000 }),
  to: fc.nat({ max: 100_000 }),
  text: hostileText,
});

function mutated(parts: readonly Part[], { kind, at, to, text }: Mutation): Part[] {
  const result = [...parts];
  const index = at % Math.max(1, parts.length);
  const other = to % Math.max(1, parts.length);
  const part = parts[index];
  const second = parts[other];
  const free = { text, kept: false };
  if (!part || !second) return [free];
  switch (kind) {
    case "delete":
      if (!part.kept) result.splice(index, 1);
      return result;
    case "repeat":
      result.splice(other, 0, ...parts.slice(index, index + 12));
      return result;
    case "insert":
      result.splice(index, 0, free);
      return result;
    case "replace":
      if (!part.kept) result[index] = free;
      return result;
    case "swap":
      if (part.kept || second.kept) return result;
      result[index] = second;
      result[other] = part;
      return result;
    case "bytes": {
      if (part.kept) return result;
      const place = to % (part.text.length + 1);
      result[index] = { text: part.text.slice(0, place) + text + part.text.slice(place + 1), kept: false };
      return result;
    }
    case "cut":
      return result.slice(0, index);
    default:
      return kind satisfies never;
  }
}

function mutatedSeed(texts: readonly string[]): fc.Arbitrary<YamlFile> {
  return fc
    .record({
      seed: fc.constantFrom(...texts),
      way: fc.nat({ max: WAYS.length - 1 }),
      mutations: fc.array(mutation, { maxLength: 6 }),
      ...planted,
    })
    .map(({ seed, way, mutations, inText, named }) => {
      const parts = mutations.reduce(mutated, partsOf(seed, inText, way));
      return { text: parts.map(({ text }) => text).join(""), inText, named };
    });
}

const planted = {
  inText: fc.array(plantedSecret, { minLength: 3, maxLength: 3 }),
  named: fc.array(plantedSecret, { minLength: SECRET_NAMES.length, maxLength: SECRET_NAMES.length }),
};

/** Words that stand for what `stringify` does not write, and what they become. */
const WRITTEN: Readonly<Record<string, string>> = {
  TAGGED_SECRET: "!secret plug",
  TAGGED_UNKNOWN: "!secret nobody",
  TAGGED_ENV: "!env FUZZ",
  TAGGED_FILE: "!file key",
  AN_ANCHOR: "&a x",
  AN_ALIAS: "*a",
};

type Tree = string | number | boolean | null | readonly Tree[] | { readonly [key: string]: Tree };

function hostileTree(drivers: readonly Driver[]): fc.Arbitrary<YamlFile> {
  const fields = drivers.flatMap(({ hub, outlet }) => Object.entries<z.ZodType>({ ...hub?.shape, ...outlet.shape }));
  const secretKeys = fields.filter(([, field]) => fieldFacts(field).secret).map(([key]) => key);
  const openKeys = [...OWN_KEYS, ...fields.map(([key]) => key)].filter((key) => !secretKeys.includes(key));
  const key = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...openKeys) },
    { weight: 1, arbitrary: fc.constantFrom("a", "nuc[1-3]", "a[1-2]b", "nuc2") },
    { weight: 1, arbitrary: hostileText },
  );
  const secretKey = fc.constantFrom("token", "password_hash", "pasword", "api_key", "my-secret", ...secretKeys);
  const scalar: fc.Arbitrary<Tree> = fc.oneof(
    fc.constantFrom<Tree>(...drivers.map(({ name }) => name)),
    fc.constantFrom<Tree>(...Object.keys(WRITTEN)),
    fc.constantFrom<Tree>(0, 1, -1, 1.5, 65_536, 2 ** 53, true, false, null),
    hostileText,
  );
  /** A secret by its number. */
  const secret: fc.Arbitrary<Tree> = fc.oneof(
    fc.constantFrom<Tree>("PLANTED_0", "PLANTED_1", "PLANTED_2"),
    fc.constantFrom<Tree>(["PLANTED_0"], ["PLANTED_1", "PLANTED_2"]),
  );
  const { tree } = fc.letrec<{ tree: Tree; map: Tree }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "xsmall", withCrossShrink: true },
      scalar,
      fc.array(tie("tree"), { maxLength: 3 }),
      tie("map"),
      tie("map"),
    ),
    map: fc
      .tuple(
        fc.array(fc.tuple(key, tie("tree")), { maxLength: 4 }),
        fc.array(fc.tuple(secretKey, secret), { maxLength: 1 }),
      )
      .map(([open, closed]): Tree => Object.fromEntries([...open, ...closed])),
  }));
  const named = fc.dictionary(fc.oneof(fc.constantFrom("a", "b", "nuc[1-3]", "nuc2", "plug"), hostileText), tree, {
    maxKeys: 3,
  });
  const top = Object.fromEntries(
    Object.keys(TOP_LEVEL).map((section) => [
      section,
      ["profiles", "hubs", "machines"].includes(section) ? fc.oneof(named, tree) : tree,
    ]),
  );
  return fc
    .record({
      top: fc.record<Record<string, Tree>>(top, { requiredKeys: ["machines"] }),
      flow: fc.boolean(),
      mutations: fc.array(mutation, { maxLength: 2 }),
      ...planted,
    })
    .map(({ top, flow, mutations, inText, named: behindNames }) => {
      const withSecrets = JSON.parse(JSON.stringify(top), (_key, value: unknown) =>
        typeof value === "string" && value.startsWith("PLANTED_") ? inText[Number(value.slice(8))] : value,
      ) as Tree;
      const written = stringify(withSecrets, { collectionStyle: flow ? "flow" : "any", lineWidth: flow ? 0 : 60 });
      const text = written.replaceAll(/\b(?:TAGGED|AN)_[A-Z]+\b/g, (word) => WRITTEN[word] ?? word);
      // Mutated between whole sections alone, which leaves secrets together with their keys.
      const sections = text.split(/^(?=[^\s}\]])/m).map((section) => ({ text: section, kept: true }));
      const parts = mutations.filter(({ kind }) => kind === "insert" || kind === "repeat").reduce(mutated, sections);
      return { text: parts.map((part) => part.text).join(""), inText, named: behindNames };
    });
}

export function yamlFile(drivers: readonly Driver[]): fc.Arbitrary<YamlFile> {
  return fc.oneof(
    { weight: 2, arbitrary: mutatedSeed(seeds(drivers)) },
    { weight: 1, arbitrary: hostileTree(drivers) },
  );
}
