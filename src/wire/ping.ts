/** ICMP echo by the system's own `ping`, which may send it without further rights. */
import { PowerError } from "../power/errors.ts";
import { clip } from "./clip.ts";
import { runProgram } from "./process.ts";

/** Does the host answer one echo request in time? Throws PowerError where ping cannot ask. */
export async function ping({
  host,
  waitMs,
  signal,
}: {
  readonly host: string;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}): Promise<boolean> {
  const seconds = String(Math.max(1, Math.ceil(waitMs / 1_000)));
  const flags: Record<string, readonly string[]> = {
    win32: ["-n", "1", "-w", String(waitMs)],
    darwin: ["-c", "1", "-t", seconds],
  };
  const run = ["ping", ...(flags[process.platform] ?? ["-c", "1", "-W", seconds]), host];
  const ended = await runProgram({ run, env: { ...process.env, LC_ALL: "C" }, signal });
  // Windows ends with 0 although a router answered that the host is not to be had.
  if (ended.code === 0) return process.platform !== "win32" || /TTL=/i.test(ended.stdout);
  // Linux and BSD: 1 for no answer; everything else is ping's own failure.
  if (ended.code === 1 || (process.platform === "darwin" && ended.code === 2)) return false;
  const said = clip(ended.stderr || ended.stdout);
  throw new PowerError("unreachable", `ping cannot ask ${host}${said === "" ? "" : `: ${said}`}`, {
    hint: "On Linux check net.ipv4.ping_group_range, or use `by: [tcp]`.",
  });
}
