/** Who may do what. Checked by every front before the domain is asked. */
import type { Verb } from "./driver.ts";
import type { Role } from "./order.ts";

export const ROLES = ["maas", "viewer", "operator", "admin"] as const satisfies readonly Role[];

/** What a credential allows; the same for tokens and users. */
export interface Grant {
  readonly name: string;
  readonly role: Role;
  /** Patterns of machine names (`*` for any run of characters); matched in full. */
  readonly machines: readonly string[];
  /** Networks (CIDR) or addresses the caller must come from; empty: any. */
  readonly from: readonly string[];
}

export interface TokenGrant extends Grant {
  /** SHA-256 of the token, lower-case hex. */
  readonly sha256: string;
}

export interface UserGrant extends Grant {
  /** `scrypt:N:r:p:salt:hash`, salt and hash in base64. */
  readonly passwordHash: string;
}

export interface AccessRules {
  readonly tokens: readonly TokenGrant[];
  readonly users: readonly UserGrant[];
}

/** `read`: see machines and orders. `order`: switch. `lock`: forbid it. `configure`: tokens, users, reload, `--force`. */
export type Right = "read" | "order" | "lock" | "configure";

const RIGHTS: Readonly<Record<Role, readonly Right[]>> = {
  maas: ["read", "order"],
  viewer: ["read"],
  operator: ["read", "order", "lock"],
  admin: ["read", "order", "lock", "configure"],
};

export function roleAllows(role: Role, right: Right): boolean {
  return RIGHTS[role].includes(right);
}

/** The right that a verb needs. */
export function rightFor(verb: Verb | "query"): Right {
  return verb === "query" ? "read" : "order";
}
