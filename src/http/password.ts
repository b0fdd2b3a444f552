/** Passwords as scrypt: `scrypt:N:r:p:salt:hash`, salt and hash in base64. */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** In characters. */
export const SHORTEST_PASSWORD = 8;

const COST = { N: 2 ** 17, r: 8, p: 1 };
const LENGTH = 32;
/** Memory that scrypt may take: 128 · N · r, and as much again. */
const MOST_MEMORY = 2 ** 28 + 2 ** 20;
/** How long a verdict is remembered (ms): a right one briefly, a wrong one as long as failures count. */
const RIGHT_FOR_MS = 60_000;
const WRONG_FOR_MS = 600_000;
const MOST_REMEMBERED = 1_000;
const AT_ONCE = 2;
/** Checks that may stand in line, in all and from one source; each takes about half a second of a processor. */
const MOST_WAITING = 32;
const MOST_FROM_ONE = 4;

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, COST);
  return ["scrypt", COST.N, COST.r, COST.p, salt.toString("base64"), hash.toString("base64")].join(":");
}

interface Cost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

function derive(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, LENGTH, { N, r, p, maxmem: MOST_MEMORY }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** Something to compare with where there is no such user, so that both take as long. */
const NOBODY = `scrypt:${COST.N}:${COST.r}:${COST.p}:${randomBytes(16).toString("base64")}:${randomBytes(LENGTH).toString("base64")}`;

export interface PasswordAttempt {
  readonly user: string;
  /** Undefined: there is no such user. */
  readonly hash: string | undefined;
  readonly password: string;
}

/**
 * Checks passwords, at most two at a time: a flood of wrong ones costs no more than two processors' time, and whoever
 * comes while the line is full is sent away at once. Verdicts are remembered under a key of this process, so that a
 * password costs its half second once, and a wrong one that is sent again and again counts as one guess.
 */
export class PasswordChecker {
  readonly #key = randomBytes(32);
  readonly #right: Verdicts;
  readonly #wrong: Verdicts;
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #fromOne = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(now: () => number) {
    this.#right = new Verdicts(RIGHT_FOR_MS, now);
    this.#wrong = new Verdicts(WRONG_FOR_MS, now);
  }

  /** What was found of this very attempt lately; undefined where it must be computed. */
  remembers(attempt: PasswordAttempt): boolean | undefined {
    const digest = this.#digest(attempt);
    if (this.#right.has(digest)) return true;
    return this.#wrong.has(digest) ? false : undefined;
  }

  /** Is the password right? `source` is whose turn it takes. Undefined: the line is full. */
  check(attempt: PasswordAttempt, source: string): Promise<boolean> | undefined {
    const digest = this.#digest(attempt);
    const running = this.#running.get(digest);
    if (running) return running;
    const fromOne = this.#fromOne.get(source) ?? 0;
    if (fromOne >= MOST_FROM_ONE || this.#waiting.length >= MOST_WAITING) return undefined;
    this.#fromOne.set(source, fromOne + 1);
    const check = this.#check(attempt, digest).finally(() => {
      this.#running.delete(digest);
      const left = (this.#fromOne.get(source) ?? 1) - 1;
      if (left === 0) this.#fromOne.delete(source);
      else this.#fromOne.set(source, left);
    });
    this.#running.set(digest, check);
    return check;
  }

  async #check({ hash: written, password }: PasswordAttempt, digest: string): Promise<boolean> {
    const [, N, r, p, salt = "", hash = ""] = (written ?? NOBODY).split(":");
    await this.#turn();
    try {
      const expected = Buffer.from(hash, "base64");
      const key = await derive(password, Buffer.from(salt, "base64"), { N: Number(N), r: Number(r), p: Number(p) });
      const right = key.length === expected.length && timingSafeEqual(key, expected) && written !== undefined;
      (right ? this.#right : this.#wrong).add(digest);
      return right;
    } finally {
      this.#next();
    }
  }

  async #turn(): Promise<void> {
    if (this.#active < AT_ONCE) this.#active += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the turn over, so that nobody else can take it in between. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#active -= 1;
  }

  #digest({ user, hash, password }: PasswordAttempt): string {
    const parts = createHmac("sha256", this.#key);
    for (const part of [user, hash ?? "", password]) parts.update(`${Buffer.byteLength(part)}:`).update(part);
    return parts.digest("base64");
  }
}

/** Digests that count for a while; the oldest are forgotten first. */
class Verdicts {
  readonly #untilByDigest = new Map<string, number>();
  readonly #forMs: number;
  readonly #now: () => number;

  constructor(forMs: number, now: () => number) {
    this.#forMs = forMs;
    this.#now = now;
  }

  has(digest: string): boolean {
    return (this.#untilByDigest.get(digest) ?? 0) > this.#now();
  }

  add(digest: string): void {
    this.#untilByDigest.delete(digest);
    this.#untilByDigest.set(digest, this.#now() + this.#forMs);
    const [oldest] = this.#untilByDigest.keys();
    if (this.#untilByDigest.size > MOST_REMEMBERED && oldest !== undefined) this.#untilByDigest.delete(oldest);
  }
}
