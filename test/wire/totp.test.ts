import { describe, expect, test } from "vitest";
import { base32, totp } from "../../src/wire/totp.ts";

/** The secret of RFC 6238's appendix B. */
const KEY = Buffer.from("12345678901234567890");

describe("a one-time password", () => {
  // The last six of its eight digits.
  test.each([
    [59, "287082"],
    [1_111_111_109, "081804"],
    [1_111_111_111, "050471"],
    [1_234_567_890, "005924"],
    [2_000_000_000, "279037"],
    [20_000_000_000, "353130"],
  ])("at %i s is that of RFC 6238", (seconds, code) => {
    expect(totp(KEY, seconds * 1_000)).toBe(code);
  });
});

describe("a text in base32", () => {
  test.each([
    ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", KEY],
    ["gezd gnbv gy3t qojq gezd gnbv gy3t qojq", KEY],
    // RFC 4648, section 10.
    ["MZXW6===", Buffer.from("foo")],
    ["MZXW6YTBOI======", Buffer.from("foobar")],
  ])("%s is read", (text, bytes) => {
    expect(base32(text)).toEqual(bytes);
  });

  test.each(["", "===", "12345678", "GEZDGNBV!"])("%j is none", (text) => {
    expect(base32(text)).toBeUndefined();
  });
});
