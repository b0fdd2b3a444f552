/**
 * Makes dist/ of src/ when something changed: the program in a few large files, which Node.js loads in less time than
 * hundreds of small ones, and the types of every module; and removes what nothing makes any more.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, withLock } from "./setup.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".built");
const ENTRIES = ["src/main.ts", "src/wire/kit.ts"];

/** With forward slashes on every system, as the bundler writes them. */
function filesBelow(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true }).map((file) => file.replaceAll("\\", "/"));
}

/** The sources, relative to src/. */
function sourceFiles() {
  return filesBelow("src").filter((file) => file.endsWith(".ts"));
}

/** Names, sizes and times of everything the build is made of. */
function sources() {
  const hash = createHash("sha256");
  for (const file of [
    ...sourceFiles().map((file) => join("src", file)),
    "scripts/build.mjs",
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
  if (!existsSync(join(DIST, "main.js"))) return false;
  try {
    return JSON.parse(readFileSync(STAMP, "utf8")).made === sources();
  } catch {
    return false;
  }
}

async function compile() {
  const made = sources();
  const began = Date.now();
  process.stderr.write("Building …\n");
  const before = filesOfLastBuild();
  try {
    mkdirSync(DIST, { recursive: true });
    rmSync(STAMP, { force: true });
  } catch (error) {
    fail(`The folder ${DIST} cannot be written: ${error.message}\nMake it writable for this account.`);
  }
  const types = await emitTypes();
  const files = [...(await bundle()), ...types];
  removeLeftOvers(new Set([...before, ...files]));
  chmodSync(join(DIST, "main.js"), 0o755);
  writeFileSync(STAMP, JSON.stringify({ made, files }));
  process.stderr.write(`Built in ${((Date.now() - began) / 1000).toFixed(1)} s.\n`);
}

/** Checks the types, and writes a declaration for every module. Answers the files, relative to dist/. */
async function emitTypes() {
  const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { status, signal, output } = await run(compiler, ["-p", join(ROOT, "tsconfig.build.json")]);
  if (signal !== null) process.exit(130);
  if (status !== 0) failBuild(output);
  return sourceFiles().map((file) => file.replace(/\.ts$/, ".d.ts"));
}

function run(program, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    child.on("error", (error) => resolve({ status: 1, signal: null, output: String(error) }));
    child.on("close", (status, signal) => resolve({ status, signal, output }));
  });
}

/** The program, and what drivers of other people import. Answers the files, relative to dist/. */
async function bundle() {
  try {
    const { build: esbuild } = await import("esbuild");
    const { metafile } = await esbuild({
      absWorkingDir: ROOT,
      entryPoints: ENTRIES.filter((file) => existsSync(join(ROOT, file))),
      bundle: true,
      splitting: true,
      packages: "external",
      format: "esm",
      platform: "node",
      target: "node20.19",
      outbase: "src",
      outdir: "dist",
      chunkNames: "chunks/[name]-[hash]",
      metafile: true,
      logLevel: "silent",
    });
    return Object.keys(metafile.outputs).map((file) => file.slice("dist/".length));
  } catch (error) {
    return failBuild(error.message);
  }
}

function failBuild(output) {
  fail(`The build failed:\n${output}\nIf you changed nothing, remove node_modules and run the same command again.`);
}

function filesOfLastBuild() {
  try {
    return JSON.parse(readFileSync(STAMP, "utf8")).files;
  } catch {
    return [];
  }
}

/** What neither this build made nor the last one, from which a daemon may still run and load a part. */
function removeLeftOvers(files) {
  for (const file of filesBelow("dist")) if (/\.(js|d\.ts)$/.test(file) && !files.has(file)) rmSync(join(DIST, file));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
