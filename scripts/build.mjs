/**
 * Makes dist/ of src/ and of the dashboard, each when something changed: the program in a few large files, which Node.js
 * loads in less time than hundreds of small ones, and the types of every module. Removes what nothing makes any more.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildDashboard, dashboardSources, isDashboardThere } from "./dashboard.mjs";
import { fail, withLock } from "./setup.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const DIST = join(ROOT, "dist");
const ENTRIES = ["src/main.ts", "src/wire/kit.ts"];

/** What is built, each for itself: a change of one does not cost the time of the other. */
const PARTS = [
  {
    name: "",
    stamp: join(DIST, ".built"),
    sources: () => [
      ...sourceFiles().map((file) => join("src", file)),
      "scripts/build.mjs",
      "tsconfig.json",
      "tsconfig.build.json",
      "package.json",
      "package-lock.json",
    ],
    isThere: () => existsSync(join(DIST, "main.js")),
    build: compile,
  },
  {
    name: " the dashboard",
    stamp: join(DIST, ".dashboard-built"),
    sources: () => [...dashboardSources(), "scripts/dashboard.mjs", "package-lock.json"],
    isThere: isDashboardThere,
    build: buildDashboard,
  },
];

/** With forward slashes on every system, as the bundler writes them. */
function filesBelow(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true }).map((file) => file.replaceAll("\\", "/"));
}

/** The sources of the program, relative to src/. */
function sourceFiles() {
  return filesBelow("src").filter((file) => file.endsWith(".ts"));
}

/** Names, sizes and times of everything that a part is made of. */
function fingerprint({ sources }) {
  const hash = createHash("sha256");
  for (const file of sources()) {
    const { size, mtimeMs } = statSync(join(ROOT, file));
    hash.update(`${[file, size, mtimeMs].join("\0")}\n`);
  }
  return hash.digest("hex");
}

/** What the last build of a part was made of, and the files that it made, relative to dist/. */
function lastBuild({ stamp }) {
  try {
    return JSON.parse(readFileSync(stamp, "utf8"));
  } catch {
    return { files: [] };
  }
}

function isBuilt(part) {
  return part.isThere() && lastBuild(part).made === fingerprint(part);
}

/** Builds what need be. Ends the process with a remedy when that cannot be. */
export async function build() {
  // A copy may come without the dashboard's sources.
  const parts = PARTS.filter(({ build }) => build !== buildDashboard || dashboardSources().length > 0);
  if (parts.every(isBuilt)) return;
  await withLock(async () => {
    for (const part of parts) if (!isBuilt(part)) await buildPart(part);
  });
}

async function buildPart(part) {
  const made = fingerprint(part);
  const began = Date.now();
  process.stderr.write(`Building${part.name} …\n`);
  const before = lastBuild(part).files;
  try {
    mkdirSync(DIST, { recursive: true });
    rmSync(part.stamp, { force: true });
  } catch (error) {
    fail(`The folder ${DIST} cannot be written: ${error.message}\nMake it writable for this account.`);
  }
  const { files = [], ...failed } = (await part.build(before)) ?? {};
  if (failed.status === null) process.exit(130);
  if (failed.output !== undefined)
    fail(
      `The build failed:\n${failed.output}\nIf you changed nothing, remove node_modules and run the same command again.`,
    );
  writeFileSync(part.stamp, JSON.stringify({ made, files }));
  process.stderr.write(`Built${part.name} in ${((Date.now() - began) / 1000).toFixed(1)} s.\n`);
}

/** Answers the files it made; where it failed what was said, with an exit status that is null when a signal ended it. */
async function compile(before) {
  const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const types = await run(compiler, ["-p", join(ROOT, "tsconfig.build.json")]);
  if (types.status !== 0) return types;
  const declarations = sourceFiles().map((file) => file.replace(/\.ts$/, ".d.ts"));
  try {
    const files = [...(await bundle()), ...declarations];
    removeLeftOvers(new Set([...before, ...files]));
    chmodSync(join(DIST, "main.js"), 0o755);
    return { files };
  } catch (error) {
    return { status: 1, output: error.message };
  }
}

function run(program, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    child.on("error", (error) => resolve({ status: 1, output: String(error) }));
    child.on("close", (status) => resolve({ status, output }));
  });
}

/** The program, and what drivers of other people import. Answers the files, relative to dist/. Throws what the bundler throws. */
async function bundle() {
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
}

/** What neither this build made nor the last one, from which a daemon may still run and load a part. */
function removeLeftOvers(files) {
  for (const file of filesBelow("dist")) {
    // The dashboard's files are named by its own build.
    if (/^\.?dashboard\//.test(file)) continue;
    if (/\.(js|d\.ts)$/.test(file) && !files.has(file)) rmSync(join(DIST, file));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
