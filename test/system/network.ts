/**
 * Two hosts on a network of their own: namespaces joined by a veth pair, without any way to the outside. Needs root.
 *
 *     daemon's side  10.98.0.1/24 ── 10.98.0.2/24  machine's side       broadcast 10.98.0.255
 */
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { pathOf } from "./need.ts";

const run = promisify(execFile);

const SIDES = ["daemon", "machine"] as const;
export type Side = (typeof SIDES)[number];

export const DAEMON_ADDRESS = "10.98.0.1";
export const MACHINE_ADDRESS = "10.98.0.2";
export const BROADCAST_ADDRESS = "10.98.0.255";
/** The interface of either side. */
export const LINK = { daemon: "mso-daemon", machine: "mso-machine" } as const;

const DRIVER_CALL = new URL("driver-call.ts", import.meta.url).pathname;

let made = 0;

export class Network implements AsyncDisposable {
  readonly #names: Readonly<Record<Side, string>>;

  private constructor() {
    made += 1;
    const name = `mso-test-${process.pid}-${made}`;
    this.#names = { daemon: `${name}-daemon`, machine: `${name}-machine` };
  }

  static async open(): Promise<Network> {
    const network = new Network();
    try {
      await network.#build();
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #build(): Promise<void> {
    const { daemon, machine } = this.#names;
    for (const name of [daemon, machine]) await ip("netns", "add", name);
    const pair = ["type", "veth", "peer", "name", LINK.machine, "netns", machine];
    await ip("link", "add", LINK.daemon, "netns", daemon, ...pair);
    for (const side of SIDES) {
      const address = side === "daemon" ? DAEMON_ADDRESS : MACHINE_ADDRESS;
      await this.ip(side, "address", "add", `${address}/24`, "broadcast", "+", "dev", LINK[side]);
      await this.ip(side, "link", "set", "lo", "up");
      await this.ip(side, "link", "set", LINK[side], "up");
    }
  }

  /** Changes the network of one side: ip(8). */
  async ip(side: Side, ...words: readonly string[]): Promise<void> {
    await ip("-netns", this.#names[side], ...words);
  }

  /** Starts a Node.js program on one side. */
  start(side: Side, ...args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
    const words = ["netns", "exec", this.#names[side], process.execPath, ...args];
    return spawn(IP, words, { stdio: ["ignore", "pipe", "inherit"] });
  }

  /**
   * Calls a driver's function on the daemon's side: its `answer`, or its `failure`. `under` is a program, with its options,
   * that runs it with fewer rights.
   */
  async call(
    driver: string,
    verb: "on" | "query",
    { under = [], ...outlet }: { readonly under?: readonly string[]; readonly [setting: string]: unknown },
  ): Promise<unknown> {
    const words = ["--import", "tsx", DRIVER_CALL, driver, verb, JSON.stringify(outlet)];
    const { stdout } = await run(IP, ["netns", "exec", this.#names.daemon, ...under, process.execPath, ...words]);
    return JSON.parse(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The pair goes with either namespace.
    for (const side of SIDES) await ip("netns", "delete", this.#names[side]).catch(() => undefined);
  }
}

const IP = pathOf("ip") ?? "ip";

async function ip(...words: readonly string[]): Promise<void> {
  await run(IP, words);
}
