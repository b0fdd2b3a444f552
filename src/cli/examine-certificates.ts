/** The doctor's look at the certificates of listeners, as their files are now; the daemon need not run. */
import { EXPIRES_SOON_MS, readCertificate } from "../app/certificates.ts";
import type { Configuration, TlsSettings } from "../config/index.ts";
import { messageOf } from "../power/errors.ts";
import { type Finding, finding } from "./findings.ts";

export function* examineCertificates({ server }: Configuration): Generator<Finding> {
  const settings = new Map(server.listen.flatMap(({ tls }) => (tls ? [[JSON.stringify(tls), tls] as const] : [])));
  for (const tls of settings.values()) yield look(tls);
}

function look(tls: TlsSettings): Finding {
  try {
    const { file, validFrom, validTo } = readCertificate(tls).facts;
    const until = day(validTo);
    if (validTo <= Date.now()) return finding("certificate-expired", { file, until });
    if (validFrom > Date.now()) return finding("certificate-early", { file, from: day(validFrom) });
    if (validTo - Date.now() <= EXPIRES_SOON_MS) return finding("certificate-expires", { file, until });
    return finding("certificate", { file, until });
  } catch (error) {
    return finding("certificate-unusable", { problem: messageOf(error) });
  }
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
