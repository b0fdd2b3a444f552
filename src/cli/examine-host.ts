/** `doctor` on this host: its Node.js and its clock. */
import { leastNode } from "../app/version.ts";
import { PowerError } from "../power/errors.ts";
import { runProgram } from "../wire/process.ts";
import type { Cli } from "./context.ts";
import { type Finding, finding } from "./findings.ts";

/** Before this date no clock is right: the year this version was made. */
const EARLIEST = Date.UTC(2026, 0, 1);
const TIMEDATECTL_TIMEOUT_MS = 2_000;

export async function* examineHost({ terminal: { env } }: Cli): AsyncGenerator<Finding> {
  const version = process.version.replace(/^v/, "");
  yield older(version, leastNode)
    ? finding("node-old", { version: process.version, least: leastNode })
    : finding("node", { version: process.version });
  if (Date.now() < EARLIEST) {
    yield finding("clock-wrong", { time: new Date(Date.now()).toISOString() });
    return;
  }
  const synchronised = await setByTimeServer(env);
  yield synchronised === false
    ? finding("clock-unsynchronised", {})
    : finding("clock", { how: synchronised ? ", and a time server sets it" : "" });
}

function older(version: string, least: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor = 0, leastMinor = 0] = least.split(".").map(Number);
  return major < leastMajor || (major === leastMajor && minor < leastMinor);
}

/** As systemd knows it: timedatectl(1). Undefined where there is none, or it cannot tell. */
async function setByTimeServer(env: NodeJS.ProcessEnv): Promise<boolean | undefined> {
  const run = ["timedatectl", "show", "--property=NTPSynchronized", "--value"];
  try {
    const { code, stdout } = await runProgram({ run, env, signal: AbortSignal.timeout(TIMEDATECTL_TIMEOUT_MS) });
    const [answer] = stdout.split("\n", 1);
    return code === 0 && (answer === "yes" || answer === "no") ? answer === "yes" : undefined;
  } catch (error) {
    if (error instanceof PowerError) return undefined;
    throw error;
  }
}
