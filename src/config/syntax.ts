/** What YAML's own parser stumbles over, in words of our own: its words may quote a secret. */
import type { YAMLParseError } from "yaml";
import type { Problems, ProblemText } from "./problem.ts";
import type { SecretKeys } from "./secret-keys.ts";
import { type Source, spanOf } from "./source.ts";

/** The first syntax error of each line: the parser stumbles over the rest of the line as well. */
export function tellSyntax(
  errors: readonly YAMLParseError[],
  source: Source,
  { problems, secretKeys }: { readonly problems: Problems; readonly secretKeys: SecretKeys },
): void {
  hideBelowKeys(source, secretKeys);
  const lines = new Set<number>();
  for (const error of errors) {
    const { code, pos } = error;
    const start = startOf(error, source.text);
    const { line, column } = source.position(start);
    if (lines.has(line)) continue;
    lines.add(line);
    const written = source.line(line) ?? "";
    const begin = start - column + 1;
    // What is all one long word may be the inside of a key.
    if (KEY_MATERIAL.test(written)) source.hide(spanOf(source, begin, begin + written.length));
    const glued = gluedPlaceholder(written);
    if (glued) {
      const text = written.slice(glued.start, glued.end);
      problems.error(spanOf(source, begin + glued.start, begin + glued.end), {
        code: "placeholder-unquoted",
        message: "a placeholder without quotes is a map to YAML",
        hint: `Write it in quotes: "${secretKeys.masked(source.shownLine(line) ?? "").includes(text) ? text : "…"}".`,
      });
    } else problems.error(spanOf(source, start, pos[1]), SYNTAX[code] ?? UNREADABLE);
  }
}

/** A line that a key begins, whose value may go on below. */
const BEGUN_BY_KEY = /^(\s*(?:- +)*)["']?([\w-]+)["']?\s*:(?=\s|$)(\s*(?:#.*)?$)?/;

/** Hides the lines below keys of secrets that belong to their values: the parser may have got nowhere near them. */
function hideBelowKeys(source: Source, secretKeys: SecretKeys): void {
  let column: number | undefined;
  let takesItems = false;
  let offset = 0;
  for (const line of source.text.split("\n")) {
    const indent = line.search(/\S/);
    const within =
      column !== undefined && (indent > column || (takesItems && indent === column && line[indent] === "-"));
    if (within) source.hide(spanOf(source, offset + indent, offset + line.length));
    else if (indent >= 0) {
      const [, before = "", key = "", nothing] = BEGUN_BY_KEY.exec(line) ?? [];
      column = secretKeys.has(key) && key !== "" ? before.length : undefined;
      takesItems = nothing !== undefined;
    }
    offset += line.length + 1;
  }
}

/** Where the mistake begins; what ends too early is told at its end, not behind it. */
export function startOf({ pos }: YAMLParseError, text: string): number {
  return Math.min(pos[0], Math.max(0, text.trimEnd().length - 1));
}

const KEY_MATERIAL = /^\s*[^\s:{}]{16,}\s*$/;

const PLACEHOLDER = /\{(?:n(?:[+:-]\d+)?|name|mac|address)\}/g;

/** The first text outside of quotes that a placeholder is part of. */
function gluedPlaceholder(line: string): { readonly start: number; readonly end: number } | undefined {
  const unquoted = line.replaceAll(/"[^"]*"|'[^']*'/g, (quoted) => " ".repeat(quoted.length));
  for (const { index, 0: placeholder } of unquoted.matchAll(PLACEHOLDER)) {
    let start = index;
    while (start > 0 && !/[\s{[,]/.test(unquoted.charAt(start - 1))) start -= 1;
    let end = index + placeholder.length;
    while (end < unquoted.length && !/[\s,}\]]/.test(unquoted.charAt(end))) end += 1;
    if (end - start > placeholder.length) return { start, end };
  }
  return undefined;
}

const SYNTAX: Readonly<Partial<Record<YAMLParseError["code"], ProblemText>>> = {
  TAB_AS_INDENT: { code: "yaml", message: "tabs do not indent in YAML", hint: "Use spaces." },
  MULTIPLE_DOCS: { code: "yaml", message: "a second document begins here", hint: "Take the `---` out." },
  MISSING_CHAR: {
    code: "yaml",
    message: "something that was opened is not closed",
    hint: "Look for a missing quote, comma, ] or }.",
  },
  BAD_INDENT: {
    code: "yaml",
    message: "the indentation does not fit",
    hint: "Indent what belongs together alike.",
  },
};

const UNREADABLE: ProblemText = {
  code: "yaml",
  message: "YAML cannot be read here",
  hint: "Text with `: `, `#`, `{` or `[` in it goes in quotes.",
};
