/** The files beside the journal, derived from its path alone, so that the command line finds the daemon. */
import { createHash } from "node:crypto";
import { tmpdir, userInfo } from "node:os";
import { basename, dirname, extname, join, resolve } from "node:path";

/** A path of a UNIX socket may have no more bytes than this on every system we run on. */
const LONGEST_SOCKET_PATH = 100;

export interface StorePaths {
  readonly database: string;
  readonly credentials: string;
  /** The token made on first start, in plain text, mode 0600. */
  readonly token: string;
  readonly memory: string;
  /** The local socket of the command line; a named pipe on Windows. */
  readonly socket: string;
}

export function pathsBeside(storePath: string, env: NodeJS.ProcessEnv = process.env): StorePaths {
  const database = resolve(storePath);
  const base = join(dirname(database), basename(database, extname(database)));
  return {
    database,
    credentials: `${base}.credentials.json`,
    token: `${base}.token`,
    memory: `${base}.memory.jsonl`,
    socket: socketPath(base, env),
  };
}

function socketPath(base: string, env: NodeJS.ProcessEnv): string {
  const short = createHash("sha256").update(base).digest("hex").slice(0, 16);
  if (process.platform === "win32") return `\\\\.\\pipe\\maasochist-${short}`;
  const runtime = env["RUNTIME_DIRECTORY"]?.split(":")[0];
  const path = runtime ? join(runtime, `${basename(base)}.sock`) : `${base}.sock`;
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return path;
  return join(env["XDG_RUNTIME_DIR"] ?? join(tmpdir(), `maasochist-${userInfo().uid}`), `maasochist-${short}.sock`);
}
