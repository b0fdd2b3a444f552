/**
 * Wake-on-LAN: a UDP datagram that the network card recognises while the machine is off.
 *
 *     UDP to 255.255.255.255, ports 9 and 7:  FF×6, the MAC address ×16, the SecureOn password
 *
 * There is no answer: that it woke must be read elsewhere.
 */
import { isIP, isIPv4 } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { type Context, defineDriver } from "../power/driver.ts";
import { PowerError } from "../power/errors.ts";
import { abortCode } from "../wire/abort.ts";
import { host, mac, port, secret, text } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { magicPacket, secureOnBytes } from "../wire/magic-packet.ts";
import { addressesOf } from "../wire/resolve.ts";
import { interfaceAddress, UdpSender } from "../wire/udp.ts";

/** Between two rounds (ms): a link that saves energy may lose what comes in its first moments. */
const GAP_MS = 100;

const OUTLET = z.object({
  mac: mac({ from: "mac", description: "MAC address of the card to wake" }),
  broadcast: host({
    description: "Broadcast address of the machine's network; default that of `interface`, else 255.255.255.255",
  }).optional(),
  unicast: host({ description: "Also send to this address, for routers that forward it; IPv4" }).optional(),
  ports: z.array(port()).min(1).default([9, 7]).describe("UDP ports; each gets every packet"),
  interface: text("Send from this interface, such as eth0").optional(),
  secureon: secret("SecureOn password, six bytes such as 00:11:22:33:44:55, or four such as 192.168.1.1").optional(),
  packets: z.int().min(1).max(20).default(3).describe("How often each packet is sent, 0.1 s apart"),
});
type Settings = z.output<typeof OUTLET>;

export default defineDriver({
  name: "wake-on-lan",
  title: "Wake-on-LAN",
  family: "The machine itself",
  summary: "Wakes a machine by a magic packet to its network card; it can only switch on.",
  sources: [
    "https://www.amd.com/content/dam/amd/en/documents/archived-tech-docs/white-papers/20213.pdf",
    "https://wiki.wireshark.org/WakeOnLAN",
    "https://docs.kernel.org/networking/ethtool-netlink.html",
  ],
  notes: [
    "Wake-on-LAN has no off and no answer: combine it with `off: { driver: ssh, … }` or a supply, and with `query: { driver: reachable, … }`.",
    "In the firmware: enable Wake-on-LAN, disable ErP and deep sleep, which take the card's standby current. In Linux: `ethtool -s eth0 wol g`, and keep it across reboots.",
    "Broadcasts do not leave their network: the daemon must be in the machine's network, or the router must forward directed broadcasts (`broadcast: 192.168.7.255`). In a container use host networking. Wake-on-LAN goes over IPv4: IPv6 has no broadcast, and a sleeping card answers no neighbour.",
    "With `interface`, packets leave from its address, to the broadcast address of its network. With `unicast` as well, one of the two that can be sent to is enough.",
  ],
  examples: [
    {
      title: "Woken, shut down by SSH, watched by ping",
      yaml: 'machines:\n  desktop:\n    mac: "00:00:5e:00:53:07"\n    address: 192.168.1.17\n    on: { driver: wake-on-lan }\n    off: { driver: ssh, user: maas, password: !secret desktop, sudo: true, wait: 60s }\n    query: { driver: reachable, silence: off }\n',
    },
    {
      title: "Full",
      yaml: 'machines:\n  "pc[1-2]":\n    mac: ["00:00:5e:00:53:07", "00:00:5e:00:53:08"]\n    on: { driver: wake-on-lan, broadcast: 192.168.7.255, ports: [9], interface: eth0, packets: 6, secureon: !secret wol }\n    query: { driver: reachable, host: "192.168.7.{n}", silence: off }\n',
    },
  ],
  cuts: "nothing",
  outlet: OUTLET,
  check,
  on: wake,
});

async function wake(_none: undefined, outlet: Settings, { signal }: Context): Promise<void> {
  const packet = magicPacket(outlet.mac, outlet.secureon && secureOnBytes(outlet.secureon.reveal()));
  const from = outlet.interface === undefined ? undefined : interfaceAddress(outlet.interface);
  const addresses = await targets(outlet, { from, signal });
  using sender = await UdpSender.open({ address: from?.address, signal });
  let sent = 0;
  let failure: PowerError | undefined;
  try {
    for (let round = 0; round < outlet.packets; round++) {
      if (round > 0) await pause(GAP_MS, undefined, { signal });
      for (const address of addresses) {
        for (const port of outlet.ports) {
          try {
            await sender.send(packet, { address, port });
            sent += 1;
          } catch (error) {
            signal.throwIfAborted();
            failure ??= PowerError.from(error);
          }
        }
      }
    }
  } catch (cause) {
    throw new PowerError(abortCode(signal), "the packets could not be sent in time", { cause, mayHaveActed: sent > 0 });
  }
  if (sent === 0 && failure) throw failure;
}

async function targets(
  { broadcast, unicast, interface: name }: Settings,
  {
    from,
    signal,
  }: { readonly from: { readonly broadcast: string | undefined } | undefined; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  if (from && from.broadcast === undefined && broadcast === undefined && unicast === undefined)
    throw new PowerError("config", `the network of ${name} has no broadcast address`, {
      hint: "Give `broadcast`, or `unicast`.",
    });
  const everyone = broadcast ?? (from ? from.broadcast : "255.255.255.255");
  const hosts = [everyone, unicast].filter((host) => host !== undefined);
  return (await Promise.all(hosts.map((host) => addressesOf(host, { family: 4, signal })))).flat();
}

function check({ secureon, broadcast, unicast }: Settings): Finding[] {
  const findings = Object.entries({ broadcast, unicast }).flatMap(([key, host = ""]) =>
    isIP(host) !== 0 && !isIPv4(host) ? [mistake(key, "is an IPv6 address, and Wake-on-LAN goes over IPv4")] : [],
  );
  if (secureon && !secureOnBytes(secureon.reveal()))
    findings.push(mistake("secureon", "must be six bytes (00:11:22:33:44:55) or four (192.168.1.1)"));
  return findings;
}
