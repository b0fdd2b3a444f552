/**
 * Who is calling: Bearer tokens, Basic users, and Basic with a token as the password (MAAS's power user and password).
 * The way of a token is synchronous and short, for MAAS sends one with every poll: one SHA-256, one look-up.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { AccessRules, Grant, TokenGrant, UserGrant } from "../power/access.ts";
import { roleAllows } from "../power/access.ts";
import { matchesAny } from "../power/names.ts";
import { AccessError } from "./access-error.ts";
import { plainAddress, withinNetworks } from "./networks.ts";
import { PasswordChecker } from "./password.ts";
import type { Principal } from "./principal.ts";
import { Throttle } from "./throttle.ts";

export interface AuthenticatorOptions {
  /** The rules of configuration and credentials file. Asked at every request: the same objects while nothing changed. */
  readonly rules: () => readonly AccessRules[];
  readonly now: () => number;
}

interface Known {
  readonly grant: Grant;
  readonly hash: Buffer;
  readonly within: (address: string) => boolean;
  readonly principal: (address: string) => Principal;
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #passwords: PasswordChecker;
  readonly #throttle: Throttle;
  #rules: readonly AccessRules[] = [];
  #tokens = new Map<string, Known>();
  #users = new Map<string, Known & { readonly user: UserGrant }>();

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#passwords = new PasswordChecker(options.now);
    this.#throttle = new Throttle(options.now);
  }

  /**
   * Who sent this `Authorization` header from this address. A promise only when a password must be computed.
   * Throws AccessError.
   */
  authenticate(authorization: string | undefined, remoteAddress: string): Principal | Promise<Principal> {
    this.#refresh();
    const address = plainAddress(remoteAddress);
    if (authorization === undefined) throw new AccessError("unauthenticated", "no credential was sent");
    const space = authorization.indexOf(" ");
    const scheme = authorization.slice(0, space).toLowerCase();
    const credential = authorization.slice(space + 1).trim();
    if (scheme === "bearer" && credential !== "") {
      // Node reads headers as Latin-1; MAAS sends UTF-8.
      const token = this.#token(Buffer.from(credential, "latin1"));
      return token ? this.#admit(token, address) : this.#refuse(`${address} token`);
    }
    if (scheme === "basic") return this.#basic(credential, address);
    throw new AccessError("unauthenticated", "the credential is neither Bearer nor Basic");
  }

  #basic(credential: string, address: string): Principal | Promise<Principal> {
    const bytes = Buffer.from(credential, "base64");
    const colon = bytes.indexOf(":");
    if (colon < 0) throw new AccessError("unauthenticated", "the Basic credential holds no user and password");
    const name = bytes.subarray(0, colon).toString();
    const password = bytes.subarray(colon + 1);
    const token = this.#token(password);
    if (token) return this.#admit(token, address);

    const known = this.#users.get(name);
    const text = password.toString();
    if (known && this.#passwords.remembers(known.user.passwordHash, text)) return this.#admit(known, address);
    // A right token is found before this, so guessing at one never locks out another.
    const key = `${address} user ${name}`;
    this.#slow(key);
    return this.#passwords
      .check(known?.user.passwordHash, text)
      .then((right) => (right && known ? this.#admit(known, address) : this.#refuse(key)));
  }

  #token(bytes: Buffer): Known | undefined {
    const hash = createHash("sha256").update(bytes).digest();
    const known = this.#tokens.get(hash.toString("hex"));
    return known && timingSafeEqual(known.hash, hash) ? known : undefined;
  }

  #admit(known: Known, address: string): Principal {
    if (!known.within(address))
      throw new AccessError("forbidden_network", `${known.grant.name} may not be used from ${address}`);
    return known.principal(address);
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
    if (rules.length === this.#rules.length && rules.every((rule, index) => rule === this.#rules[index])) return;
    this.#rules = rules;
    this.#tokens = new Map(rules.flatMap(({ tokens }) => tokens.map((token) => [token.sha256, knownToken(token)])));
    this.#users = new Map(
      rules.flatMap(({ users }) =>
        users.map((user) => [user.name, { ...known(user, "user"), hash: Buffer.alloc(0), user }]),
      ),
    );
  }
}

function knownToken(token: TokenGrant): Known {
  return { ...known(token, "token"), hash: Buffer.from(token.sha256, "hex") };
}

function known(grant: Grant, kind: "token" | "user"): Omit<Known, "hash"> {
  return { grant, within: withinNetworks(grant.from), principal: (address) => principalOf(grant, { kind, address }) };
}

function principalOf(
  grant: Grant,
  { kind, address }: { readonly kind: "token" | "user"; readonly address: string },
): Principal {
  const { name, role, machines } = grant;
  return {
    actor: { id: `${kind}:${name}`, name, role, address },
    sees: (machine) => matchesAny(machines, machine),
    may: (right) => roleAllows(role, right),
  };
}

/** A caller of the local socket: admin, named by the local account. Who may open the socket is the file system's business. */
export function localPrincipal(account: string): Principal {
  return {
    actor: { id: `local:${account}`, name: `${account} (local)`, role: "admin" },
    sees: () => true,
    may: () => true,
  };
}
