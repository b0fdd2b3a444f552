/**
 * The dashboard's files, read once into memory: what is asked for is looked up among them by its name, so no path leads
 * anywhere else. Beside a file may stand the same compressed, `NAME.br` and `NAME.gz`.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";

/** The encodings of RFC 9110 that a build may have made, the best first, and how their files end. */
export const ENCODINGS = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;

export type Encoding = (typeof ENCODINGS)[number]["name"];

export interface PageFile {
  readonly type: string;
  /** Its name changes with its content, so it may be kept for ever. */
  readonly immutable: boolean;
  readonly plain: Representation;
  readonly encoded: ReadonlyMap<Encoding, Representation>;
}

export interface Representation {
  readonly body: Buffer;
  /** With its quotes. */
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/** Where the build puts what is named after its content. */
const HASHED = "assets/";

/** The page itself. */
export const INDEX = "index.html";

/**
 * Files by their path below the folder, with slashes; hidden ones, links and compressed ones are none. `base` is the path
 * that the dashboard stands under. Throws the system's error where the folder cannot be read.
 */
export async function readPage(folder: string, base: string): Promise<ReadonlyMap<string, PageFile>> {
  const names = await filesBelow(folder);
  const present = new Set(names);
  const files = new Map<string, PageFile>();
  for (const name of names) {
    if (ENCODINGS.some(({ suffix }) => name.endsWith(suffix))) continue;
    const written = await readFile(join(folder, name));
    // A page of any depth names the same files, and only here it is known under which path.
    const body = name === INDEX ? Buffer.from(written.toString().replaceAll('="./', `="${base}/`)) : written;
    const encoded = new Map<Encoding, Representation>();
    for (const { name: encoding, suffix } of ENCODINGS) {
      if (name === INDEX || !present.has(`${name}${suffix}`)) continue;
      encoded.set(encoding, representation(await readFile(join(folder, `${name}${suffix}`))));
    }
    files.set(name, {
      type: TYPES[extname(name)] ?? "application/octet-stream",
      immutable: name.startsWith(HASHED),
      plain: representation(body),
      encoded,
    });
  }
  return files;
}

/** Changes when any of the files does, for a build writes them all; undefined where the page is not there. */
export async function stampOf(folder: string): Promise<string | undefined> {
  const [index, ...folders] = await Promise.all(
    [INDEX, HASHED, ""].map((name) => stat(join(folder, name)).catch(() => undefined)),
  );
  return index && [index, ...folders].map((stats) => stats?.mtimeMs ?? 0).join(" ");
}

/** By hand: Node's own walk follows links to folders. */
async function filesBelow(folder: string, prefix = ""): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    if (entry.name.startsWith(".")) continue;
    const name = `${prefix}${entry.name}`;
    if (entry.isFile()) names.push(name);
    else if (entry.isDirectory()) names.push(...(await filesBelow(folder, `${name}/`)));
  }
  return names;
}

function representation(body: Buffer): Representation {
  return { body, etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"` };
}
