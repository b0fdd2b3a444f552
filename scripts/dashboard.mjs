/** Builds the dashboard into dist/dashboard, and sees to it that its first page stays light. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCE = join(ROOT, "dashboard");
/** A daemon may be serving the one that is there: it is replaced by a whole one. */
const NEW = join(ROOT, "dist", ".dashboard");
const DIST = join(ROOT, "dist", "dashboard");
/** Most script that the first page may load, compressed (bytes). */
const MOST_SCRIPT = 150_000;
const COMPRESSED = /\.(js|css|svg|txt)$/;

/** Files that the dashboard is made of, below the root; none where there is no dashboard. */
export function dashboardSources() {
  if (!existsSync(join(SOURCE, "vite.config.ts"))) return [];
  return readdirSync(SOURCE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
}

export function isDashboardThere() {
  return existsSync(join(DIST, "index.html"));
}

/** What the bundler said where it failed; undefined where all is well. Its exit status is null when a signal ended it. */
export function buildDashboard() {
  rmSync(NEW, { recursive: true, force: true });
  const vite = join(ROOT, "node_modules", "vite", "bin", "vite.js");
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [vite, "build", SOURCE, "--outDir", NEW, "--logLevel", "warn"],
    // Tests run with another one, and React is twice as large then.
    { cwd: ROOT, encoding: "utf8", env: { ...process.env, NODE_ENV: "production" } },
  );
  if (status !== 0) return { status: error ? 1 : status, output: stderr || stdout || String(error) };
  const script = scriptOfFirstPage();
  if (script > MOST_SCRIPT)
    return {
      status: 1,
      output: `The first page loads ${script} bytes of compressed script, and may load ${MOST_SCRIPT}.\n`,
    };
  for (const entry of readdirSync(NEW, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && COMPRESSED.test(entry.name)) compress(join(entry.parentPath, entry.name));
  }
  rmSync(DIST, { recursive: true, force: true });
  renameSync(NEW, DIST);
  return undefined;
}

/** Bytes of script, compressed, of the entry, of what it begins to load, and of all that these import at once. */
function scriptOfFirstPage() {
  const manifest = JSON.parse(readFileSync(join(NEW, ".vite", "manifest.json"), "utf8"));
  const seen = new Set();
  const weigh = (key) => {
    if (seen.has(key)) return 0;
    seen.add(key);
    const { file, imports = [] } = manifest[key];
    const own = gzipSync(readFileSync(join(NEW, file))).length;
    return imports.reduce((sum, imported) => sum + weigh(imported), own);
  };
  const entry = "index.html";
  return (manifest[entry].dynamicImports ?? []).reduce((sum, page) => sum + weigh(page), weigh(entry));
}

/** The daemon sends these to whoever takes them. */
function compress(file) {
  const text = readFileSync(file);
  writeFileSync(`${file}.gz`, gzipSync(text));
  writeFileSync(`${file}.br`, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
}
