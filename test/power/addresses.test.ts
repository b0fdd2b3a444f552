import { describe, expect, test } from "vitest";
import { doubted, type Found, located, mayCommand, NOWHERE } from "../../src/power/address.ts";

const SOUGHT = { key: "host", machine: "nuc1" };
const GONE: Found = { address: "10.0.0.7", gone: true, doubt: "its lease is over" };
const DOUBTED: Found = { address: "10.0.0.7", doubt: "its lease is old" };

describe("an address that is sought", () => {
  test("takes its place among the settings, and leaves the others and the original alone", () => {
    const settings = { host: "", port: 22 };
    expect(located(settings, SOUGHT, DOUBTED)).toEqual({ host: "10.0.0.7", port: 22 });
    expect(settings).toEqual({ host: "", port: 22 });
  });

  test.each([undefined, null, "text"])("has no place where the settings are %j", (settings) => {
    expect(located(settings, SOUGHT, DOUBTED)).toBe(settings);
  });

  test("is found by nobody where there is nobody to ask", async () => {
    await expect(NOWHERE.find("nuc1")).rejects.toMatchObject({
      code: "unreachable",
      message: "the address of nuc1 changes, and nothing here finds it",
    });
    expect(NOWHERE.doubt("nuc1")).toBeUndefined();
  });
});

describe("a command", () => {
  test("goes to an address that may be another's by now, and to one that is sure", () => {
    expect(() => mayCommand(SOUGHT, DOUBTED)).not.toThrow();
    expect(() => mayCommand(SOUGHT, { address: "10.0.0.7" })).not.toThrow();
    expect(() => mayCommand(SOUGHT, { address: "10.0.0.7", gone: false })).not.toThrow();
  });

  test("does not go to whoever has the address now", () => {
    expect(() => mayCommand(SOUGHT, GONE)).toThrow(
      expect.objectContaining({
        code: "unreachable",
        message: "nuc1 cannot be told anything: its lease is over",
        mayHaveActed: false,
      }),
    );
    expect(() => mayCommand(SOUGHT, { address: "10.0.0.7", gone: true })).toThrow(
      expect.objectContaining({ message: "nuc1 cannot be told anything: " }),
    );
  });
});

describe("an answer", () => {
  test("from an address that is sure counts as it is", () => {
    const answer = { state: "on" } as const;
    expect(doubted(answer, { address: "10.0.0.7" }, "ssh")).toBe(answer);
  });

  test("from one that may be another's is no measurement, and says why", () => {
    expect(doubted({ state: "on", at: 5 }, DOUBTED, "ssh")).toEqual({
      state: "on",
      at: 5,
      assumed: true,
      evidence: "ssh says on, at its last known address",
      reason: "its lease is old",
    });
  });

  test("keeps its own evidence and its own reason beside that", () => {
    expect(doubted({ state: "unknown", evidence: "no echo", reason: "a firewall" }, DOUBTED, "ping")).toEqual({
      state: "unknown",
      assumed: true,
      evidence: "no echo, at its last known address",
      reason: "a firewall; its lease is old",
    });
  });

  test.each([
    ["on", "unknown"],
    ["off", "off"],
    ["unknown", "unknown"],
  ] as const)("of %s from an address that is gone counts as %s: another machine may answer there", (told, counts) => {
    expect(doubted({ state: told }, GONE, "ssh")).toEqual({
      state: counts,
      assumed: true,
      evidence: `ssh says ${told}, at its last known address`,
      reason: "its lease is over",
    });
  });
});
