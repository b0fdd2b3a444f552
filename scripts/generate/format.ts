/** Formats generated Markdown as the formatter of this repository would, so that `npm run check` is content with it. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** The pages by path, those that end in .md formatted. Throws where the formatter cannot read one. */
export async function formatted(
  pages: Readonly<Record<string, string>>,
  root: string,
): Promise<Readonly<Record<string, string>>> {
  const folder = mkdtempSync(join(tmpdir(), "maasochist-generate-"));
  try {
    const markdown = Object.keys(pages).filter((path) => path.endsWith(".md"));
    for (const path of markdown) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), pages[path] ?? "");
    }
    const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
    const options = ["format", "--write", "--log-level=error", `--config-path=${join(root, "biome.json")}`];
    await promisify(execFile)(process.execPath, [biome, ...options, folder], { cwd: folder });
    return {
      ...pages,
      ...Object.fromEntries(markdown.map((path) => [path, readFileSync(join(folder, path), "utf8")])),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
