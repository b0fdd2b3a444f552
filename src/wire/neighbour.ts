/** What the kernel knows of a neighbour on the local network (ARP, NDP). */
import { runProgram } from "./process.ts";

/** Is the address known as reachable right now? False where nothing is known, which proves nothing. */
export async function isReachableNeighbour({
  host,
  signal,
}: {
  readonly host: string;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  if (process.platform !== "linux") return false;
  // ip-neighbour(8): REACHABLE, or in use until a probe that runs now ends.
  const ended = await runProgram({
    run: ["ip", "neigh", "show", "to", host, "nud", "reachable"],
    env: process.env,
    signal,
  });
  return ended.code === 0 && ended.stdout.includes("REACHABLE");
}
