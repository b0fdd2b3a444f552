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
  const lines = new Set<number>();
  for (const { code, pos } of errors) {
    // What ends too early is told at its end, not behind it.
    const start = Math.min(pos[0], Math.max(0, source.text.trimEnd().length - 1));
    const { line, column } = source.position(start);
    if (lines.has(line)) continue;
    lines.add(line);
    const written = source.line(line) ?? "";
    const begin = start - column + 1;
    // What is all one long word may be the inside of a key.
    if (KEY_MATERIAL.test(written)) source.hide(spanOf(source, begin, begin + written.length));
    const placeholder = UNQUOTED_PLACEHOLDER.exec(withoutQuoted(written));
    if (placeholder) {
      const [text] = placeholder;
      const at = begin + placeholder.index;
      problems.error(spanOf(source, at, at + text.length), {
        code: "placeholder-unquoted",
        message: "a placeholder without quotes is a map to YAML",
        hint: `Write it in quotes: "${secretKeys.masked(written).includes(text) ? text : "…"}".`,
      });
    } else problems.error(spanOf(source, start, pos[1]), SYNTAX[code] ?? UNREADABLE);
  }
}

const KEY_MATERIAL = /^\s*[^\s:{}]{16,}\s*$/;

const UNQUOTED_PLACEHOLDER =
  /[^\s{[,]+\{(?:n(?:[+:-]\d+)?|name|mac|address)\}|\{(?:n(?:[+:-]\d+)?|name|mac|address)\}[^\s,}\]]+/;

function withoutQuoted(line: string): string {
  return line.replaceAll(/"[^"]*"|'[^']*'/g, (quoted) => " ".repeat(quoted.length));
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
