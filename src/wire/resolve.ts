import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { PowerError } from "../power/errors.ts";
import { unlessAborted } from "./abort.ts";

/**
 * Every address of a host; itself where it is one. Asked for before a host is, so that a name service that does not
 * answer is never taken for a host that is silent.
 * Throws PowerError `unreachable` where it has none, and the signal's reason.
 */
export async function addressesOf(
  host: string,
  { family = 0, signal }: { readonly family?: 0 | 4; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await unlessAborted(lookup(host, { all: true, family }), signal);
    return found.map(({ address }) => address);
  } catch (cause) {
    signal.throwIfAborted();
    throw new PowerError("unreachable", `${host} has no ${family === 4 ? "IPv4 " : ""}address`, {
      cause,
      hint: "Correct the name, or give the address itself.",
    });
  }
}
