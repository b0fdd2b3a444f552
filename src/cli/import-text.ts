/** An imported configuration as the text of a file, as people would write it, and its secrets as that of another. */
import { Document, Scalar, YAMLSeq } from "yaml";
import { printable } from "../config/source.ts";
import type { Imported, LeftDevice } from "../maas/maaspower/translate.ts";
import { isTreeList, isTreeMap, SecretName, type Tree } from "../maas/maaspower/tree.ts";

/** A line that would be longer (characters) goes over several lines. */
const LONGEST_LINE = 120;

export interface ImportText {
  /** The old file, as it is named in comments. */
  readonly file: string;
  /** Where a device stands in it: `maaspower.yaml:12`. */
  readonly lineOf: (index: number | undefined) => string;
}

export function configurationText({ sections, left }: Imported, { file, lineOf }: ImportText): string {
  const head = `# Made of ${printable(file)} by \`maasochist import maaspower\`. Check it with: maasochist config check`;
  const texts = Object.entries(sections).map(([key, section]) =>
    isTreeMap(section) && (key === "machines" || key === "hubs") && Object.keys(section).length > 0
      ? [`${key}:`, ...members(section, "  ")]
      : lines(key, section, ""),
  );
  return `${[[head], ...texts].map((text) => text.join("\n")).join("\n\n")}\n${leftText(left, lineOf)}`;
}

export function secretsText(secrets: ReadonlyMap<string, string>): string {
  const written = [...secrets].map(([name, text]) => `${name}: ${JSON.stringify(text)}\n`);
  return `# Read by !secret NAME. Keep it to yourself: chmod 600, and out of git.\n${written.join("")}`;
}

function members(entries: { readonly [key: string]: Tree }, indent: string): string[] {
  return Object.entries(entries).flatMap(([name, entry]) => lines(name, entry, indent));
}

/** A key and its value in one line where it fits into one. */
function lines(key: string, value: Tree, indent: string): string[] {
  const line = `${indent}${scalar(key)}: ${inFlow(value)}`;
  if (line.length <= LONGEST_LINE || !isTreeMap(value)) return [line];
  return [`${indent}${scalar(key)}:`, ...members(value, `${indent}  `)];
}

function inFlow(tree: Tree): string {
  if (tree instanceof SecretName) return `!secret ${tree.name}`;
  if (isTreeMap(tree)) {
    const entries = Object.entries(tree).map(([key, value]) => `${scalar(key)}: ${inFlow(value)}`);
    return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
  }
  return isTreeList(tree) ? `[${tree.map(inFlow).join(", ")}]` : scalar(tree);
}

/** In quotes wherever YAML would read something else: it may stand in a map or list on one line. */
function scalar(value: string | number | boolean): string {
  // Several lines in one: JSON's way to write them is YAML's as well.
  if (typeof value === "string" && /\p{Cc}/u.test(value)) return JSON.stringify(value);
  const list = new YAMLSeq();
  list.flow = true;
  list.add(new Scalar(value));
  const document = new Document(undefined, { version: "1.2" });
  document.contents = list;
  return document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd().slice(1, -1);
}

/** What did not come over, as comments at the end of the machines, with what to write in its place. */
function leftText(left: readonly LeftDevice[], lineOf: ImportText["lineOf"]): string {
  return left
    .map(({ index, name, type, why, next, sketch }) => {
      const told = [
        `"${name}" (${type}, ${lineOf(index)}) did not come over: ${why}.`,
        `${next}${sketch ? " To be filled in:" : ""}`,
      ].map(printable);
      const shown = sketch ? lines(sketch.name, sketch.entry, "  ") : [];
      return `\n${[...told, ...shown].map((line) => `  # ${line}\n`).join("")}`;
    })
    .join("");
}
