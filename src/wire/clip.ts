const MOST = 500;

/** The end of a text, short enough for a message, on one line, with secrets masked. */
export function clip(text: string, secrets: readonly string[] = []): string {
  let shown = text;
  for (const secret of secrets) if (secret.length >= 4) shown = shown.replaceAll(secret, "•••");
  const line = shown.trim().replaceAll(/\s+/g, " ");
  return line.length > MOST ? `…${line.slice(-MOST)}` : line;
}
