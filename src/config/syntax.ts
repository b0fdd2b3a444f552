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
    const { line } = source.position(start);
    if (lines.has(line)) continue;
    lines.add(line);
    const written = source.line(line) ?? "";
    // What is all one long word may be the inside of a key.
    if (KEY_MATERIAL.test(written)) source.hide(spanOf(source, start, start + written.length));
    problems.error(spanOf(source, start, pos[1]), syntaxProblem(code, secretKeys.masked(written)));
  }
}

const KEY_MATERIAL = /^\s*[^\s:{}]{16,}\s*$/;

const UNQUOTED_PLACEHOLDER =
  /[^\s{[,]+\{(?:n(?:[+:-]\d+)?|name|mac|address)\}|\{(?:n(?:[+:-]\d+)?|name|mac|address)\}[^\s,}\]]+/;

function syntaxProblem(code: YAMLParseError["code"], line: string): ProblemText {
  const unquoted = line.replaceAll(/"[^"]*"|'[^']*'/g, (quoted) => " ".repeat(quoted.length));
  const placeholder = UNQUOTED_PLACEHOLDER.exec(unquoted)?.[0];
  if (placeholder !== undefined) {
    return {
      code: "placeholder-unquoted",
      message: "a placeholder without quotes is a map to YAML",
      hint: `Write it in quotes: "${placeholder}".`,
    };
  }
  switch (code) {
    case "TAB_AS_INDENT":
      return { code: "yaml", message: "tabs do not indent in YAML", hint: "Use spaces." };
    case "MULTIPLE_DOCS":
      return { code: "yaml", message: "a second document begins here", hint: "Take the `---` out." };
    case "MISSING_CHAR":
      return {
        code: "yaml",
        message: "something that was opened is not closed",
        hint: "Look for a missing quote, comma, ] or }.",
      };
    case "BAD_INDENT":
      return { code: "yaml", message: "the indentation does not fit", hint: "Indent what belongs together alike." };
    default:
      return {
        code: "yaml",
        message: "YAML cannot be read here",
        hint: "Text with `: `, `#`, `{` or `[` in it goes in quotes.",
      };
  }
}
