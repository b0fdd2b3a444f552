/**
 * People who are signed in to a page. A session is 256 random bits in a cookie; here is kept, in memory alone, the hash of it
 * and which credential was shown. It ends with the credential, when that is changed or revoked, when its owner signs
 * out, when nobody used it for a while, in any case after a week, and when the daemon restarts.
 *
 * Whoever signs in gets a new one, so that nobody is led into a session that somebody else knows. A browser sends the
 * cookie by itself; what changes anything must carry a header as well that only a page of ours can set.
 */
import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Actor } from "../power/order.ts";
import { AccessError } from "./access-error.ts";
import { addressOf } from "./arrival.ts";
import type { Authenticator, Readmission, SignIn } from "./auth.ts";
import { refuseForeignPage } from "./foreign-page.ts";
import type { Principal } from "./principal.ts";
import { sessionCookie, sessionIdsIn } from "./session-cookie.ts";

const IDLE_MS = 8 * 3_600_000;
const LONGEST_MS = 7 * 86_400_000;
const MOST_SESSIONS = 1_000;
const ID_BYTES = 32;
/** What a page sends beside the cookie. Without leave of this server no other site's page can set it. */
const HEADER = "x-mso-request";

interface Session {
  readonly readmit: Readmission;
  readonly openedAt: number;
  usedAt: number;
}

export interface SessionsOptions {
  readonly authenticator: Authenticator;
  readonly now: () => number;
  /** The path that the daemon stands under, without a slash at its end. */
  readonly base: string;
}

export interface SignedIn {
  readonly principal: Principal;
  /** The value of `Set-Cookie`. */
  readonly cookie: string;
}

export class Sessions {
  readonly #options: SessionsOptions;
  /** By the hash of their ids, those opened first before all others. */
  readonly #sessions = new Map<string, Session>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Who asks: by the header of a credential, and only without one by a cookie. Throws AccessError. */
  authenticate(request: IncomingMessage): Principal | Promise<Principal> {
    const { authorization } = request.headers;
    const signedIn = authorization === undefined ? this.principal(request) : undefined;
    return signedIn ?? this.#options.authenticator.authenticate(authorization, () => addressOf(request));
  }

  /** Who sent this cookie; undefined where there is none. Throws AccessError. */
  principal(request: IncomingMessage): Principal | undefined {
    const ids = sessionIdsIn(request, this.#options.base);
    if (ids.length === 0) return undefined;
    const key = this.#keyIn(ids);
    const session = key === undefined ? undefined : this.#sessions.get(key);
    if (key === undefined || !session) throw new AccessError("unauthenticated", "the session is over; sign in again");
    if (request.method !== "GET" && request.method !== "HEAD") refuseUnmeant(request);
    const principal = this.#principal(key, session, () => addressOf(request));
    session.usedAt = this.#options.now();
    return principal;
  }

  /** Throws AccessError where the credential does not count, or too many were tried. */
  async open(request: IncomingMessage, typed: SignIn): Promise<SignedIn> {
    const { authenticator, now, base } = this.#options;
    const address = () => addressOf(request);
    const readmit = await authenticator.signIn(typed, address);
    this.end(request);
    this.#forget();
    const id = randomBytes(ID_BYTES).toString("base64url");
    const session: Session = { readmit, openedAt: now(), usedAt: now() };
    this.#sessions.set(keyOf(id), session);
    return {
      principal: this.#principal(keyOf(id), session, address),
      cookie: sessionCookie(id, request, base),
    };
  }

  /** Ends the sessions that a request carries. Answers the cookie's end. */
  end(request: IncomingMessage): string {
    const { base } = this.#options;
    for (const id of sessionIdsIn(request, base)) this.#sessions.delete(keyOf(id));
    return sessionCookie(undefined, request, base);
  }

  #keyIn(ids: readonly string[]): string | undefined {
    return ids.map(keyOf).find((key) => this.#isAlive(key));
  }

  #isAlive(key: string): boolean {
    const session = this.#sessions.get(key);
    if (!session) return false;
    const now = this.#options.now();
    if (now - session.usedAt < IDLE_MS && now - session.openedAt < LONGEST_MS) return true;
    this.#sessions.delete(key);
    return false;
  }

  #principal(key: string, session: Session, address: () => string): Principal {
    const principal = session.readmit(address);
    return { ...principal, actor: personOf(principal.actor), stands: () => this.#isAlive(key) && principal.stands() };
  }

  /** Those that are over, and the oldest where there are too many. */
  #forget(): void {
    for (const key of this.#sessions.keys()) this.#isAlive(key);
    for (const key of this.#sessions.keys()) {
      if (this.#sessions.size < MOST_SESSIONS) return;
      this.#sessions.delete(key);
    }
  }
}

/** The header says that a page of ours means it; the rest, where a browser sends it, that the page is ours. */
function refuseUnmeant(request: IncomingMessage): void {
  refuseForeignPage(request);
  if (request.headers[HEADER] === "1") return;
  throw new AccessError("forbidden", "a session may change something only with the header X-MSO-Request: 1");
}

/**
 * Who opens a page with MAAS's token is no MAAS: what it orders is a person's order, never a repeat of MAAS's, and
 * `protect: people` concerns it. What it may is what its token may.
 */
function personOf(actor: Actor): Actor {
  if (actor.role !== "maas") return actor;
  return { id: `page:${actor.name}`, name: `${actor.name} (page)`, role: "operator" };
}

function keyOf(id: string): string {
  return createHash("sha256").update(id).digest("base64url");
}
