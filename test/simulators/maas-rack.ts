/**
 * The rack controllers of a simulated MAAS: they really call webhooks, with the parameters that MAAS was sent, by the
 * client of test/maas. The waits of that client pass a hundred times as fast.
 */
import { isIP } from "node:net";
import type { Clock } from "../../src/power/clock.ts";
import { systemClock } from "../../src/power/clock.ts";
import { type Conclusion, Maas } from "../maas/client.ts";
import type { MaasMachineRecord } from "./maas-machine.ts";

const FASTER = 100;

const quickClock: Clock = {
  now: () => systemClock.now(),
  sleep: (ms, signal) => systemClock.sleep(ms / FASTER, signal),
};

export type PowerAction = "on" | "off" | "cycle" | "query";

export interface RackOptions {
  /** `3.6`. */
  readonly version: string;
  /** Where the rack's network leads a request to an origin; absent: to that origin. */
  readonly routes: ReadonlyMap<string, string>;
}

/** Drives the webhook of a machine; the state that it then is in, or MAAS's words for why it failed. */
export async function driveWebhook(
  machine: MaasMachineRecord,
  action: PowerAction,
  { version, routes }: RackOptions,
): Promise<Conclusion> {
  const { parameters, systemId } = machine;
  const of = (name: string) => parameters[name] ?? "";
  const before35 = Number(version.split(".")[1]) < 5;
  // Since 3.5 all of them stand on the command line of a program, and argparse takes a leading dash for an option.
  const dashed = Object.entries(parameters).find(([, value]) => !before35 && value.startsWith("-"));
  if (dashed) return `maas-power: error: argument --${dashed[0].replaceAll("_", "-")}: expected one argument`;
  const maas = new Maas({
    clock: quickClock,
    attempts: before35 ? 1 : 3,
    settings: {
      onUri: routed(of("power_on_uri"), routes),
      offUri: routed(of("power_off_uri"), routes),
      queryUri: routed(of("power_query_uri"), routes),
      onRegex: of("power_on_regex"),
      offRegex: of("power_off_regex"),
      user: of("power_user"),
      pass: of("power_pass"),
      token: of("power_token"),
      ...(before35 && { systemId }),
    },
  });
  return maas[action]();
}

function routed(uri: string, routes: ReadonlyMap<string, string>): string {
  if (!URL.canParse(uri)) return uri;
  const { origin } = new URL(uri);
  return (routes.get(origin) ?? origin) + uri.slice(origin.length);
}

/** The address by which MAAS chooses who polls a machine in the background; undefined: nobody does. */
export function polledAddress({ parameters, powerType }: MaasMachineRecord): string | undefined {
  const uri = parameters["power_query_uri"] ?? "";
  if (powerType !== "webhook" || !URL.canParse(uri)) return undefined;
  const host = new URL(uri).hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? undefined : host;
}
