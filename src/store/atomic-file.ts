/** Small files that are whole or old, never half: written beside, synced, renamed into place; mode 0600. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/** Durable when it returns. Throws the system's error when the file cannot be written; the old one then stands. */
export function writeAtomically(path: string, text: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const beside = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    const file = openSync(beside, "wx", 0o600);
    try {
      giveToOwner(file, path);
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
  syncFolder(folder);
}

/** What root writes with `sudo` stays readable for the daemon's own account: whose the old file is, or the folder. */
function giveToOwner(file: number, path: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statsOf(path) ?? statsOf(dirname(path));
  if (owner && owner.uid !== 0) fchownSync(file, owner.uid, owner.gid);
}

function statsOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

/** A new name is durable only when its folder is; Windows has no such call, and needs none. */
export function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const opened = openSync(folder, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}
