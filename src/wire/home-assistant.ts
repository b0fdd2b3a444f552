/**
 * Home Assistant's REST API, and what its states mean.
 *
 *     GET  /api/states/switch.nuc1                                  {"entity_id":"switch.nuc1","state":"on","attributes":{…},"last_updated":…}
 *     POST /api/services/switch/turn_on  {"entity_id":"switch.nuc1"}   200, and the states that changed meanwhile
 */
import { z } from "zod";
import type { Clock } from "../power/clock.ts";
import type { Answer, ListedOutlet } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { clip } from "./clip.ts";
import { domainOf } from "./home-assistant-entities.ts";
import { HttpClient, type HttpResponse, refuseStatus, type TlsOptions } from "./http.ts";
import { parsed } from "./http-json.ts";

/** A large house has thousands of entities, half a kilobyte each. */
const MOST_STATES_BYTES = 33_554_432;

export const ENTITY_STATE = z.object({
  entity_id: z.string(),
  state: z.string(),
  attributes: z.record(z.string(), z.unknown()).default({}),
  last_updated: z.string().optional(),
  /** When its integration told it last, the same or not; older versions do not say. */
  last_reported: z.string().optional(),
});
export type EntityState = z.output<typeof ENTITY_STATE>;

export interface HomeAssistantOptions {
  /** `http://192.168.1.5:8123`. */
  readonly base: string;
  readonly token: Secret;
  readonly tls: TlsOptions;
  readonly clock: Clock;
}

export class HomeAssistant {
  readonly options: HomeAssistantOptions;
  readonly #client: HttpClient;

  constructor(options: HomeAssistantOptions) {
    this.options = options;
    this.#client = new HttpClient({ auth: { kind: "bearer", token: options.token }, tls: options.tls });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Throws PowerError: those of HTTP, `not_found`, `protocol`. */
  async state(entity: string, signal: AbortSignal): Promise<EntityState> {
    const url = `${this.options.base}/api/states/${entity}`;
    const response = await this.#client.request({ method: "GET", url, signal });
    if (response.status === 404) {
      throw new PowerError("not_found", `Home Assistant has no entity ${entity}, or the token's user may not see it`, {
        hint: "`maasochist hubs outlets HUB` lists what there is; Settings → Devices & services → Entities shows each ID.",
      });
    }
    this.#refuse(response, url, false);
    const state = this.#parsed(ENTITY_STATE, response, false);
    if (state.entity_id === entity) return state;
    throw new PowerError("protocol", `asked for ${entity}, and was told of ${clip(state.entity_id)}`);
  }

  /** Calls a service for an entity, and waits until Home Assistant says that it is done. */
  async call(
    service: string,
    entity: string,
    { acts, signal }: { readonly acts: boolean; readonly signal: AbortSignal },
  ) {
    const url = `${this.options.base}/api/services/${service.replace(".", "/")}`;
    const response = await this.#client.request({
      method: "POST",
      url,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ entity_id: entity }),
      acts,
      signal,
    });
    if (response.status === 400) {
      throw new PowerError("refused", `Home Assistant refuses ${service} for ${entity}: ${this.#said(response)}`, {
        hint: "Can this kind of entity be switched? Try the same under Developer tools → Actions.",
      });
    }
    this.#refuse(response, url, acts);
    this.#parsed(z.array(z.unknown()), response, acts);
  }

  /** Entities of these domains. */
  async list(domains: readonly string[], signal: AbortSignal): Promise<ListedOutlet[]> {
    const url = `${this.options.base}/api/states`;
    const response = await this.#client.request({ method: "GET", url, mostBytes: MOST_STATES_BYTES, signal });
    this.#refuse(response, url, false);
    return this.#parsed(z.array(ENTITY_STATE), response, false)
      .filter(({ entity_id: entity }) => domains.includes(domainOf(entity)))
      .map(({ entity_id: outlet, state, attributes: { friendly_name: label } }) => ({
        outlet,
        ...(typeof label === "string" && { label }),
        state: state === "on" || state === "off" ? state : "unknown",
      }));
  }

  #refuse(response: HttpResponse, url: string, acted: boolean): void {
    refuseStatus(response, { url, acted, secrets: [this.options.token.reveal()] });
  }

  #parsed<T>(schema: z.ZodType<T>, { text }: HttpResponse, acted: boolean): T {
    return parsed(schema, text, { from: "Home Assistant", acted, secrets: [this.options.token.reveal()] });
  }

  #said({ text }: HttpResponse): string {
    return clip(text, [this.options.token.reveal()], 200) || "it is empty";
  }
}

/**
 * What a state tells. `unavailable` and `unknown` are unknown; one that is only assumed there is assumed here.
 * `maxAge` in milliseconds. Throws PowerError `config` where it is neither.
 */
export function stateAnswer(
  { entity_id: entity, state, attributes, last_updated: updated, last_reported: reported }: EntityState,
  { maxAge, now }: { readonly maxAge?: number | undefined; readonly now: number },
): Answer {
  const evidence = `${entity} ${state}`;
  const unknown = (reason: string): Answer => ({ state: "unknown", reason, evidence });
  if (state === "unavailable") return unknown(`Home Assistant cannot reach what is behind ${entity}`);
  if (state === "unknown") return unknown(`Home Assistant does not know the state of ${entity} yet`);
  if (state !== "on" && state !== "off") {
    throw new PowerError("config", `${entity} is "${clip(state, [], 40)}", which is neither on nor off`, {
      hint: "Name another entity, or make a template binary sensor of this one.",
    });
  }
  const told = Date.parse(reported ?? updated ?? "");
  if (maxAge !== undefined && !(now - told <= maxAge))
    return unknown(`Home Assistant heard of ${entity} longer ago than \`max_age\``);
  if (attributes["assumed_state"] === true)
    return { state, evidence, assumed: true, reason: `Home Assistant only assumes the state of ${entity}` };
  return { state, evidence };
}

const WATTS: Readonly<Record<string, number>> = { mW: 0.001, W: 1, kW: 1_000, MW: 1_000_000 };

/** Watts that a sensor tells. Throws PowerError where it tells none. */
export function wattsOf({ entity_id: entity, state, attributes }: EntityState): number {
  if (state === "unavailable" || state === "unknown")
    throw new PowerError("refused", `${entity} is ${state}`, {
      hint: "Home Assistant has no value of this sensor now.",
    });
  const unit = typeof attributes["unit_of_measurement"] === "string" ? attributes["unit_of_measurement"] : "";
  const factor = WATTS[unit];
  const value = /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(state) ? Number(state) : Number.NaN;
  if (factor !== undefined && Number.isFinite(value)) return value * factor;
  throw new PowerError("config", `${entity} tells "${clip(`${state} ${unit}`, [], 40)}", and no power`, {
    hint: "`watts` names a sensor in W or kW.",
  });
}
