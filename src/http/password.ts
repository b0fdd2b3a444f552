/** Passwords as scrypt: `scrypt:N:r:p:salt:hash`, salt and hash in base64. */
import { createHmac, randomBytes, scrypt, timingSafeEqual } from "node:crypto";

const COST = { N: 2 ** 17, r: 8, p: 1 };
const LENGTH = 32;
/** Memory that scrypt may take: 128 · N · r, and as much again. */
const MOST_MEMORY = 2 ** 28 + 2 ** 20;
const CACHE_MS = 60_000;
const MOST_CACHED = 1_000;
const AT_ONCE = 2;

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

/** Checks passwords, at most two at a time, and remembers successes for a minute under a key of this process. */
export class PasswordChecker {
  readonly #key = randomBytes(32);
  readonly #known = new Map<string, number>();
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #now: () => number;
  #active = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Was this password found right within the last minute? */
  remembers(hash: string, password: string): boolean {
    const until = this.#known.get(this.#digest(hash, password));
    return until !== undefined && until > this.#now();
  }

  /** `hash` undefined: there is no such user. */
  check(hash: string | undefined, password: string): Promise<boolean> {
    const digest = this.#digest(hash ?? "", password);
    const running = this.#running.get(digest);
    if (running) return running;
    const check = this.#check(hash ?? NOBODY, password).then((right) => right && hash !== undefined);
    this.#running.set(digest, check);
    const done = (right: boolean) => {
      this.#running.delete(digest);
      if (!right) return;
      if (this.#known.size >= MOST_CACHED) this.#known.clear();
      this.#known.set(digest, this.#now() + CACHE_MS);
    };
    check.then(done, () => done(false));
    return check;
  }

  async #check(written: string, password: string): Promise<boolean> {
    const [, N, r, p, salt = "", hash = ""] = written.split(":");
    await this.#turn();
    try {
      const expected = Buffer.from(hash, "base64");
      const key = await derive(password, Buffer.from(salt, "base64"), { N: Number(N), r: Number(r), p: Number(p) });
      return key.length === expected.length && timingSafeEqual(key, expected);
    } finally {
      this.#active -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#active >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#active += 1;
  }

  #digest(hash: string, password: string): string {
    return createHmac("sha256", this.#key).update(hash).update("\0").update(password).digest("base64");
  }
}
