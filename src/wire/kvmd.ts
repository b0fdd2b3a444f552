/**
 * kvmd, the daemon of PiKVM and of BliKVM with its firmware:
 *
 *     GET  /api/atx                          {"ok":true,"result":{"enabled":true,"busy":false,"leds":{"power":true,"hdd":false}}}
 *     POST /api/atx/power?action=on&wait=1   presses if the power LED is dark; 409: busy
 *     GET  /api/switch                       {"result":{"atx":{"busy":[…],"leds":{"power":[…],"hdd":[…]}},…}}: a port each
 *     GET  /api/gpio                         {"result":{"state":{"inputs":{…},"outputs":{…}},…}}
 *
 * Every request says who asks, in X-KVMD-User and X-KVMD-Passwd; with two factors the code follows the password.
 */
import { z } from "zod";
import type { Clock } from "../power/clock.ts";
import { PowerError } from "../power/errors.ts";
import type { Secret } from "../power/secret.ts";
import { HttpClient, type HttpResponse, refuseStatus, type TlsOptions } from "./http.ts";
import { base32, totp } from "./totp.ts";

const ENVELOPE = z.object({ ok: z.literal(true), result: z.unknown() });
const ERROR = z.object({ result: z.object({ error_msg: z.string() }) });

const LEDS = z.object({ power: z.boolean(), hdd: z.boolean() });
export const ATX = z.object({ enabled: z.boolean(), busy: z.boolean(), leds: LEDS });
export const SWITCH = z.object({
  model: z.object({ ports: z.array(z.object({ unit: z.int(), channel: z.int(), name: z.string() })) }),
  atx: z.object({
    busy: z.array(z.boolean()),
    leds: z.object({ power: z.array(z.boolean()), hdd: z.array(z.boolean()) }),
  }),
});
const SCHEME = z.object({
  outputs: z.record(z.string(), z.object({ switch: z.boolean(), pulse: z.object({ max_delay: z.number() }) })),
});
export const GPIO = z.object({
  model: z.object({ scheme: SCHEME }).optional(),
  state: z.object({
    inputs: z.record(z.string(), z.object({ online: z.boolean(), state: z.boolean() })),
    outputs: z.record(z.string(), z.object({ online: z.boolean(), state: z.boolean(), busy: z.boolean() })),
  }),
});
const INFO = z.object({
  system: z
    .object({ kvmd: z.object({ version: z.string() }).partial() })
    .partial()
    .nullish(),
  hw: z
    .object({ platform: z.object({ serial: z.string().nullish(), base: z.string().nullish() }).partial() })
    .partial()
    .nullish(),
});

export interface KvmdOptions {
  readonly origin: string;
  readonly user: string;
  readonly password: Secret;
  /** Secret of the second factor, base32. */
  readonly totp?: Secret | undefined;
  readonly tls: TlsOptions;
  readonly clock: Clock;
}

export class Kvmd {
  readonly #options: KvmdOptions;
  readonly #http: HttpClient;
  /** Outlets that were pressed to be on, and were not seen lit since. */
  readonly #dark = new Set<string>();

  constructor(options: KvmdOptions) {
    this.#options = options;
    this.#http = new HttpClient({ tls: options.tls });
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  /** Reads one of its states. Throws PowerError; `protocol` where it is not of this shape. */
  async get<T extends z.ZodType>(path: string, shape: T, signal: AbortSignal): Promise<z.output<T>> {
    return this.#result(await this.#request("GET", path, signal), { shape, acted: false });
  }

  /** Has it do something. Throws PowerError. */
  async post(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const response = await this.#request("POST", `${path}?${new URLSearchParams(query).toString()}`, signal);
    this.#result(response, { shape: z.unknown(), acted: true });
  }

  /** Serial number of the computer it runs on; undefined where the firmware does not tell. */
  async identify(signal: AbortSignal) {
    const response = await this.#request("GET", "/api/info?fields=hw,system", signal);
    if (response.status === 400 || response.status === 404) return undefined;
    const { system, hw } = this.#result(response, { shape: INFO, acted: false });
    const { serial, base } = hw?.platform ?? {};
    const firmware = system?.kvmd?.version;
    if (!serial) return undefined;
    return { id: serial, ...(base && { model: base }), ...(firmware && { firmware: `kvmd ${firmware}` }) };
  }

  /** Its button was pressed so that it comes on. */
  pressedOn(outlet: string): void {
    this.#dark.add(outlet);
  }

  /** Tells whether the LED was dark all the time since the button was pressed. */
  staysDark(outlet: string, lit: boolean): boolean {
    if (lit) this.#dark.delete(outlet);
    return this.#dark.has(outlet);
  }

  #request(method: "GET" | "POST", path: string, signal: AbortSignal): Promise<HttpResponse> {
    const { origin, user, password, clock } = this.#options;
    const key = this.#options.totp && base32(this.#options.totp.reveal());
    const code = key ? totp(key, clock.now()) : "";
    const headers = { accept: "application/json", "x-kvmd-user": user, "x-kvmd-passwd": password.reveal() + code };
    return this.#http.request({ method, url: origin + path, headers, signal });
  }

  #result<T extends z.ZodType>(
    response: HttpResponse,
    { shape, acted }: { readonly shape: T; readonly acted: boolean },
  ): z.output<T> {
    const { origin, user, password } = this.#options;
    const { host } = new URL(origin);
    if (response.status === 401 || response.status === 403) {
      throw new PowerError("auth", `${host} does not let ${user} in`, {
        hint: this.#options.totp
          ? "Check user, password and the secret for codes, and that the clocks of both agree: a code is good for a minute."
          : "Check user and password. Where it asks for a second factor, give its secret as `totp`.",
      });
    }
    const read = readJson(response.text);
    const said = ERROR.safeParse(read);
    const text = said.success ? said.data.result.error_msg : response.text;
    refuseStatus({ ...response, text }, { url: origin, acted, secrets: [password.reveal()] });
    const envelope = ENVELOPE.safeParse(read);
    const result = shape.safeParse(envelope.data?.result);
    if (envelope.success && result.success) return result.data;
    throw new PowerError("protocol", `${host} does not answer as kvmd does`, {
      mayHaveActed: acted,
      hint: "Is it a PiKVM, or a BliKVM with PiKVM's firmware? If so, update that.",
    });
  }
}

/** Undefined where the text is no JSON. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
