/** docs/config.md: prose of its own from `config.template.md`, tables from the schema. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { settingFacts } from "../../src/config/driver-facts.ts";
import { DEMONSTRATION } from "../../src/config/index.ts";
import {
  ACCESS,
  LISTENER,
  LOG,
  MAAS,
  MAASPOWER,
  MACHINE,
  MACHINE_STRUCTURE,
  METRICS,
  PACE,
  SERVER,
  STAGE,
  STORE,
  SUPPLY,
  TLS,
  TOKEN,
  TOP_LEVEL,
  USER,
} from "../../src/config/schema.ts";
import { code, fenced, settingsTable, table } from "./markdown.ts";

const TEMPLATE = join(import.meta.dirname, "config.template.md");

const PARTS: Readonly<Record<string, () => string>> = {
  "top-level": () => keys(TOP_LEVEL),
  server: () => settings(SERVER),
  listener: () => settings(LISTENER),
  tls: () => settings(TLS),
  store: () => settings(STORE),
  metrics: () => settings(METRICS),
  log: () => settings(LOG),
  maas: () => settings(MAAS),
  access: () => settings(ACCESS),
  token: () => settings(TOKEN),
  user: () => settings(USER),
  maaspower: () => settings(MAASPOWER),
  pace: () => settings(PACE),
  machine: () => settings(MACHINE),
  structure: () => keys(MACHINE_STRUCTURE),
  supply: () => settings(SUPPLY),
  stage: () => settings(STAGE),
  demonstration: () => fenced("yaml", DEMONSTRATION),
};

export function configPage(): string {
  const used = new Set<string>();
  const text = readFileSync(TEMPLATE, "utf8").replaceAll(/\{\{([a-z-]+)\}\}/g, (_all, name: string) => {
    used.add(name);
    const part = PARTS[name];
    if (!part) throw new Error(`config.template.md names a part {{${name}}} that there is not`);
    return part();
  });
  const forgotten = Object.keys(PARTS).filter((name) => !used.has(name));
  if (forgotten.length > 0) throw new Error(`config.template.md does not show {{${forgotten.join("}}, {{")}}}`);
  return text;
}

function settings(schema: z.ZodObject): string {
  return settingsTable(settingFacts(schema));
}

function keys(described: Readonly<Record<string, string>>): string {
  return table(
    ["key", "what it is"],
    Object.entries(described).map(([key, description]) => [code(key), description]),
  );
}
