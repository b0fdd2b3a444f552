import { randomInt } from "node:crypto";

const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH = 40;

/** A new token: `mso_` and letters and digits, since MAAS passes it on a command line. About 238 bits. */
export function newToken(): string {
  const characters = Array.from({ length: LENGTH }, () => LETTERS_AND_DIGITS[randomInt(LETTERS_AND_DIGITS.length)]);
  return `mso_${characters.join("")}`;
}
