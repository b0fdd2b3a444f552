/**
 * One machine as it stands in a rack, with every way to switch it that the drivers know, each on a real socket:
 *
 *     POST /relay/on, /relay/off    GET /relay     its plug         {"on":true}
 *     POST /power/on, /power/off    GET /power     its controller   {"on":true}
 *     UDP                           a magic packet wakes it
 *     TCP                           its port: open while it runs, silent while it does not
 *     SSH                           its operating system: `shutdown -h now`, while it runs
 *
 * Its own time is the clock's. Every command that arrives is kept, whether obeyed or not.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { keptPort } from "../kept-port.ts";
import { SshMachine } from "../simulators/ssh.ts";
import type { VirtualClock } from "../virtual-clock.ts";
import { Door } from "./door.ts";

export const SSH_USER = { name: "maas", password: "correct horse" };
export const MAC = "00:00:5e:00:53:07";
const MAGIC = Buffer.from(`ffffffffffff${MAC.replaceAll(":", "").repeat(16)}`, "hex");

export interface HostOptions {
  readonly clock: VirtualClock;
  /** What it is at first: `halted` is fed, and does not run. */
  readonly initial?: "on" | "off" | "halted";
  /** From a command to its effect (ms). */
  readonly lag?: number;
  /** From power to running (ms). */
  readonly boot?: number;
  /** Takes commands, and does nothing. */
  readonly stuck?: boolean;
  /** Does it serve SSH? */
  readonly ssh?: boolean;
}

export class SimulatedHost implements AsyncDisposable {
  readonly #clock: VirtualClock;
  readonly #lag: number;
  readonly #boot: number;
  readonly #stuck: boolean;
  readonly #door: Door;
  #ssh: SshMachine | undefined;
  readonly #card: UdpSocket;
  #control: Server;
  #controlPort = 0;
  #fed: boolean;
  #running: boolean;
  /** Ends what is about to happen inside it. */
  #life = new AbortController();
  /** By what, and what: `relay off`. */
  readonly commands: string[] = [];

  private constructor({ clock, initial = "off", lag = 0, boot = 0, stuck = false }: HostOptions, door: Door) {
    this.#clock = clock;
    this.#lag = lag;
    this.#boot = boot;
    this.#stuck = stuck;
    this.#fed = initial !== "off";
    this.#running = initial === "on";
    this.#door = door;
    this.#card = createSocket("udp4").on("message", (packet) => {
      if (packet.equals(MAGIC)) this.command("wake", "on");
    });
    this.#control = this.#serve();
  }

  static async start(options: HostOptions): Promise<SimulatedHost> {
    const door = await Door.start();
    const host = new SimulatedHost(options, door);
    if (options.ssh) {
      host.#ssh = await SshMachine.start({
        users: { [SSH_USER.name]: { password: SSH_USER.password } },
        onShutdown: () => host.command("ssh", "off"),
      });
    }
    if (!host.#running) await Promise.all([door.shut(), host.#ssh?.cut()]);
    host.#card.bind(0, "127.0.0.1");
    await once(host.#card, "listening");
    await host.revive();
    return host;
  }

  get running(): boolean {
    return this.#running;
  }

  get fed(): boolean {
    return this.#fed;
  }

  /** Of its plug and its controller. */
  get url(): string {
    return `http://127.0.0.1:${this.#controlPort}`;
  }

  get wakePort(): number {
    return this.#card.address().port;
  }

  /** Answers while it runs. */
  get port(): number {
    return this.#door.port;
  }

  get sshPort(): number {
    return this.#ssh?.port ?? 0;
  }

  /** Plug and controller are gone: their connections are refused. */
  async die(): Promise<void> {
    this.#control.close();
    this.#control.closeAllConnections();
    await once(this.#control, "close");
  }

  async revive(): Promise<void> {
    if (this.#controlPort === 0) this.#controlPort = await keptPort();
    this.#control = this.#serve();
    this.#control.listen(this.#controlPort, "127.0.0.1");
    await once(this.#control, "listening");
  }

  /** A command arrived. */
  command(by: string, verb: "on" | "off"): void {
    this.commands.push(`${by} ${verb}`);
    if (this.#stuck) return;
    if (by !== "relay") this.#after(this.#lag + (verb === "on" ? this.#boot : 0), () => this.#run(verb === "on"));
    else if (verb === "off") this.#after(this.#lag, () => this.#cut());
    else this.#after(this.#lag, () => this.#feed());
  }

  /** The operating system halts; current stays. */
  halt(): Promise<void> {
    this.#renewLife();
    return this.#run(false);
  }

  #serve(): Server {
    return createServer((request, response) => this.#answer(request, response));
  }

  #answer({ method, url = "" }: IncomingMessage, response: ServerResponse): void {
    const [, by, verb] = /^\/(relay|power|program)(?:\/(on|off))?$/.exec(url) ?? [];
    if (by === undefined || (method === "POST") !== (verb === "on" || verb === "off")) {
      response.writeHead(404).end();
      return;
    }
    if (verb === "on" || verb === "off") this.command(by, verb);
    response.end(JSON.stringify({ on: by === "relay" ? this.#fed : this.#running }));
  }

  async #run(running: boolean): Promise<void> {
    if (running === this.#running || (running && !this.#fed)) return;
    this.#running = running;
    await (running ? this.#door.open() : this.#door.shut());
    await (running ? this.#ssh?.boot() : this.#ssh?.cut());
  }

  async #cut(): Promise<void> {
    this.#fed = false;
    this.#renewLife();
    await this.#run(false);
  }

  async #feed(): Promise<void> {
    if (this.#fed) return;
    this.#fed = true;
    this.#after(this.#boot, () => this.#run(true));
  }

  #renewLife(): void {
    this.#life.abort();
    this.#life = new AbortController();
  }

  #after(ms: number, effect: () => Promise<void>): void {
    if (ms === 0) void this.#clock.busy(effect());
    else
      void this.#clock.sleep(ms, this.#life.signal).then(
        () => this.#clock.busy(effect()),
        () => undefined,
      );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort();
    this.#card.close();
    if (this.#control.listening) await this.die();
    await this.#ssh?.cut();
    await this.#door[Symbol.asyncDispose]();
  }
}
