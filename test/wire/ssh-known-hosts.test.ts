import { describe, expect, test } from "vitest";
import { knownName, namesHost, parseKnownHosts } from "../../src/wire/ssh-known-hosts.ts";

const KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIJ0FGsbJR/J76LguJisBxZ7q4hfcsPP6G+tk/JdrOEUx";
/** Made by `ssh-keygen -H` of OpenSSH 9.2 from nuc1, [nuc1]:2222 and 192.168.1.17. */
const HASHED = {
  nuc1: "|1|+Xt3SyXxNuJhTjafnaGUrvFkZGU=|RLGCCGUUCQpiWbO6lUDWEqBjFNQ=",
  "[nuc1]:2222": "|1|vbrxW3RNJw/4r7LOsTVfnd9ueuA=|r83GizYpmQynBT/y1v7jHo5nUD4=",
  "192.168.1.17": "|1|yxedNDzwpeJc9dTX2wX5EOjpgfw=|I1bZWDdjLlssFCBuA0rbu1T3ez4=",
} as const;

function named(names: string, host: string): boolean {
  return parseKnownHosts(`${names} ssh-ed25519 ${KEY}\n`, "known_hosts").some((entry) => namesHost(entry, host));
}

describe("an entry of known_hosts", () => {
  test.each(Object.entries(HASHED))("speaks of %s alone when that name is hashed", (name, hashed) => {
    expect(Object.keys(HASHED).filter((host) => named(hashed, host))).toEqual([name]);
  });

  test("finds a hashed name however the host is written", () => {
    expect(named(HASHED.nuc1, "NUC1")).toBe(true);
  });

  test.each([
    ["nuc1", "nuc1", true],
    ["nuc1", "nuc10", false],
    ["nuc1", "xnuc1", false],
    ["NUC1", "nuc1", true],
    ["nuc1,192.168.1.17", "192.168.1.17", true],
    ["nuc?", "nuc7", true],
    ["nuc?", "nuc", false],
    ["*.lab.example", "nuc1.lab.example", true],
    ["*.lab.example", "nuc1xlab.example", false],
    ["*,!nuc1", "nuc1", false],
    ["*,!nuc1", "nuc2", true],
    ["!nuc1", "nuc2", false],
    ["[nuc1]:2222", "[nuc1]:2222", true],
    ["[nuc1]:2222", "nuc1", false],
    ["nuc1", "[nuc1]:2222", false],
    ["nuc1(", "nuc1(", true],
    ["|1|nonsense", "nuc1", false],
    ["|2|AAAA|AAAA", "nuc1", false],
  ])("with the names %s, asked for %s: %s", (names, host, speaks) => {
    expect(named(names, host)).toBe(speaks);
  });
});

describe("a known_hosts file", () => {
  test("gives each entry its key, its marker and its line", () => {
    const text = [
      "# a comment",
      "",
      `nuc1 ssh-ed25519 ${KEY} anna@desk`,
      `@revoked * ssh-ed25519 ${KEY}\r`,
      `\t@cert-authority *.lab ssh-ed25519 ${KEY}`,
    ].join("\n");
    const key = Buffer.from(KEY, "base64");
    expect(parseKnownHosts(text, "/etc/ssh/ssh_known_hosts")).toEqual([
      { marker: undefined, names: "nuc1", key, place: "/etc/ssh/ssh_known_hosts:3" },
      { marker: "revoked", names: "*", key, place: "/etc/ssh/ssh_known_hosts:4" },
      { marker: "cert-authority", names: "*.lab", key, place: "/etc/ssh/ssh_known_hosts:5" },
    ]);
  });

  test.each([
    ["a key of the old protocol", "nuc1 1024 35 1234567890"],
    ["a line cut short", "nuc1 ssh-ed25519"],
    ["a marker nobody knows", `@trusted nuc1 ssh-ed25519 ${KEY}`],
    ["a commented entry", `# nuc1 ssh-ed25519 ${KEY}`],
    ["rubbish", "\0\0\0"],
  ])("passes over %s", (_what, line) => {
    expect(parseKnownHosts(`${line}\n`, "known_hosts")).toEqual([]);
  });
});

test("a host on the usual port is known by its name alone, on another by both", () => {
  expect([knownName("nuc1", 22), knownName("nuc1", 2222), knownName("fe80::1", 2222)]).toEqual([
    "nuc1",
    "[nuc1]:2222",
    "[fe80::1]:2222",
  ]);
});
