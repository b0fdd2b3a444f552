/**
 * The plug's side of KLAP, from the description at the head of python-kasa's klaptransport.py and of its sources: sessions by
 * cookie, a handshake in two steps, requests with rising sequence numbers. That file's own transports of both versions
 * (commit a29d0610) were run against it by hand: they entered, switched and read.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

interface Session {
  readonly local: Buffer;
  readonly remote: Buffer;
  readonly auth: Buffer;
  proven: boolean;
  lastSequence: number | undefined;
}

export interface Reply {
  readonly status: number;
  readonly cookie?: string;
  readonly body?: Buffer;
}

const digest = (algorithm: string, ...parts: readonly (string | Buffer)[]) =>
  createHash(algorithm)
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest();
const sha256 = (...parts: readonly (string | Buffer)[]) => digest("sha256", ...parts);

export class KlapServer {
  readonly #version: 1 | 2;
  readonly #answer: (request: unknown) => unknown;
  readonly #sessions = new Map<string, Session>();
  /** Whose it thinks it is. */
  credentials: Credentials;
  /** Handshakes that were finished. */
  handshakes = 0;

  constructor(version: 1 | 2, credentials: Credentials, answer: (request: unknown) => unknown) {
    this.#version = version;
    this.credentials = credentials;
    this.#answer = answer;
  }

  /** As after a day, or a moment without current. */
  forgetSessions(): void {
    this.#sessions.clear();
  }

  handle({ url, cookie, body }: { readonly url: URL; readonly cookie: string; readonly body: Buffer }): Reply {
    if (url.pathname === "/app/handshake1") return this.#first(body);
    // It takes its session's cookie back, and no other beside it.
    const session = this.#sessions.get(/^TP_SESSIONID=(\w+)$/.exec(cookie)?.[1] ?? "");
    if (!session) return { status: 403 };
    if (url.pathname === "/app/handshake2") return this.#second(session, body);
    const sequence = url.searchParams.get("seq");
    if (url.pathname === "/app/request" && session.proven && sequence !== null)
      return this.#request(session, Number(sequence), body);
    return { status: 403 };
  }

  #first(local: Buffer): Reply {
    if (local.length !== 16) return { status: 400 };
    const { user, password } = this.credentials;
    const v1 = this.#version === 1;
    const auth = v1
      ? digest("md5", digest("md5", user), digest("md5", password))
      : sha256(digest("sha1", user), digest("sha1", password));
    const remote = randomBytes(16);
    const id = randomBytes(16).toString("hex").toUpperCase();
    this.#sessions.set(id, { local, remote, auth, proven: false, lastSequence: undefined });
    const proof = v1 ? sha256(local, auth) : sha256(local, remote, auth);
    return { status: 200, cookie: `TP_SESSIONID=${id};TIMEOUT=86400`, body: Buffer.concat([remote, proof]) };
  }

  #second(session: Session, body: Buffer): Reply {
    const { local, remote, auth } = session;
    const expected = this.#version === 1 ? sha256(remote, auth) : sha256(remote, local, auth);
    if (!body.equals(expected)) return { status: 403 };
    session.proven = true;
    this.handshakes += 1;
    return { status: 200 };
  }

  #request(session: Session, sequence: number, body: Buffer): Reply {
    const { local, remote, auth, lastSequence } = session;
    const seeds = [local, remote, auth];
    const key = sha256("lsk", ...seeds).subarray(0, 16);
    const fullIv = sha256("iv", ...seeds);
    const signing = sha256("ldk", ...seeds).subarray(0, 28);
    const counter = Buffer.alloc(4);
    counter.writeInt32BE(sequence);
    const iv = Buffer.concat([fullIv.subarray(0, 12), counter]);
    const sealed = body.subarray(32);
    const next = ((lastSequence ?? fullIv.readInt32BE(28)) + 1) | 0;
    if (sequence !== next || !sha256(signing, counter, sealed).equals(body.subarray(0, 32))) return { status: 403 };
    session.lastSequence = sequence;
    const decipher = createDecipheriv("aes-128-cbc", key, iv);
    const text = Buffer.concat([decipher.update(sealed), decipher.final()]).toString();
    const cipher = createCipheriv("aes-128-cbc", key, iv);
    const answer = Buffer.concat([cipher.update(JSON.stringify(this.#answer(JSON.parse(text)))), cipher.final()]);
    return { status: 200, body: Buffer.concat([sha256(signing, counter, answer), answer]) };
  }
}
