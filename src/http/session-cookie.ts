/**
 * The cookie of a session (RFC 6265bis). No script can read it, no other site's request carries it, and it goes when the
 * browser does. Over TLS its name says that it was set over TLS, and by this host alone: browsers refuse to take one of
 * that name from anybody else.
 */
import type { IncomingMessage } from "node:http";
import { isSecure } from "./arrival.ts";

const NAME = "mso_session";

/** `__Host-` stands for the whole host alone, so under a path of its own it is the weaker of the two. */
function nameOf(secure: boolean, base: string): string {
  if (!secure) return NAME;
  return `${base === "" ? "__Host-" : "__Secure-"}${NAME}`;
}

/** The value of `Set-Cookie`; without an id the browser forgets it. */
export function sessionCookie(id: string | undefined, request: IncomingMessage, base: string): string {
  const secure = isSecure(request);
  return [
    `${nameOf(secure, base)}=${id ?? ""}`,
    `Path=${base === "" ? "/" : base}`,
    "HttpOnly",
    "SameSite=Strict",
    ...(secure ? ["Secure"] : []),
    ...(id === undefined ? ["Max-Age=0"] : []),
  ].join("; ");
}

/** What a request carries under that name; a browser may send several, of several paths. */
export function sessionIdsIn(request: IncomingMessage, base: string): string[] {
  const { cookie } = request.headers;
  if (cookie === undefined) return [];
  const prefix = `${nameOf(isSecure(request), base)}=`;
  return cookie.split(";").flatMap((pair) => {
    const text = pair.trim();
    return text.startsWith(prefix) && text.length > prefix.length ? [text.slice(prefix.length)] : [];
  });
}
