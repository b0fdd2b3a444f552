/** `doctor` on MAAS: does it answer, may we ask it, what does it make of our address and of our machines? */
import type { Configuration } from "../config/index.ts";
import type { MaasClient } from "../maas/client.ts";
import { MaasError, type MaasErrorCode } from "../maas/maas-error.ts";
import { type Network, reaches, reachWords } from "../maas/reach.ts";
import { skewWords } from "../maas/refusal.ts";
import type { AccessRules } from "../power/access.ts";
import { CliError } from "./cli-error.ts";
import { examineMaasMachines } from "./examine-maas-machines.ts";
import { type Finding, type FindingCode, finding } from "./findings.ts";
import { requireAdministrator } from "./maas-scene.ts";

/** The oldest whose API is known here. */
const OLDEST = [3, 3] as const;
const REFUSED_SKEW_MS = 300_000;
const DRIFTED_SKEW_MS = 30_000;

const FAILURES = {
  unreachable: "maas-unreachable",
  timeout: "maas-unreachable",
  tls: "maas-tls",
  not_maas: "maas-not-maas",
  protocol: "maas-not-maas",
  key: "maas-key",
} as const satisfies Partial<Record<MaasErrorCode, FindingCode>>;

export interface MaasExamination {
  readonly client: MaasClient;
  readonly configuration: Configuration;
  /** Addresses of the daemon. */
  readonly urls: readonly string[];
  /** Every rule that lets somebody in; undefined where some cannot be read by this account. */
  readonly rules: readonly AccessRules[] | undefined;
  readonly env: NodeJS.ProcessEnv;
}

export async function* examineMaas(examination: MaasExamination): AsyncGenerator<Finding> {
  const { client, urls } = examination;
  try {
    const { version } = await client.version();
    if (older(version)) yield finding("maas-version", { version });
    // Where it is too much, MAAS refuses everything that follows.
    const skew = skewFinding(client.skewMs ?? 0);
    if (skew) yield skew;
    const who = await client.whoAmI();
    const user = who.username;
    try {
      requireAdministrator(who, version);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      yield finding("maas-not-admin", { user });
      return;
    }
    yield finding("maas", { version, url: client.url, user });
    const network = { racks: await client.rackControllers(), subnets: await client.subnets() };
    if (network.racks.length === 0) yield finding("maas-no-rack", {});
    else if (!(await client.powerTypes()).includes("webhook")) yield finding("maas-no-webhook", {});
    yield* outside(urls, network);
    yield* examineMaasMachines({ ...examination, network });
  } catch (error) {
    if (!(error instanceof MaasError)) throw error;
    // Told by the skew already.
    if (error.code === "clock") return;
    const { message: problem, hint } = error;
    const known = Object.entries(FAILURES).find(([code]) => code === error.code)?.[1] ?? "maas-failed";
    yield finding(known, { problem, hint });
  }
}

function older(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

function skewFinding(skewMs: number): Finding | undefined {
  const facts = { skew: `${Math.round(Math.abs(skewMs) / 1_000)} s`, words: skewWords(skewMs) };
  if (Math.abs(skewMs) >= REFUSED_SKEW_MS) return finding("maas-clock", facts);
  return Math.abs(skewMs) >= DRIFTED_SKEW_MS ? finding("maas-clock-drift", facts) : undefined;
}

/** Of host names and loopback addresses it is told without MAAS. */
function* outside(urls: readonly string[], network: Network): Generator<Finding> {
  if (network.racks.length === 0) return;
  for (const reach of reaches(urls, network)) {
    if (reach.kind !== "outside") continue;
    const { said: where, next: remedy = "" } = reachWords(reach);
    yield finding("url-outside-subnets", { url: reach.url, where, remedy });
  }
}
