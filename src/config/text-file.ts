/** Reads the files that a configuration is made of: regular ones, of bounded size, in UTF-8. */
import { isUtf8 } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** More than any real configuration has, in bytes. */
const MOST_BYTES = 16 * 1024 * 1024;

export type TextFile =
  | { readonly text: string; readonly mode: number }
  | { readonly missing: true }
  /** What keeps it from being read, to stand behind the file's name; and where in its text, if that is known. */
  | { readonly problem: string; readonly place?: { readonly text: string; readonly offset: number } };

/** Never throws, and never waits: a pipe that nobody writes to is refused like any other thing that is no file. */
export async function readTextFile(path: string): Promise<TextFile> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = await file.stat();
    if (status.isDirectory()) return { problem: "is a folder" };
    if (!status.isFile()) return { problem: "is no regular file" };
    const bytes = await atMost(file, MOST_BYTES);
    if (!bytes) return { problem: `has more than ${MOST_BYTES / 1024 / 1024} MiB` };
    return { ...decoded(bytes), mode: status.mode };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { missing: true };
    return { problem: PROBLEMS[code] ?? `cannot be read: ${code}` };
  } finally {
    await file?.close();
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  EACCES: "cannot be read: this account may not",
  EPERM: "cannot be read: this account may not",
  EISDIR: "is a folder",
  ELOOP: "is a link that leads back to itself",
  ENXIO: "is no regular file",
};

/** All of the file; undefined where it has more bytes. Its size is not asked: some files do not tell it. */
async function atMost(file: FileHandle, most: number): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  for (let size = 0; size <= most; ) {
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.allocUnsafe(256 * 1024) });
    if (bytesRead === 0) return Buffer.concat(parts);
    parts.push(buffer.subarray(0, bytesRead));
    size += bytesRead;
  }
  return undefined;
}

function decoded(
  bytes: Buffer,
): Omit<Extract<TextFile, { text: string }>, "mode"> | Extract<TextFile, { problem: string }> {
  if (isUtf8(bytes)) return { text: bytes.toString("utf8").replace(/^\uFEFF/, "") };
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { problem: "is in UTF-16; save it as UTF-8" };
  }
  // What does not decode becomes U+FFFD, and is other bytes when it is encoded again.
  const text = bytes.toString("utf8");
  const again = Buffer.from(text);
  const wrong = bytes.findIndex((byte, index) => byte !== again[index]);
  return {
    problem: "is not in UTF-8",
    place: { text, offset: bytes.subarray(0, wrong).toString("utf8").length },
  };
}
