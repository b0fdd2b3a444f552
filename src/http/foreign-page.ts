import type { IncomingMessage } from "node:http";
import { AccessError } from "./access-error.ts";

/**
 * A browser that knows a user and password sends them along with whatever any page asks of this address: only pages of this
 * very address may change something. Only browsers send an origin. Throws AccessError.
 */
export function refuseForeignPage({ headers }: IncomingMessage): void {
  const { origin, host } = headers;
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) return;
  throw new AccessError("forbidden", "a page of another site may change nothing here");
}
