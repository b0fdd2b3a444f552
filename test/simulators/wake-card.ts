/**
 * A network card that waits for its magic packet, after AMD's white paper (publication 20213): somewhere in the frame six
 * bytes of FF, and right behind them sixteen times its own address, without a break. With a SecureOn password it must
 * follow, and nothing else wakes the card.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

export class WakeCard implements AsyncDisposable {
  readonly #sockets: readonly Socket[];
  readonly #wanted: Buffer;
  awake = false;
  /** What arrived at each port. */
  readonly packets: { readonly port: number; readonly from: string; readonly data: Buffer }[] = [];

  private constructor(sockets: readonly Socket[], wanted: Buffer) {
    this.#sockets = sockets;
    this.#wanted = wanted;
    for (const socket of sockets) {
      socket.on("message", (data, { address }) => this.#receive(socket.address().port, address, data));
    }
  }

  /** Listens on as many ports of its own. */
  static async start(options: {
    readonly mac: string;
    readonly password?: string;
    readonly ports?: number;
  }): Promise<WakeCard> {
    const bytes = (hex: string) => Buffer.from(hex.replaceAll(":", ""), "hex");
    const wanted = [
      ...Array.from({ length: 6 }, () => 0xff),
      ...Array.from({ length: 16 }, () => [...bytes(options.mac)]).flat(),
      ...bytes(options.password ?? ""),
    ];
    const sockets = Array.from({ length: options.ports ?? 1 }, () => createSocket("udp4"));
    for (const socket of sockets) {
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
    }
    return new WakeCard(sockets, Buffer.from(wanted));
  }

  get ports(): readonly number[] {
    return this.#sockets.map((socket) => socket.address().port);
  }

  #receive(port: number, from: string, data: Buffer): void {
    this.packets.push({ port, from, data });
    if (data.includes(this.#wanted)) this.awake = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) {
      socket.close();
      await once(socket, "close");
    }
  }
}
