/**
 * Does the machine answer on the network? A state for machines whose power nothing measures.
 *
 *     TCP connect to a port     accepted or refused: it is up (a closed port of a running host refuses)
 *     ICMP echo request         answered: it is up
 *     the kernel's neighbours   REACHABLE: it is up
 *
 * Silence proves nothing of itself: `silence: off` is the user's word for it.
 */
import { z } from "zod";
import { type Answer, type Context, defineDriver } from "../power/driver.ts";
import { messageOf, PowerError } from "../power/errors.ts";
import { choice, duration, host, port } from "../wire/fields.ts";
import { isReachableNeighbour } from "../wire/neighbour.ts";
import { ping } from "../wire/ping.ts";
import { tcpConnect } from "../wire/tcp-connect.ts";

const OUTLET = z.object({
  host: host({ from: "address", description: "Address of the machine" }),
  by: z
    .array(z.enum(["tcp", "icmp", "arp"]))
    .min(1)
    .default(["tcp", "icmp"])
    .describe("Ways to ask, all at once: a TCP connection, a ping, the kernel's neighbour table"),
  ports: z
    .array(port())
    .min(1)
    .default([22])
    .describe("TCP ports to try; a refused connection proves as much as an accepted one"),
  wait: duration("How long one round waits for an answer").prefault("1s"),
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
    "A machine that boots takes a while to answer: raise the machine's `verify` above its boot time. While it shuts down it may still answer; MAASochist does not take that for on.",
    "Ping uses the system's `ping`; where it is not allowed, use `by: [tcp]`.",
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
  pace: { timeout: 8_000 },
  query: async (_none, outlet, ctx) => {
    for (let round = 0; round < outlet.misses; round++) {
      const answer = await ask(outlet, ctx);
      if (answer !== undefined) return { state: "on", evidence: answer };
    }
    const silent = `no answer from ${outlet.host} (${outlet.by.join(", ")}; ${outlet.misses} × ${outlet.wait / 1_000} s)`;
    const answer: Answer = { state: outlet.silence, evidence: silent };
    return outlet.silence === "off"
      ? answer
      : { ...answer, reason: "silence proves nothing; `silence: off` would take it for off" };
  },
});

/** One round of all ways at once: the first answer, or undefined when all were silent. Throws where none could be asked. */
async function ask(outlet: Settings, { signal }: Context): Promise<string | undefined> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const ways = outlet.by.flatMap((way) =>
    way === "tcp"
      ? outlet.ports.map((port) => byTcp(outlet, port, either))
      : [way === "icmp" ? byPing(outlet, either) : byNeighbour(outlet, either)],
  );
  try {
    const heard = ways.map(async (way) => {
      const answer = await way;
      if (answer === undefined) throw SILENT;
      return answer;
    });
    return await Promise.any(heard);
  } catch (error) {
    signal.throwIfAborted();
    const failures = error instanceof AggregateError ? error.errors : [error];
    const failed: unknown = failures.find((failure) => failure !== SILENT);
    if (failures.includes(SILENT) || failed === undefined) return undefined;
    throw failed instanceof PowerError
      ? failed
      : new PowerError("unreachable", `${outlet.host} cannot be asked from here: ${messageOf(failed)}`, {
          cause: failed,
        });
  } finally {
    over.abort();
  }
}

const SILENT = new Error("silent");

async function byTcp({ host, wait }: Settings, port: number, signal: AbortSignal): Promise<string | undefined> {
  const outcome = await tcpConnect({ host, port, waitMs: wait, signal });
  return outcome === "silent" ? undefined : `${host} ${outcome === "accepted" ? "accepts" : "refuses"} TCP ${port}`;
}

async function byPing({ host, wait }: Settings, signal: AbortSignal): Promise<string | undefined> {
  return (await ping({ host, waitMs: wait, signal })) ? `${host} answers ping` : undefined;
}

async function byNeighbour({ host }: Settings, signal: AbortSignal): Promise<string | undefined> {
  return (await isReachableNeighbour({ host, signal })) ? `${host} is a reachable neighbour` : undefined;
}
