/** ICMP echo by the system's own `ping`, which may send it without further rights. */
import { isIPv6 } from "node:net";
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import { runProgram } from "./process.ts";

/** Does the address answer one echo request in time? Throws PowerError where ping cannot ask, and the signal's reason. */
export async function ping({
  address,
  waitMs,
  signal,
}: {
  readonly address: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const run = pingCommand(process.platform, { address, waitMs });
  const ended = await runProgram({ run, env: { ...process.env, LC_ALL: "C" }, signal });
  const said = ended.stdout;
  // Windows ends with 0 although it was a router that answered, to say that the host is not to be had.
  if (ended.code === 0 && (process.platform !== "win32" || /TTL=/i.test(said))) return true;
  // Busybox ends with 1 for its own failures too: only a count of what was lost tells that it has asked.
  if (/\b100(?:\.0)?%/.test(said)) return false;
  const why = clip(ended.stderr || said);
  throw new PowerError("unreachable", `ping cannot ask ${address}${why === "" ? "" : `: ${why}`}`, {
    hint: "On Linux check net.ipv4.ping_group_range, or use `by: [tcp]`.",
  });
}

/** One echo request; how long it waits is told in whole seconds at least, except to Windows. */
function pingCommand(
  platform: NodeJS.Platform,
  { address, waitMs }: { readonly address: string; readonly waitMs: number },
): readonly string[] {
  const seconds = String(Math.max(1, Math.ceil(waitMs / 1_000)));
  switch (platform) {
    case "win32":
      return ["ping", "-n", "1", "-w", String(waitMs), address];
    case "darwin":
      // Its ping6 has no such option, and waits for 10 s.
      return isIPv6(address) ? ["ping6", "-c", "1", address] : ["ping", "-c", "1", "-t", seconds, address];
    default:
      return ["ping", "-c", "1", "-W", seconds, address];
  }
}
