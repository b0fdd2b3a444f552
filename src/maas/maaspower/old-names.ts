/**
 * Names as maaspower takes them. Each is a regular expression of Python's as well, and matches at the beginning of a name
 * alone (`re.match`): the device `pi1` is found for `pi10` too, where that is no device itself.
 */

/** What has a meaning in a regular expression; a dot alone is taken for a dot. */
const META = /[\\^$|?*+()[\]{}]/;

export class OldName {
  readonly text: string;
  /** Is it one name, and no pattern for several? */
  readonly isPlain: boolean;
  readonly #atStart: RegExp | undefined;
  readonly #whole: RegExp | undefined;

  constructor(text: string) {
    this.text = text;
    const pattern = translated(text);
    this.#atStart = pattern && compiled(`^(?:${pattern.source})`, pattern.flags);
    this.#whole = pattern && compiled(`^(?:${pattern.source})$`, pattern.flags);
    this.isPlain = !META.test(text) || !this.#atStart;
  }

  /** As maaspower finds it, where no device has that very name. */
  matchesStartOf(name: string): boolean {
    return this.#atStart?.test(name) ?? false;
  }

  /** As it is meant. Undefined where it does not match all of the name. */
  match(name: string): RegExpExecArray | undefined {
    return this.#whole?.exec(name) ?? undefined;
  }
}

function compiled(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}

/** Python's expression as JavaScript's; undefined where it is none, and maaspower took it as a plain text. */
function translated(python: string): RegExp | undefined {
  const [, letters = ""] = /^\(\?([imsx]+)\)/.exec(python) ?? [];
  if (letters.includes("x")) return undefined;
  const source = python
    .replace(/^\(\?[ims]+\)/, "")
    .replaceAll("(?P<", "(?<")
    .replaceAll(/\(\?P=(\w+)\)/g, "\\k<$1>")
    .replaceAll("\\A", "^")
    .replaceAll("\\Z", "$");
  return compiled(source, letters);
}

/** The name as it may stand in our configuration; the same where it may stand there already. */
export function ownName(old: string): string {
  const name = old
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .replace(/-+$/, "");
  return name === "" ? "machine" : name;
}

/**
 * What Python's `match.expand` makes of a text: `\1`, `\g<1>`, `\g<name>` and `\g<0>` stand for what matched. Undefined
 * where it would have raised an error.
 */
export function expanded(template: string, match: RegExpExecArray): string | undefined {
  let wrong = false;
  const text = template.replaceAll(/\\(?:g<(\w+)>|([1-9]\d?)|(.?))/gs, (_all, named, number, other) => {
    const group: string | undefined = named ?? number;
    if (group === undefined) {
      const letter = ESCAPES[String(other)];
      wrong ||= letter === undefined && /[A-Za-z0]|^$/.test(String(other));
      return letter ?? `\\${String(other)}`;
    }
    const isNumber = /^\d+$/.test(group);
    wrong ||= isNumber ? Number(group) >= match.length : !(group in (match.groups ?? {}));
    return (isNumber ? match[Number(group)] : match.groups?.[group]) ?? "";
  });
  return wrong ? undefined : text;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
};
