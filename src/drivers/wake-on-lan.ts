/**
 * Wake-on-LAN: a UDP datagram that the network card recognises while the machine is off.
 *
 *     UDP to 255.255.255.255, ports 9 and 7:  FF×6, the MAC address ×16, the SecureOn password
 *
 * There is no answer: that it woke must be read elsewhere.
 */
import { createSocket, type Socket } from "node:dgram";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { z } from "zod";
import { defineDriver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { host, mac, port, secret, text } from "../wire/fields.ts";
import { magicPacket } from "../wire/magic-packet.ts";

const OUTLET = z.object({
  mac: mac({ from: "mac", description: "MAC address of the card to wake" }),
  broadcast: host({
    description: "Broadcast address of the machine's network; default that of `interface`, else 255.255.255.255",
  }).optional(),
  unicast: host({ description: "Also send to this address; for networks that forward to it" }).optional(),
  ports: z.array(port()).min(1).default([9, 7]).describe("UDP ports; each gets every packet"),
  interface: text("Send from this interface, such as eth0").optional(),
  secureon: secret("SecureOn password, six bytes such as 00:11:22:33:44:55, or four such as 192.168.1.1").optional(),
  packets: z.int().min(1).max(20).default(3).describe("How often each packet is sent"),
});
type Settings = z.output<typeof OUTLET>;

export default defineDriver({
  name: "wake-on-lan",
  title: "Wake-on-LAN",
  family: "The machine itself",
  summary: "Wakes a machine by a magic packet to its network card; it can only switch on.",
  sources: ["https://en.wikipedia.org/wiki/Wake-on-LAN", "https://docs.kernel.org/networking/ethtool-netlink.html"],
  notes: [
    "Wake-on-LAN has no off and no answer: combine it with `off: { driver: ssh, … }` or a supply, and with `query: { driver: reachable, … }`.",
    "In the firmware: enable Wake-on-LAN, disable ErP and deep sleep, which take the card's standby current. In Linux: `ethtool -s eth0 wol g`, and keep it across reboots.",
    "Broadcasts do not leave their network: the daemon must be in the machine's network, or the router must forward directed broadcasts (`broadcast: 192.168.7.255`). In a container use host networking.",
  ],
  examples: [
    {
      title: "Woken, shut down by SSH, watched by ping",
      yaml: 'machines:\n  desktop:\n    mac: "00:00:5e:00:53:07"\n    address: 192.168.1.17\n    on: { driver: wake-on-lan }\n    off: { driver: ssh, user: maas, password: !secret desktop, sudo: true, wait: 60s }\n    query: { driver: reachable, silence: off }\n',
    },
    {
      title: "Full",
      yaml: 'machines:\n  "pc[1-2]":\n    mac: ["00:00:5e:00:53:07", "00:00:5e:00:53:08"]\n    on: { driver: wake-on-lan, broadcast: 192.168.7.255, ports: [9], interface: lo, packets: 6, secureon: !secret wol }\n    query: { driver: reachable, host: "192.168.7.{n}", silence: off }\n',
    },
  ],
  cuts: "nothing",
  outlet: OUTLET,
  check: (outlet) =>
    outlet.secureon && !password(outlet)
      ? [
          {
            key: "secureon",
            problem: "must be six bytes (00:11:22:33:44:55) or four (192.168.1.1)",
            severity: "error" as const,
          },
        ]
      : [],
  on: async (_none, outlet, { signal }) => {
    const from = outlet.interface === undefined ? undefined : interfaceAddress(outlet.interface);
    const targets = [
      outlet.broadcast ?? from?.broadcast ?? "255.255.255.255",
      ...(outlet.unicast === undefined ? [] : [outlet.unicast]),
    ];
    const packet = magicPacket(outlet.mac, password(outlet));
    const socket = createSocket("udp4");
    const stop = () => socket.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await bind(socket, from?.address);
      socket.setBroadcast(true);
      for (let round = 0; round < outlet.packets; round++) {
        for (const target of targets) for (const port of outlet.ports) await send(socket, packet, { target, port });
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      if (!signal.aborted) socket.close();
    }
  },
});

function password({ secureon }: Settings): Buffer | undefined {
  const text = secureon?.reveal();
  if (text === undefined) return undefined;
  if (isIPv4(text)) return Buffer.from(text.split(".").map(Number));
  const hex = text.replaceAll(/[:-]/g, "");
  return /^[0-9a-fA-F]{12}$/.test(hex) ? Buffer.from(hex, "hex") : undefined;
}

/** The first IPv4 address of an interface, and the broadcast address of its network. Throws PowerError. */
function interfaceAddress(name: string): { readonly address: string; readonly broadcast: string } {
  const found = networkInterfaces()[name]?.find((address) => address.family === "IPv4");
  if (!found)
    throw new PowerError("config", `there is no interface ${name} with an IPv4 address here`, {
      hint: `There are: ${Object.keys(networkInterfaces()).join(", ")}.`,
    });
  const address = found.address.split(".").map(Number);
  const mask = found.netmask.split(".").map(Number);
  return {
    address: found.address,
    broadcast: address.map((byte, index) => byte | (~(mask[index] ?? 0) & 0xff)).join("."),
  };
}

function bind(socket: Socket, address: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", (error) => reject(failure(error, address ?? "any address")));
    socket.bind({ port: 0, ...(address !== undefined && { address }) }, resolve);
  });
}

function send(
  socket: Socket,
  packet: Buffer,
  { target, port }: { readonly target: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(packet, port, target, (error) => (error ? reject(failure(error, target)) : resolve()));
  });
}

function failure(error: NodeJS.ErrnoException, target: string): PowerError {
  const { code } = error;
  if (code === "ENETUNREACH" || code === "EHOSTUNREACH") {
    return new PowerError("unreachable", `there is no route to ${target} from here`, {
      cause: error,
      hint: "Name the `interface`, or the `broadcast` address of the machine's network; 255.255.255.255 needs a default route.",
    });
  }
  if (code === "EACCES" || code === "EPERM")
    return new PowerError("config", `packets to ${target} are not allowed`, {
      cause: error,
      hint: "Check the firewall of this host, and that the address is a broadcast address of its network.",
    });
  return new PowerError("unreachable", `the packet could not be sent to ${target}: ${error.message}`, { cause: error });
}
