/**
 * MAAS's API key, and the header that a request carries for it: OAuth 1.0 PLAINTEXT (RFC 5849, 3.4.4), whose consumer has
 * no secret. MAAS refuses a timestamp that is 300 s off and a nonce that it has seen, so each attempt has its own.
 */
import { randomUUID } from "node:crypto";
import type { Secret } from "../power/secret.ts";

/** How far MAAS's clock and ours may be apart (ms). */
export const MOST_SKEW_MS = 300_000;

/** `consumer:token:secret`, as MAAS shows it under API keys. Commas and quotes would end a value in the header. */
const KEY = /^([\w.~-]+):([\w.~-]+):([\w.~-]+)$/;

export function isApiKey(text: string): boolean {
  return KEY.test(text);
}

/** The header for one attempt at this time (ms since 1970). Throws TypeError for what `isApiKey` refuses. */
export function authorization(key: Secret, now: number): string {
  const [, consumer, token, secret] = KEY.exec(key.reveal()) ?? [];
  if (consumer === undefined || token === undefined || secret === undefined)
    throw new TypeError("an API key has three parts");
  const parameters = {
    oauth_version: "1.0",
    oauth_signature_method: "PLAINTEXT",
    oauth_consumer_key: consumer,
    oauth_token: token,
    oauth_signature: `%26${secret}`,
    oauth_timestamp: String(Math.floor(now / 1_000)),
    oauth_nonce: randomUUID().replaceAll("-", ""),
  };
  return `OAuth ${Object.entries(parameters)
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ")}`;
}
