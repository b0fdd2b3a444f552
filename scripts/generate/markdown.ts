/** The little Markdown that generated pages are made of. */
import type { SettingFacts } from "../../src/config/driver-facts.ts";

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), `|${head.map(() => " --- |").join("")}`, ...rows.map(line)].join("\n");
}

function cell(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
}

export function code(text: string): string {
  return `\`${text}\``;
}

export function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

/** A code that may be linked to: `errors.md#unreachable`. */
export function anchored(name: string): string {
  return `<a id="${name}"></a>${code(name)}`;
}

export function settingsTable(settings: readonly SettingFacts[]): string {
  return table(
    ["key", "value", "default", "what it is"],
    settings.map(({ key, type, secret, required, default: preset, description }) => [
      code(key),
      secret ? `${type}, secret` : type,
      preset === undefined ? (required ? "**required**" : "–") : preset.includes("`") ? preset : code(preset),
      description,
    ]),
  );
}

/** Sections with a blank line between them; those that are empty are left out. */
export function sections(...parts: readonly (string | false | undefined)[]): string {
  return `${parts.filter((part) => part !== undefined && part !== false && part !== "").join("\n\n")}\n`;
}
