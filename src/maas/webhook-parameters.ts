/** The nine parameters of MAAS's `webhook` power type: canonical/maas src/provisioningserver/drivers/power/webhook.py. */
import { hash } from "node:crypto";
import type { PowerParameters } from "./shapes.ts";

/** In the order of MAAS's form, each with its label there. */
export const WEBHOOK_FIELDS = {
  power_on_uri: "URI to power on the node",
  power_off_uri: "URI to power off the node",
  power_query_uri: "URI to query the nodes power status",
  power_on_regex: "Regex to confirm the node is on",
  power_off_regex: "Regex to confirm the node is off",
  power_user: "Power user",
  power_pass: "Power password",
  power_token: "Power token, will be used in place of power_user and power_pass",
  power_verify_ssl: "Verify SSL connections with system CA certificates",
} as const;

export type WebhookParameters = Readonly<Record<keyof typeof WEBHOOK_FIELDS, string>>;

/** The daemon's own dialect, as `http/maas.ts` speaks it. */
const OURS = /\/maas\/([^/]+)\/on\/?$/;

/**
 * All nine, though some are empty: MAAS keeps what is not sent, so that a user and password of another power type would
 * stay; and its regexes are passed on a command line that wants them.
 */
export function webhookParameters(url: string, machine: string, token: string): WebhookParameters {
  const uri = `${url}/maas/${encodeURIComponent(machine)}`;
  return {
    power_on_uri: `${uri}/on`,
    power_off_uri: `${uri}/off`,
    power_query_uri: `${uri}/query`,
    power_on_regex: String.raw`status.*\:.*running`,
    power_off_regex: String.raw`status.*\:.*stopped`,
    power_user: "",
    power_pass: "",
    power_token: token,
    power_verify_ssl: "n",
  };
}

/** Do these webhooks lead to a daemon like this one, whatever its address was? */
export function isOurs(kept: PowerParameters): boolean {
  return OURS.test(kept["power_on_uri"] ?? "");
}

/** Names of the parameters that MAAS keeps otherwise; the token is compared by its hash, for more is not known of it. */
export function differences(
  kept: PowerParameters,
  wanted: WebhookParameters,
  tokenHashes: readonly string[],
): (keyof WebhookParameters)[] {
  const names = Object.keys(WEBHOOK_FIELDS) as (keyof WebhookParameters)[];
  return names.filter((name) =>
    name === "power_token" ? !tokenHashes.includes(tokenHash(kept[name] ?? "")) : (kept[name] ?? "") !== wanted[name],
  );
}

/** SHA-256 in lower-case hex: what is kept of a token. */
export function tokenHash(token: string): string {
  return hash("sha256", token, "hex");
}
