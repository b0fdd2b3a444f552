/** A configuration of ours as data, before it is written. */

/** Stands for a text of `secrets.yaml`. */
export class SecretName {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export type Tree = string | number | boolean | SecretName | readonly Tree[] | TreeMap;

export interface TreeMap {
  readonly [key: string]: Tree;
}

export function isTreeList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree);
}

export function isTreeMap(tree: Tree): tree is TreeMap {
  return typeof tree === "object" && !Array.isArray(tree) && !(tree instanceof SecretName);
}

/** Texts that are not to stand in the configuration itself, by the names under which they are found. */
export class Secrets {
  readonly #byName = new Map<string, string>();

  get all(): ReadonlyMap<string, string> {
    return this.#byName;
  }

  /** The same text under the same wish has the same name. */
  keep(wish: string, text: string): SecretName {
    const base =
      wish
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, "_")
        .replaceAll(/^_+|_+$/g, "") || "secret";
    for (let number = 1; ; number++) {
      const name = number === 1 ? base : `${base}_${number}`;
      const known = this.#byName.get(name);
      if (known !== undefined && known !== text) continue;
      this.#byName.set(name, text);
      return new SecretName(name);
    }
  }
}
