/**
 * Shelly devices on the local network. What they are they tell anybody, also where they ask for a password:
 *
 *     GET /shelly   {"type":"SHPLG-S","mac":"AABBCCDDEEFF","auth":true,"fw":"20230913-113421/v1.14.0-gcb84623"}
 *                   {"gen":3,"model":"S3PL-00112EU","mac":"AABBCCDDEEFF","auth_en":true,"ver":"1.7.5","id":"shellyplugsg3-…"}
 */
import { z } from "zod";
import type { Answer, Identity, ListedOutlet, Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { HttpClient, refuseStatus } from "./http.ts";
import { parsed, plainBase } from "./http-json.ts";

const MAC = z.string().regex(/^[0-9A-Fa-f]{12}$/);
const INFO = z.union([
  z.object({ gen: z.int().min(2), mac: MAC, model: z.string(), ver: z.string(), auth_en: z.boolean() }),
  z.object({
    gen: z.undefined().optional(),
    mac: MAC,
    type: z.string(),
    fw: z.string(),
    auth: z.boolean(),
    num_meters: z.int().optional(),
  }),
]);
export type ShellyInfo = z.output<typeof INFO>;

export interface ShellyOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: Secret | undefined;
}

/** How to speak to one generation. Relays are counted from 0. All throw PowerError. */
export interface ShellyRelays {
  /** `flipAfter`: seconds after which the device itself does the opposite. */
  set(
    relay: number,
    closed: boolean,
    options: { readonly flipAfter?: number; readonly signal: AbortSignal },
  ): Promise<void>;
  read(relay: number, signal: AbortSignal): Promise<Answer>;
  readAll(relays: readonly number[], signal: AbortSignal): Promise<readonly (Answer | PowerError)[]>;
  watts(relay: number, signal: AbortSignal): Promise<number>;
  list(signal: AbortSignal): Promise<readonly ListedOutlet[]>;
  examine(relays: readonly number[], signal: AbortSignal): Promise<readonly (readonly Trap[])[]>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/** Which device answers there. Throws PowerError: those of HTTP, `protocol`. */
export async function shellyInfo(options: ShellyOptions, signal: AbortSignal): Promise<ShellyInfo> {
  const url = `${plainBase(options)}/shelly`;
  const response = await new HttpClient().request({ method: "GET", url, signal });
  const hint = "Is this the address of a Shelly? In a browser, its /shelly tells what it is.";
  if (response.status === 404)
    throw new PowerError("protocol", `${options.host} is no Shelly: it has no /shelly`, { hint });
  refuseStatus(response, { url, acted: false });
  return parsed(INFO, response.text, { from: options.host, acted: false, hint });
}

export function shellyIdentity(info: ShellyInfo): Identity {
  const id = (info.mac.toLowerCase().match(/../g) ?? []).join(":");
  return info.gen === undefined
    ? { id, model: info.type, firmware: info.fw }
    : { id, model: info.model, firmware: info.ver };
}

/** Throws PowerError `auth` where the device asks for a password and none is there. */
export function refuseWithoutPassword(info: ShellyInfo, { host, password }: ShellyOptions): void {
  if (password || !(info.gen === undefined ? info.auth : info.auth_en)) return;
  throw new PowerError("auth", `${host} asks for a password`, {
    hint: "Give it as `password`; it was set in the device under Authentication or Restrict login.",
  });
}

export function noRelay(host: string, relay: number): PowerError {
  return new PowerError("not_found", `${host} has no relay ${relay}`, {
    hint: "Relays are counted from 0; `maasochist hubs outlets HUB` lists them. A device that is set up for a roller or cover has none.",
  });
}

/** What the device says of a relay beside its state: `closed`, `open (overpower)`. */
export function relayEvidence(closed: boolean, remarks: readonly string[]): string {
  const state = closed ? "closed" : "open";
  return remarks.length === 0 ? state : `${state} (${remarks.join(", ")})`;
}

/** The device's own timers; seconds, 0 for none. */
export interface ShellyTimers {
  readonly autoOff: number;
  readonly autoOn: number;
}

/** A name, and the timers that would undo an order. */
export function relayLabel(name: string | null | undefined, timers: ShellyTimers): { readonly label?: string } {
  const parts = [...(name ? [name] : []), ...undoing(timers).map(({ problem, setting }) => `${problem}: ${setting}`)];
  return parts.length === 0 ? {} : { label: parts.join("; ") };
}

function undoing({ autoOff, autoOn }: ShellyTimers) {
  return [
    ...(autoOff > 0
      ? [{ problem: `opens by itself ${autoOff} s after each on`, setting: "clear its auto-off timer" }]
      : []),
    ...(autoOn > 0
      ? [{ problem: `closes by itself ${autoOn} s after each off`, setting: "clear its auto-on timer" }]
      : []),
  ];
}

/** What the settings of a relay do against us. `errors` are the device's own words for why it stays open. */
export function relayTraps(relay: {
  readonly timers: ShellyTimers;
  /** What it does when mains return; undefined where it says nothing. */
  readonly onMains: "restores" | "opens" | "closes" | "follows" | undefined;
  readonly schedule?: boolean | undefined;
  readonly errors?: readonly string[];
}): Trap[] {
  const { timers, onMains, schedule, errors = [] } = relay;
  const mains = {
    opens: "stays open when mains return",
    closes: "closes when mains return",
    follows: "follows the switch wired to it when mains return",
  };
  return [
    ...undoing(timers).map(
      ({ problem, setting }): Trap => ({
        kind: "timer",
        problem,
        mend: `On the device's own page or in its app: ${setting}.`,
      }),
    ),
    ...(schedule
      ? [{ kind: "timer", problem: "is switched by a schedule of its own", mend: "Switch its schedule off." } as const]
      : []),
    ...(errors.length > 0
      ? [
          {
            kind: "held",
            problem: `is held open by the device: ${errors.join(", ")}`,
            mend: "Take the cause away (load, heat), and switch it once by its own button.",
          } as const,
        ]
      : []),
    ...(onMains !== undefined && onMains !== "restores"
      ? [
          {
            kind: "mains",
            problem: mains[onMains],
            mend: "Set its power-on default (initial state) to `restore last`.",
          } as const,
        ]
      : []),
  ];
}
