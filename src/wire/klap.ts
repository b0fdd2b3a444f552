/**
 * KLAP, the second local protocol of TP-Link's plugs: JSON within AES, over HTTP.
 *
 *     POST /app/handshake1   16 random bytes                    200  16 random bytes of the plug's, and a proof that it knows the account
 *     POST /app/handshake2   a proof that we do                 200
 *     POST /app/request?seq  signature (32 bytes), AES-128-CBC  200  32 bytes, AES-128-CBC; 403 for a session it does not know
 *
 * The first answer tells the version by its proof: `1` hashes the account with MD5 (Kasa), `2` with SHA-1 and SHA-256 (Tapo,
 * and Kasa with newer firmware). Between an account's own credentials a plug falls back to those it was made with, or to
 * none; so all are tried, without another word to the plug.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { HttpClient, type HttpResponse } from "./http.ts";
import type { KasaLine } from "./kasa-line.ts";

export interface KlapAccount {
  readonly user: string;
  readonly password: Secret;
}

export interface KlapOptions {
  readonly host: string;
  readonly port: number;
  /** The TP-Link account that the plug belongs to, where it belongs to one. */
  readonly account: KlapAccount | undefined;
  readonly signal: AbortSignal;
}

export interface KlapLine extends KasaLine {
  readonly version: 1 | 2;
}

/** Of plugs that know no account: those of the factory, and none. They are public. */
const WITHOUT_ACCOUNT = [
  ["kasa@tp-link.net", "kasaSetup"],
  ["test@tp-link.net", "test"],
  ["", ""],
] as const;

const SEED_BYTES = 16;
const HASH_BYTES = 32;

interface Version {
  readonly version: 1 | 2;
  credentials(user: string, password: string): Buffer;
  /** What the plug proves in its answer to the first handshake, and what we prove in the second. */
  proof(mine: Buffer, theirs: Buffer, credentials: Buffer): Buffer;
}

const VERSIONS: readonly Version[] = [
  {
    version: 2,
    credentials: (user, password) => sha256(hash("sha1", user), hash("sha1", password)),
    proof: (mine, theirs, credentials) => sha256(mine, theirs, credentials),
  },
  {
    version: 1,
    credentials: (user, password) => hash("md5", hash("md5", user), hash("md5", password)),
    proof: (mine, _theirs, credentials) => sha256(mine, credentials),
  },
];

/**
 * Shakes hands. Throws PowerError: `auth` where no credentials fit, `refused` where the plug lets nobody in this way,
 * `protocol` where it speaks something else; unreachable, timeout.
 */
export async function openKlap({ host, port, account, signal }: KlapOptions): Promise<KlapLine> {
  const client = new HttpClient();
  const name = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const post = (path: string, bytes: Buffer, { acts = false, cookie = "", signal: until = signal } = {}) =>
    client.request({
      method: "POST",
      url: `http://${name}/app/${path}`,
      headers: { "content-type": "application/octet-stream", ...(cookie !== "" && { cookie }) },
      bytes,
      acts,
      signal: until,
    });

  const mine = randomBytes(SEED_BYTES);
  const first = await post("handshake1", mine);
  const theirs = seedOf(first, name);
  const { version, credentials } = match({ mine, theirs, proof: first.bytes.subarray(SEED_BYTES), account, name });
  const cookie = sessionOf(first);
  const second = await post("handshake2", version.proof(theirs, mine, credentials), { cookie });
  if (second.status !== 200) throw new PowerError("protocol", `${name} answered ${second.status} to the proof`);
  const cipher = new KlapCipher({ mine, theirs, credentials });

  return {
    host: name,
    version: version.version,
    ask: async (request, { acts, signal: until }) => {
      const { sequence, bytes } = cipher.seal(Buffer.from(JSON.stringify(request)));
      const { status, bytes: answer } = await post(`request?seq=${sequence}`, bytes, { acts, cookie, signal: until });
      // It could not open the request, so it cannot have obeyed.
      if (status === 403) throw new PowerError("auth", `${name} knows the session no more`);
      if (status !== 200)
        throw new PowerError("protocol", `${name} answered ${status} to a request`, { mayHaveActed: acts });
      try {
        return JSON.parse(cipher.open(answer, sequence).toString());
      } catch {
        throw new PowerError("protocol", `${name} gave an answer that cannot be opened`, { mayHaveActed: acts });
      }
    },
  };
}

function seedOf({ status, bytes }: HttpResponse, name: string): Buffer {
  if (status === 403) throw new PowerError("refused", `${name} lets nobody in over KLAP`);
  if (status !== 200 || bytes.length !== SEED_BYTES + HASH_BYTES)
    throw new PowerError("protocol", `${name} does not speak KLAP: it answered ${status} with ${bytes.length} bytes`);
  return bytes.subarray(0, SEED_BYTES);
}

interface FirstAnswer {
  readonly mine: Buffer;
  readonly theirs: Buffer;
  readonly proof: Buffer;
  readonly account: KlapAccount | undefined;
  readonly name: string;
}

function match({ mine, theirs, proof, account, name }: FirstAnswer) {
  const own = account ? ([[account.user, account.password.reveal()]] as const) : [];
  for (const version of VERSIONS) {
    for (const [user, password] of [...own, ...WITHOUT_ACCOUNT]) {
      const credentials = version.credentials(user, password);
      if (version.proof(mine, theirs, credentials).equals(proof)) return { version, credentials };
    }
  }
  throw account
    ? new PowerError("auth", `${name} knows other credentials than those of this account, the factory's and none`, {
        hint: "Check e-mail and password: both as they were first written, upper and lower case. If they are right, switch Third-Party Compatibility off and on again in the app; else remove the plug from the app and add it again.",
      })
    : new PowerError("auth", `${name} belongs to an account`, {
        hint: "Give `user` and `password` of the TP-Link account that the plug was set up with.",
      });
}

/** Its cookie `TIMEOUT` must not go back. */
function sessionOf({ headers }: HttpResponse): string {
  const cookies = [headers["set-cookie"] ?? []].flat().join(";");
  return /TP_SESSIONID=[^;,\s]+/.exec(cookies)?.[0] ?? "";
}

/** The ciphers of one session; each request has the next sequence number, a signed 32-bit integer. */
class KlapCipher {
  readonly #key: Buffer;
  readonly #iv: Buffer;
  readonly #signature: Buffer;
  #sequence: number;

  constructor({ mine, theirs, credentials }: Record<"mine" | "theirs" | "credentials", Buffer>) {
    const derived = (label: string) => sha256(Buffer.from(label), mine, theirs, credentials);
    const iv = derived("iv");
    this.#key = derived("lsk").subarray(0, 16);
    this.#signature = derived("ldk").subarray(0, 28);
    this.#iv = iv.subarray(0, 12);
    this.#sequence = iv.readInt32BE(HASH_BYTES - 4);
  }

  seal(plain: Buffer): { readonly sequence: number; readonly bytes: Buffer } {
    this.#sequence = (this.#sequence + 1) | 0;
    const sequence = this.#sequence;
    const cipher = createCipheriv("aes-128-cbc", this.#key, this.#ivOf(sequence));
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
    return { sequence, bytes: Buffer.concat([sha256(this.#signature, int32(sequence), sealed), sealed]) };
  }

  /** Throws where it was not sealed for this request. */
  open(bytes: Buffer, sequence: number): Buffer {
    const decipher = createDecipheriv("aes-128-cbc", this.#key, this.#ivOf(sequence));
    return Buffer.concat([decipher.update(bytes.subarray(HASH_BYTES)), decipher.final()]);
  }

  #ivOf(sequence: number): Buffer {
    return Buffer.concat([this.#iv, int32(sequence)]);
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function hash(algorithm: "md5" | "sha1" | "sha256", ...parts: readonly (string | Buffer)[]): Buffer {
  const hashing = createHash(algorithm);
  for (const part of parts) hashing.update(part);
  return hashing.digest();
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return hash("sha256", ...parts);
}
