/**
 * Who is calling: Bearer tokens, Basic users, and Basic with a token as the password (MAAS's power user and password).
 * The way of a token is synchronous and short, for MAAS sends one with every poll: one SHA-256, one look-up.
 *
 * Failures are counted per source and kind of credential: wrong tokens; for each user name, passwords that were not tried
 * before; and wrong ones sent again. A right token, and a password that was right a moment ago, are found before any of
 * that is asked, so that a wrong credential in one machine's settings locks out no other machine of the same rack.
 */
import { hash } from "node:crypto";
import type { AccessRules, Grant, TokenGrant, UserGrant } from "../power/access.ts";
import { roleAllows } from "../power/access.ts";
import { matchesAny } from "../power/names.ts";
import { AccessError } from "./access-error.ts";
import { plainAddress, sourceOf, withinNetworks } from "./networks.ts";
import { PasswordChecker } from "./password.ts";
import type { Principal } from "./principal.ts";
import { Throttle } from "./throttle.ts";

/** A user's name counts in its first characters alone, so that nobody fills the memory with long ones. */
const NAME_COUNTS = 64;
/** When to come back where too many passwords stand in line (s). */
const CROWDED_RETRY_S = 5;

export interface AuthenticatorOptions {
  /** The rules of configuration and credentials file. Asked at every request: the same objects while nothing changed. */
  readonly rules: () => readonly AccessRules[];
  readonly now: () => number;
}

interface Known {
  readonly kind: "token" | "user";
  readonly grant: Grant;
  /** What the credential is checked against: the token's SHA-256, the password's scrypt. */
  readonly hash: string;
  readonly within: (address: string) => boolean;
}

/** What somebody types into a page to sign in. */
export type SignIn = { readonly name: string; readonly password: string } | { readonly token: string };

/** Lets the same credential in again, from where it is used now. Throws AccessError where it does not count any more. */
export type Readmission = (remoteAddress: () => string) => Principal;

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #passwords: PasswordChecker;
  readonly #throttle: Throttle;
  #rules: readonly AccessRules[] = [];
  #tokens: ReadonlyMap<string, Known> = new Map();
  #users: ReadonlyMap<string, Known> = new Map();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#passwords = new PasswordChecker(options.now);
    this.#throttle = new Throttle(options.now);
  }

  /**
   * Who sent this `Authorization` header from this address, which is asked for only where it counts: to ask the system
   * for it takes longer than all the rest. A promise only when a password must be computed. Throws AccessError.
   */
  authenticate(authorization: string | undefined, remoteAddress: () => string): Principal | Promise<Principal> {
    this.#refresh();
    const address = () => plainAddress(remoteAddress());
    if (authorization === undefined) throw new AccessError("unauthenticated", "no credential was sent");
    const space = authorization.indexOf(" ");
    const scheme = authorization.slice(0, space).toLowerCase();
    const credential = authorization.slice(space + 1).trim();
    if (scheme === "bearer" && credential !== "") {
      // Node reads headers as Latin-1; MAAS sends UTF-8.
      const token = this.#token(Buffer.from(credential, "latin1"));
      return token ? this.#admit(token, address) : this.#refuse(`${sourceOf(address())} token`);
    }
    if (scheme === "basic") {
      const known = this.#basic(credential, address);
      return known instanceof Promise
        ? known.then((right) => this.#admit(right, address))
        : this.#admit(known, address);
    }
    throw new AccessError("unauthenticated", "the credential is neither Bearer nor Basic");
  }

  /** The same for what was typed into a page, where it is to count for longer than a request. Throws AccessError. */
  async signIn(typed: SignIn, remoteAddress: () => string): Promise<Readmission> {
    this.#refresh();
    const address = () => plainAddress(remoteAddress());
    const known =
      "token" in typed
        ? (this.#token(Buffer.from(typed.token)) ?? this.#refuse(`${sourceOf(address())} token`))
        : await this.#user(typed.name, Buffer.from(typed.password), address);
    this.#admit(known, address);
    return (now) => {
      if (this.#stands(known)) return this.#admit(known, () => plainAddress(now()));
      throw new AccessError("unauthenticated", "the credential was changed or revoked; sign in again");
    };
  }

  #basic(credential: string, address: () => string): Known | Promise<Known> {
    const bytes = Buffer.from(credential, "base64");
    const colon = bytes.indexOf(":");
    if (colon < 0) throw new AccessError("unauthenticated", "the Basic credential holds no user and password");
    return this.#user(bytes.subarray(0, colon).toString(), bytes.subarray(colon + 1), address);
  }

  /** By password, or by a token in its place. A promise only when the password must be computed. */
  #user(user: string, secret: Buffer, address: () => string): Known | Promise<Known> {
    const token = this.#token(secret);
    if (token) return token;
    const known = this.#users.get(user);
    const attempt = { user, hash: known?.hash, password: secret.toString() };
    const source = sourceOf(address());
    const key = `${source} user ${user.slice(0, NAME_COUNTS)}`;
    const remembered = this.#passwords.remembers(attempt);
    if (remembered === true && known) return known;
    if (remembered === false) return this.#refuse(`${key} again`);
    this.#slow(key);
    const check = this.#passwords.check(attempt, source);
    if (!check)
      throw new AccessError("throttled", "too many logins are being checked", { retryAfter: CROWDED_RETRY_S });
    // It may have been revoked while this was computed.
    return check.then((right) => (right && known && this.#stands(known) ? known : this.#refuse(key)));
  }

  /** By its hash: how long the look-up takes tells nothing of a token that is not known. */
  #token(bytes: Buffer): Known | undefined {
    return this.#tokens.get(hash("sha256", bytes, "hex"));
  }

  #admit(known: Known, address: () => string): Principal {
    const { kind, grant, within } = known;
    const { name, role, machines, from } = grant;
    if (from.length > 0 && !within(address())) {
      const where = address() === "" ? "over a local socket" : `from ${address()}`;
      throw new AccessError("forbidden_network", `${name} may not be used ${where}`);
    }
    return {
      actor: { id: `${kind}:${name}`, name, role },
      kind,
      seesAll: machines.includes("*"),
      address,
      sees: (machine) => matchesAny(machines, machine),
      may: (right) => roleAllows(role, right),
      stands: () => this.#stands(known),
    };
  }

  #stands(known: Known): boolean {
    this.#refresh();
    const now = known.kind === "token" ? this.#tokens.get(known.hash) : this.#users.get(known.grant.name);
    // The grant holds the hash as well. A file that was read again gives new objects of the same content.
    return now === known || (now !== undefined && JSON.stringify(now.grant) === JSON.stringify(known.grant));
  }

  #refuse(key: string): never {
    this.#slow(key);
    this.#throttle.failed(key);
    throw new AccessError("unauthenticated", "the credential is not known here");
  }

  #slow(key: string): void {
    const wait = this.#throttle.wait(key);
    if (wait > 0) throw new AccessError("throttled", "too many failed logins", { retryAfter: wait / 1_000 });
  }

  #refresh(): void {
    const rules = this.#options.rules();
    if (areSame(rules, this.#rules)) return;
    this.#rules = rules;
    this.#tokens = new Map(rules.flatMap(({ tokens }) => tokens.map((token) => [token.sha256, knownToken(token)])));
    this.#users = new Map(rules.flatMap(({ users }) => users.map((user) => [user.name, knownUser(user)])));
  }
}

/** By identity, and without a function for each: this is asked at every request. */
function areSame(a: readonly AccessRules[], b: readonly AccessRules[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function knownToken(grant: TokenGrant): Known {
  return { kind: "token", grant, hash: grant.sha256, within: withinNetworks(grant.from) };
}

function knownUser(grant: UserGrant): Known {
  return { kind: "user", grant, hash: grant.passwordHash, within: withinNetworks(grant.from) };
}

/** A caller of the local socket: admin, named by the local account. Who may open the socket is the file system's business. */
export function localPrincipal(account: string): Principal {
  return {
    actor: { id: `local:${account}`, name: `${account} (local)`, role: "admin" },
    kind: "local",
    seesAll: true,
    address: () => "",
    sees: () => true,
    may: () => true,
    stands: () => true,
  };
}
