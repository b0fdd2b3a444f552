/** An answer as Twisted's HTTP client reads it. */

export interface WebhookResponse {
  readonly status: number;
  /** Names in lower case; the first of each. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** The answer cannot be read to its end. It is none of MAAS's own errors, so nothing is tried again. */
export class ResponseFailed extends Error {
  override readonly name = "ResponseFailed";
}

const LONGEST_LINE = 16_384;

/**
 * The answer in what has come so far; undefined while more of it is to come.
 * `ended`: nothing more comes. Throws ResponseFailed.
 */
export function readResponse(bytes: Buffer, ended: boolean): WebhookResponse | undefined {
  const head = readHead(bytes, ended);
  if (!head) return undefined;
  const { status, headers, rest } = head;
  if (status >= 100 && status < 200) return readResponse(rest, ended);
  const body = status === 204 || status === 304 ? Buffer.alloc(0) : readBody(rest, headers, ended);
  return body && { status, headers, body };
}

interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly rest: Buffer;
}

function readHead(bytes: Buffer, ended: boolean): Head | undefined {
  const lines: string[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf("\n", at);
    if ((end < 0 ? bytes.length : end) - at > LONGEST_LINE) throw new ResponseFailed("a line is too long");
    if (end < 0) {
      if (ended) throw new ResponseFailed(bytes.length === 0 ? "ResponseNeverReceived" : "the headers are cut off");
      return undefined;
    }
    const line = bytes.toString("latin1", at, end).replace(/\r$/, "");
    at = end + 1;
    if (line !== "") lines.push(line);
    else return { ...parseHead(lines), rest: bytes.subarray(at) };
  }
}

function parseHead([statusLine = "", ...lines]: readonly string[]): Omit<Head, "rest"> {
  const status = /^HTTP\/\d+\.\d+ (\d+)(?: .*)?$/.exec(statusLine)?.[1];
  if (status === undefined) throw new ResponseFailed(`no status line: ${statusLine}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 0) throw new ResponseFailed(`no header: ${line}`);
    const name = line.slice(0, colon).toLowerCase();
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return { status: Number(status), headers };
}

function readBody(bytes: Buffer, headers: ReadonlyMap<string, string>, ended: boolean): Buffer | undefined {
  const length = headers.get("content-length");
  const chunked = headers.get("transfer-encoding")?.toLowerCase() === "chunked";
  if (!chunked && length === undefined) return ended ? bytes : undefined;
  const body = chunked ? readChunks(bytes) : bytes.subarray(0, Number(length));
  if (body && (chunked || body.length === Number(length))) return body;
  if (ended) throw new ResponseFailed("the body is cut off");
  return undefined;
}

function readChunks(bytes: Buffer): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, end), 16);
    if (Number.isNaN(size)) throw new ResponseFailed("a chunk has no length");
    const next = end + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
    at = next;
  }
}
