import type { IncomingMessage } from "node:http";
import type { Right } from "../power/access.ts";
import type { Actor } from "../power/order.ts";

/** A caller who was let in: who it is, and what it may see and do. */
export interface Principal {
  /** Without what only the request tells; `actorOf` has it whole. */
  readonly actor: Actor;
  /** What it was known by. */
  readonly kind: "token" | "user" | "local";
  /** May it see every machine that there is, and that there will be? */
  readonly seesAll: boolean;
  /** Where it calls from; empty over a local socket. */
  readonly address: () => string;
  /** May it know that this machine exists? */
  sees(machine: string): boolean;
  may(right: Right): boolean;
  /** Does its credential still count, and allow the same? Asked by what lasts longer than a request. */
  stands(): boolean;
}

/** What a caller says it is, as far as it is kept (characters). */
const AGENT_LENGTH = 200;

/** Who is behind a request, as the journal keeps it. */
export function actorOf(principal: Principal, request: IncomingMessage): Actor {
  const address = principal.address();
  const agent = request.headers["user-agent"]?.slice(0, AGENT_LENGTH);
  return { ...principal.actor, ...(address !== "" && { address }), ...(agent !== undefined && { agent }) };
}
