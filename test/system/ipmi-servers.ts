/** Real IPMI on loopback: OpenIPMI's simulated controller with a chassis of ours behind it, and that of pyghmi. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../expecting.ts";
import { keptPort } from "../kept-port.ts";
import { pathOf } from "./need.ts";

export const IPMI_USERS = {
  admin: "correct-horse-1",
  oper: "correct-horse-2",
  looker: "correct-horse-3",
} as const;

/** ipmi_lan(5): it is called with what to get, or with what to set to what. */
const CHASSIS = `#!/bin/sh
folder=$(dirname "$0")
shift
verb=$1
shift
while [ $# -gt 0 ]; do
  if [ "$verb" = get ]; then
    echo "$1:$(cat "$folder/$1")"
    shift
    continue
  fi
  echo "$1 $2" >> "$folder/orders"
  case $1 in
    power | boot) echo "$2" > "$folder/$1" ;;
    shutdown) echo 0 > "$folder/power" ;;
  esac
  shift 2
done
`;

/** A user of each privilege there is. */
function lanConf(folder: string, port: number): string {
  const auths = ["callback", "user", "operator", "admin"].map(
    (level) => `    allowed_auths_${level} none md2 md5 straight`,
  );
  const users = Object.entries(IPMI_USERS).map(
    ([name, password], index) =>
      `  user ${index + 2} true "${name}" "${password}" ${{ admin: "admin", oper: "operator", looker: "user" }[name]} 10 none md2 md5 straight`,
  );
  return [
    'name "bmc"',
    "set_working_mc 0x20",
    "  startlan 1",
    `    addr 127.0.0.1 ${port}`,
    "    priv_limit admin",
    ...auths,
    "    guid a123456789abcdefa123456789abcdef",
    "  endlan",
    `  chassis_control "${join(folder, "chassis")} 0x20"`,
    ...users,
    "",
  ].join("\n");
}

const EMULATOR =
  "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n";

export class IpmiSim implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
  }

  static async start(): Promise<IpmiSim> {
    const folder = await mkdtemp(join(tmpdir(), "mso-ipmi-"));
    const sim = new IpmiSim(folder, await keptPort());
    await mkdir(join(folder, "state"));
    await writeFile(join(folder, "lan.conf"), lanConf(folder, sim.port));
    await writeFile(join(folder, "sim.emu"), EMULATOR);
    await writeFile(join(folder, "chassis"), CHASSIS);
    await chmod(join(folder, "chassis"), 0o755);
    await writeFile(join(folder, "power"), "0\n");
    await writeFile(join(folder, "boot"), "none\n");
    await writeFile(join(folder, "orders"), "");
    await sim.revive();
    return sim;
  }

  /** Input of the driver's hub schema. */
  hub(user: keyof typeof IPMI_USERS = "oper") {
    return { host: "127.0.0.1", port: this.port, user, password: IPMI_USERS[user] };
  }

  async power(): Promise<"on" | "off"> {
    return (await this.#read("power")) === "1" ? "on" : "off";
  }

  boot(): Promise<string> {
    return this.#read("boot");
  }

  /** What its chassis was told: `power 1`. */
  async orders(): Promise<string[]> {
    return (await this.#read("orders")).split("\n").filter((line) => line !== "");
  }

  async die(): Promise<void> {
    await end(this.#process);
    this.#process = undefined;
  }

  async revive(): Promise<void> {
    const files = ["-c", "lan.conf", "-f", "sim.emu", "-s", "state", "-n"];
    // Without standard input it ends.
    const child = spawn(pathOf("ipmi_sim") ?? "ipmi_sim", files, {
      cwd: this.#folder,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#process = child;
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`ipmi_sim ended: ${said}`);
      return await isBound(this.port);
    });
  }

  async #read(file: string): Promise<string> {
    return (await readFile(join(this.#folder, file), "utf8")).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Is there a UDP socket of this port on loopback? proc_net(5) */
async function isBound(port: number): Promise<boolean> {
  const socket = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return (await readFile("/proc/net/udp", "utf8")).includes(socket);
}

/** The samples's own main would listen on all addresses. */
const FAKE_BMC = `
import sys
from pyghmi.cmd.fakebmc import FakeBmc
from pyghmi.ipmi.bmc import Bmc

class LoopbackBmc(FakeBmc):
    def __init__(self, users, port):
        Bmc.__init__(self, users, port, address="127.0.0.1")
        self.powerstate = "off"
        self.bootdevice = "default"

LoopbackBmc({"admin": "password"}, int(sys.argv[1])).listen()
`;

export class FakeBmc implements AsyncDisposable {
  readonly port: number;
  readonly #process: ChildProcess;
  /** What it says that it does. */
  said = "";

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.#process = child;
  }

  static async start(): Promise<FakeBmc> {
    const port = await keptPort();
    // Debian's modules belong to Debian's Python.
    const child = spawn("/usr/bin/python3", ["-u", "-c", FAKE_BMC, String(port)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const bmc = new FakeBmc(port, child);
    child.stdout.on("data", (chunk: Buffer) => {
      bmc.said += chunk.toString();
    });
    await until(async () => {
      if (child.exitCode !== null) throw new Error("pyghmi's fakebmc ended");
      return await isBound(port);
    });
    return bmc;
  }

  get hub() {
    return { host: "127.0.0.1", port: this.port, user: "admin", password: "password" };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return end(this.#process);
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
