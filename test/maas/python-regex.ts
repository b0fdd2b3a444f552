/**
 * Regular expressions with Python's meaning, as MAAS searches an answer with them: `re.search(pattern, text)`.
 *
 * Where JavaScript differs: `.` is anything but a line feed (a carriage return is matched), `$` also stands before a line
 * feed at the very end, `\A` and `\Z` are the ends of the text, groups are named `(?P<name>…)`, flags stand in front as
 * `(?i)`, and any punctuation may be escaped, as `\:` is in MAAS's own defaults.
 * https://docs.python.org/3/library/re.html#regular-expression-syntax
 */

/** Is the pattern found anywhere in the text? Throws SyntaxError where it is no pattern. */
export function searches(pattern: string, text: string): boolean {
  const [leading = "", letters = ""] = /^\(\?([aimsux]+)\)/.exec(pattern) ?? [];
  const flags = new Set(letters);
  for (const flag of flags) {
    if (flag === "x") throw new SyntaxError("verbose patterns are not understood here");
  }
  const translated = translate(pattern.slice(leading.length), { dotAll: flags.has("s"), multiline: flags.has("m") });
  return new RegExp(translated, `u${flags.has("i") ? "i" : ""}${flags.has("m") ? "m" : ""}`).test(text);
}

/** A part of a pattern that means one thing: an escape, a set, the head of a group, or one character. */
const PARTS = /\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?P<\w+>|\(\?P=\w+\)|[\s\S]/g;

const NOWHERE_BEHIND = "(?![\\s\\S])";

function translate(pattern: string, flags: { readonly dotAll: boolean; readonly multiline: boolean }): string {
  return (pattern.match(PARTS) ?? [])
    .map((part) => {
      switch (part) {
        case ".":
          return flags.dotAll ? "[\\s\\S]" : "[^\\n]";
        case "^":
          return flags.multiline ? "(?<![^\\n])" : "^";
        case "$":
          return flags.multiline ? "(?![^\\n])" : `(?=\\n?${NOWHERE_BEHIND})`;
        case "\\A":
          return "(?<![\\s\\S])";
        case "\\Z":
          return NOWHERE_BEHIND;
        default:
          if (part.startsWith("(?P<")) return `(?<${part.slice(4)}`;
          if (part.startsWith("(?P=")) return `\\k<${part.slice(4, -1)}>`;
          if (part.startsWith("[")) return set(part);
          return part.startsWith("\\") ? escaped(part) : part;
      }
    })
    .join("");
}

/** A set; a bracket that comes first in it is one of its members. */
function set(part: string): string {
  const [, negation = "", members = ""] = /^\[(\^?)([\s\S]*)\]$/.exec(part) ?? [];
  const inside = members.replaceAll(/\\[\s\S]|[[\]]/g, (member) =>
    member.length > 1 ? escaped(member) : `\\${member}`,
  );
  return `[${negation}${inside}]`;
}

/** With the flag `u` JavaScript knows only its own escapes: other punctuation stands for itself. */
function escaped(part: string): string {
  const sign = part.slice(1);
  if (sign === "-") return "\\x2d";
  return /[\w\\^$.*+?()[\]{}|/]/.test(sign) ? part : sign;
}
