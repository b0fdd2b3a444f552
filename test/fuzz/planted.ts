/** Secrets to plant, and to look for where they must not be. */
import { createHash } from "node:crypto";
import fc from "fast-check";

/** How much of a secret's beginning and end is looked for: one that is shown in part is shown. */
const TELLING = 9;

/** What may stand within a secret: enough to end a quote, a flow map or a line where it is written carelessly. */
const MIDDLES = [
  "",
  "",
  "",
  ", ",
  ": ",
  " #",
  "}",
  "]",
  '"',
  "'",
  "\\",
  "{name}",
  "{n}",
  "!secret x",
  "&a *b",
  "é€😀",
  "\t",
];

/** Texts that stand nowhere else. Those that shrink keep their randomness, so that no other text holds them by chance. */
export const plantedSecret: fc.Arbitrary<string> = fc
  .tuple(fc.nat(), fc.constantFrom(...MIDDLES), fc.boolean())
  .map(([seed, middle, digits]) => {
    const hash = createHash("sha256").update(String(seed)).digest("hex");
    if (digits)
      return BigInt(`0x${hash}`)
        .toString()
        .slice(0, 2 * TELLING);
    return `q${hash.slice(0, TELLING)}${middle}${hash.slice(TELLING, 2 * TELLING)}z`;
  });

/** The texts by which any of these secrets would be known. */
export function tellingOf(secrets: readonly string[]): string[] {
  return secrets.flatMap((secret) => [secret.slice(0, TELLING), secret.slice(-TELLING)]);
}
