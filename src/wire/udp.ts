/** Datagrams that nobody answers, broadcasts among them. IPv4 alone, for IPv6 has no broadcast. */
import { createSocket, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { PowerError } from "../power/errors.ts";
import { unlessAborted } from "./abort.ts";

export class UdpSender implements Disposable {
  readonly #socket: Socket;
  readonly #signal: AbortSignal;

  private constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket;
    this.#signal = signal;
    // Errors come with what they concern; what comes later concerns nobody any more.
    socket.on("error", () => undefined);
  }

  /** Sends from `address`, or from where the route leads. Throws PowerError, and the signal's reason. */
  static async open({
    address,
    signal,
  }: {
    readonly address: string | undefined;
    readonly signal: AbortSignal;
  }): Promise<UdpSender> {
    signal.throwIfAborted();
    const sender = new UdpSender(createSocket("udp4"), signal);
    const socket = sender.#socket;
    try {
      await unlessAborted(
        new Promise<void>((resolve, reject) => {
          socket.once("error", (error) => reject(failure(error, `from ${address ?? "any address"}`)));
          socket.bind({ port: 0, ...(address !== undefined && { address }) }, resolve);
        }),
        signal,
      );
      socket.setBroadcast(true);
      return sender;
    } catch (error) {
      sender[Symbol.dispose]();
      throw error;
    }
  }

  /** Resolves when the system took the packet. Throws PowerError, and the signal's reason. */
  send(packet: Buffer, { address, port }: { readonly address: string; readonly port: number }): Promise<void> {
    return unlessAborted(
      new Promise((resolve, reject) => {
        this.#socket.send(packet, port, address, (error) =>
          error ? reject(failure(error, `to ${address}`)) : resolve(),
        );
      }),
      this.#signal,
    );
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

export interface InterfaceAddress {
  readonly address: string;
  /** Undefined where its network has none. */
  readonly broadcast: string | undefined;
}

/** The first IPv4 address of an interface, and the broadcast address of its network. Throws PowerError `config`. */
export function interfaceAddress(name: string): InterfaceAddress {
  const interfaces = networkInterfaces();
  const found = interfaces[name]?.find(({ family }) => family === "IPv4");
  if (!found)
    throw new PowerError("config", `there is no interface ${name} here that is up and has an IPv4 address`, {
      hint: `Those that are up: ${Object.keys(interfaces).join(", ") || "none"}.`,
    });
  const { address, netmask } = found;
  const mask = netmask.split(".").map(Number);
  const bytes = address.split(".").map((byte, index) => Number(byte) | (~(mask[index] ?? 0) & 0xff));
  // RFC 3021: where a network has but two addresses, or one, none of them is for broadcasts.
  const hasBroadcast = netmask !== "255.255.255.255" && netmask !== "255.255.255.254";
  return { address, broadcast: hasBroadcast ? bytes.join(".") : undefined };
}

function failure(cause: NodeJS.ErrnoException, where: string): PowerError {
  switch (cause.code) {
    case "ENETUNREACH":
    case "EHOSTUNREACH":
    case "ENETDOWN":
      return new PowerError("unreachable", `packets cannot be sent ${where}: there is no route from here`, {
        cause,
        hint: "Name the `interface`, or the `broadcast` address of the machine's network; 255.255.255.255 needs a default route.",
      });
    case "EACCES":
    case "EPERM":
      return new PowerError("config", `packets may not be sent ${where}`, {
        cause,
        hint: "Check the firewall of this host, and whether that is a broadcast address of its network.",
      });
    default:
      return new PowerError("unreachable", `packets cannot be sent ${where}: ${cause.message}`, { cause });
  }
}
