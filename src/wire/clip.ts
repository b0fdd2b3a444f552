/** What devices and programs say, made fit for a message: short, on one line, and with secrets masked. */
import { stripVTControlCharacters } from "node:util";

const MASK = "•••";
const MOST = 500;
/** Shorter secrets are masked only where they stand alone: a PIN of 1 must not eat every 1 of a message. */
const SHORT = 4;

/**
 * The end of a text, at most `most` characters. Whatever would move a terminal's cursor, colour it or turn its writing
 * direction is taken out: the text comes from somebody else.
 */
export function clip(text: string, secrets: readonly string[] = [], most = MOST): string {
  const line = stripVTControlCharacters(masked(text, secrets))
    .replaceAll(/\p{Cf}/gu, "")
    .replaceAll(/[\p{Cc}\s]+/gu, " ")
    .trim();
  return line.length > most ? `…${line.slice(1 - most)}` : line;
}

function masked(text: string, secrets: readonly string[]): string {
  const parts = secrets
    // A key of several lines is rarely printed in one piece.
    .flatMap((secret) => secret.split(/\r?\n/))
    .map((part) => part.trim())
    .filter((part) => part !== "")
    // Longest first: one that begins another would leave the rest of it in sight.
    .sort((a, b) => b.length - a.length);
  return parts.reduce(
    (shown, part) =>
      part.length < SHORT
        ? shown.replaceAll(new RegExp(`(?<![\\p{L}\\p{N}])${literal(part)}(?![\\p{L}\\p{N}])`, "gu"), MASK)
        : shown.replaceAll(part, MASK),
    text,
  );
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, (sign) => `\\u{${sign.codePointAt(0)?.toString(16) ?? ""}}`);
}
