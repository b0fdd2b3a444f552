/**
 * What is inside a TP-Link plug or strip: relays, a meter each where it has them, and a machine behind each that boots when
 * it is fed. Its two dialects are written from the answers of real devices that python-kasa keeps in tests/fixtures.
 */
import { FedMachine, type FedMachineOptions } from "./fed-machine.ts";

export interface HardwareOptions extends FedMachineOptions {
  /** One is a plug, more are a strip. */
  readonly sockets?: number;
  /** What it tells its power by; absent: it has no meter. */
  readonly meter?: "mW" | "W";
}

const MAC = "00:00:5E:00:53:60";
const DEVICE_ID = "8006AABBCCDDEEFF00112233445566778899AABB";

export class Hardware {
  readonly #options: HardwareOptions;
  readonly sockets: readonly Socket[];
  /** Every command that switches, as it arrived: `socket 2 on`, or `all on`. */
  readonly commands: string[] = [];
  /** Requests of any kind that were understood. */
  requests = 0;
  /** What somebody set in the app. */
  readonly app = {
    schedules: 0,
    countdown: false,
    /** Minutes; 0: it is off. */
    autoOff: 0,
    onMains: "last_states",
    protection: "normal",
  };
  model = "HS300(US)";
  mac = MAC;
  /** How many sockets of a strip one answer tells. */
  page = 10;
  /** In place of obeying the next commands it answers these errors. */
  readonly errors: number[] = [];

  constructor(options: HardwareOptions = {}) {
    this.#options = options;
    const { sockets = 1 } = options;
    this.sockets = Array.from({ length: sockets }, (_, index) => ({
      id: `${DEVICE_ID}0${index}`,
      name: sockets === 1 ? "Lamp" : `Plug ${index + 1}`,
      machine: new FedMachine(options),
    }));
  }

  get isStrip(): boolean {
    return this.sockets.length > 1;
  }

  socket(number: number): Socket {
    const socket = this.sockets[number - 1];
    if (!socket) throw new Error(`there is no socket ${number}`);
    return socket;
  }

  #turn(sockets: readonly Socket[], closed: boolean): void {
    const all = sockets.length === this.sockets.length;
    const which = all ? "all" : sockets.map((socket) => `socket ${this.sockets.indexOf(socket) + 1}`).join(", ");
    this.commands.push(`${which} ${closed ? "on" : "off"}`);
    for (const { machine } of sockets) machine.command(closed ? "on" : "off");
  }

  /** Nothing happens in it any more. */
  end(): void {
    for (const { machine } of this.sockets) machine.end();
  }

  /** In the dialect of Kasa: modules with methods, and `context` to say which socket. */
  answerIot(request: unknown): unknown {
    this.requests += 1;
    const { context, ...modules } = objectOf(request);
    const ids = objectOf(context)["child_ids"];
    const children = Array.isArray(ids) ? this.sockets.filter(({ id }) => ids.includes(id)) : this.sockets;
    const unknown = Array.isArray(ids) && children.length === 0;
    return Object.fromEntries(
      Object.entries(modules).map(([module, methods]) => {
        const called = Object.entries(objectOf(methods));
        if (
          !["system", "emeter", "schedule", "count_down"].includes(module) ||
          called.length === 0 ||
          (module === "emeter" && !this.#options.meter)
        )
          return [module, { err_code: -1, err_msg: "module not support" }];
        return [
          module,
          Object.fromEntries(
            called.map(([method, args]) => [
              method,
              unknown
                ? { err_code: -14, err_msg: "entry not exist" }
                : method === "get_rules"
                  ? this.#rules(module)
                  : this.#iot(method, objectOf(args), children),
            ]),
          ),
        ];
      }),
    );
  }

  #iot(method: string, args: Record<string, unknown>, children: readonly Socket[]): object {
    const [first] = children;
    if (method === "get_sysinfo") return { ...this.#sysinfo(), err_code: 0 };
    if (method === "set_relay_state" && (args["state"] === 0 || args["state"] === 1)) {
      const error = this.errors.shift();
      if (error !== undefined) return { err_code: error, err_msg: "so it is" };
      this.#turn(children, args["state"] === 1);
      return { err_code: 0 };
    }
    if (method === "get_realtime" && first) {
      const { watts } = first.machine;
      return this.#options.meter === "mW"
        ? { current_ma: 110, power_mw: watts * 1_000, total_wh: 26_889, voltage_mv: 229_831, err_code: 0 }
        : { current: 0.11, power: watts, total: 26.889, voltage: 229.831, err_code: 0 };
    }
    return { err_code: -2, err_msg: "member not support" };
  }

  #rules(module: string): object {
    const { schedules, countdown } = this.app;
    const of = module === "schedule" ? Array.from({ length: schedules }) : countdown ? [0] : [];
    return { rule_list: of.map((_, id) => ({ id: String(id), enable: 1, name: "Night" })), enable: 1, err_code: 0 };
  }

  #sysinfo(): object {
    const [first] = this.sockets;
    const relays = this.isStrip
      ? {
          child_num: this.sockets.length,
          children: this.sockets.map(({ id, name, machine }) => ({
            id,
            state: bit(machine.fed),
            alias: name,
            on_time: 3,
          })),
        }
      : { relay_state: bit(first?.machine.fed ?? false), on_time: 3 };
    return {
      sw_ver: "1.0.21 Build 210524 Rel.161309",
      hw_ver: "1.0",
      model: this.model,
      deviceId: DEVICE_ID,
      alias: this.isStrip ? "Strip" : (first?.name ?? ""),
      mic_type: "IOT.SMARTPLUGSWITCH",
      feature: this.#options.meter ? "TIM:ENE" : "TIM",
      mac: this.mac,
      updating: 0,
      led_off: 0,
      ...relays,
    };
  }

  /** In the dialect of Tapo: one method, and `control_child` around it to say which socket. */
  answerSmart(request: unknown): unknown {
    this.requests += 1;
    const { method, params } = objectOf(request);
    if (method !== "control_child") return this.#smart(method, objectOf(params), undefined);
    const { device_id: id, requestData } = objectOf(params);
    const socket = this.sockets.find((known) => known.id === id);
    if (!socket || !this.isStrip) return { error_code: -1008 };
    const { method: inner, params: args } = objectOf(requestData);
    return { error_code: 0, result: { responseData: this.#smart(inner, objectOf(args), socket) } };
  }

  #smart(method: unknown, params: Record<string, unknown>, child: Socket | undefined): object {
    const socket = child ?? (this.isStrip ? undefined : this.sockets[0]);
    const { meter } = this.#options;
    const result = (value: object) => ({ error_code: 0, result: value });
    if (method === "get_device_info") return result(this.#info(socket));
    if (method === "set_device_info" && socket && typeof params["device_on"] === "boolean") {
      const error = this.errors.shift();
      if (error !== undefined) return { error_code: error };
      this.#turn([socket], params["device_on"]);
      return { error_code: 0 };
    }
    if (method === "get_child_device_list" && this.isStrip)
      return result(this.#children(Number(params["start_index"])));
    if (method === "get_energy_usage" && socket && meter)
      return result({ month_energy: 6_266, ...(meter === "mW" && { current_power: socket.machine.watts * 1_000 }) });
    if (method === "get_current_power" && socket && meter)
      return result({ current_power: Math.round(socket.machine.watts) });
    if (method === "get_auto_off_config" && socket)
      return result({ delay_min: this.app.autoOff || 120, enable: this.app.autoOff > 0 });
    return { error_code: typeof method === "string" ? -1002 : -1003 };
  }

  #info(socket: Socket | undefined): object {
    return {
      device_id: DEVICE_ID,
      fw_ver: "1.2.3 Build 240617 Rel.153525",
      hw_ver: "1.0",
      mac: this.mac.replaceAll(":", "-"),
      model: this.model,
      nickname: base64(socket?.name ?? ""),
      type: "SMART.TAPOPLUG",
      ...(socket && {
        device_on: socket.machine.fed,
        auto_off_status: "off",
        power_protection_status: this.app.protection,
        default_states: { type: this.app.onMains, state: {} },
      }),
    };
  }

  /** Not in the order of their positions, as real ones do. */
  #children(start: number): object {
    const all = this.sockets
      .map(({ id, name, machine }, index) => ({
        device_id: id,
        nickname: base64(name),
        device_on: machine.fed,
        position: index + 1,
        slot_number: this.sockets.length,
      }))
      .reverse();
    return { child_device_list: all.slice(start, start + this.page), start_index: start, sum: all.length };
  }
}

export interface Socket {
  readonly id: string;
  name: string;
  readonly machine: FedMachine;
}

function bit(value: boolean): 0 | 1 {
  return value ? 1 : 0;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
