/**
 * What a TP-Link plug tells of itself to whoever asks, without an account:
 *
 *     UDP 20002  16 bytes: version 2, a probe, its CRC      16 bytes, and {"result":{"device_type":"SMART.TAPOPLUG",
 *                                                            "mgt_encrypt_schm":{"encrypt_type":"KLAP"}}}
 *
 * Plugs of the first protocol alone do not answer here.
 */
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { z } from "zod";
import { unlessAborted } from "./abort.ts";

const PROBE = Buffer.from("020000010000000000000000463cb5d3", "hex");
const HEADER_BYTES = 16;
/** A plug answers within milliseconds; firewalls let nothing through (ms). */
const PATIENCE_MS = 1_000;

const TOLD = z.object({
  result: z.object({
    device_type: z.string().optional(),
    mgt_encrypt_schm: z.object({ encrypt_type: z.string().optional() }).optional(),
  }),
});

export interface KasaSelf {
  /** `IOT.…` for those that take the first protocol's requests, `SMART.…` for the others. */
  readonly type: string | undefined;
  /** KLAP, AES or TPAP. A plug that says TPAP may speak KLAP as well. */
  readonly encryption: string | undefined;
}

/** Undefined where nothing comes, or nothing of use. Throws the signal's reason. */
export async function kasaSelf(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<KasaSelf | undefined> {
  signal.throwIfAborted();
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  let timer: NodeJS.Timeout | undefined;
  const told = new Promise<KasaSelf | undefined>((resolve) => {
    const nothing = () => resolve(undefined);
    timer = setTimeout(nothing, PATIENCE_MS);
    // Connected, so that a port where nobody listens is told at once, and nobody else is heard.
    socket.on("error", nothing).on("message", (message) => resolve(selfOf(message)));
    socket.connect(port, host, (error?: Error) => {
      if (error) nothing();
      else socket.send(PROBE);
    });
  });
  try {
    return await unlessAborted(told, signal);
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

function selfOf(message: Buffer): KasaSelf | undefined {
  try {
    const { result } = TOLD.parse(JSON.parse(message.subarray(HEADER_BYTES).toString()));
    return { type: result.device_type, encryption: result.mgt_encrypt_schm?.encrypt_type };
  } catch {
    return undefined;
  }
}
