/**
 * Tokens and users that commands made: hashed, in a small file beside the journal, so that a broken journal locks nobody
 * out. The daemon and the command line both write it; a lock file keeps them apart.
 */

import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type AccessRules, type Grant, ROLES, type TokenGrant, type UserGrant } from "../power/access.ts";
import { messageOf } from "../power/errors.ts";
import { writeAtomically } from "./atomic-file.ts";
import { newToken } from "./new-token.ts";
import type { StorePaths } from "./paths.ts";

const LOCK_STALE_MS = 10_000;
const LOCK_WAIT_MS = 5_000;

interface Content {
  readonly version: 1;
  readonly tokens: readonly TokenGrant[];
  readonly users: readonly UserGrant[];
}

const EMPTY: Content = { version: 1, tokens: [], users: [] };

export class Credentials {
  readonly #path: string;
  #content: Content = EMPTY;
  #stamp = "";
  #problem: string | undefined;

  constructor(path: string) {
    this.#path = path;
    this.refresh();
  }

  get rules(): AccessRules {
    return this.#content;
  }

  /** Why the file cannot be used; what was known before goes on to count. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Reads the file again if it changed. Did it? */
  refresh(): boolean {
    const stamp = stampOf(this.#path);
    if (stamp === this.#stamp) return false;
    this.#stamp = stamp;
    if (stamp === "") {
      this.#content = EMPTY;
      return true;
    }
    try {
      this.#content = parse(readFileSync(this.#path, "utf8"));
      this.#problem = undefined;
    } catch (error) {
      this.#problem = `${this.#path} cannot be read: ${messageOf(error)}`;
    }
    return true;
  }

  /** Adds a token; answers it, for it is kept only as a hash. Throws when the name is taken or the file is not usable. */
  async addToken(grant: Grant, token = newToken()): Promise<string> {
    await this.#change((content) => {
      if (content.tokens.some((other) => other.name === grant.name))
        throw new Error(`there is a token "${grant.name}" already`);
      return { ...content, tokens: [...content.tokens, { ...grant, sha256: sha256(token) }] };
    });
    return token;
  }

  async addUser(user: UserGrant): Promise<void> {
    await this.#change((content) => {
      if (content.users.some((other) => other.name === user.name))
        throw new Error(`there is a user "${user.name}" already`);
      return { ...content, users: [...content.users, user] };
    });
  }

  /** Takes a token or user away. Was there one? */
  async revoke(kind: "tokens" | "users", name: string): Promise<boolean> {
    let found = false;
    await this.#change((content) => {
      const known: readonly Grant[] = content[kind];
      found = known.some((grant) => grant.name === name);
      return { ...content, [kind]: known.filter((grant) => grant.name !== name) };
    });
    return found;
  }

  async #change(change: (content: Content) => Content): Promise<void> {
    const lock = `${this.#path}.lock`;
    await takeLock(lock);
    try {
      this.#stamp = "?";
      this.refresh();
      if (this.#problem !== undefined) throw new Error(this.#problem);
      const content = change(this.#content);
      writeAtomically(this.#path, `${JSON.stringify(content, undefined, 2)}\n`);
      this.refresh();
    } finally {
      rmSync(lock, { force: true });
    }
  }
}

/** The token that was made on first start, made now if there is none yet. Its hash is among the credentials. */
export async function generatedToken(paths: StorePaths, credentials: Credentials): Promise<string> {
  const name = "generated";
  try {
    const kept = readFileSync(paths.token, "utf8").trim();
    if (credentials.rules.tokens.some((token) => token.sha256 === sha256(kept))) return kept;
  } catch {
    // There is none yet.
  }
  await credentials.revoke("tokens", name);
  const token = newToken();
  writeAtomically(paths.token, `${token}\n`);
  return credentials.addToken({ name, role: "maas", machines: ["*"], from: [] }, token);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function stampOf(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return "";
  }
}

async function takeLock(path: string): Promise<void> {
  const until = Date.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      closeSync(openSync(path, "wx", 0o600));
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const [mtime] = stampOf(path).split(" ");
      if (Date.now() - Number(mtime) > LOCK_STALE_MS) rmSync(path, { force: true });
      if (Date.now() > until) throw new Error(`${path} is held by another command`);
      await pause(20);
    }
  }
}

function parse(text: string): Content {
  const data: unknown = JSON.parse(text);
  if (typeof data !== "object" || data === null || !("version" in data) || data.version !== 1)
    throw new Error("it is no credentials file of this version");
  const lists = data as { tokens?: unknown; users?: unknown };
  if (!Array.isArray(lists.tokens) || !lists.tokens.every((token) => isGrant(token) && "sha256" in token))
    throw new Error("its tokens are damaged");
  if (!Array.isArray(lists.users) || !lists.users.every((user) => isGrant(user) && "passwordHash" in user))
    throw new Error("its users are damaged");
  return { version: 1, tokens: lists.tokens as TokenGrant[], users: lists.users as UserGrant[] };
}

function isGrant(value: unknown): value is Grant {
  if (typeof value !== "object" || value === null) return false;
  const { name, role, machines, from } = value as Record<string, unknown>;
  return (
    typeof name === "string" && ROLES.some((known) => known === role) && Array.isArray(machines) && Array.isArray(from)
  );
}
