/**
 * OpenSSH's `known_hosts`, one entry a line (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT):
 *
 *     [@revoked | @cert-authority] names keytype base64 [comment]
 *
 * Names are patterns with `*` and `?`, separated by commas, `!` before one takes it out; or one hashed name,
 * `|1|salt|HMAC-SHA1`. A host on another port than 22 is `[host]:port`.
 */
import { createHmac } from "node:crypto";

export interface KnownHost {
  readonly marker: "revoked" | "cert-authority" | undefined;
  readonly names: string;
  /** The key as it goes over the wire. */
  readonly key: Buffer;
  /** Where it stands, for people: `/root/.ssh/known_hosts:3`. */
  readonly place: string;
}

/** The entries of a file. Lines that are none are passed over, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split("\n").flatMap((line, index) => {
    const match = /^\s*(?:@(\S+)\s+)?([^#@\s]\S*)\s+[a-z]\S*\s+([A-Za-z0-9+/]+=*)(?:\s|$)/.exec(line);
    const [, marker, names, base64] = match ?? [];
    if (names === undefined || base64 === undefined) return [];
    if (marker !== undefined && marker !== "revoked" && marker !== "cert-authority") return [];
    return [{ marker, names, key: Buffer.from(base64, "base64"), place: `${file}:${index + 1}` }];
  });
}

/** Does the entry speak of this name? */
export function namesHost({ names }: KnownHost, name: string): boolean {
  const wanted = name.toLowerCase();
  if (names.startsWith("|")) return hashes(names, wanted);
  const patterns = names.toLowerCase().split(",");
  if (patterns.some((pattern) => pattern.startsWith("!") && fits(pattern.slice(1), wanted))) return false;
  return patterns.some((pattern) => fits(pattern, wanted));
}

function hashes(names: string, wanted: string): boolean {
  const [, version, salt, hash] = names.split("|");
  if (version !== "1" || salt === undefined || hash === undefined) return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(wanted).digest("base64") === hash;
}

function fits(pattern: string, wanted: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  // Runs of stars are one star: they would make the search slow.
  const source = escaped.replaceAll(/\*+/g, ".*").replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(wanted);
}

/** A host as `known_hosts` names it. */
export function knownName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}
