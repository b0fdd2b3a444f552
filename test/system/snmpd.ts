/** A real snmpd on loopback, behind which stand the outlets of a PDU and the ports of a switch. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../expecting.ts";
import { keptPort } from "../kept-port.ts";
import { pathOf } from "./need.ts";

export const READ = "looks";
export const WRITE = "acts-hidden";
export const USER = { user: "maas", auth: "auth-password", auth_protocol: "sha256", priv: "priv-password" } as const;

/** States by outlet and by port: 1 on, 2 off. */
export interface Objects {
  readonly outlets: Readonly<Record<string, number>>;
  readonly ports: Readonly<Record<string, number>>;
}

export class Snmpd implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.#folder = folder;
  }

  static async start(objects: Objects): Promise<Snmpd> {
    const folder = await mkdtemp(join(tmpdir(), "mso-snmpd-"));
    const snmpd = new Snmpd(await keptPort(), folder);
    await writeFile(snmpd.#objectsFile, JSON.stringify(objects));
    const program = `${process.execPath} ${join(import.meta.dirname, "snmpd-objects.mjs")} ${snmpd.#objectsFile}`;
    const lines = [
      `agentAddress udp:127.0.0.1:${snmpd.port}`,
      `rocommunity ${READ}`,
      `rwcommunity ${WRITE}`,
      `createUser ${USER.user} SHA-256 "${USER.auth}" AES "${USER.priv}"`,
      `rwuser ${USER.user} priv`,
      "sysObjectID .1.3.6.1.4.1.318.1.3.4.5",
      `pass_persist .1.3.6.1.4.1.318 ${program}`,
      `pass_persist .1.3.6.1.2.1.105 ${program}`,
    ];
    await writeFile(join(folder, "snmpd.conf"), `${lines.join("\n")}\n`);
    await snmpd.run();
    return snmpd;
  }

  /** What the device is really doing. */
  async objects(): Promise<Objects> {
    return JSON.parse(await readFile(this.#objectsFile, "utf8")) as Objects;
  }

  async run(): Promise<void> {
    const program = pathOf("snmpd") ?? "snmpd";
    const snmpd = spawn(program, ["-f", "-Le", "-C", "-c", join(this.#folder, "snmpd.conf")], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, SNMP_PERSISTENT_DIR: join(this.#folder, "persistent"), MIBS: "" },
    });
    this.#process = snmpd;
    let log = "";
    snmpd.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    await until(() => {
      if (snmpd.exitCode !== null) throw new Error(`snmpd ended: ${log}`);
      return log.includes("NET-SNMP version");
    });
  }

  /** It ends as it does when its host is shut down. */
  async end(): Promise<void> {
    const snmpd = this.#process;
    this.#process = undefined;
    if (!snmpd || snmpd.exitCode !== null) return;
    const ended = once(snmpd, "exit");
    snmpd.kill();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #objectsFile(): string {
    return join(this.#folder, "objects.json");
  }
}
