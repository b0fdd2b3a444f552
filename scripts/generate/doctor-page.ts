/** The codes of docs/doctor.md: what `doctor` can find, as the command itself has it. */
import { TOPICS } from "../../src/cli/findings.ts";
import { anchored, table } from "./markdown.ts";

interface Entry {
  readonly level: string;
  readonly what: string;
  readonly cause?: string;
  readonly next?: string;
}

export function doctorCodes(): string {
  return Object.entries(TOPICS)
    .map(([topic, findings]) => `### ${topic}\n\n${ofTopic(findings)}`)
    .join("\n\n");
}

function ofTopic(findings: Readonly<Record<string, Entry>>): string {
  const rows = Object.entries(findings);
  const amiss = rows.filter(([, { level }]) => level !== "ok");
  const well = rows
    .filter(([, { level }]) => level === "ok")
    .map(([name, { what }]) => `- ${anchored(name)}: ${words(what)}`);
  return [
    table(
      ["code", "level", "what", "likely cause", "next"],
      amiss.map(([name, { level, what, cause = "", next = "" }]) => [
        anchored(name),
        level,
        words(what),
        words(cause),
        words(next),
      ]),
    ),
    ...(well.length > 0 ? [`Well:\n\n${well.join("\n")}`] : []),
  ].join("\n\n");
}

/** What is filled in is told by its name; what has blanks in its braces is YAML. */
function words(text: string): string {
  return text.replaceAll(/\{(\w+)\}/g, (_all, word: string) => word.toUpperCase()).replaceAll("<", "\\<");
}
