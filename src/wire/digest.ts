/**
 * HTTP digest authentication, RFC 7616: MD5 and SHA-256, plain and -sess, quality of protection `auth`.
 *
 *     WWW-Authenticate: Digest realm="a, b", nonce="…", algorithm=SHA-256, qop="auth"
 *     Authorization: Digest username="…", realm="…", uri="/rpc", response="…", qop=auth, nc=00000001, cnonce="…"
 */
import { createHash, randomBytes } from "node:crypto";

export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  /** As the server wrote it; absent: MD5. */
  readonly algorithm: string | undefined;
  readonly opaque: string | undefined;
  /** Absent in the old form of RFC 2069. */
  readonly qop: boolean;
  /** The credentials may be right: only the nonce was too old. */
  readonly stale: boolean;
}

export interface DigestRequest {
  readonly user: string;
  readonly password: string;
  readonly method: string;
  /** Path and query as sent. */
  readonly uri: string;
  /** How often this nonce was used, this time included. */
  readonly count: number;
  readonly cnonce?: string;
}

/** Strongest first. */
const ALGORITHMS = ["SHA-256-SESS", "SHA-256", "MD5-SESS", "MD5"];

/** The strongest digest challenge among the headers; undefined where there is none we can answer. */
export function strongestChallenge(headers: readonly string[]): Challenge | undefined {
  const challenges = headers.flatMap(parseHeader);
  return ALGORITHMS.map((algorithm) => challenges.find((challenge) => algorithmOf(challenge) === algorithm)).find(
    (challenge) => challenge !== undefined,
  );
}

function algorithmOf({ algorithm = "MD5" }: Challenge): string {
  return algorithm.toUpperCase();
}

/** The value of the `Authorization` header. */
export function answerChallenge(challenge: Challenge, request: DigestRequest): string {
  const { realm, nonce, opaque, qop } = challenge;
  const algorithm = algorithmOf(challenge);
  const { user, password, method, uri, count } = request;
  const cnonce = request.cnonce ?? randomBytes(16).toString("hex");
  const nc = count.toString(16).padStart(8, "0");
  const hash = (text: string) =>
    createHash(algorithm.startsWith("SHA-256") ? "sha256" : "md5")
      .update(text)
      .digest("hex");
  const secret = hash(`${user}:${realm}:${password}`);
  const a1 = algorithm.endsWith("-SESS") ? hash(`${secret}:${nonce}:${cnonce}`) : secret;
  const a2 = hash(`${method}:${uri}`);
  const response = qop ? hash([a1, nonce, nc, cnonce, "auth", a2].join(":")) : hash([a1, nonce, a2].join(":"));
  const parts = [
    // RFC 7616, 3.4: what a quoted string cannot hold goes the way of RFC 8187.
    /^[\x20-\x7e]*$/.test(user) ? `username=${quoted(user)}` : `username*=UTF-8''${percentEncoded(user)}`,
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(uri)}`,
    // Servers older than RFC 2617 do not know it: it goes back only where it came.
    ...(challenge.algorithm === undefined ? [] : [`algorithm=${challenge.algorithm}`]),
    `response="${response}"`,
    ...(qop ? ["qop=auth", `nc=${nc}`, `cnonce="${cnonce}"`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
  ];
  return `Digest ${parts.join(", ")}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

function percentEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** RFC 9110: a token, or with `/` the base64 that some schemes have in place of parameters. */
const TOKEN = /[!#$%&'*+./^_`|~\w-]+/y;
const SEPARATORS = /[\s,]*/y;
const PARAMETER = /\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;

/**
 * Digest challenges of one header, which may hold several schemes; commas may stand within quotes. A token is a parameter
 * where `=` follows, else a scheme. Each pattern goes on where the last one ended, so the time is linear.
 */
function parseHeader(header: string): Challenge[] {
  const challenges: Map<string, string>[] = [];
  let digest: Map<string, string> | undefined;
  for (let at = 0; ; ) {
    at += match(SEPARATORS, header, at)?.[0].length ?? 0;
    if (at >= header.length) break;
    const token = match(TOKEN, header, at)?.[0] ?? "";
    at += Math.max(token.length, 1);
    const parameter = match(PARAMETER, header, at);
    if (parameter) {
      const [whole, quotedValue, bareValue] = parameter;
      digest?.set(token.toLowerCase(), quotedValue?.replaceAll(/\\(.)/g, "$1") ?? bareValue ?? "");
      at += whole.length;
    } else {
      digest = token.toLowerCase() === "digest" ? new Map() : undefined;
      if (digest) challenges.push(digest);
    }
  }
  return challenges.flatMap(challengeOf);
}

function match(sticky: RegExp, text: string, at: number): RegExpExecArray | null {
  sticky.lastIndex = at;
  return sticky.exec(text);
}

function challengeOf(fields: ReadonlyMap<string, string>): Challenge[] {
  const [realm, nonce, qop] = [fields.get("realm"), fields.get("nonce"), fields.get("qop")];
  if (realm === undefined || nonce === undefined) return [];
  const offered = qop?.toLowerCase().split(/[\s,]+/) ?? [""];
  const inTheOldForm = offered.join("") === "";
  if (!inTheOldForm && !offered.includes("auth")) return [];
  return [
    {
      realm,
      nonce,
      algorithm: fields.get("algorithm"),
      opaque: fields.get("opaque"),
      qop: !inTheOldForm,
      stale: fields.get("stale")?.toLowerCase() === "true",
    },
  ];
}
