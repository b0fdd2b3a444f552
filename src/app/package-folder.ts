import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the package: where package.json, dist/ and docs/ are. The program runs from src/ as well as from dist/. */
export const packageFolder: string = folderOf(import.meta.url);

function folderOf(module: string): string {
  let folder = dirname(fileURLToPath(module));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}
