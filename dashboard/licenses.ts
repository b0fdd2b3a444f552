/** Writes licenses.txt beside the pages: of every package that went into them, as the bundler saw it. */
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

const HEAD = `The pages of MAASochist are licensed under the Apache License 2.0 (https://www.apache.org/licenses/LICENSE-2.0).
They contain parts of the packages below, unchanged apart from bundling. What they are built from, and how they are built
with other versions of these packages, is in the repository of MAASochist under dashboard/: npm run build.
`;
const LICENSE_FILE = /^(licen[cs]e|copying|ofl)(\.\w+)?$/i;
/** Packages of this licence do not bring its whole text, and must be accompanied by it. */
const WHOLE_TEXTS = { "LGPL-3.0": ["LGPL-3.0.txt", "GPL-3.0.txt"] };
/** What a style sheet of ours takes from a package: `@use "name/path"`, `@import 'name/path'`. */
const STYLE_IMPORT = /@(?:use|import|forward) ["'](?![./])(?!sass:)((?:@[\w.-]+\/)?[\w.-]+)/g;

const MODULES = join(import.meta.dirname, "../node_modules");

/** The folder of the package that a file belongs to; none for our own. */
function packageOf(file: string): readonly string[] {
  const match = /^\0?(.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+)[\\/]/.exec(file);
  return match?.[1] === undefined ? [] : [match[1]];
}

/** Bundlers read style sheets as one: what they import shows only in their text. */
function packagesOfStyle(file: string): readonly string[] {
  const names = [...readFileSync(file, "utf8").matchAll(STYLE_IMPORT)].map(([, name = ""]) => name);
  return names.map((name) => realpathSync(join(MODULES, name)));
}

interface Licensed {
  readonly license: string;
  readonly text: string;
}

function licensed(folder: string): Licensed {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  if (license === undefined) throw new Error(`${name} ${version} does not say what its licence is`);
  const file = readdirSync(folder).find((candidate) => LICENSE_FILE.test(candidate));
  const own = file === undefined ? "" : `\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  return { license, text: `${"=".repeat(80)}\n${name} ${version}\nLicence: ${license}\n${own}` };
}

function wholeTexts(license: string): string[] {
  const files = Object.entries(WHOLE_TEXTS).flatMap(([name, texts]) => (license.startsWith(name) ? texts : []));
  return files.map((file) => `${"=".repeat(80)}\n${readFileSync(join(import.meta.dirname, "licenses", file), "utf8")}`);
}

export function licenses(): Plugin {
  return {
    name: "maasochist:licenses",
    apply: "build",
    generateBundle(_options, bundle) {
      const outputs = Object.values(bundle);
      const chunks = outputs.flatMap((output) => (output.type === "chunk" ? [output] : []));
      const assets = outputs.flatMap((output) => (output.type === "asset" ? output.originalFileNames : []));
      const scripts = chunks.flatMap((chunk) =>
        Object.entries(chunk.modules).flatMap(([id, { renderedLength }]) => (renderedLength > 0 ? [id] : [])),
      );
      const styles = chunks.flatMap((chunk) => chunk.moduleIds.filter((id) => id.endsWith(".scss")));
      const fonts = assets.map((file) => join(import.meta.dirname, file));
      const folders = [...[...scripts, ...fonts].flatMap(packageOf), ...styles.flatMap(packagesOfStyle)];
      const found = [...new Set(folders)].toSorted().map(licensed);
      const texts = new Set(found.flatMap(({ license }) => wholeTexts(license)));
      const source = [HEAD, ...found.map(({ text }) => text), ...texts].join("\n");
      this.emitFile({ type: "asset", fileName: "licenses.txt", source });
    },
  };
}
