/**
 * Tokens and users that commands made: hashed, in a small file beside the journal, so that a broken journal locks nobody
 * out. The daemon and the command line both write it; a lock file keeps them apart.
 */

import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { type AccessRules, type Grant, ROLES, type TokenGrant, type UserGrant } from "../power/access.ts";
import { messageOf } from "../power/errors.ts";
import { writeAtomically } from "./atomic-file.ts";
import { withLock } from "./lock-file.ts";
import { newToken } from "./new-token.ts";
import type { StorePaths } from "./paths.ts";

interface Content {
  readonly version: 1;
  readonly tokens: readonly TokenGrant[];
  readonly users: readonly UserGrant[];
}

const EMPTY: Content = { version: 1, tokens: [], users: [] };
/** Stamps of a file that is not there, and of one that was not looked at yet. */
const ABSENT = "absent";
const UNSEEN = "unseen";
/** Name of the token that was made on first start. */
const GENERATED = "generated";

export class Credentials {
  readonly #path: string;
  #content: Content = EMPTY;
  #stamp = UNSEEN;
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
    try {
      const stamp = stampOf(this.#path);
      if (stamp === this.#stamp) return false;
      this.#stamp = stamp;
      // A file that was taken away revokes what stood in it; one that merely cannot be reached does not.
      this.#content = stamp === ABSENT ? EMPTY : parse(readFileSync(this.#path, "utf8"));
      this.#problem = undefined;
      return true;
    } catch (error) {
      this.#stamp = UNSEEN;
      this.#problem = `${this.#path} cannot be used: ${messageOf(error)}`;
      return false;
    }
  }

  /** Adds a token; answers it, for it is kept only as a hash. Throws when the name is taken or the file is not usable. */
  async addToken(grant: Grant): Promise<string> {
    const token = newToken();
    await this.#change((content) => {
      if (grant.name === GENERATED) throw new Error(`"${GENERATED}" is the token that the daemon makes by itself`);
      if (content.tokens.some((other) => other.name === grant.name))
        throw new Error(`there is a token "${grant.name}" already`);
      return withToken(content, grant, token);
    });
    return token;
  }

  /** Adds another token of that name: it and those before count until one of them is kept alone. */
  async addAnotherToken(grant: Grant): Promise<string> {
    const token = newToken();
    await this.#change((content) => withToken(content, grant, token));
    return token;
  }

  /** Takes away the tokens of that name for which the condition does not hold. Throws when the file is not usable. */
  async keepTokens(name: string, isKept: (token: TokenGrant) => boolean): Promise<void> {
    await this.#change((content) => {
      const tokens = content.tokens.filter((token) => token.name !== name || isKept(token));
      return tokens.length === content.tokens.length ? content : { ...content, tokens };
    });
  }

  /** The token made on first start takes the place of an older one. Throws when the file is not usable. */
  async renewGenerated(token: string): Promise<void> {
    await this.#change((content) => {
      const tokens = content.tokens.filter((other) => other.name !== GENERATED);
      return withToken({ ...content, tokens }, { name: GENERATED, role: "maas", machines: ["*"], from: [] }, token);
    });
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
      return found ? { ...content, [kind]: known.filter((grant) => grant.name !== name) } : content;
    });
    return found;
  }

  #change(change: (content: Content) => Content): Promise<void> {
    return withLock(`${this.#path}.lock`, () => {
      this.#stamp = UNSEEN;
      this.refresh();
      if (this.#problem !== undefined) throw new Error(this.#problem);
      const content = change(this.#content);
      if (content === this.#content) return;
      writeAtomically(this.#path, `${JSON.stringify(content, undefined, 2)}\n`);
      this.refresh();
    });
  }
}

/** The token that was made on first start, made now if there is none yet. Its hash is among the credentials. */
export async function generatedToken(paths: StorePaths, credentials: Credentials): Promise<string> {
  try {
    const kept = readFileSync(paths.token, "utf8").trim();
    if (credentials.rules.tokens.some((token) => token.sha256 === sha256(kept))) return kept;
  } catch {
    // There is none yet.
  }
  const token = newToken();
  writeAtomically(paths.token, `${token}\n`);
  await credentials.renewGenerated(token);
  return token;
}

function withToken(content: Content, grant: Grant, token: string): Content {
  return { ...content, tokens: [...content.tokens, { ...grant, sha256: sha256(token) }] };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Changes whenever the file does. Throws where the file cannot be looked at. */
function stampOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats ? `${stats.mtimeNs} ${stats.ctimeNs} ${stats.size} ${stats.ino}` : ABSENT;
}

function parse(text: string): Content {
  const data = parseJson(text);
  if (typeof data !== "object" || data === null || !("version" in data) || data.version !== 1)
    throw new Error("it is no credentials file of this version");
  const { tokens, users } = data as { readonly tokens?: unknown; readonly users?: unknown };
  if (!Array.isArray(tokens) || !tokens.every(isTokenGrant)) throw new Error("its tokens are damaged");
  if (!Array.isArray(users) || !users.every(isUserGrant)) throw new Error("its users are damaged");
  return { version: 1, tokens, users };
}

/** The parser's own words would quote the text around the mistake. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("it is no JSON");
  }
}

function isTokenGrant(value: unknown): value is TokenGrant {
  return isGrant(value) && "sha256" in value && matches(value.sha256, /^[0-9a-f]{64}$/);
}

function isUserGrant(value: unknown): value is UserGrant {
  return (
    isGrant(value) &&
    "passwordHash" in value &&
    matches(value.passwordHash, /^scrypt:\d+:\d+:\d+:[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$/)
  );
}

function isGrant(value: unknown): value is Grant {
  if (typeof value !== "object" || value === null) return false;
  const { name, role, machines, from } = value as Record<string, unknown>;
  return typeof name === "string" && ROLES.some((known) => known === role) && areTexts(machines) && areTexts(from);
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === "string" && pattern.test(value);
}
