import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { until } from "../expecting.ts";
import { describeWith, missing, notRoot } from "./need.ts";
import { BROADCAST_ADDRESS, DAEMON_ADDRESS, LINK, MACHINE_ADDRESS, Network } from "./network.ts";

const EVERYBODY = "255.255.255.255";
const RECEIVER = new URL("wake-receiver.mjs", import.meta.url).pathname;

const mac = "00:00:5e:00:53:07";
/** AMD's publication 20213: six bytes of FF, and behind them sixteen times the card's address. */
const PATTERN = `ffffffffffff${"00005e005307".repeat(16)}`;

describeWith(missing({ ip: "iproute2" }), notRoot())("wake-on-lan over a network", () => {
  test("is broadcast to everybody, three times at both ports", async () => {
    await using network = await withDefaultRoute();
    await using card = await Card.start(network);
    expect(await network.call("wake-on-lan", "on", { mac })).toEqual({});
    const datagram = { from: DAEMON_ADDRESS, bytes: 102, wakes: true };
    const round = [9, 7].map((port) => ({ to: `${EVERYBODY}:${port}`, ...datagram }));
    const byPort = (heard: readonly Datagram[]) => [...heard].sort((a, b) => a.to.localeCompare(b.to));
    expect(byPort(await card.hears(6))).toEqual(byPort([...round, ...round, ...round]));
  });

  test("is broadcast to the network of the interface, which needs no default route", async () => {
    await using network = await Network.open();
    await using card = await Card.start(network);
    const outlet = { mac, interface: LINK.daemon, ports: [9], packets: 2 };
    expect(await network.call("wake-on-lan", "on", outlet)).toEqual({});
    const datagram = { to: `${BROADCAST_ADDRESS}:9`, from: DAEMON_ADDRESS, bytes: 102, wakes: true };
    expect(await card.hears(2)).toEqual([datagram, datagram]);
  });

  test("leaves by the interface, though the default route leads elsewhere", async () => {
    await using network = await Network.open();
    await network.ip("daemon", "link", "add", "other", "type", "veth", "peer", "name", "other-end");
    for (const name of ["other", "other-end"]) await network.ip("daemon", "link", "set", name, "up");
    await network.ip("daemon", "address", "add", "10.99.0.1/24", "broadcast", "+", "dev", "other");
    await network.ip("daemon", "route", "add", "default", "dev", "other");
    await using card = await Card.start(network);
    const outlet = { mac, interface: LINK.daemon, broadcast: EVERYBODY, ports: [9], packets: 1 };
    await network.call("wake-on-lan", "on", outlet);
    expect(await card.hears(1)).toMatchObject([{ to: `${EVERYBODY}:9`, from: DAEMON_ADDRESS, wakes: true }]);
  });

  test("is sent to a broadcast address that is written down", async () => {
    await using network = await Network.open();
    await using card = await Card.start(network);
    await network.call("wake-on-lan", "on", { mac, broadcast: BROADCAST_ADDRESS, ports: [7], packets: 1 });
    expect(await card.hears(1)).toMatchObject([{ to: `${BROADCAST_ADDRESS}:7`, wakes: true }]);
  });

  test("is sent to the machine's own address as well", async () => {
    await using network = await Network.open();
    await using card = await Card.start(network);
    const outlet = { mac, interface: LINK.daemon, unicast: MACHINE_ADDRESS, ports: [9], packets: 1 };
    await network.call("wake-on-lan", "on", outlet);
    expect(await card.hears(2)).toMatchObject([
      { to: `${BROADCAST_ADDRESS}:9`, wakes: true },
      { to: `${MACHINE_ADDRESS}:9`, wakes: true },
    ]);
  });

  test("carries the SecureOn password right behind the pattern, and wakes no card with another", async () => {
    await using network = await Network.open();
    await using card = await Card.start(network, "001122334455");
    const outlet = { mac, interface: LINK.daemon, ports: [9], packets: 1 };
    await network.call("wake-on-lan", "on", { ...outlet, secureon: "00:11:22:33:44:55" });
    await card.hears(1);
    await network.call("wake-on-lan", "on", { ...outlet, secureon: "00:11:22:33:44:56" });
    expect(await card.hears(2)).toMatchObject([
      { bytes: 108, wakes: true },
      { bytes: 108, wakes: false },
    ]);
  });

  describe("fails clearly, with nothing sent,", () => {
    test("where no route leads to everybody", async () => {
      await using network = await Network.open();
      await using card = await Card.start(network);
      expect(await network.call("wake-on-lan", "on", { mac })).toMatchObject({
        failure: {
          code: "unreachable",
          mayHaveActed: false,
          message: expect.stringContaining(EVERYBODY),
          hint: expect.stringContaining("Name the `interface`"),
        },
      });
      expect(await card.hears(0)).toEqual([]);
    });

    test("where the interface is down", async () => {
      await using network = await Network.open();
      await using card = await Card.start(network);
      await network.ip("daemon", "link", "set", LINK.daemon, "down");
      expect(await network.call("wake-on-lan", "on", { mac, interface: LINK.daemon })).toMatchObject({
        failure: { code: "config", mayHaveActed: false, message: expect.stringMatching(/mso-daemon .* up/) },
      });
      expect(await card.hears(0)).toEqual([]);
    });
  });

  test("reaches the machine where one of two ways can be gone", async () => {
    await using network = await Network.open();
    await using card = await Card.start(network);
    // Without a default route nothing leaves for everybody.
    const outlet = { mac, unicast: MACHINE_ADDRESS, ports: [9], packets: 1 };
    expect(await network.call("wake-on-lan", "on", outlet)).toEqual({});
    expect(await card.hears(1)).toMatchObject([{ to: `${MACHINE_ADDRESS}:9`, wakes: true }]);
  });
});

async function withDefaultRoute(): Promise<Network> {
  const network = await Network.open();
  await network.ip("daemon", "route", "add", "default", "dev", LINK.daemon);
  return network;
}

interface Datagram {
  /** `10.98.0.255:9`. */
  readonly to: string;
  readonly from: string;
  readonly bytes: number;
  readonly wakes: boolean;
}

/** The card of the machine, and what it hears at ports 7 and 9. */
class Card implements AsyncDisposable {
  readonly #heard: Datagram[] = [];
  readonly #receiver: ReturnType<Network["start"]>;
  #listening = 0;

  private constructor(receiver: ReturnType<Network["start"]>) {
    this.#receiver = receiver;
    void this.#read(receiver.stdout);
  }

  /** With a SecureOn password in hexadecimal, or none. */
  static async start(network: Network, password = ""): Promise<Card> {
    const places = [EVERYBODY, BROADCAST_ADDRESS, MACHINE_ADDRESS].flatMap((to) => [`${to}:7`, `${to}:9`]);
    const card = new Card(network.start("machine", RECEIVER, PATTERN + password, ...places));
    await until(() => card.#listening === places.length);
    return card;
  }

  async #read(output: Readable): Promise<void> {
    for await (const line of createInterface({ input: output })) {
      const said: Datagram | { readonly listening: string } = JSON.parse(line);
      if ("listening" in said) this.#listening += 1;
      else this.#heard.push(said);
    }
  }

  /** What it has heard when there are so many datagrams, and a moment later. */
  async hears(count: number): Promise<readonly Datagram[]> {
    await until(() => this.#heard.length >= count);
    // One too many would come now.
    await pause(100);
    return this.#heard;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#receiver, "close");
    this.#receiver.kill();
    await ended;
  }
}
