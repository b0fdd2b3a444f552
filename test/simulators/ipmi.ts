/**
 * Management controllers behind an `ipmitool` that is put first on PATH: what it prints and how it exits is from its manual
 * page, its source (lib/ipmi_chassis.c, src/plugins/lanplus/lanplus.c), and runs of version 1.8.19. What the
 * controller does is from the IPMI 2.0 specification, chapter 28 and table 5-2. A controller is known by its port.
 */
import { setImmediate as turn } from "node:timers/promises";
import { type Clock, systemClock } from "../../src/power/clock.ts";
import { type ProgramCall, type ProgramEnd, putOnPath, SILENCE } from "./programs.ts";

export const IPMI_USER = "maas";
export const IPMI_PASSWORD = "correct-horse-bmc";

/**
 * How it fails. `gone`: no answer, of which the real program learns after 6 s. `silent`: the program hangs. `lost`: obeys,
 * and the answer is lost. `mute`: no answer in the middle of the login. `crash`: the program does.
 */
export type IpmiFault = "gone" | "silent" | "rubbish" | "lost" | "mute" | "full" | "crash";

/** Durations in ms. */
export interface IpmiOptions {
  readonly clock?: Clock;
  readonly power?: "on" | "off";
  /** From an order to its effect. */
  readonly lag?: number;
  /** From a soft off to off; undefined: nobody listens. */
  readonly shutdown?: number | undefined;
  /** Takes orders, and does nothing. */
  readonly stuck?: boolean;
  /** Cipher suites it has. */
  readonly ciphers?: readonly number[];
  /** Does it, asked for one that it has not, answer with another, as pyghmi and VirtualBMC do? */
  readonly otherCipher?: boolean;
  readonly kg?: string;
  /** Refuses an order for what is so already, with completion code D5h. */
  readonly refusesRepeats?: boolean;
  /** Highest privilege of the user. */
  readonly privilege?: "USER" | "OPERATOR" | "ADMINISTRATOR";
}

const LEVELS = ["CALLBACK", "USER", "OPERATOR", "ADMINISTRATOR"];
const NAMES = { on: "Up/On", off: "Down/Off", soft: "Soft", reset: "Reset", cycle: "Cycle", diag: "Diag" } as const;
const NO_SESSION = "Error: Unable to establish IPMI v2 / RMCP+ session\n";

const controllers = new Map<string, Bmc>();
const ports = (function* () {
  for (let port = 40_001; ; port++) yield port;
})();

export class Bmc implements Disposable {
  readonly port: number = ports.next().value;
  readonly #options: IpmiOptions;
  readonly #clock: Clock;
  readonly #program: Disposable;
  #life = new AbortController();
  power: "on" | "off";
  fault: IpmiFault | undefined;
  /** The next commands in a session end with these completion codes, as ipmitool calls them. */
  readonly completions: string[] = [];
  /** `on`, `off`, `soft`, `reset`, and `pxe` with its options. */
  readonly commands: string[] = [];
  /** Calls of the program, whatever became of them. */
  readonly calls: ProgramCall[] = [];
  /** How the next start goes. */
  boot: string | undefined;
  resets = 0;

  private constructor(options: IpmiOptions, program: Disposable) {
    this.#options = options;
    this.#program = program;
    this.#clock = options.clock ?? systemClock;
    this.power = options.power ?? "off";
  }

  static start(options: IpmiOptions = {}): Bmc {
    const program = putOnPath("ipmitool", (call) => {
      const port = call.args[call.args.indexOf("-p") + 1] ?? "";
      return controllers.get(port)?.answer(call) ?? { stderr: NO_SESSION, code: 1 };
    });
    const bmc = new Bmc(options, program);
    controllers.set(String(bmc.port), bmc);
    return bmc;
  }

  /** Input of the driver's hub schema. */
  get hub() {
    return { host: "127.0.0.1", port: this.port, user: IPMI_USER, password: IPMI_PASSWORD };
  }

  /** Somebody does it at the machine. */
  set(power: "on" | "off"): void {
    this.#renewLife();
    this.power = power;
  }

  async answer(call: ProgramCall): Promise<ProgramEnd> {
    this.calls.push(call);
    await turn();
    const { args, env } = call;
    switch (this.fault) {
      case "silent":
        return SILENCE;
      case "crash":
        return { stderr: "*** stack smashing detected ***: terminated\n", signal: "SIGABRT" };
      case "rubbish":
        return { stdout: `Usage: ${JSON.stringify(env["IPMITOOL_PASSWORD"])}\nChassis Power is onerous\n` };
      case "gone":
        return this.#noSession(
          args,
          "Get Auth Capabilities error\nError issuing Get Channel Authentication Capabilities request\n",
        );
      default:
        return this.#login(args, env) ?? this.#command(args.slice(args.indexOf("chassis")));
    }
  }

  /** Why there is no session; undefined where there is one. */
  #login(args: readonly string[], env: ProgramCall["env"]): ProgramEnd | undefined {
    const option = (flag: string) => args[args.indexOf(flag) + 1] ?? "";
    const { ciphers = [17, 3], otherCipher, kg, privilege = "ADMINISTRATOR" } = this.#options;
    if (option("-I") !== "lanplus" || !args.includes("-E")) return { stderr: "Password: ", code: 1 };
    if (this.fault === "full")
      return this.#opening(args, "Error in open session response message : insufficient resources for session\n");
    if (!ciphers.includes(Number(option("-C"))))
      return this.#opening(
        args,
        otherCipher
          ? "Authentication algorithm 0x01 is not what we requested 0x03\n"
          : "Error in open session response message : no matching cipher suite\n",
      );
    if (this.fault === "mute") return this.#opening(args, "> Error: no response from RAKP 1 message\n");
    if (option("-U") !== IPMI_USER)
      return this.#noSession(args, "RAKP 2 message indicates an error : unauthorized name\n");
    if (LEVELS.indexOf(option("-L")) > LEVELS.indexOf(privilege))
      return this.#noSession(args, "RAKP 2 message indicates an error : unauthorized role requested\n");
    if ((env["IPMITOOL_PASSWORD"] ?? env["IPMI_PASSWORD"]) !== IPMI_PASSWORD)
      return this.#noSession(args, "> RAKP 2 HMAC is invalid\n");
    if (kg !== undefined && (!args.includes("-K") || env["IPMI_KGKEY"] !== kg))
      return this.#noSession(args, "> RAKP 4 message has invalid integrity check value\n");
    return undefined;
  }

  /** Told to everybody. */
  #opening(args: readonly string[], words: string): ProgramEnd {
    return { stderr: `${loading(args)}${words}\n${NO_SESSION}`, code: 1 };
  }

  /** Told with `-v` alone. */
  #noSession(args: readonly string[], words: string): ProgramEnd {
    return { stderr: `${args.includes("-v") ? loading(args) + words : ""}${NO_SESSION}`, code: 1 };
  }

  #command([, group = "", word = "", ...options]: readonly string[]): ProgramEnd {
    const chatter = "Running Get VSO Capabilities my_addr 0x20, transit 0, target 0x20\n";
    const completion = this.completions.shift();
    if (group === "bootdev") return this.#bootDevice(word, { options, completion });
    if (word === "status") {
      if (this.fault === "lost") return { stderr: `${chatter}Unable to get Chassis Power Status\n`, code: 1 };
      if (completion !== undefined)
        return { stderr: `${chatter}Get Chassis Power Status failed: ${completion}\n`, code: 1 };
      return { stdout: `Chassis Power is ${this.power}\n`, stderr: chatter };
    }
    if (!isOrder(word)) return { stderr: `Invalid chassis power command: ${word}\n`, code: 1 };
    const refusal = completion ?? this.#refusal(word);
    if (refusal !== undefined)
      return { stderr: `Set Chassis Power Control to ${NAMES[word]} failed: ${refusal}\n`, code: 1 };
    this.commands.push(word);
    if (!this.#options.stuck) this.#obey(word);
    if (this.fault === "lost")
      return { stderr: `${chatter}Unable to set Chassis Power Control to ${NAMES[word]}\n`, code: 1 };
    return { stdout: `Chassis Power Control: ${NAMES[word]}\n`, stderr: chatter };
  }

  #bootDevice(
    device: string,
    { options, completion }: { readonly options: readonly string[]; readonly completion: string | undefined },
  ): ProgramEnd {
    if (completion !== undefined) return { stderr: `Set Chassis Boot Parameter 5 failed: ${completion}\n`, code: 1 };
    this.boot = [device, ...options].join(" ");
    this.commands.push(this.boot);
    return { stdout: `Set Boot Device to ${device}\n` };
  }

  #refusal(order: keyof typeof NAMES): string | undefined {
    if (this.#options.privilege === "USER") return "Insufficient privilege level";
    const repeats = (order === "on" && this.power === "on") || (order !== "on" && this.power === "off");
    return this.#options.refusesRepeats && repeats ? "Command not supported in present state" : undefined;
  }

  #obey(order: keyof typeof NAMES): void {
    const { lag = 0 } = this.#options;
    // Absent is not undefined: a machine shuts down unless it is said that nobody listens.
    const shutdown = "shutdown" in this.#options ? this.#options.shutdown : 0;
    if (order === "reset" && this.power === "on") this.resets += 1;
    if (order === "on") this.#after(lag, "on");
    if (order === "off") this.#after(lag, "off");
    if (order === "soft" && shutdown !== undefined) this.#after(lag + shutdown, "off");
  }

  #after(ms: number, power: "on" | "off"): void {
    if (ms === 0) this.power = power;
    else
      void this.#clock.sleep(ms, this.#life.signal).then(
        () => {
          this.power = power;
        },
        () => undefined,
      );
  }

  #renewLife(): void {
    this.#life.abort();
    this.#life = new AbortController();
  }

  [Symbol.dispose](): void {
    this.#life.abort();
    controllers.delete(String(this.port));
    this.#program[Symbol.dispose]();
  }
}

function isOrder(word: string): word is keyof typeof NAMES {
  return Object.hasOwn(NAMES, word);
}

function loading(args: readonly string[]): string {
  return args.includes("-v") ? "Loading IANA PEN Registry...\n" : "";
}
