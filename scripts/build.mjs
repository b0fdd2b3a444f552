/** Compiles src/ to dist/ when something changed, and removes what no source makes any more. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, withLock } from "./setup.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".built");

/** Names, sizes and times of everything the build is made of. */
function sources() {
  const hash = createHash("sha256");
  const files = readdirSync(join(ROOT, "src"), { recursive: true }).filter((file) => file.endsWith(".ts"));
  for (const file of [
    ...files.map((file) => join("src", file)),
    "tsconfig.json",
    "tsconfig.build.json",
    "package.json",
    "package-lock.json",
  ]) {
    const { size, mtimeMs } = statSync(join(ROOT, file));
    hash.update(`${[file, size, mtimeMs].join("\0")}\n`);
  }
  return hash.digest("hex");
}

/** Compiles if need be. Ends the process with a remedy when that cannot be. */
export async function build() {
  if (!isBuilt()) await withLock(() => isBuilt() || compile());
}

function isBuilt() {
  return existsSync(STAMP) && existsSync(join(DIST, "main.js")) && readFileSync(STAMP, "utf8") === sources();
}

function compile() {
  const made = sources();
  const began = Date.now();
  process.stderr.write("Building …\n");
  try {
    mkdirSync(DIST, { recursive: true });
    rmSync(STAMP, { force: true });
  } catch (error) {
    fail(`The folder ${DIST} cannot be written: ${error.message}\nMake it writable for this account.`);
  }
  const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const result = spawnSync(process.execPath, [compiler, "-p", join(ROOT, "tsconfig.build.json")], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (result.signal !== null) process.exit(130);
  if (result.status !== 0)
    fail(
      "The build failed:\n" +
        (result.stdout || result.stderr || String(result.error)) +
        "\nIf you changed nothing, remove node_modules and run the same command again.",
    );
  removeLeftOvers();
  chmodSync(join(DIST, "main.js"), 0o755);
  writeFileSync(STAMP, made);
  process.stderr.write(`Built in ${((Date.now() - began) / 1000).toFixed(1)} s.\n`);
}

/** What a source made that is no more. All else is overwritten in its place, for a daemon may still run from it. */
function removeLeftOvers() {
  for (const file of readdirSync(DIST, { recursive: true })) {
    const source = file.replace(/(\.d\.ts|\.js)$/, ".ts");
    if (source !== file && !existsSync(join(ROOT, "src", source))) rmSync(join(DIST, file));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
