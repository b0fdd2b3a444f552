/**
 * Does somebody answer ARP, or NDP in IPv6, for an address? Linux asks by itself whenever it has a packet for it, and tells
 * what it found (ip-neighbour(8)):
 *
 *     ip -s neigh show to 192.168.1.17
 *     192.168.1.17 dev eth0 lladdr 00:00:5e:00:53:07 ref 1 used 12/7/12 probes 4 REACHABLE
 *
 * The second number of `used` tells how many seconds ago it last answered. An entry that is old (STALE) is trusted for
 * 5 s more (DELAY) before it is asked for anew, three times in 3 s (PROBE): an answer may take 8 s.
 */
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { messageOf, PowerError } from "../power/errors.ts";
import { unlessAborted } from "./abort.ts";
import { clip } from "./clip.ts";
import { runProgram } from "./process.ts";

const POLL_MS = 250;
/** Discard, RFC 863: whoever gets it answers nothing, or that there is nobody. */
const DISCARD_PORT = 9;

interface Entry {
  readonly state: string;
  readonly confirmedMsAgo: number;
}

/**
 * How long ago it answered at most (ms); undefined where it was asked and does not answer.
 * Throws PowerError where that cannot be told from here, and the signal's reason.
 */
export async function askNeighbour({
  address,
  signal,
}: {
  readonly address: string;
  readonly signal: AbortSignal;
}): Promise<number | undefined> {
  if (process.platform !== "linux") throw new PowerError("unsupported", "only Linux tells who answers ARP");
  await nudge(address, signal);
  for (;;) {
    const entry = await entryOf(address, signal);
    switch (entry?.state) {
      case "REACHABLE":
        return entry.confirmedMsAgo;
      case "FAILED":
        return undefined;
      case "INCOMPLETE":
      case "STALE":
      case "DELAY":
      case "PROBE":
        await pause(POLL_MS, undefined, { signal });
        break;
      default:
        throw new PowerError("unreachable", `${address} is not asked by ARP from here: ${whyNot(entry)}`, {
          hint: "ARP reaches the daemon's own networks alone; elsewhere use `by: [tcp, icmp]`.",
        });
    }
  }
}

function whyNot(entry: Entry | undefined): string {
  return entry ? `its entry is ${entry.state}` : "it is no neighbour";
}

/** Gives the kernel a packet for the address, so that it asks for it. */
async function nudge(address: string, signal: AbortSignal): Promise<void> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  socket.on("error", () => undefined);
  try {
    await unlessAborted(
      new Promise<void>((resolve, reject) =>
        socket.send(Buffer.alloc(0), DISCARD_PORT, address, (error) => (error ? reject(error) : resolve())),
      ),
      signal,
    );
  } catch (cause) {
    signal.throwIfAborted();
    throw new PowerError("unreachable", `${address} cannot be asked from here: ${messageOf(cause)}`, { cause });
  } finally {
    socket.close();
  }
}

async function entryOf(address: string, signal: AbortSignal): Promise<Entry | undefined> {
  // An address of one link alone has that link behind a percent sign.
  const [bare = address, link] = address.split("%");
  const ended = await runProgram({
    run: ["ip", "-s", "neigh", "show", "to", bare, ...(link === undefined ? [] : ["dev", link])],
    env: { ...process.env, LC_ALL: "C" },
    signal,
  });
  if (ended.code !== 0) throw new PowerError("unreachable", `ip cannot tell of ${address}: ${clip(ended.stderr)}`);
  const [line = ""] = ended.stdout.split("\n");
  const found = /\bused \d+\/(\d+)\/\d+.*?([A-Z]+)\s*$/.exec(line);
  // Seconds that have passed in full: it may be one more.
  return found ? { state: found[2] ?? "", confirmedMsAgo: (Number(found[1]) + 1) * 1_000 } : undefined;
}
