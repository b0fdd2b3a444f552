/**
 * First-generation Shelly devices.
 *
 *     GET /relay/0?turn=on            {"ison":true,"has_timer":false,"overpower":false}
 *     GET /relay/0?turn=off&timer=5   the same; after 5 s it does the opposite by itself
 *     GET /status                     {"relays":[{"ison":true,…}],"meters":[{"power":24.3,"is_valid":true}]}
 *
 * With "Restrict login" on: Basic, RFC 7617. https://shelly-api-docs.shelly.cloud/gen1/
 */
import { z } from "zod";
import type { Answer, ListedOutlet, Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { basic, HttpClient, refuseStatus } from "./http.ts";
import { parsed, plainBase } from "./http-json.ts";
import { noRelay, relayEvidence, relayLabel, relayTraps, type ShellyOptions, type ShellyRelays } from "./shelly.ts";

const RELAY = z.object({ ison: z.boolean(), overpower: z.boolean().optional() });
type Relay = z.output<typeof RELAY>;
const STATUS = z.object({
  relays: z.array(RELAY).default([]),
  meters: z.array(z.object({ power: z.number(), is_valid: z.boolean() })).default([]),
});
const ON_MAINS = { last: "restores", off: "opens", on: "closes", switch: "follows" } as const;
const SETTINGS = z.object({
  relays: z
    .array(
      z.object({
        ison: z.boolean(),
        name: z.string().nullish(),
        auto_off: z.number().default(0),
        auto_on: z.number().default(0),
        default_state: z.string().optional(),
        schedule: z.boolean().optional(),
      }),
    )
    .default([]),
});

export class ShellyRest implements ShellyRelays {
  readonly #options: ShellyOptions;
  readonly #client: HttpClient;
  readonly #hasMeter: boolean;
  readonly #secrets: readonly string[];

  /** `meters`: how many the device says that it has. */
  constructor(options: ShellyOptions, { meters }: { readonly meters: number | undefined }) {
    const { user, password } = options;
    this.#options = options;
    this.#hasMeter = meters !== 0;
    this.#client = new HttpClient({ auth: password && { kind: "basic", user, password } });
    this.#secrets = password ? [password.reveal(), basic(user, password).slice("Basic ".length)] : [];
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async set(
    relay: number,
    closed: boolean,
    { flipAfter, signal }: { readonly flipAfter?: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const timer = flipAfter === undefined ? "" : `&timer=${flipAfter}`;
    const path = `/relay/${relay}?turn=${closed ? "on" : "off"}${timer}`;
    const { ison, overpower } = await this.#get(path, RELAY, { relay, acts: true, signal });
    if (ison === closed) return;
    const { host } = this.#options;
    const why = overpower ? ": it saw too much power" : "";
    throw new PowerError("refused", `relay ${relay} of ${host} stayed ${ison ? "closed" : "open"}${why}`, {
      hint: "Look at the device's own page: overpower, overtemperature or a schedule may hold it.",
      mayHaveActed: true,
    });
  }

  async read(relay: number, signal: AbortSignal): Promise<Answer> {
    return answer(await this.#get(`/relay/${relay}`, RELAY, { relay, acts: false, signal }));
  }

  async readAll(relays: readonly number[], signal: AbortSignal): Promise<readonly (Answer | PowerError)[]> {
    const status = await this.#get("/status", STATUS, { acts: false, signal });
    return relays.map((relay) => {
      const told = status.relays[relay];
      return told ? answer(told) : noRelay(this.#options.host, relay);
    });
  }

  async watts(relay: number, signal: AbortSignal): Promise<number> {
    const { relays, meters } = await this.#get("/status", STATUS, { acts: false, signal });
    if (relays[relay] === undefined) throw noRelay(this.#options.host, relay);
    // One meter over two relays tells nothing of either; without any, a figure that somebody typed in stands there.
    const meter = this.#hasMeter && meters.length === relays.length ? meters[relay] : undefined;
    if (meter?.is_valid) return meter.power;
    throw new PowerError("unsupported", `relay ${relay} of ${this.#options.host} has no meter of its own`, {
      hint: "Take `above` out, and give the machine a query such as `reachable`.",
    });
  }

  async list(signal: AbortSignal): Promise<readonly ListedOutlet[]> {
    const { relays } = await this.#get("/settings", SETTINGS, { acts: false, signal });
    return relays.map(({ ison, name, auto_off: autoOff, auto_on: autoOn }, relay) => ({
      outlet: String(relay),
      state: ison ? "on" : "off",
      ...relayLabel(name, { autoOff, autoOn }),
    }));
  }

  async examine(relays: readonly number[], signal: AbortSignal): Promise<readonly (readonly Trap[])[]> {
    const settings = await this.#get("/settings", SETTINGS, { acts: false, signal });
    const status = await this.#get("/status", STATUS, { acts: false, signal });
    return relays.map((relay) => {
      const set = settings.relays[relay];
      if (!set) return [];
      const { auto_off: autoOff, auto_on: autoOn, default_state: state, schedule } = set;
      const onMains = Object.entries(ON_MAINS).find(([word]) => word === state)?.[1];
      const errors = status.relays[relay]?.overpower === true ? ["overpower"] : [];
      return relayTraps({ timers: { autoOff, autoOn }, onMains, schedule, errors });
    });
  }

  async #get<T>(
    path: string,
    schema: z.ZodType<T>,
    { relay, acts, signal }: { readonly relay?: number; readonly acts: boolean; readonly signal: AbortSignal },
  ): Promise<T> {
    const { host } = this.#options;
    const url = `${plainBase(this.#options)}${path}`;
    const response = await this.#client.request({ method: "GET", url, acts, signal });
    if (response.status === 404 && relay !== undefined) throw noRelay(host, relay);
    refuseStatus(response, { url, acted: acts, secrets: this.#secrets });
    return parsed(schema, response.text, { from: host, acted: acts, secrets: this.#secrets });
  }
}

function answer({ ison, overpower }: Relay): Answer {
  return { state: ison ? "on" : "off", evidence: relayEvidence(ison, overpower ? ["overpower"] : []) };
}
