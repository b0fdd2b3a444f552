/**
 * Certificates of listeners. Their files are looked at every two seconds and taken over without a restart, once nobody has
 * written to them between two looks: a tool that renews them writes one after the other. What does not fit leaves the old
 * ones where they are, and is told until it does.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { TlsSettings } from "../config/index.ts";
import { messageOf } from "../power/errors.ts";
import type { Log } from "./log.ts";

/** From so long before its end on (ms) the log reminds of it, once a day. */
export const EXPIRES_SOON_MS = 14 * 86_400_000;
const REMIND_EVERY_MS = 86_400_000;

export interface CertificateFacts {
  readonly file: string;
  /** As it is written in it: `CN=power.example`. */
  readonly subject: string;
  /** Hosts and addresses that it is for, as they are written in it. */
  readonly names: string;
  /** Ms since 1970. */
  readonly validFrom: number;
  readonly validTo: number;
}

interface Pair {
  readonly options: SecureContextOptions;
  readonly facts: CertificateFacts;
}

/** Reads what `tls:` names. Throws an Error that says which file is wrong, and how; never what stands in it. */
export function readCertificate({ cert, key, clientCa, minVersion }: TlsSettings): Pair {
  const certificate = parsed(cert, "no certificate in PEM", (text) => new X509Certificate(text));
  const privateKey = parsed(key, "no key in PEM without a passphrase", (text): KeyObject => createPrivateKey(text));
  if (!certificate.made.checkPrivateKey(privateKey.made)) throw new Error(`the key ${key} does not belong to ${cert}`);
  const authority = clientCa === undefined ? undefined : parsed(clientCa, "no certificate in PEM", authorities);
  const options: SecureContextOptions = {
    cert: certificate.text,
    key: privateKey.text,
    minVersion: `TLSv${minVersion}`,
    ...(authority && { ca: authority.text }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new Error(`${cert} cannot be used: ${messageOf(error)}`, { cause: error });
  }
  const { subject, subjectAltName = "", validFrom, validTo } = certificate.made;
  return {
    options,
    facts: {
      file: cert,
      subject: subject.replaceAll("\n", ", "),
      names: subjectAltName,
      validFrom: Date.parse(validFrom),
      validTo: Date.parse(validTo),
    },
  };
}

function authorities(text: string): X509Certificate {
  return new X509Certificate(text);
}

function parsed<Made>(
  file: string,
  what: string,
  make: (text: string) => Made,
): { readonly text: string; readonly made: Made } {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    return { text, made: make(text) };
  } catch (error) {
    throw new Error(`${file} is ${what}`, { cause: error });
  }
}

/** Whoever serves with it is told of a new one. */
interface Holder {
  setSecureContext(options: SecureContextOptions): void;
}

export interface CertificateOptions {
  readonly settings: TlsSettings;
  readonly now: () => number;
  readonly log: Log;
}

export class LiveCertificate {
  readonly #options: CertificateOptions;
  readonly #holders = new Set<Holder>();
  #pair: Pair;
  /** Of the files that were read, and of those that were looked at last. */
  #read: string;
  #seen: string;
  #problem: string | undefined;
  #remindedAt = -Infinity;

  /** Throws as `readCertificate` does. */
  constructor(options: CertificateOptions) {
    this.#options = options;
    this.#read = this.#stamp();
    this.#seen = this.#read;
    this.#pair = readCertificate(options.settings);
    this.#remind();
  }

  get options(): SecureContextOptions {
    return this.#pair.options;
  }

  get facts(): CertificateFacts {
    return this.#pair.facts;
  }

  /** Why the newest files were not taken over. */
  get problem(): string | undefined {
    return this.#problem;
  }

  hold(holder: Holder): void {
    this.#holders.add(holder);
  }

  look(): void {
    this.#remind();
    const before = this.#seen;
    this.#seen = this.#stamp();
    if (this.#seen !== before || this.#seen === this.#read) return;
    const { log, settings } = this.#options;
    try {
      const pair = readCertificate(settings);
      for (const holder of this.#holders) holder.setSecureContext(pair.options);
      this.#pair = pair;
      this.#problem = undefined;
      this.#remindedAt = -Infinity;
      log.info({ certificate: settings.cert, until: day(pair.facts.validTo) }, "a new certificate was taken over");
    } catch (error) {
      this.#problem = `the new certificate is not used, and the one until ${day(this.#pair.facts.validTo)} goes on: ${messageOf(error)}`;
      log.error({ problem: this.#problem }, "the new certificate cannot be used; the old one goes on");
    }
    this.#read = this.#seen;
  }

  #remind(): void {
    const { now, log } = this.#options;
    const { file, validTo } = this.#pair.facts;
    if (validTo - now() > EXPIRES_SOON_MS || now() - this.#remindedAt < REMIND_EVERY_MS) return;
    this.#remindedAt = now();
    log.warn({ certificate: file, until: day(validTo) }, "a certificate expires soon, or has expired");
  }

  /** Of the files that links lead to, as certbot and Kubernetes lay them. */
  #stamp(): string {
    const { cert, key, clientCa } = this.#options.settings;
    return [cert, key, ...(clientCa === undefined ? [] : [clientCa])].map(stampOf).join(" ");
  }
}

function stampOf(file: string): string {
  try {
    const { mtimeNs, ctimeNs, size, ino } = statSync(file, { bigint: true });
    return `${mtimeNs}/${ctimeNs}/${size}/${ino}`;
  } catch {
    return "absent";
  }
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
