/** A real mosquitto on loopback, of which each listener lets in whom it says. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "../expecting.ts";
import { keptPort } from "../kept-port.ts";
import { pathOf } from "./need.ts";

const run = promisify(execFile);
const TLS = join(import.meta.dirname, "../fixtures/tls");

export const USER = "maasochist";
export const PASSWORD = "correct horse";

export class Mosquitto implements AsyncDisposable {
  readonly #folder: string;
  #process: ChildProcess | undefined;
  /** Ports: of everybody on loopback, by password, by TLS, by client certificate. */
  readonly open: number;
  readonly guarded: number;
  readonly tls: number;
  readonly certified: number;

  private constructor(folder: string, ports: readonly number[]) {
    this.#folder = folder;
    [this.open = 0, this.guarded = 0, this.tls = 0, this.certified = 0] = ports;
  }

  static async start(): Promise<Mosquitto> {
    const folder = await mkdtemp(join(tmpdir(), "mso-mosquitto-"));
    const ports: number[] = [];
    while (ports.length < 4) ports.push(await keptPort());
    const broker = new Mosquitto(folder, ports);
    await run(pathOf("mosquitto_passwd") ?? "mosquitto_passwd", [
      "-b",
      "-c",
      join(folder, "passwords"),
      USER,
      PASSWORD,
    ]);
    await writeFile(
      join(folder, "allowed"),
      "topic readwrite #\nuser maasochist\ntopic read #\ntopic write cmnd/plug1/#\n",
    );
    const secured = ["certfile device.pem", "keyfile device.key", "cafile authority.pem"].map((line) =>
      line.replace(" ", ` ${TLS}/`),
    );
    const lines = [
      "user root",
      "per_listener_settings true",
      "persistence true",
      `persistence_location ${folder}/`,
      `listener ${broker.open} 127.0.0.1`,
      "allow_anonymous true",
      `listener ${broker.guarded} 127.0.0.1`,
      "allow_anonymous false",
      `password_file ${folder}/passwords`,
      `acl_file ${folder}/allowed`,
      `listener ${broker.tls} 127.0.0.1`,
      "allow_anonymous true",
      ...secured,
      `listener ${broker.certified} 127.0.0.1`,
      "require_certificate true",
      "use_identity_as_username true",
      ...secured,
    ];
    await writeFile(join(folder, "mosquitto.conf"), `${lines.join("\n")}\n`);
    await broker.revive();
    return broker;
  }

  async revive(): Promise<void> {
    const child = spawn(pathOf("mosquitto") ?? "mosquitto", ["-c", join(this.#folder, "mosquitto.conf")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = child;
    let log = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`mosquitto ended: ${log}`);
      return accepts(this.certified);
    });
  }

  /** With SIGTERM it keeps what it retains; with SIGKILL it is gone at once. */
  async die(signal: "SIGTERM" | "SIGKILL" = "SIGKILL"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
