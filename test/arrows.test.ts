import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

/** The arrows between rooms (ARCHITECTURE.md): a room imports itself and what stands in its row. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  power: [],
  wire: ["power"],
  drivers: ["wire", "power"],
  config: ["drivers", "wire", "power"],
  http: ["power"],
  store: ["power"],
  maas: ["power"],
  app: ["config", "http", "store", "drivers", "maas", "wire", "power"],
  cli: ["app", "config", "http", "store", "drivers", "maas", "wire", "power"],
  "main.ts": ["cli"],
};

const SRC = join(import.meta.dirname, "../src");

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));

function imports(file: string): string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function room(file: string): string {
  return file.split(/[\\/]/)[0] ?? file;
}

describe("the arrows between rooms", () => {
  test("every file stands in a room that has a row", () => {
    expect(files.filter((file) => !(room(file) in ROOMS))).toEqual([]);
  });

  test.each(Object.keys(ROOMS))("%s imports only what its row allows", (from) => {
    const wrong = files
      .filter((file) => room(file) === from)
      .flatMap((file) =>
        imports(file)
          .filter((specifier) => specifier.startsWith("."))
          .map((specifier) => relative(SRC, join(SRC, dirname(file), specifier)))
          .filter((target) => room(target) !== from && !ROOMS[from]?.includes(room(target)))
          .map((target) => `${file} -> ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  test("the domain does no I/O and uses no framework", () => {
    const allowed = ["zod", "node:util"];
    const wrong = files
      .filter((file) => room(file) === "power")
      .flatMap((file) =>
        imports(file).filter((specifier) => !specifier.startsWith(".") && !allowed.includes(specifier)),
      );
    expect(wrong).toEqual([]);
  });

  test("drivers never import each other", () => {
    const wrong = files
      .filter((file) => room(file) === "drivers" && !file.endsWith("index.ts"))
      .flatMap((file) =>
        imports(file)
          .filter((specifier) => specifier.startsWith("./"))
          .map((to) => `${file} -> ${to}`),
      );
    expect(wrong).toEqual([]);
  });

  test("the dashboard takes nothing but types from the daemon, of http and power", () => {
    const folder = join(SRC, "../dashboard/src");
    const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
    const wrong = sources.flatMap((file) =>
      [...readFileSync(join(folder, file), "utf8").matchAll(/^(import|export)( type)?[^;]*? from "([^"]+)"/gm)]
        .filter(([, , , specifier = ""]) => specifier.includes("/src/"))
        .filter(([, , type, specifier = ""]) => type === undefined || !/\/src\/(?:http|power)\//.test(specifier))
        .map(([, , , specifier]) => `${file} -> ${specifier}`),
    );
    expect(sources.length).toBeGreaterThan(0);
    expect(wrong).toEqual([]);
  });
});
