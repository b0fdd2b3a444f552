/**
 * The dialect of TP-Link's Kasa plugs (`IOT.…`):
 *
 *     {"system":{"get_sysinfo":{}}}                              {"system":{"get_sysinfo":{"relay_state":1,…}}}; a strip has `children`
 *     {"system":{"set_relay_state":{"state":1}}}                 {"system":{"set_relay_state":{"err_code":0}}}
 *     {"context":{"child_ids":["…"]},"system":{…}}               the same for one socket of a strip; without it, all are switched
 *     {"emeter":{"get_realtime":{}}}                             {"emeter":{"get_realtime":{"power_mw":61753,…}}}, or `power` in W
 *     {"schedule":{"get_rules":{}}}, and `count_down` likewise   {"schedule":{"get_rules":{"rule_list":[{"enable":1,…}],"err_code":0}}}
 */
import { z } from "zod";
import type { Trap } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import type { KasaLine } from "./kasa-line.ts";
import { type KasaPlug, type KasaSocket, kasaTimer, noMeter } from "./kasa-plug.ts";

const BIT = z.union([z.literal(0), z.literal(1)]).transform((bit) => bit === 1);
const SYSINFO = z.object({
  deviceId: z.string(),
  mac: z.string().optional(),
  model: z.string(),
  sw_ver: z.string().optional(),
  alias: z.string().default(""),
  relay_state: BIT.optional(),
  children: z.array(z.object({ id: z.string(), alias: z.string().default(""), state: BIT })).optional(),
});
const REALTIME = z.union([
  z.object({ power_mw: z.number() }).transform(({ power_mw }) => power_mw / 1_000),
  z.object({ power: z.number() }).transform(({ power }) => power),
]);
const RULES = z.object({ rule_list: z.array(z.object({ enable: BIT })) });
/** Stands in place of a module's answer where there is no such module, and of a method's. */
const FAILED = z.object({ err_code: z.int(), err_msg: z.string().default("") });
/** "module not support", "member not support". */
const NOT_THERE = new Set([-1, -2]);

/** Throws PowerError `protocol` where it does not understand. */
export async function iotPlug(line: KasaLine, signal: AbortSignal): Promise<KasaPlug> {
  const plug = new IotPlug(line);
  await plug.sockets(signal);
  return plug;
}

class IotPlug implements KasaPlug {
  readonly #line: KasaLine;

  constructor(line: KasaLine) {
    this.#line = line;
  }

  async identify(signal: AbortSignal) {
    const { mac, deviceId, model, sw_ver: firmware } = await this.#sysinfo(signal);
    return { id: mac?.toLowerCase() ?? deviceId, model, ...(firmware !== undefined && { firmware }) };
  }

  async sockets(signal: AbortSignal): Promise<readonly KasaSocket[]> {
    const { relay_state: closed, alias, children } = await this.#sysinfo(signal);
    if (children)
      return children.map(({ id, alias: name, state }, index) => ({ id, number: index + 1, name, closed: state }));
    if (closed === undefined) throw this.#strange("has no relay: is it a plug?");
    return [{ id: undefined, number: 1, name: alias, closed }];
  }

  async turn(socket: KasaSocket, closed: boolean, signal: AbortSignal): Promise<void> {
    const args = { state: closed ? 1 : 0 };
    await this.#ask("system", "set_relay_state", { args, socket, acts: true, signal });
  }

  async watts(socket: KasaSocket, signal: AbortSignal): Promise<number> {
    const told = REALTIME.safeParse(await this.#ask("emeter", "get_realtime", { socket, signal }));
    if (!told.success) throw this.#strange("tells no power");
    return told.data;
  }

  async examine(socket: KasaSocket, signal: AbortSignal): Promise<readonly Trap[]> {
    return [
      ...((await this.#hasRules("schedule", socket, signal))
        ? [kasaTimer("is switched by a schedule of its own", "its schedules")]
        : []),
      ...((await this.#hasRules("count_down", socket, signal))
        ? [kasaTimer("is about to be switched by a timer of its own", "its timer")]
        : []),
    ];
  }

  /** False as well where it has no such module. */
  async #hasRules(module: string, socket: KasaSocket, signal: AbortSignal): Promise<boolean> {
    try {
      const told = RULES.safeParse(await this.#ask(module, "get_rules", { socket, signal }));
      return told.data?.rule_list.some(({ enable }) => enable) ?? false;
    } catch (error) {
      if (error instanceof PowerError && error.code === "refused") return false;
      throw error;
    }
  }

  async #sysinfo(signal: AbortSignal) {
    const told = SYSINFO.safeParse(await this.#ask("system", "get_sysinfo", { signal }));
    if (!told.success) throw this.#strange("does not tell what it is");
    return told.data;
  }

  async #ask(
    module: string,
    method: string,
    {
      args = {},
      socket,
      acts = false,
      signal,
    }: { readonly args?: object; readonly socket?: KasaSocket; readonly acts?: boolean; readonly signal: AbortSignal },
  ): Promise<unknown> {
    const context = socket?.id === undefined ? {} : { context: { child_ids: [socket.id] } };
    const answer = await this.#line.ask({ ...context, [module]: { [method]: args } }, { acts, signal });
    const ofModule = memberOf(answer, module);
    const ofMethod = memberOf(ofModule, method);
    const failed = FAILED.safeParse(ofMethod ?? ofModule);
    if (failed.success && failed.data.err_code !== 0) throw this.#refused(method, failed.data);
    // Where it says neither yes nor no, nothing is known of a command.
    if (ofMethod === undefined || (acts && !failed.success)) throw this.#strange(`does not answer ${method}`, acts);
    return ofMethod;
  }

  #refused(method: string, { err_code: code, err_msg: words }: z.output<typeof FAILED>): PowerError {
    const { host } = this.#line;
    if (method === "get_realtime" && NOT_THERE.has(code)) return noMeter(host);
    return new PowerError("refused", `${host} refuses ${method}: ${clip(words)} (${code})`);
  }

  #strange(what: string, mayHaveActed = false): PowerError {
    return new PowerError("protocol", `${this.#line.host} ${what}`, { mayHaveActed });
  }
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
