import type { IncomingMessage } from "node:http";
import { AccessError } from "./access-error.ts";
import { hostOf, isSecure } from "./arrival.ts";

/**
 * A browser that knows a user and password, or a session, sends them along with whatever any page asks of this address: only
 * pages of this very address may change something. Only browsers send an origin; where they send both of these
 * (https://www.w3.org/TR/fetch-metadata/), both must be right. Throws AccessError.
 */
export function refuseForeignPage(request: IncomingMessage): void {
  const { origin, "sec-fetch-site": site } = request.headers;
  if (isOwn(origin, request) && fits(site, request.method)) return;
  throw new AccessError("forbidden", "a page of another site may change nothing here");
}

/** A GET of nobody's page was typed, or is a bookmark's. */
function fits(site: string | string[] | undefined, method = ""): boolean {
  return site === undefined || site === "same-origin" || (site === "none" && method === "GET");
}

function isOwn(origin: string | undefined, request: IncomingMessage): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const { host, protocol } = new URL(origin);
  // Of a proxy in front that nobody told us to trust it is not known whether it speaks TLS.
  return host === hostOf(request) && (protocol === "https:" || !isSecure(request));
}
