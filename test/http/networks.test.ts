import { describe, expect, test } from "vitest";
import { isNetwork, plainAddress, sourceOf, withinNetworks } from "../../src/http/networks.ts";

describe("networks", () => {
  test("contain the addresses in them, of both families, and no others", () => {
    const within = withinNetworks(["192.168.1.0/24", "10.0.0.7", "fd00::/8", "2001:db8::1"]);
    for (const address of ["192.168.1.0", "192.168.1.255", "10.0.0.7", "fdff::1", "2001:db8::1", "2001:0db8:0::1"])
      expect([address, within(address)]).toEqual([address, true]);
    for (const address of [
      "192.168.2.1",
      "10.0.0.8",
      "fe80::1",
      "2001:db8::2",
      "",
      "host",
      "192.168.1",
      "::ffff:1.2.3.4",
    ])
      expect([address, within(address)]).toEqual([address, false]);
  });

  test("where there are none contain everybody, and one that is none nobody", () => {
    expect(withinNetworks([])("203.0.113.1")).toBe(true);
    expect(withinNetworks([])("")).toBe(true);
    for (const text of [
      "10.0.0.0/",
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/8.5",
      "10.0.0.0/8/8",
      "::/129",
      "host",
      "",
    ]) {
      expect([text, isNetwork(text)]).toEqual([text, false]);
      expect(withinNetworks([text])("10.0.0.0")).toBe(false);
    }
  });

  test("know an address that came through a socket of the other family, and one with its zone", () => {
    expect(plainAddress("::ffff:192.168.1.7")).toBe("192.168.1.7");
    expect(plainAddress("::FFFF:192.168.1.7")).toBe("192.168.1.7");
    expect(plainAddress("fe80::1%eth0")).toBe("fe80::1");
    expect(plainAddress("2001:db8::1")).toBe("2001:db8::1");
  });

  test.each([
    ["192.168.1.7", "192.168.1.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["fe80::1", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["", ""],
  ])("take %s for somebody of %s", (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});
