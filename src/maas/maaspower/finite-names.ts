/** Which names an expression stands for, where that is a list and no endless one. */

/** More are no list that somebody meant. */
const MOST = 1_000;

/**
 * All names that the expression matches, in its order: of `nuc[1-6]`, `(red|blue)-pi[12]`, `node-?[3-4]`. Undefined where
 * there are too many, or where they cannot be told: `\d` and `[0-9]` say that a digit stands there, not which ones there are.
 */
export function finiteNames(expression: string): readonly string[] | undefined {
  const parser = new Parser(expression);
  try {
    const names = parser.alternatives();
    return parser.atEnd ? [...new Set(names)].filter((name) => name !== "") : undefined;
  } catch (error) {
    if (error instanceof NotFinite) return undefined;
    throw error;
  }
}

class NotFinite extends Error {}

/** Recursive descent, each part to the texts that it matches. */
class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  alternatives(): string[] {
    const all = this.#sequence();
    while (this.#take("|")) all.push(...this.#sequence());
    return bounded(all);
  }

  #sequence(): string[] {
    let texts = [""];
    while (!this.atEnd && !"|)".includes(this.#text.charAt(this.#at))) {
      const part = this.#repeated(this.#part());
      texts = bounded(texts.flatMap((text) => part.map((more) => text + more)));
    }
    return texts;
  }

  #part(): string[] {
    const char = this.#next();
    switch (char) {
      case "^":
      case "$":
        return [""];
      case "(":
        return this.#group();
      case "[":
        return this.#set();
      case "\\":
        return this.#escaped();
      case "*":
      case "+":
      case "?":
      case "{":
        throw new NotFinite();
      default:
        return [char];
    }
  }

  #group(): string[] {
    if (this.#take("?") && !this.#take(":") && !this.#taken(/^P?<[A-Za-z_]\w*>/)) throw new NotFinite();
    const texts = this.alternatives();
    if (!this.#take(")")) throw new NotFinite();
    return texts;
  }

  #set(): string[] {
    const [all, inside = ""] = /^((?:\\.|[^\]\\])+)\]/.exec(this.#text.slice(this.#at)) ?? [];
    if (all === undefined || inside.startsWith("^") || /\\[a-zA-Z]|0-9|a-z|A-Z/.test(inside)) throw new NotFinite();
    this.#at += all.length;
    return [...inside.matchAll(/(\\.|[^\\])(?:-(\\.|[^\\]))?/gs)].flatMap(([, from = "", to = from]) => {
      const [first, last] = [from, to].map((char) => char.charCodeAt(char.length - 1));
      if (first === undefined || last === undefined || last < first) throw new NotFinite();
      return Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index));
    });
  }

  #escaped(): string[] {
    const char = this.#next();
    if (/[AZb]/.test(char)) return [""];
    if (/[A-Za-z0-9]/.test(char)) throw new NotFinite();
    return [char];
  }

  #repeated(texts: string[]): string[] {
    const times = this.#times();
    if (!times) return texts;
    this.#take("?");
    const all: string[] = [];
    for (let count = times.least; count <= times.most; count++) {
      let repeated = [""];
      for (let round = 0; round < count; round++)
        repeated = bounded(repeated.flatMap((text) => texts.map((more) => text + more)));
      all.push(...repeated);
    }
    return bounded(all);
  }

  #times(): { readonly least: number; readonly most: number } | undefined {
    if (this.#take("?")) return { least: 0, most: 1 };
    const counted = this.#taken(/^\{(\d+)(?:,(\d+))?\}/);
    if (counted) return { least: Number(counted[1]), most: Number(counted[2] ?? counted[1]) };
    if ("*+{".includes(this.#text.charAt(this.#at) || " ")) throw new NotFinite();
    return undefined;
  }

  #next(): string {
    const char = this.#text.charAt(this.#at);
    if (char === "") throw new NotFinite();
    this.#at += 1;
    return char;
  }

  #take(char: string): boolean {
    if (this.#text.charAt(this.#at) !== char) return false;
    this.#at += 1;
    return true;
  }

  #taken(pattern: RegExp): RegExpExecArray | undefined {
    const found = pattern.exec(this.#text.slice(this.#at));
    this.#at += found?.[0].length ?? 0;
    return found ?? undefined;
  }
}

function bounded(texts: string[]): string[] {
  if (texts.length > MOST) throw new NotFinite();
  return texts;
}
