/** `maas:` at the top level and at machines. */
import { Secret } from "../power/secret.ts";
import { withHidden } from "./access.ts";
import { checked } from "./check-value.ts";
import type { BuiltMachine } from "./machines.ts";
import type { Problems } from "./problem.ts";
import { MAAS } from "./schema.ts";
import { lineOf, type Span } from "./source.ts";
import { quoted, scalarText, spanAt, type Value, valueAt } from "./value.ts";

export interface MaasSettings {
  /** As it is written. */
  readonly url: string;
  readonly key?: Secret;
  /** PEM text. */
  readonly ca?: string;
  readonly insecure: boolean;
}

/** Which machine of MAAS is meant. */
export interface MaasName {
  readonly systemId?: string;
  readonly hostname?: string;
}

export function buildMaas(given: Value | undefined, problems: Problems): MaasSettings | undefined {
  const value = given && withHidden(given);
  const written = valueAt(value, ["url"]);
  // Before an @ may stand a password.
  if (written && scalarText(written)?.includes("@")) written.at.source.hide(written.at);
  const settings = value && checked(MAAS, value, problems, { name: "maas" });
  if (!settings || !written) return undefined;
  const { url, key, ca, insecure } = settings;
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:\/\//i.test(url) || parsed.username !== "" || parsed.password !== "")
    problems.error(written.at, {
      code: "bad-url",
      message: `${quoted(written)} is no address such as http://192.168.1.2:5240/MAAS`,
      hint: "Write the address of MAAS's web interface, without a user in it; the API key is `key:`.",
    });
  return { url, ...(key !== undefined && { key: new Secret(key) }), ...(ca !== undefined && { ca }), insecure };
}

export function maasNameOf(given: {
  readonly system_id?: string | undefined;
  readonly hostname?: string | undefined;
}): MaasName {
  const { system_id: systemId, hostname } = given;
  return { ...(systemId !== undefined && { systemId }), ...(hostname !== undefined && { hostname }) };
}

/** Two machines that mean one of MAAS would take it from each other at every registration. */
export function checkMaasNames(machines: readonly BuiltMachine[], problems: Problems): void {
  const known = new Map<string, { readonly machine: string; readonly at: Span }>();
  for (const { spec, maas, entries } of machines) {
    const given = entries.get("maas");
    if (!maas || !given) continue;
    const { name } = spec.facts;
    if (maas.systemId === undefined && maas.hostname === undefined)
      problems.error(given.value.at, {
        code: "bad-value",
        message: "`maas` names no machine: give `system_id` or `hostname`",
      });
    for (const [key, value] of [
      ["system_id", maas.systemId],
      ["hostname", maas.hostname?.toLowerCase()],
    ] as const) {
      if (value === undefined) continue;
      const at = spanAt(given.value, [key]);
      const other = known.get(`${key} ${value}`);
      if (other)
        problems.error(at, {
          code: "doubled-maas",
          message: `machine "${name}" is the same machine of MAAS as "${other.machine}" at ${lineOf(other.at)}`,
          hint: 'Give each its own; in a range such as hostname: "build{n}".',
        });
      else known.set(`${key} ${value}`, { machine: name, at });
    }
  }
}
