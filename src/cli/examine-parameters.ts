/** `doctor` on the nine parameters that MAAS keeps for a machine: what is wrong with them, and what MAAS would do by them. */
import { isIP } from "node:net";
import { queryBody } from "../http/maas.ts";
import { withinNetworks } from "../http/networks.ts";
import { hostOf } from "../maas/raw-exchange.ts";
import type { MaasRack, PowerParameters } from "../maas/shapes.ts";
import { tokenHash, WEBHOOK_FIELDS } from "../maas/webhook-parameters.ts";
import { type AccessRules, type Grant, roleAllows } from "../power/access.ts";
import { matchesAny } from "../power/names.ts";
import { found, regexProblem } from "../wire/regex.ts";
import { unusable } from "./examine-address.ts";
import { isLoopback, someOf } from "./examine-daemon.ts";
import { type Finding, type FindingCode, finding } from "./findings.ts";

export interface ParameterContext {
  readonly machine: string;
  /** Addresses of the daemon. */
  readonly urls: readonly string[];
  /** Undefined: not all who are let in are known to this account. */
  readonly rules: readonly AccessRules[] | undefined;
  readonly racks: readonly MaasRack[];
}

const URIS = [
  ["power_on_uri", "on"],
  ["power_off_uri", "off"],
  ["power_query_uri", "query"],
] as const;

export function parameterFindings(kept: PowerParameters, context: ParameterContext): Finding[] {
  const wrong = new Map<FindingCode, Finding>();
  // One mistake in all three is one finding.
  for (const [key, action] of URIS)
    for (const each of uriFindings(kept[key] ?? "", { ...context, action, field: WEBHOOK_FIELDS[key] }))
      if (!wrong.has(each.code)) wrong.set(each.code, each);
  return [...wrong.values(), ...credentialFindings(kept, context), ...regexFindings(kept, context)];
}

interface UriContext extends ParameterContext {
  readonly action: string;
  /** As MAAS calls it. */
  readonly field: string;
}

function* uriFindings(uri: string, { machine, urls, action, field }: UriContext): Generator<Finding> {
  const facts = { machine, field: `"${field}"` };
  const why = unusable(uri);
  if (why !== undefined) {
    yield finding("maas-uri-unusable", { ...facts, why });
    return;
  }
  const parsed = new URL(uri);
  const host = hostOf(parsed);
  const [, base = parsed.origin, path = parsed.pathname] = /^(.*?)(\/maas(?:power)?\/.*)$/.exec(uri) ?? [];
  const wanted = `/maas/${machine}/${action}`;
  if (!urls.includes(base)) {
    if (isLoopback(host)) yield finding("maas-uri-loopback", { ...facts, host });
    else if (isIP(host) === 0) yield finding("maas-uri-host-name", { ...facts, host });
    else {
      yield finding("maas-uri-elsewhere", { ...facts, base, wanted: urls.join(" or ") });
      return;
    }
  }
  if (path.startsWith("/maaspower/")) yield finding("maas-uri-old-route", { ...facts, route: "maaspower" });
  else if (path.replace(/\/+$/, "") !== wanted) yield finding("maas-uri-path", { ...facts, path, wanted });
}

function* credentialFindings(kept: PowerParameters, { machine, rules, racks }: ParameterContext): Generator<Finding> {
  const { power_token: token = "", power_user: user = "", power_pass: password = "" } = kept;
  // A token wins over user and password; a user without a password is sent as neither.
  const sent = token !== "" ? token : user !== "" ? password : "";
  if (sent === "") {
    yield finding("maas-token-missing", { machine });
    return;
  }
  const why = trouble(sent);
  if (why !== undefined) yield finding("maas-token-charset", { machine, why });
  if (!rules) return;
  const grant = grantOf(rules, { sent, user: token === "" ? user : undefined });
  if (!grant) {
    yield finding("maas-token-unknown", { machine });
    return;
  }
  const { name, role, machines, from } = grant;
  if (!roleAllows(role, "order")) yield finding("maas-token-forbidden", { machine, name, why: `is a ${role}'s` });
  else if (!matchesAny(machines, machine))
    yield finding("maas-token-forbidden", { machine, name, why: `is for ${someOf(machines)}` });
  const addresses = racks.flatMap((rack) => rack.ip_addresses);
  if (addresses.length > 0 && !addresses.some(withinNetworks(from)))
    yield finding("maas-token-network", { machine, name, racks: someOf(addresses) });
}

function trouble(credential: string): string | undefined {
  if (credential.startsWith("-")) return "begins with -, which a command takes for an option";
  return /^[A-Za-z0-9_]+$/.test(credential) ? undefined : "has other characters than letters, digits and _";
}

/** Whose it is; a password cannot be compared, so a user that there is counts as right. */
function grantOf(
  rules: readonly AccessRules[],
  { sent, user }: { readonly sent: string; readonly user: string | undefined },
): Grant | undefined {
  const sha256 = tokenHash(sent);
  return (
    rules.flatMap(({ tokens }) => tokens).find((known) => known.sha256 === sha256) ??
    rules.flatMap(({ users }) => users).find((known) => known.name === user)
  );
}

/** What MAAS reads in each of our answers: it looks for on first. */
function* regexFindings(kept: PowerParameters, { machine }: ParameterContext): Generator<Finding> {
  const [on = "", off = ""] = [kept["power_on_regex"], kept["power_off_regex"]];
  for (const state of ["on", "off", "unknown"] as const) {
    const body = queryBody(state);
    const taken = matched(on, body) ? "on" : matched(off, body) ? "off" : "unknown";
    if (taken === state) continue;
    yield finding("maas-regex", { machine, body, taken });
    return;
  }
}

/** What Python takes and RE2 does not, JavaScript takes mostly. */
function matched(expression: string, text: string): boolean {
  if (regexProblem(expression) === undefined) return found(expression, text);
  try {
    return new RegExp(expression).test(text);
  } catch {
    return false;
  }
}
