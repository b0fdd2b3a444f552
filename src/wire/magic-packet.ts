/**
 * Wake-on-LAN's packet: six bytes of FF, then the MAC address sixteen times, then the SecureOn password if there is one.
 * https://en.wikipedia.org/wiki/Wake-on-LAN, AMD Magic Packet Technology (publication 20213).
 */

/** `mac` with colons; `password` empty, 4 or 6 bytes. */
export function magicPacket(mac: string, password: Buffer = Buffer.alloc(0)): Buffer {
  const address = Buffer.from(mac.replaceAll(":", ""), "hex");
  if (address.length !== 6) throw new RangeError(`"${mac}" is not a MAC address`);
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address), password]);
}
