/**
 * Which keys hold secrets. Drivers tell it of their own; of keys that nobody knows it is told by what they are called, and
 * by how near they are to one that does: a mistyped `pasword:` is quoted no more than `password:`.
 */
import type { z } from "zod";
import type { Driver } from "../power/driver.ts";
import { nearest } from "../power/names.ts";
import { fieldFacts } from "../wire/fields.ts";
import { ACCESS_SECRETS, MAAS_SECRETS, OWN_KEYS } from "./schema.ts";
import { blotted } from "./source.ts";

const SUSPECT = /pass|token|secret|community|key|psk|auth|priv|hash|cred/i;
/** A key, in quotes or not, and what stands between it and its value. */
const KEY = /(?<![\w-])["']?([\w-]+)["']?\s*:\s*(?:&\S+\s+)?/g;
/** Only the indentation of the line, its dash or its comment sign stands before: then its value goes to the end of it. */
const BEGINS_LINE = /^[\s#-]*["']?$/;
const QUOTED = /^(?:"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?)/;
/** A list of texts; one of maps has keys of its own. */
const LIST = /^\[(?!\s*(?:[{\]]|$))(?:"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|[^\]"'])*/;
/** Hidden already, all of it: where YAML cannot be read, a part of it may stand behind. */
const HIDDEN = /^•+[\s,}\]]*(?:$|\s#)/;
/** Tags, aliases, block signs and maps hold nothing to hide themselves. */
const PLAIN_LINE = /^[^\s![{|>*].*$/;
const PLAIN_FLOW = /^[^\s![{|>*](?:\{[^}]*\}|[^,}\]])*/;

export class SecretKeys {
  readonly #secret: Set<string>;
  readonly #open: Set<string>;
  readonly #judged = new Map<string, boolean>();

  constructor(drivers: readonly Driver[]) {
    this.#secret = new Set([...ACCESS_SECRETS, ...MAAS_SECRETS]);
    this.#open = new Set(OWN_KEYS);
    for (const driver of drivers) this.learn(driver);
  }

  learn({ hub, outlet }: Driver): void {
    this.#judged.clear();
    for (const [key, field] of Object.entries<z.ZodType>({ ...hub?.shape, ...outlet.shape })) {
      (fieldFacts(field).secret ? this.#secret : this.#open).add(key);
    }
  }

  has(key: string): boolean {
    const judged = this.#judged.get(key);
    if (judged !== undefined) return judged;
    const secret =
      this.#secret.has(key) ||
      (!this.#open.has(key) && (SUSPECT.test(key) || nearest(key, this.#secret) !== undefined));
    this.#judged.set(key, secret);
    return secret;
  }

  /** The line without the texts behind keys of secrets, whatever YAML makes of it. As long as before. */
  masked(line: string): string {
    let shown = line;
    for (const match of line.matchAll(KEY)) {
      const from = match.index + match[0].length;
      if (!this.has(match[1] ?? "")) continue;
      const value = line.slice(from);
      const plain = BEGINS_LINE.test(line.slice(0, match.index)) ? PLAIN_LINE : PLAIN_FLOW;
      if (HIDDEN.test(value)) continue;
      const text = (QUOTED.exec(value) ?? LIST.exec(value) ?? plain.exec(value))?.[0] ?? "";
      shown = blotted(shown, from, from + text.length);
    }
    return shown;
  }
}
