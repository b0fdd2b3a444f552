/**
 * Questions to an SNMP agent and orders to it, one datagram each way: versions 1 and 2c by communities (RFC 3416), 3 by a
 * user (RFC 3414). An agent leaves a wrong community unanswered, so silence has two meanings; version 3 says what is wrong.
 */
import { isIPv6 } from "node:net";
import type { Session, SessionOptions, SessionOptionsV3, Varbind } from "net-snmp";
import { PowerError } from "../power/errors.ts";
import { abortCode, unlessAborted } from "./abort.ts";
import { addressesOf } from "./resolve.ts";
import { answerFailure, NOWHERE_HINT, SILENCE_HINT } from "./snmp-failure.ts";
import type { SnmpSettings } from "./snmp-settings.ts";

type Library = typeof import("net-snmp");

/** Rows for which one GetBulk asks: their answer fits into a datagram. */
const MOST_ROWS = 48;
/** A table that has more is no table of outlets. */
const LONGEST_TABLE = 4_096;

/** A value by its OID. */
export interface SnmpValue {
  readonly oid: string;
  readonly value: number | Buffer | string;
}

interface Asking {
  readonly signal: AbortSignal;
  /** Is it a command? */
  readonly acts?: boolean;
}

type Reply = (error: Error | null, varbinds?: readonly (Varbind | readonly Varbind[])[]) => void;

export class SnmpAgent {
  readonly #library: Library;
  readonly #settings: SnmpSettings;
  readonly #reader: Session;
  readonly #writer: Session;
  /** Something came that is no SNMP. */
  #rubbish: Error | undefined;

  private constructor(library: Library, settings: SnmpSettings, address: string) {
    this.#library = library;
    this.#settings = settings;
    this.#reader = this.#open(address, settings.community);
    this.#writer = settings.write_community ? this.#open(address, settings.write_community) : this.#reader;
  }

  /** Nothing is sent yet. Throws PowerError where the host has no address, and the signal's reason. */
  static async open(settings: SnmpSettings, signal: AbortSignal): Promise<SnmpAgent> {
    const [address = settings.host] = await addressesOf(settings.host, { signal });
    return new SnmpAgent(await import("net-snmp"), settings, address);
  }

  /** As it is called in messages. */
  get name(): string {
    const { host } = this.#settings;
    return `the SNMP agent of ${host}`;
  }

  /** The values of these OIDs, in their order; undefined where the agent has none. Throws PowerError. */
  async get(oids: readonly string[], signal: AbortSignal): Promise<readonly (SnmpValue | undefined)[]> {
    // Version 1 answers for none of them where it lacks one.
    if (this.#settings.version === "1" && oids.length > 1) {
      const values: (SnmpValue | undefined)[] = [];
      for (const oid of oids) values.push(...(await this.get([oid], signal)));
      return values;
    }
    const found = await this.#ask({ signal }, (reply) => this.#reader.get([...oids], reply));
    if (found === undefined) return oids.map(() => undefined);
    return oids.map((oid, index) => {
      const varbind = found[index];
      if (varbind?.oid !== oid) throw this.#odd("it answered for something else");
      return this.#valueOf(varbind);
    });
  }

  /** At most `rows` values that come after `oid`, in the agent's order. Version 1 gives one. Throws PowerError. */
  async following(oid: string, rows: number, signal: AbortSignal): Promise<readonly SnmpValue[]> {
    const found = await this.#ask({ signal }, (reply) =>
      this.#settings.version === "1"
        ? this.#reader.getNext([oid], reply)
        : this.#reader.getBulk([oid], 0, Math.min(rows, MOST_ROWS), reply),
    );
    const values = (found ?? []).flatMap((varbind) => this.#valueOf(varbind) ?? []);
    let before = oid;
    for (const value of values) {
      if (!isAfter(before, value.oid)) throw this.#odd("its table runs backwards");
      before = value.oid;
    }
    return values;
  }

  /** Every value below `root`, each with what follows the root in its OID. Throws PowerError. */
  async below(root: string, signal: AbortSignal): Promise<ReadonlyMap<string, SnmpValue["value"]>> {
    const found = new Map<string, SnmpValue["value"]>();
    for (let last = root; found.size < LONGEST_TABLE; ) {
      const values = await this.following(last, MOST_ROWS, signal);
      const inside = values.filter(({ oid }) => oid.startsWith(`${root}.`));
      for (const { oid, value } of inside) found.set(oid.slice(root.length + 1), value);
      const end = inside.at(-1);
      if (!end || inside.length < values.length) return found;
      last = end.oid;
    }
    throw this.#odd(`its table ${root} has no end`);
  }

  /** Writes whole numbers, all of them or none. Throws PowerError. */
  async set(values: readonly { readonly oid: string; readonly value: number }[], signal: AbortSignal): Promise<void> {
    const { ObjectType } = this.#library;
    const varbinds = values.map(({ oid, value }) => ({ oid, value, type: ObjectType.Integer }));
    const found = await this.#ask({ signal, acts: true }, (reply) => this.#writer.set(varbinds, reply));
    for (const [index, { oid }] of values.entries()) {
      const varbind = found?.[index];
      if (varbind?.oid !== oid) throw this.#odd("it answered for something else").acted();
      if (this.#library.isVarbindError(varbind))
        throw new PowerError("not_found", `${this.name} has nothing to write at ${oid}`, { hint: NOWHERE_HINT });
    }
  }

  close(): void {
    for (const session of new Set([this.#reader, this.#writer])) session.close();
  }

  #open(address: string, community: SnmpSettings["community"]): Session {
    const { port, version, wait, tries } = this.#settings;
    const transport = isIPv6(address) ? "udp6" : "udp4";
    const options = { port, transport, timeout: wait, retries: tries - 1, backwardsGetNexts: true } as const;
    const session =
      version === "3"
        ? this.#library.createV3Session(address, this.#user(), this.#withContext(options))
        : this.#library.createSession(address, community?.reveal() ?? "public", {
            ...options,
            version: version === "1" ? this.#library.Version1 : this.#library.Version2c,
          } satisfies SessionOptions);
    session.on("error", (error) => {
      this.#rubbish = error;
    });
    return session;
  }

  #withContext(options: SessionOptionsV3): SessionOptionsV3 {
    const { context } = this.#settings;
    return context === undefined ? options : { ...options, context };
  }

  #user() {
    const { SecurityLevel, AuthProtocols, PrivProtocols } = this.#library;
    const { user = "", auth, auth_protocol, priv, priv_protocol } = this.#settings;
    const ciphers = { aes: PrivProtocols.aes, aes256: PrivProtocols.aes256b, "aes256-cisco": PrivProtocols.aes256r };
    return {
      name: user,
      level: priv ? SecurityLevel.authPriv : auth ? SecurityLevel.authNoPriv : SecurityLevel.noAuthNoPriv,
      ...(auth && { authProtocol: AuthProtocols[auth_protocol], authKey: auth.reveal() }),
      ...(priv && { privProtocol: ciphers[priv_protocol], privKey: priv.reveal() }),
    };
  }

  /** What was answered; undefined where version 1 says that there is no such thing to read. */
  async #ask({ signal, acts = false }: Asking, send: (reply: Reply) => void): Promise<readonly Varbind[] | undefined> {
    signal.throwIfAborted();
    this.#rubbish = undefined;
    const began = performance.now();
    const answer = new Promise<readonly Varbind[]>((resolve, reject) => {
      send((error, varbinds = []) => (error ? reject(error) : resolve(varbinds.flat())));
    });
    try {
      return await unlessAborted(answer, signal);
    } catch (thrown) {
      if (signal.aborted) throw this.#cutShort(signal, acts);
      const { agent, tries } = { agent: this.name, tries: this.#settings.tries };
      const failure = answerFailure(thrown, {
        library: this.#library,
        agent,
        acts,
        // A question that could not even be sent for the first time has not arrived.
        sent: performance.now() - began >= this.#settings.wait,
        rubbish: this.#rubbish,
        tries,
        version: this.#settings.version,
      });
      if (failure === "none") return undefined;
      throw failure;
    }
  }

  /** Nothing is sent again by a session that lives on. */
  #cutShort(signal: AbortSignal, acts: boolean): PowerError {
    const why = new PowerError(abortCode(signal), `${this.name} did not answer in time`, {
      cause: signal.reason,
      hint: SILENCE_HINT[this.#settings.version],
      mayHaveActed: acts,
    });
    for (const session of [this.#reader, this.#writer]) session.cancelRequests(why);
    return why;
  }

  #valueOf(varbind: Varbind): SnmpValue | undefined {
    if (this.#library.isVarbindError(varbind)) return undefined;
    const { oid, value } = varbind;
    if (typeof value === "number" || typeof value === "string" || Buffer.isBuffer(value)) return { oid, value };
    return undefined;
  }

  #odd(why: string): PowerError {
    return new PowerError("protocol", `${this.name} is not understood: ${why}`);
  }
}

/** Whole numbers of an OID. */
export function partsOf(oid: string): readonly number[] {
  return oid.split(".").map(Number);
}

function isAfter(before: string, oid: string): boolean {
  const [first, second] = [partsOf(before), partsOf(oid)];
  for (const [index, part] of second.entries()) {
    const other = first[index];
    if (other === undefined || part > other) return true;
    if (part < other) return false;
  }
  return false;
}

/** The number that was read. Throws PowerError `protocol` where it is none. */
export function numberOf({ oid, value }: SnmpValue): number {
  if (typeof value === "number") return value;
  throw new PowerError("protocol", `${oid} is no number`);
}

/** The text that was read. */
export function textOf(value: SnmpValue["value"] | undefined): string {
  return value === undefined ? "" : value.toString().replaceAll("\0", "").trim();
}
