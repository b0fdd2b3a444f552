/** docs/drivers/: a page for each driver, an index, and the table of the README. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type DriverFacts, driverFacts, type SettingFacts } from "../../src/config/driver-facts.ts";
import type { Driver } from "../../src/power/driver.ts";
import { code, fenced, sections, settingsTable, table } from "./markdown.ts";

export function driverPage(driver: Driver): string {
  const facts = driverFacts(driver);
  return sections(
    `# ${facts.title}`,
    `${code(`driver: ${facts.name}`)} – ${facts.summary}`,
    table(
      ["", ""],
      [
        ["can", abilities(facts).join(", ")],
        ["`off` takes away", facts.cuts],
        ["a press that toggles", facts.momentary],
      ],
    ),
    "## What you need",
    needs(facts)
      .map((need) => `- ${need}`)
      .join("\n"),
    "## How the state is read",
    facts.reads.join(" "),
    "## What to know",
    facts.notes.join("\n\n"),
    "## Examples",
    ...facts.examples.map(({ title, yaml }) => `### ${title}\n\n${fenced("yaml", yaml)}`),
    facts.hub.length > 0 &&
      `## Settings of the hub\n\nUnder \`hubs:\`, or at the machine where only that one uses it.\n\n${settingsTable(facts.hub)}`,
    facts.outlet.length > 0 && `## Settings of the outlet\n\nAt the machine.\n\n${settingsTable(facts.outlet)}`,
    "## Pace",
    "How exchanges are spaced; each may be set beside the settings of the hub.",
    table(
      ["key", "default", "what it is"],
      facts.pace.map(({ key, value, description }) => [code(key), code(value), description]),
    ),
    facts.sources.length > 0 && `## Sources\n\n${facts.sources.map((source) => `- <${source}>`).join("\n")}`,
    "See also: [configuration](../config.md), [what software power control cannot do](../limits.md).",
  );
}

/** What it can do; at `off` which ways there are, where it is not the hard one alone. */
function abilities({ can }: DriverFacts): string[] {
  const ways = (["soft", "hard"] as const).filter((way) => can.includes(way));
  const off = ways.includes("soft") ? `${code("off")} (${ways.join(" and ")})` : code("off");
  return can.filter((word) => word !== "soft" && word !== "hard").map((word) => (word === "off" ? off : code(word)));
}

function needs({ hub, outlet }: DriverFacts): string[] {
  const required = [...hub, ...outlet].filter((setting) => setting.required);
  return required.length > 0 ? required.map(need) : ["Nothing but the name of the driver."];
}

function need({ key, default: preset, description }: SettingFacts): string {
  return `${code(key)}${preset === undefined ? "" : `, else ${preset}`}: ${description}`;
}

function families(drivers: readonly Driver[]): Map<string, DriverFacts[]> {
  const found = new Map<string, DriverFacts[]>();
  for (const facts of drivers.map(driverFacts)) found.set(facts.family, [...(found.get(facts.family) ?? []), facts]);
  return found;
}

export function driverIndex(drivers: readonly Driver[]): string {
  return sections(
    "# Drivers",
    "`maasochist drivers NAME` prints the same. A driver of your own: [extending.md](../extending.md).",
    ...[...families(drivers)].map(
      ([family, members]) =>
        `## ${family}\n\n${members.map(({ name, title, summary }) => `- [${code(name)}](${name}.md) – ${title}. ${summary}`).join("\n")}`,
    ),
  );
}

/** The README's table; `root` is where the tests are looked for that tell how each driver was tried. */
export function driverTable(drivers: readonly Driver[], root: string): string {
  const rows = [...families(drivers)].flatMap(([family, members]) =>
    members.map((facts, index) => [
      index === 0 ? family : "",
      `[${code(facts.name)}](docs/drivers/${facts.name}.md) – ${facts.title}`,
      abilities(facts).join(" "),
      facts.cuts.split(":")[0] ?? "",
      tried(facts.name, root),
    ]),
  );
  return sections(
    table(["", "driver", "can", "`off` takes away", "tested"], rows),
    "Tested: against _real software_ that runs in the system tests, or against a _simulator_ written from the protocol's documents. No user has reported on real hardware yet.",
  );
}

function tried(name: string, root: string): string {
  if (existsSync(join(root, "test/system", `${name}.test.ts`))) return "real software";
  return existsSync(join(root, "test/fixtures", `${name}.ts`)) ? "simulator" : "not yet";
}
