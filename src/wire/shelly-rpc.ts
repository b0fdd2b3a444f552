/**
 * Shelly devices of the second generation and later.
 *
 *     POST /rpc  {"id":1,"method":"Switch.Set","params":{"id":0,"on":false,"toggle_after":5}}
 *     200        {"id":1,"src":"shellyplugsg3-…","result":{"was_on":true}}, or "error":{"code":-105,"message":"…"}
 *
 * With a password: digest with SHA-256, RFC 7616, the user is always `admin`. Firmware 2.0 keeps 32 nonces for all who
 * ask, and once it answers 429 it gives none to whoever still shows an old one: that one must be forgotten.
 * https://shelly-api-docs.shelly.cloud/gen2/General/Authentication
 */
import { z } from "zod";
import type { Answer, ListedOutlet, Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import { HttpClient, refuseStatus } from "./http.ts";
import { parsed, plainBase, shaped } from "./http-json.ts";
import {
  noRelay,
  relayEvidence,
  relayLabel,
  relayTraps,
  type ShellyOptions,
  type ShellyRelays,
  type ShellyTimers,
} from "./shelly.ts";

const SWITCH = z.object({
  output: z.boolean(),
  apower: z.number().nullish(),
  errors: z.array(z.string()).default([]),
});
type Switch = z.output<typeof SWITCH>;
const CONFIG = z.object({
  name: z.string().nullish(),
  auto_off: z.boolean().default(false),
  auto_off_delay: z.number().default(0),
  auto_on: z.boolean().default(false),
  auto_on_delay: z.number().default(0),
  initial_state: z.string().optional(),
});
const ON_MAINS = { restore_last: "restores", off: "opens", on: "closes", match_input: "follows" } as const;
/** Components by name: `switch:0`. */
const COMPONENTS = z.record(z.string(), z.unknown());
const FRAME = z.object({
  id: z.number(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string().default("") }).optional(),
});

/** https://shelly-api-docs.shelly.cloud/gen2/General/CommonErrors; 404: it has no such method at all. */
const NOT_FOUND: ReadonlySet<number> = new Set([-105, 404]);
const BUSY: ReadonlySet<number> = new Set([-108, -114, 429, 503]);

interface Call<T> {
  readonly schema: z.ZodType<T>;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly relay?: number;
  readonly acts?: boolean;
  readonly signal: AbortSignal;
}

export class ShellyRpc implements ShellyRelays {
  readonly #options: ShellyOptions;
  readonly #secrets: readonly string[];
  #client: HttpClient;
  #calls = 0;

  constructor(options: ShellyOptions) {
    this.#options = options;
    this.#secrets = options.password ? [options.password.reveal()] : [];
    this.#client = this.#newClient();
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async set(
    relay: number,
    closed: boolean,
    { flipAfter, signal }: { readonly flipAfter?: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const params = { id: relay, on: closed, ...(flipAfter !== undefined && { toggle_after: flipAfter }) };
    await this.#call("Switch.Set", { schema: z.object({ was_on: z.boolean() }), params, relay, acts: true, signal });
  }

  async read(relay: number, signal: AbortSignal): Promise<Answer> {
    return answer(await this.#switch(relay, signal));
  }

  async readAll(relays: readonly number[], signal: AbortSignal): Promise<readonly (Answer | PowerError)[]> {
    const components = await this.#call("Shelly.GetStatus", { schema: COMPONENTS, signal });
    return relays.map((relay) => {
      const told = components[`switch:${relay}`];
      if (told === undefined) return noRelay(this.#options.host, relay);
      const { data } = SWITCH.safeParse(told);
      return data ? answer(data) : new PowerError("protocol", `${this.#options.host} tells no state of relay ${relay}`);
    });
  }

  async watts(relay: number, signal: AbortSignal): Promise<number> {
    const { apower } = await this.#switch(relay, signal);
    if (typeof apower === "number") return apower;
    throw new PowerError("unsupported", `relay ${relay} of ${this.#options.host} has no meter`, {
      hint: "Take `above` out, and give the machine a query such as `reachable`.",
    });
  }

  async list(signal: AbortSignal): Promise<readonly ListedOutlet[]> {
    const status = await this.#call("Shelly.GetStatus", { schema: COMPONENTS, signal });
    const configs = await this.#call("Shelly.GetConfig", { schema: COMPONENTS, signal });
    return Object.entries(status).flatMap(([component, told]) => {
      const [, outlet] = /^switch:(\d+)$/.exec(component) ?? [];
      if (outlet === undefined) return [];
      const { data } = SWITCH.safeParse(told);
      const config = CONFIG.safeParse(configs[component]).data ?? CONFIG.parse({});
      return [
        {
          outlet,
          state: data ? (data.output ? "on" : "off") : "unknown",
          ...relayLabel(config.name, timersOf(config)),
        },
      ];
    });
  }

  async examine(relays: readonly number[], signal: AbortSignal): Promise<readonly (readonly Trap[])[]> {
    const status = await this.#call("Shelly.GetStatus", { schema: COMPONENTS, signal });
    const configs = await this.#call("Shelly.GetConfig", { schema: COMPONENTS, signal });
    return relays.map((relay) => {
      const config = CONFIG.safeParse(configs[`switch:${relay}`]).data;
      if (!config) return [];
      const onMains = Object.entries(ON_MAINS).find(([word]) => word === config.initial_state)?.[1];
      const errors = SWITCH.safeParse(status[`switch:${relay}`]).data?.errors ?? [];
      return relayTraps({ timers: timersOf(config), onMains, errors });
    });
  }

  #switch(relay: number, signal: AbortSignal): Promise<Switch> {
    return this.#call("Switch.GetStatus", { schema: SWITCH, params: { id: relay }, relay, signal });
  }

  async #call<T>(method: string, { schema, params, relay, acts = false, signal }: Call<T>): Promise<T> {
    const { host } = this.#options;
    this.#calls += 1;
    const id = this.#calls;
    const url = `${plainBase(this.#options)}/rpc`;
    const response = await this.#client.request({
      method: "POST",
      url,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id, method, ...(params && { params }) }),
      acts,
      signal,
    });
    const parsing = { from: host, acted: acts, secrets: this.#secrets };
    if (response.status === 429) this.#client = this.#newClient();
    // Some firmware gives an error of the call a status of its own as well.
    if (!shaped(FRAME, response.text)) refuseStatus(response, { url, ...parsing });
    const frame = parsed(FRAME, response.text, parsing);
    if (frame.error) throw this.#failure(frame.error, method, { relay, acts });
    if (frame.id !== id) throw new PowerError("protocol", `${host} answered another call`, { mayHaveActed: acts });
    return parsed(schema, JSON.stringify(frame.result ?? null), parsing);
  }

  #failure(
    { code, message }: { readonly code: number; readonly message: string },
    method: string,
    { relay, acts }: { readonly relay: number | undefined; readonly acts: boolean },
  ): PowerError {
    const { host } = this.#options;
    if (code === 429) this.#client = this.#newClient();
    if (NOT_FOUND.has(code) && relay !== undefined) return noRelay(host, relay);
    const said = `${host} refuses ${method}: ${clip(message, this.#secrets, 200)} (${code})`;
    if (code === 401) return new PowerError("auth", said);
    if (BUSY.has(code)) return new PowerError("busy", said);
    return new PowerError("refused", said, { mayHaveActed: acts && code === 500 });
  }

  #newClient(): HttpClient {
    const { password } = this.#options;
    return new HttpClient({ auth: password && { kind: "digest", user: "admin", password } });
  }
}

function answer({ output, apower, errors }: Switch): Answer {
  return {
    state: output ? "on" : "off",
    evidence: relayEvidence(output, errors),
    ...(typeof apower === "number" && { watts: apower }),
  };
}

function timersOf(config: z.output<typeof CONFIG>): ShellyTimers {
  return {
    autoOff: config.auto_off ? config.auto_off_delay : 0,
    autoOn: config.auto_on ? config.auto_on_delay : 0,
  };
}
