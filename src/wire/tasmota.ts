/**
 * Tasmota devices by web requests.
 *
 *     GET /cm?user=admin&password=…&cmnd=Power1%201    {"POWER1":"ON"}; {"POWER":"ON"} where there is but one relay
 *     GET /cm?cmnd=Power1                              the same, and nothing is switched
 *     GET /cm?cmnd=Status%2011                         {"StatusSTS":{"POWER1":"ON","POWER2":"OFF",…}}
 *     GET /cm?cmnd=Status%2010                         {"StatusSNS":{"ENERGY":{"Power":24,…}}}, a list with several meters
 *
 * A wrong password: 401, before 8.2.0.3 status 200, both with {"WARNING":"Need user=…"}
 * (https://github.com/arendst/Tasmota/issues/8170).
 */
import { z } from "zod";
import type { Clock } from "../power/clock.ts";
import type { Answer, Identity, ListedOutlet, Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { clip } from "./clip.ts";
import { HttpClient, refuseStatus } from "./http.ts";
import { parsed, plainBase, shaped } from "./http-json.ts";
import { readTraps, type TasmotaTraps } from "./tasmota-traps.ts";

const REPLY = z.record(z.string(), z.unknown());
type Reply = z.output<typeof REPLY>;
const STATES = z.object({ StatusSTS: REPLY });
const SENSORS = z.object({
  StatusSNS: z.object({ ENERGY: z.object({ Power: z.union([z.number(), z.array(z.number())]) }).optional() }),
});
const NETWORK = z.object({ StatusNET: z.object({ Mac: z.string().regex(/^(?:[0-9A-F]{2}:){5}[0-9A-F]{2}$/i) }) });
const FIRMWARE = z.object({ StatusFWR: z.object({ Version: z.string(), Hardware: z.string().optional() }) });

/** How long what was read of the device's settings is taken for true, and how long reading it may take (ms). */
const TRAPS_FRESH_MS = 600_000;
const TRAPS_TIMEOUT_MS = 1_500;

export interface TasmotaOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: Secret | undefined;
  readonly clock: Clock;
}

/** Relays are counted from 1, as the device does. All throw PowerError. */
export class Tasmota {
  readonly #options: TasmotaOptions;
  readonly #client = new HttpClient();
  readonly #secrets: readonly string[];
  #traps: { readonly at: number; readonly traps: TasmotaTraps } | undefined;

  constructor(options: TasmotaOptions) {
    const password = options.password?.reveal();
    this.#options = options;
    this.#secrets = password === undefined ? [] : [password, encodeURIComponent(password)];
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Refuses to close a relay where that would cut another one off. */
  async set(relay: number, closed: boolean, signal: AbortSignal): Promise<void> {
    if (closed) await this.#refuseRivals(relay, signal);
    const reply = await this.#ask(`Power${relay} ${closed ? 1 : 0}`, { acts: true, signal });
    const { state } = this.#answer(reply, relay, true);
    if ((state === "on") === closed) return;
    throw new PowerError(
      "refused",
      `relay ${relay} of ${this.#options.host} stayed ${state === "on" ? "closed" : "open"}`,
      {
        mayHaveActed: true,
        hint: "In its console: `PowerOnState 3`, `PowerLock0 0`, `Interlock 0`, and `Rule1 0` where rules switch it.",
      },
    );
  }

  async read(relay: number, signal: AbortSignal): Promise<Answer> {
    const answer = this.#answer(await this.#ask(`Power${relay}`, { acts: false, signal }), relay, false);
    return remarked(answer, (await this.#readTraps(signal)).remarks(relay));
  }

  async readAll(relays: readonly number[], signal: AbortSignal): Promise<readonly (Answer | PowerError)[]> {
    const states = await this.#states(signal);
    const traps = await this.#readTraps(signal);
    return relays.map((relay) => {
      try {
        return remarked(this.#answer(states, relay, false), traps.remarks(relay));
      } catch (error) {
        return PowerError.from(error);
      }
    });
  }

  async watts(relay: number, signal: AbortSignal): Promise<number> {
    const { host } = this.#options;
    const power = await this.#power(signal);
    if (typeof power === "number" && relaysOf(await this.#states(signal)).length < 2) return power;
    const watts = Array.isArray(power) ? power[relay - 1] : undefined;
    if (watts !== undefined) return watts;
    const why = power === undefined ? `${host} has no meter` : `relay ${relay} of ${host} has no meter of its own`;
    throw new PowerError("unsupported", why, {
      hint: "Take `above` out, and give the machine a query such as `reachable`.",
    });
  }

  async identify(signal: AbortSignal): Promise<Identity> {
    const network = this.#parsed(NETWORK, await this.#ask("Status 5", { acts: false, signal }));
    const firmware = this.#parsed(FIRMWARE, await this.#ask("Status 2", { acts: false, signal }));
    const { Version, Hardware } = firmware.StatusFWR;
    return {
      id: network.StatusNET.Mac.toLowerCase(),
      firmware: Version,
      ...(Hardware !== undefined && { model: Hardware }),
    };
  }

  async list(signal: AbortSignal): Promise<readonly ListedOutlet[]> {
    const states = await this.#states(signal);
    const traps = await this.#readTraps(signal);
    return relaysOf(states).map((relay) => {
      const label = [traps.names[relay - 1] ?? "", ...traps.remarks(relay)].filter((part) => part !== "").join("; ");
      return { outlet: String(relay), state: this.#answer(states, relay, false).state, ...(label !== "" && { label }) };
    });
  }

  /** What its settings do against us, as they are now. */
  async examine(relays: readonly number[], signal: AbortSignal): Promise<readonly (readonly Trap[])[]> {
    this.#traps = undefined;
    // Throws where it cannot be asked at all.
    await this.#states(signal);
    const traps = await this.#readTraps(signal);
    return relays.map((relay) => traps.traps(relay));
  }

  /** Watts, for each meter where it has several; undefined where it has none. */
  async #power(signal: AbortSignal): Promise<number | readonly number[] | undefined> {
    const reply = await this.#ask("Status 10", { acts: false, signal });
    // Its older number is 8.
    const told = "StatusSNS" in reply ? reply : await this.#ask("Status 8", { acts: false, signal });
    return this.#parsed(SENSORS, told).StatusSNS.ENERGY?.Power;
  }

  async #states(signal: AbortSignal): Promise<Reply> {
    return this.#parsed(STATES, await this.#ask("Status 11", { acts: false, signal })).StatusSTS;
  }

  /** What stands in a reply of this relay. */
  #answer(reply: Reply, relay: number, acted: boolean): Answer & { readonly state: "on" | "off" } {
    const { host } = this.#options;
    const state = reply[`POWER${relay}`] ?? (relay === 1 ? reply["POWER"] : undefined);
    if (state === "ON") return { state: "on", evidence: "closed" };
    if (state === "OFF") return { state: "off", evidence: "open" };
    if (typeof state === "string") {
      throw new PowerError("protocol", `relay ${relay} of ${host} is "${clip(state, this.#secrets, 40)}"`, {
        mayHaveActed: acted,
        hint: "It was given words of its own for its states: `StateText1 OFF` and `StateText2 ON` in its console set them back.",
      });
    }
    const named = relaysOf(reply).length > 0 || "Command" in reply;
    if (named)
      throw new PowerError("not_found", `${host} has no relay ${relay}`, { hint: "Relays are counted from 1." });
    throw this.#notTasmota(JSON.stringify(reply), acted);
  }

  async #refuseRivals(relay: number, signal: AbortSignal): Promise<void> {
    const rivals = (await this.#readTraps(signal)).rivals(relay);
    if (rivals.length === 0) return;
    const states = await this.#states(signal);
    const fed = rivals.find((rival) => this.#answer(states, rival, false).state === "on");
    if (fed === undefined) return;
    throw new PowerError("refused", `closing relay ${relay} of ${this.#options.host} would open relay ${fed}`, {
      hint: "They are interlocked: `Interlock 0` in its console lets each be switched alone.",
    });
  }

  /** What cannot be read in time is left out: it must not keep anybody from switching. */
  async #readTraps(signal: AbortSignal): Promise<TasmotaTraps> {
    const now = this.#options.clock.now();
    if (this.#traps && now - this.#traps.at < TRAPS_FRESH_MS) return this.#traps.traps;
    const limited = AbortSignal.any([signal, AbortSignal.timeout(TRAPS_TIMEOUT_MS)]);
    const traps = await readTraps((command) => this.#ask(command, { acts: false, signal: limited }));
    signal.throwIfAborted();
    this.#traps = { at: now, traps };
    return traps;
  }

  async #ask(
    command: string,
    { acts, signal }: { readonly acts: boolean; readonly signal: AbortSignal },
  ): Promise<Reply> {
    const { user, password } = this.#options;
    const base = plainBase(this.#options);
    const login = password ? { user, password: password.reveal() } : {};
    const query = Object.entries({ ...login, cmnd: command }).map(
      ([key, value]) => `${key}=${encodeURIComponent(value)}`,
    );
    const url = `${base}/cm?${query.join("&")}`;
    // With SetOption128 0 it only takes commands that seem to come from its own page.
    const headers = { referer: `${base}/` };
    const response = await this.#client.request({ method: "GET", url, headers, acts, signal });
    if (response.status === 200 || response.status === 401) {
      const reply = shaped(REPLY, response.text);
      if (reply && "WARNING" in reply) throw this.#refusedLogin();
      if (reply && response.status === 200) return reply;
    }
    refuseStatus(response, { url: base, acted: acts, secrets: this.#secrets });
    throw this.#notTasmota(response.text, acts);
  }

  #refusedLogin(): PowerError {
    const { host, password } = this.#options;
    const message = password ? `${host} refuses this user and password` : `${host} asks for a password`;
    return new PowerError("auth", message, {
      hint: "Give its web password as `password`; its user is `admin` unless the firmware was built with another.",
    });
  }

  #parsed<T>(schema: z.ZodType<T>, reply: Reply): T {
    return parsed(schema, JSON.stringify(reply), {
      from: this.#options.host,
      acted: false,
      secrets: this.#secrets,
    });
  }

  #notTasmota(text: string, acted: boolean): PowerError {
    const said = clip(text, this.#secrets, 200) || "nothing";
    return new PowerError("protocol", `${this.#options.host} does not answer as a Tasmota: ${said}`, {
      mayHaveActed: acted,
      hint: "Is this its address? Commands need `WebServer 2`, and `SetOption128 1` where they are refused.",
    });
  }
}

/** The relays that a reply tells of. */
function relaysOf(reply: Reply): number[] {
  return Object.keys(reply).flatMap((key) => {
    const [, relay] = /^POWER(\d*)$/.exec(key) ?? [];
    return relay === undefined ? [] : [Number(relay || 1)];
  });
}

function remarked(answer: Answer, remarks: readonly string[]): Answer {
  return remarks.length === 0 ? answer : { ...answer, evidence: `${answer.evidence} (${remarks.join(", ")})` };
}
