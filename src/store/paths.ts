/** The files beside the journal, derived from its path alone, so that the command line finds the daemon. */
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join, resolve } from "node:path";

/** A path of a UNIX socket may have no more bytes than this on every system we run on. */
const LONGEST_SOCKET_PATH = 100;

export interface StorePaths {
  readonly database: string;
  readonly credentials: string;
  /** The token made on first start, in plain text, mode 0600. */
  readonly token: string;
  readonly memory: string;
  /** MAAS's address and API key, where `maasochist maas login` keeps them. */
  readonly maas: string;
  /** The local socket of the command line; a named pipe on Windows. */
  readonly socket: string;
}

export function pathsBeside(storePath: string): StorePaths {
  const database = resolve(storePath);
  const base = join(dirname(database), basename(database, extname(database)));
  return {
    database,
    credentials: `${base}.credentials.json`,
    token: `${base}.token`,
    memory: `${base}.memory.jsonl`,
    maas: `${base}.maas.json`,
    socket: socketPath(base),
  };
}

function socketPath(base: string): string {
  const short = createHash("sha256").update(base).digest("hex").slice(0, 16);
  if (process.platform === "win32") return `\\\\.\\pipe\\maasochist-${short}`;
  const path = `${base}.sock`;
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return path;
  return join(tmpdir(), `maasochist-${short}`, "maasochist.sock");
}
