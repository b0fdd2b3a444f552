/** What signing in, and the routes of tokens and users, ask of the rooms behind them. */
import type { AccessRules, Grant, UserGrant } from "../power/access.ts";
import type { PowerEvent } from "../power/events.ts";
import type { Actor } from "../power/order.ts";
import type { Sessions } from "./sessions.ts";

/** Credentials that commands and this API make; those of the configuration are changed there. */
export interface CredentialStore {
  readonly rules: AccessRules;
  /** Answers the token, which is kept only as a hash. Rejects where the file cannot be used. */
  addToken(grant: Grant): Promise<string>;
  addUser(user: UserGrant): Promise<void>;
  /** Was there one? */
  revoke(kind: "tokens" | "users", name: string): Promise<boolean>;
}

export interface AccessServices {
  readonly sessions: Sessions;
  readonly credentials: CredentialStore;
  /** Those that stand in the configuration. */
  readonly configured: () => AccessRules;
  /** Of the daemon. */
  readonly version: string;
  /** Keeps what was done in the journal, as far as that can be written. */
  readonly note: (event: PowerEvent) => void;
}

/** What is kept of an action of somebody. */
export function accessEvent(
  kind: "session:opened" | "session:ended" | "access:changed",
  { actor, at, what }: { readonly actor: Actor; readonly at: number; readonly what: string },
): PowerEvent {
  return { kind, at, by: actor.name, actor: actor.id, what };
}
