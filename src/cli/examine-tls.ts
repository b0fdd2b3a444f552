/** `doctor` on a certificate, as MAAS sees it: it may check the chain and the time, and never the name. */
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { type Certificate, rawExchange } from "../maas/raw-exchange.ts";
import { type Finding, finding } from "./findings.ts";

const HANDSHAKE_TIMEOUT_MS = 5_000;
const EXPIRES_SOON_MS = 14 * 86_400_000;
/** Debian and Ubuntu's, which MAAS's own hosts are. */
const SYSTEM_STORE = "/etc/ssl/certs/ca-certificates.crt";

/** The system's authorities, which count for MAAS, beside those of Node.js. */
export function trustedAuthorities(env: NodeJS.ProcessEnv): readonly string[] | undefined {
  try {
    return [...rootCertificates, readFileSync(env["SSL_CERT_FILE"] ?? SYSTEM_STORE, "utf8")];
  } catch {
    return undefined;
  }
}

/** Why MAAS would refuse the certificate that is shown there; undefined where it would not, or none is shown. */
export async function refusalAt(url: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const answer = await rawExchange({
    method: "GET",
    url: new URL("/healthz", url),
    headers: [],
    agent: "maasochist doctor",
    authorities: trustedAuthorities(env),
    signal: AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS),
  }).catch(() => undefined);
  return answer?.certificate?.refusal;
}

export function* certificateFindings(url: string, { validTo, refusal }: Certificate): Generator<Finding> {
  const until = new Date(validTo).toISOString().slice(0, 10);
  if (validTo < Date.now()) {
    yield finding("tls-expired", { url, until });
    return;
  }
  if (validTo < Date.now() + EXPIRES_SOON_MS) yield finding("tls-expires", { url, until });
  else yield finding("tls", { url, until });
  if (refusal !== undefined) yield finding("tls-untrusted", { url, why: refusal });
}
