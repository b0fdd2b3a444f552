/**
 * Who may speak to a simulated MAAS: OAuth 1.0 PLAINTEXT as piston checks it (RFC 5849, 3.4.4; canonical/maas
 * src/maasserver/api/auth.py). A timestamp may be 300 s off; a nonce is good for one request.
 */
export interface ApiUser {
  readonly username: string;
  readonly admin: boolean;
  /** `consumer:token:secret`. */
  readonly key: string;
}

export interface Refusal {
  readonly status: number;
  readonly text: string;
}

const THRESHOLD_S = 300;
const NECESSARY = [
  "oauth_consumer_key",
  "oauth_token",
  "oauth_signature",
  "oauth_signature_method",
  "oauth_timestamp",
  "oauth_nonce",
];

export class OAuth {
  readonly #users: readonly ApiUser[];
  readonly #now: () => number;
  readonly #nonces = new Set<string>();

  constructor(users: readonly ApiUser[], now: () => number) {
    this.#users = users;
    this.#now = now;
  }

  /** The user whose key signed the header, or why it is refused. */
  check(header: string | undefined): ApiUser | Refusal {
    const given = parametersOf(header ?? "");
    if (NECESSARY.some((name) => !given.has(name))) return refused("Unauthorized");
    const of = (name: string) => given.get(name) ?? "";
    const timestamp = of("oauth_timestamp");
    if (!/^\d+$/.test(timestamp)) return { status: 400, text: "Invalid OAuth timestamp" };
    const user = this.#users.find(({ key }) => key.split(":")[0] === of("oauth_consumer_key"));
    if (!user) return refused("Authorization Error: Invalid API key.");
    const [, token, secret] = user.key.split(":");
    if (of("oauth_token") !== token) return refused(`Authorization Error: Invalid access token: ${of("oauth_token")}`);
    if (of("oauth_signature_method") !== "PLAINTEXT" || of("oauth_signature") !== `&${secret}`)
      return refused("Authorization Error: Invalid signature.");
    const now = Math.floor(this.#now() / 1_000);
    if (Math.abs(now - Number(timestamp)) > THRESHOLD_S)
      return refused(
        `Authorization Error: Expired timestamp: given ${timestamp} and now ${now} has a greater difference than threshold ${THRESHOLD_S}`,
      );
    const nonce = `${token} ${of("oauth_nonce")}`;
    if (this.#nonces.has(nonce)) return refused(`Authorization Error: Nonce already used: ${of("oauth_nonce")}`);
    this.#nonces.add(nonce);
    return user;
  }
}

function refused(text: string): Refusal {
  return { status: 401, text };
}

/** Names and decoded values; a header that is not of this scheme has none. */
function parametersOf(header: string): ReadonlyMap<string, string> {
  if (!header.startsWith("OAuth ")) return new Map();
  const pairs = header.slice("OAuth ".length).split(",");
  return new Map(
    pairs.flatMap((pair): [string, string][] => {
      const [, name, value] = /^\s*(\w+)="([^"]*)"\s*$/.exec(pair) ?? [];
      return name === undefined || value === undefined ? [] : [[name, decodeURIComponent(value)]];
    }),
  );
}
