/**
 * Writes what the code knows better than any author: the reference pages, the list of drivers and the JSON Schema.
 * `--check` writes nothing, and fails where a file is not what it would write.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { jsonSchema } from "../src/config/index.ts";
import { drivers } from "../src/drivers/index.ts";
import { DRIVER_PROMISES } from "../src/wire/kit.ts";
import { cliPage } from "./generate/cli-page.ts";
import { configPage } from "./generate/config-page.ts";
import { doctorCodes } from "./generate/doctor-page.ts";
import { driverIndex, driverPage, driverTable } from "./generate/driver-pages.ts";
import { errorsPage } from "./generate/errors-page.ts";
import { formatted } from "./generate/format.ts";
import { metricsTable } from "./generate/metrics-table.ts";
import { routesTable } from "./generate/routes-table.ts";

const ROOT = join(import.meta.dirname, "..");
const COMMAND = "npm run generate";
const MARK = `<!-- Made by \`${COMMAND}\`; changes here are lost. -->`;
function page(text: string): string {
  return `${MARK}\n\n${text}`;
}

/** A written page with a generated part between marks of that name. */
function withPart(file: string, name: string, part: string): string {
  const text = readFileSync(join(ROOT, file), "utf8");
  const [begin, end] = [`<!-- ${name}: made by \`${COMMAND}\` -->`, `<!-- /${name} -->`];
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${file} has lost the marks of its ${name}`);
  return `${before}${begin}\n\n${part}\n\n${end}${after}`;
}

function promises(): string {
  return DRIVER_PROMISES.map(({ name }) => `- ${name}`).join("\n");
}

const routesList = await routesTable();

/** Every generated file by its path from the root. */
function pages(): Record<string, string> {
  return {
    "README.md": withPart("README.md", "drivers", driverTable(drivers, ROOT)),
    "docs/doctor.md": withPart("docs/doctor.md", "codes", doctorCodes()),
    "docs/extending.md": withPart("docs/extending.md", "promises", promises()),
    "docs/api.md": withPart("docs/api.md", "routes", routesList),
    "docs/metrics.md": withPart("docs/metrics.md", "metrics", metricsTable()),
    "docs/cli.md": page(cliPage()),
    "docs/config.md": page(configPage()),
    "docs/errors.md": page(errorsPage(ROOT)),
    "docs/drivers/README.md": page(driverIndex(drivers)),
    ...Object.fromEntries(drivers.map((driver) => [`docs/drivers/${driver.name}.md`, page(driverPage(driver))])),
    "schema/maasochist.schema.json": `${JSON.stringify(jsonSchema(drivers), undefined, 2)}\n`,
  };
}

/** Pages of drivers that are no more. */
function orphans(known: Readonly<Record<string, string>>): string[] {
  const folder = join(ROOT, "docs/drivers");
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder)
    .map((name) => relative(ROOT, join(folder, name)))
    .filter((file) => !(file in known));
}

function present(file: string): string | undefined {
  try {
    return readFileSync(join(ROOT, file), "utf8");
  } catch {
    return undefined;
  }
}

const wanted = await formatted(pages(), ROOT);
const stale = Object.keys(wanted).filter((file) => present(file) !== wanted[file]);
const gone = orphans(wanted);

if (process.argv.includes("--check")) {
  for (const file of [...stale, ...gone]) console.error(`${file} is not what the code says. Run: ${COMMAND}`);
  if (stale.length + gone.length > 0) process.exitCode = 1;
} else {
  for (const file of stale) {
    mkdirSync(dirname(join(ROOT, file)), { recursive: true });
    writeFileSync(join(ROOT, file), wanted[file] ?? "");
    console.log(`wrote ${file}`);
  }
  for (const file of gone) {
    rmSync(join(ROOT, file));
    console.log(`removed ${file}`);
  }
}
