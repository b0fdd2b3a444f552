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
  readonly algorithm: string;
  readonly opaque: string | undefined;
  /** Absent in the old form of RFC 2069. */
  readonly qop: boolean;
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
  return ALGORITHMS.map((algorithm) =>
    challenges.find((challenge) => challenge.algorithm.toUpperCase() === algorithm),
  ).find((challenge) => challenge !== undefined);
}

/** The value of the `Authorization` header. */
export function answerChallenge(challenge: Challenge, request: DigestRequest): string {
  const { realm, nonce, algorithm, opaque, qop } = challenge;
  const { user, password, method, uri, count } = request;
  const cnonce = request.cnonce ?? randomBytes(16).toString("hex");
  const nc = count.toString(16).padStart(8, "0");
  const hash = (text: string) =>
    createHash(algorithm.toUpperCase().startsWith("SHA-256") ? "sha256" : "md5")
      .update(text)
      .digest("hex");
  const secret = hash(`${user}:${realm}:${password}`);
  const a1 = /-sess$/i.test(algorithm) ? hash(`${secret}:${nonce}:${cnonce}`) : secret;
  const a2 = hash(`${method}:${uri}`);
  const response = qop ? hash([a1, nonce, nc, cnonce, "auth", a2].join(":")) : hash([a1, nonce, a2].join(":"));
  const parts = [
    `username=${quoted(user)}`,
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(uri)}`,
    `algorithm=${algorithm}`,
    `response="${response}"`,
    ...(qop ? ["qop=auth", `nc=${nc}`, `cnonce="${cnonce}"`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
  ];
  return `Digest ${parts.join(", ")}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** Challenges of one header, which may hold several schemes; commas may stand within quotes. */
function parseHeader(header: string): Challenge[] {
  const challenges: Map<string, string>[] = [];
  let scheme = "";
  for (const match of header.matchAll(
    /([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))|([A-Za-z][A-Za-z0-9_-]*)(?=\s+[A-Za-z])/g,
  )) {
    const [, key, quotedValue, bareValue, word] = match;
    if (word !== undefined) {
      scheme = word.toLowerCase();
      if (scheme === "digest") challenges.push(new Map());
    } else if (key !== undefined && scheme === "digest") {
      challenges.at(-1)?.set(key.toLowerCase(), quotedValue?.replaceAll(/\\(.)/g, "$1") ?? bareValue ?? "");
    }
  }
  return challenges.flatMap((fields): Challenge[] => {
    const [realm, nonce, qop] = [fields.get("realm"), fields.get("nonce"), fields.get("qop")];
    if (realm === undefined || nonce === undefined) return [];
    const offered = qop?.split(/[\s,]+/);
    if (offered && !offered.includes("auth")) return [];
    return [
      {
        realm,
        nonce,
        algorithm: fields.get("algorithm") ?? "MD5",
        opaque: fields.get("opaque"),
        qop: offered !== undefined,
        stale: fields.get("stale")?.toLowerCase() === "true",
      },
    ];
  });
}
