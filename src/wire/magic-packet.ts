/**
 * Wake-on-LAN's packet: six bytes of FF, then the MAC address sixteen times, then the SecureOn password if there is one.
 * AMD Magic Packet Technology, publication 20213; the password: https://wiki.wireshark.org/WakeOnLAN
 */
import { isIPv4 } from "node:net";

/** `mac` with colons; `password` empty, 4 or 6 bytes. */
export function magicPacket(mac: string, password: Buffer = Buffer.alloc(0)): Buffer {
  const address = Buffer.from(mac.replaceAll(":", ""), "hex");
  if (address.length !== 6) throw new RangeError(`"${mac}" is not a MAC address`);
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address), password]);
}

/** The bytes of a SecureOn password, written like a MAC address or like an IPv4 address; undefined where it is neither. */
export function secureOnBytes(written: string): Buffer | undefined {
  if (isIPv4(written)) return Buffer.from(written.split(".").map(Number));
  return /^[0-9a-f]{2}(?:[:-]?[0-9a-f]{2}){5}$/i.test(written)
    ? Buffer.from(written.replaceAll(/[:-]/g, ""), "hex")
    : undefined;
}
