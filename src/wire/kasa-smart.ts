/**
 * The dialect of TP-Link's Tapo plugs, and of newer Kasa ones (`SMART.…`):
 *
 *     {"method":"get_device_info"}                                       {"error_code":0,"result":{"device_on":true,…}}
 *     {"method":"set_device_info","params":{"device_on":true}}           {"error_code":0}
 *     {"method":"get_child_device_list","params":{"start_index":0}}      {"error_code":0,"result":{"sum":4,"child_device_list":[…]}}
 *     {"method":"control_child","params":{"device_id":"…","requestData":{"method":…}}}
 *                                                                        {"error_code":0,"result":{"responseData":{"error_code":0,…}}}
 *
 *     {"method":"get_auto_off_config"}                                   {"error_code":0,"result":{"enable":true,"delay_min":20}}
 *
 * Power is told in three ways, of which a plug has some: mW by `get_energy_usage` and `get_emeter_data`, W by `get_current_power`.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import type { KasaLine } from "./kasa-line.ts";
import { type KasaPlug, type KasaSocket, kasaTimer, noMeter } from "./kasa-plug.ts";

const NAME = z
  .string()
  .default("")
  .transform((base64) => Buffer.from(base64, "base64").toString());
const INFO = z.object({
  device_id: z.string(),
  mac: z.string().optional(),
  model: z.string(),
  fw_ver: z.string().optional(),
  nickname: NAME,
  /** Absent where the device is a strip. */
  device_on: z.boolean().optional(),
});
const CHILDREN = z.object({
  child_device_list: z.array(
    z.object({ device_id: z.string(), nickname: NAME, device_on: z.boolean(), position: z.int().optional() }),
  ),
  sum: z.int(),
});
/** What of the information concerns us beside the state; of a plug, or of one socket. */
const TRAPS = z.object({
  power_protection_status: z.string().default("normal"),
  default_states: z.object({ type: z.string() }).optional(),
});
const AUTO_OFF = z.object({ enable: z.boolean(), delay_min: z.number().default(0) });
const ANSWER = z.object({ error_code: z.int(), result: z.unknown().optional() });
const OF_CHILD = z.object({ responseData: ANSWER });

const METERS = [
  { method: "get_energy_usage", key: "current_power", perWatt: 1_000 },
  { method: "get_emeter_data", key: "power_mw", perWatt: 1_000 },
  { method: "get_current_power", key: "current_power", perWatt: 1 },
] as const;

/** No such method, or none with these parameters. */
const NOT_THERE = new Set([-1002, -1008]);
/** The session, or what it was opened with, counts no more. */
const LOGGED_OUT = new Set([9999, 1003, 1100, 1111, -1005, -1501]);
/** Nothing that lasts. */
const BUSY = new Set([1002, -1001]);

/** Throws PowerError `protocol` where it does not understand. */
export async function smartPlug(line: KasaLine, signal: AbortSignal): Promise<KasaPlug> {
  const plug = new SmartPlug(line);
  await plug.sockets(signal);
  return plug;
}

class SmartPlug implements KasaPlug {
  readonly #line: KasaLine;
  /** By which the plug tells its callers apart. */
  readonly #caller = randomBytes(16).toString("base64");
  #strip = false;

  constructor(line: KasaLine) {
    this.#line = line;
  }

  async identify(signal: AbortSignal) {
    const { mac, device_id, model, fw_ver: firmware } = await this.#info(signal);
    const id = mac?.toLowerCase().replaceAll("-", ":") ?? device_id;
    return { id, model, ...(firmware !== undefined && { firmware }) };
  }

  async sockets(signal: AbortSignal): Promise<readonly KasaSocket[]> {
    if (!this.#strip) {
      const { device_on: closed, nickname: name } = await this.#info(signal);
      if (closed !== undefined) return [{ id: undefined, number: 1, name, closed }];
    }
    const children = await this.#children(signal);
    this.#strip = true;
    return children;
  }

  async turn(socket: KasaSocket, closed: boolean, signal: AbortSignal): Promise<void> {
    await this.#ask("set_device_info", { params: { device_on: closed }, socket, acts: true, signal });
  }

  async examine(socket: KasaSocket, signal: AbortSignal): Promise<readonly Trap[]> {
    const info = TRAPS.safeParse(await this.#ifThere("get_device_info", { socket, signal })).data;
    const autoOff = AUTO_OFF.safeParse(await this.#ifThere("get_auto_off_config", { socket, signal })).data;
    const protection = info?.power_protection_status ?? "normal";
    const onMains = info?.default_states?.type ?? "last_states";
    return [
      ...(autoOff?.enable ? [kasaTimer(`opens by itself ${autoOff.delay_min} min after each on`, "Auto-Off")] : []),
      ...(protection === "normal"
        ? []
        : [
            {
              kind: "held",
              problem: `is held open by its power protection (${protection})`,
              mend: "In the Kasa or Tapo app: raise the limit of its power protection, or switch that off.",
            } as const,
          ]),
      ...(onMains === "last_states"
        ? []
        : [
            {
              kind: "mains",
              problem: "does not go back to its last state when mains return",
              mend: "In the Kasa or Tapo app: set its default state to the last one.",
            } as const,
          ]),
    ];
  }

  async watts(socket: KasaSocket, signal: AbortSignal): Promise<number> {
    for (const { method, key, perWatt } of METERS) {
      const told = z.object({ [key]: z.number() }).safeParse(await this.#ifThere(method, { socket, signal }));
      const power = told.data?.[key];
      if (power !== undefined) return power / perWatt;
    }
    throw noMeter(this.#line.host);
  }

  /** Undefined where it has no such method. */
  async #ifThere(method: string, options: { readonly socket: KasaSocket; readonly signal: AbortSignal }) {
    try {
      return await this.#ask(method, options);
    } catch (error) {
      if (error instanceof PowerError && error.code === "unsupported") return undefined;
      throw error;
    }
  }

  async #info(signal: AbortSignal) {
    const told = INFO.safeParse(await this.#ask("get_device_info", { signal }));
    if (!told.success) throw new PowerError("protocol", `${this.#line.host} does not tell what it is`);
    return told.data;
  }

  /** A long list comes in several answers. */
  async #children(signal: AbortSignal): Promise<readonly KasaSocket[]> {
    const found: z.output<typeof CHILDREN>["child_device_list"][number][] = [];
    for (;;) {
      const params = { start_index: found.length };
      const told = CHILDREN.safeParse(await this.#ask("get_child_device_list", { params, signal }));
      if (!told.success) throw new PowerError("protocol", `${this.#line.host} does not tell its sockets`);
      const { child_device_list: list, sum } = told.data;
      found.push(...list);
      if (list.length === 0 || found.length >= sum) break;
    }
    return found
      .map(({ device_id: id, nickname: name, device_on: closed, position }, index) => ({
        id,
        number: position ?? index + 1,
        name,
        closed,
      }))
      .sort((a, b) => a.number - b.number);
  }

  async #ask(
    method: string,
    {
      params,
      socket,
      acts = false,
      signal,
    }: {
      readonly params?: object;
      readonly socket?: KasaSocket;
      readonly acts?: boolean;
      readonly signal: AbortSignal;
    },
  ): Promise<unknown> {
    const asked = { method, ...(params && { params }) };
    const request =
      socket?.id === undefined
        ? asked
        : { method: "control_child", params: { device_id: socket.id, requestData: asked } };
    const about = { method, acts };
    // `milis` is how the plugs spell it.
    const stamp = { request_time_milis: Date.now(), terminal_uuid: this.#caller };
    const result = this.#resultOf(await this.#line.ask({ ...request, ...stamp }, { acts, signal }), about);
    if (socket?.id === undefined) return result;
    const ofChild = OF_CHILD.safeParse(result);
    if (!ofChild.success) throw this.#unclear(about);
    return this.#resultOf(ofChild.data.responseData, about);
  }

  #resultOf(answer: unknown, about: { readonly method: string; readonly acts: boolean }): unknown {
    const told = ANSWER.safeParse(answer);
    if (!told.success) throw this.#unclear(about);
    const { error_code: code, result } = told.data;
    if (code === 0) return result;
    const failed = NOT_THERE.has(code)
      ? "unsupported"
      : LOGGED_OUT.has(code)
        ? "auth"
        : BUSY.has(code)
          ? "busy"
          : "refused";
    throw new PowerError(failed, `${this.#line.host} refuses ${about.method} with code ${code}`);
  }

  #unclear({ method, acts }: { readonly method: string; readonly acts: boolean }): PowerError {
    return new PowerError("protocol", `${this.#line.host} does not answer ${method}`, { mayHaveActed: acts });
  }
}
