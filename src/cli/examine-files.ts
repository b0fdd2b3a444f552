/** `doctor` on the files: those that the daemon keeps, and those of the configuration that hold secrets. */
import { accessSync, constants, type Stats } from "node:fs";
import { readFile, stat, statfs } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Configuration, plainTokens } from "../config/index.ts";
import type { StorePaths } from "../store/paths.ts";
import { type Finding, finding } from "./findings.ts";

/** Bytes below which the journal soon has no room, and below which it has none. */
const LOW = 256 * 1_024 ** 2;
const FULL = 16 * 1_024 ** 2;

export async function* examineFiles(
  paths: StorePaths,
  configuration: Configuration | undefined,
): AsyncGenerator<Finding> {
  const folder = dirname(paths.database);
  const found = await statsOf(folder);
  if (!found) yield finding("store-new", { folder });
  else if (!found.isDirectory()) yield finding("store-no-folder", { folder });
  else yield await room(folder);
  if (process.platform === "win32") return;
  yield* owners(paths);
  yield* modes(paths, configuration);
}

async function room(folder: string): Promise<Finding> {
  if (!mayWrite(folder)) return finding("store-unwritable", { folder });
  const { bavail, bsize } = await statfs(folder);
  const bytes = bavail * bsize;
  const facts = { folder, free: sizeWords(bytes) };
  return bytes < FULL
    ? finding("disk-full", facts)
    : bytes < LOW
      ? finding("disk-low", facts)
      : finding("store", facts);
}

/** The daemon's account is whose its socket is; where it does not run, whose the folder is. */
async function* owners(paths: StorePaths): AsyncGenerator<Finding> {
  const daemon = (await statsOf(paths.socket)) ?? (await statsOf(dirname(paths.database)));
  // Root may use whatever belongs to others.
  if (!daemon || daemon.uid === 0) return;
  for (const file of [paths.database, paths.credentials, paths.token, paths.memory]) {
    const found = await statsOf(file);
    if (!found || found.uid === daemon.uid) continue;
    const [owner, account] = [await accountName(found.uid), await accountName(daemon.uid)];
    yield finding("file-owner", { file, owner, account });
  }
}

async function* modes(paths: StorePaths, configuration: Configuration | undefined): AsyncGenerator<Finding> {
  const kept = [
    [paths.credentials, "hashes of tokens and passwords"],
    [paths.token, "a token"],
    [paths.maas, "the API key of MAAS"],
    [paths.memory, "what the daemon remembers of machines"],
  ] as const;
  for (const [file, secrets] of kept) yield* readable(file, secrets);
  const tokens = plainTokens(configuration?.resolved.top.get("access")?.value).map(({ token }) => token);
  for (const file of configuration?.watchedFiles ?? []) {
    // Of this one the configuration's own check tells.
    if (basename(file) === "secrets.yaml") continue;
    const text = await readFile(file, "utf8").catch(() => "");
    if (/^-+BEGIN [A-Z ]*PRIVATE KEY-+$/m.test(text)) yield* readable(file, "a private key");
    else if (tokens.some((token) => text.includes(token))) yield* readable(file, "a token in plain text");
  }
}

async function* readable(file: string, secrets: string): AsyncGenerator<Finding> {
  const found = await statsOf(file);
  if (!found || (found.mode & 0o077) === 0) return;
  yield finding("file-readable", { file, secrets, mode: `0${(found.mode & 0o777).toString(8)}` });
}

function statsOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Its name, else its number. */
async function accountName(uid: number): Promise<string> {
  const known = await readFile("/etc/passwd", "utf8").catch(() => "");
  const line = known.split("\n").find((account) => account.split(":")[2] === String(uid));
  return line?.split(":", 1)[0] ?? String(uid);
}

function sizeWords(bytes: number): string {
  const megabytes = bytes / 1_024 ** 2;
  return megabytes < 1_024 ? `${Math.floor(megabytes)} MB` : `${(megabytes / 1_024).toFixed(1)} GB`;
}
