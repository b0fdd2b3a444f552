/**
 * Does the machine answer on the network? A state for machines whose power nothing measures.
 *
 *     TCP connect to a port     accepted or refused: it is up (a closed port of a running host refuses)
 *     ICMP echo request         answered: it is up
 *     ARP, or NDP in IPv6       answered, as the kernel's neighbour table tells: it is up
 *
 * Silence proves nothing of itself: `silence: off` is the user's word for it.
 */
import { z } from "zod";
import { type Context, defineDriver } from "../power/driver.ts";
import { askAll, firstOf, type Heard, inRounds } from "../wire/asking.ts";
import { choice, duration, host, port } from "../wire/fields.ts";
import { type Finding, mistake } from "../wire/finding.ts";
import { askNeighbour } from "../wire/neighbour.ts";
import { ping } from "../wire/ping.ts";
import { addressesOf } from "../wire/resolve.ts";
import { tcpConnect } from "../wire/tcp-connect.ts";

/** Longest that a query may take (ms). */
const QUERY_MS = 10_000;

const OUTLET = z.object({
  host: host({ from: "address", own: true, description: "Address of the machine" }),
  by: z
    .array(z.enum(["tcp", "icmp", "arp"]))
    .min(1)
    .default(["tcp", "icmp"])
    .describe("Ways to ask, all at once: a TCP connection, a ping, or ARP on the daemon's own networks"),
  ports: z
    .array(port())
    .min(1)
    .default([22])
    .describe("TCP ports to try; a refused connection proves as much as an accepted one"),
  wait: duration("How long one round waits for an answer; a ping waits for whole seconds").prefault("1s"),
  misses: z.int().min(1).max(20).default(3).describe("So many silent rounds in a row are silence"),
  silence: choice(["unknown", "off"], "What silence means").default("unknown"),
});
type Settings = z.output<typeof OUTLET>;

export default defineDriver({
  name: "reachable",
  title: "Reachable on the network",
  family: "State of a machine",
  summary: "Tells that a machine is on by its answers on the network: TCP, ping or ARP.",
  sources: ["https://www.rfc-editor.org/rfc/rfc9293#section-3.10.7.1"],
  notes: [
    "An answer proves that the machine is up. Silence may also come from a firewall, a cable or a switch: it reads `unknown` unless you write `silence: off`, and then every such reading says that it came from silence.",
    "Silence counts only where every way could be asked. Where one could not, as a ping that this account may not send, the state is unknown and the reason says why: leave that way out. A name that the name service does not know, or a network of the daemon's own that is down, is a failure.",
    "A machine that boots takes a while to answer: raise the machine's `verify` above its boot time. While it shuts down it may still answer; MAASochist does not take that for on.",
    "`icmp` uses the system's `ping`. `arp` works on Linux, for machines on a network of the daemon's own, also where their firewall drops everything else; it takes up to 8 s to be sure of silence, and an answer is as old as the kernel says. IPv6 addresses are asked the same way, by NDP.",
    "With `address: maas` at the machine MAAS is asked where it is. While MAAS is out of reach its last known address is asked, and what is heard there is `assumed`.",
    "A proxy or a load balancer that accepts connections for a machine that is down makes it look up: ask a port that only the machine itself has.",
  ],
  examples: [
    {
      title: "With Wake-on-LAN and SSH",
      yaml: 'machines:\n  desktop:\n    mac: "00:00:5e:00:53:07"\n    address: 192.168.1.17\n    on: { driver: wake-on-lan }\n    off: { driver: ssh, user: maas, password: !secret desktop, sudo: true }\n    query: { driver: reachable, silence: off }\n',
    },
    {
      title: "Full",
      yaml: "machines:\n  windows-box:\n    address: 192.168.1.18\n    driver: simulated\n    query: { driver: reachable, by: [tcp], ports: [3389, 445], wait: 2s, misses: 2, silence: off }\n",
    },
  ],
  cuts: "nothing",
  onlyOn: ({ silence }) => silence === "unknown",
  outlet: OUTLET,
  pace: { timeout: QUERY_MS },
  check: ({ by, misses, wait }): Finding[] => [
    ...(by.includes("arp") && process.platform !== "linux" ? [mistake("by", "arp is to be had on Linux alone")] : []),
    ...(misses * wait >= QUERY_MS
      ? [mistake("misses", "times `wait` must be less than 10 s, which a query may take")]
      : []),
  ],
  query: async (_none, outlet, { signal }) => {
    const { host, by, ports, misses, wait, silence } = outlet;
    const addresses = await addressesOf(host, { signal });
    const over = new AbortController();
    const asking = { ...outlet, addresses, signal: AbortSignal.any([signal, over.signal]) };
    try {
      const { heard, failures } = await askAll(by.map((way) => WAYS[way](asking)));
      if (heard) return { state: "on", ...heard };
      signal.throwIfAborted();
      const tried = by.map((way) => (way === "tcp" ? `tcp ${ports.join(" ")}` : way)).join(", ");
      const evidence = `no answer from ${host} (${tried}; ${misses} × ${wait / 1_000} s)`;
      const [failure] = failures;
      if (failure && failures.length === by.length) throw failure;
      if (failure) return { state: "unknown", evidence, reason: `not every way could be asked: ${failure.message}` };
      return silence === "off"
        ? { state: "off", evidence }
        : { state: "unknown", evidence, reason: "silence proves nothing; `silence: off` would take it for off" };
    } finally {
      over.abort();
    }
  },
});

interface Asking extends Settings {
  readonly addresses: readonly string[];
  readonly signal: Context["signal"];
}

/** Each way: the first answer of any address; undefined where there is silence. Throws where no address could be asked. */
const WAYS = {
  tcp: (asking) => {
    const { addresses, ports, wait, signal } = asking;
    const pairs = addresses.flatMap((host) => ports.map((port) => ({ host, port })));
    return firstOf(
      pairs.map(({ host, port }) =>
        inRounds(asking, async () => {
          const outcome = await tcpConnect({ host, port, waitMs: wait, signal });
          return outcome === "silent"
            ? undefined
            : `${host} ${outcome === "accepted" ? "accepts" : "refuses"} TCP ${port}`;
        }),
      ),
    );
  },
  icmp: (asking) => {
    const { addresses, wait, signal } = asking;
    return firstOf(
      addresses.map((address) =>
        inRounds(asking, async () =>
          (await ping({ address, waitMs: wait, signal })) ? `${address} answers ping` : undefined,
        ),
      ),
    );
  },
  arp: ({ addresses, signal }) =>
    firstOf(
      addresses.map(async (address) => {
        const age = await askNeighbour({ address, signal });
        return age === undefined ? undefined : { evidence: `${address} answers ARP`, at: Date.now() - age };
      }),
    ),
} satisfies Record<Settings["by"][number], (asking: Asking) => Promise<Heard | undefined>>;
