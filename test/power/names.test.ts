import { describe, expect, test } from "vitest";
import { matchesAny, matchesPattern, NAME_PATTERN, nearest } from "../../src/power/names.ts";

describe("a name", () => {
  test.each(["a", "Z", "7", "nuc-1", "rack.pdu_2", "0-a.b_C"])("may be %s", (name) => {
    expect(NAME_PATTERN.test(name)).toBe(true);
  });

  test.each(["", "-nuc", ".nuc", "_nuc", "nuc 1", "nuc/1", "nuc\n", " nuc", "nüc", "nuc*"])("may not be %j", (name) => {
    expect(NAME_PATTERN.test(name)).toBe(false);
  });
});

describe("a pattern", () => {
  test.each([
    ["*", ""],
    ["*", "nuc1"],
    ["nuc1", "nuc1"],
    ["nuc*", "nuc1"],
    ["nuc*", "nuc"],
    ["*1", "nuc1"],
    ["*1", "1"],
    ["n*1", "nuc1"],
    ["n*1", "n1"],
    ["ab*ba", "abba"],
    ["a*b*c", "abc"],
    ["a*b*c", "a-b-c"],
    ["a*bc*c", "abcc"],
    ["*uc*", "nuc1"],
    ["*a*a*", "aa"],
    ["a**b", "ab"],
    ["a*b*b*c", "abbc"],
  ])("%s matches %j", (pattern, name) => {
    expect(matchesPattern(pattern, name)).toBe(true);
  });

  test.each([
    ["nuc1", "nuc10"],
    ["nuc1", "nuc"],
    ["nuc", "anuc"],
    ["", "nuc1"],
    ["nuc*", "anuc1"],
    ["nuc*", "NUC1"],
    ["*1", "nuc12"],
    ["n*1", "nuc2"],
    ["n*1", "muc1"],
    ["ab*ba", "aba"],
    ["a*b*c", "ac"],
    ["a*b*c", "acbac-"],
    ["a*bc*c", "abc"],
    ["*a*a*", "a"],
    ["a*b*b*c", "abc"],
    ["ab*b*z", "abz"],
    ["x*ab*cd*y", "xcdaby"],
    ["n.c*", "nuc1"],
  ])("%s does not match %j", (pattern, name) => {
    expect(matchesPattern(pattern, name)).toBe(false);
  });

  test("is one of several of which one is enough, and none matches nothing", () => {
    expect(matchesAny(["pi*", "nuc*"], "nuc1")).toBe(true);
    expect(matchesAny(["pi*", "vm*"], "nuc1")).toBe(false);
    expect(matchesAny([], "nuc1")).toBe(false);
  });
});

describe("the known name nearest to what was written", () => {
  test.each([
    ["is itself", "nuc1", ["pi1", "nuc1"], "nuc1"],
    ["does not care for case", "NUC1", ["pi1", "nuc1"], "nuc1"],
    ["does not care for the case of what is known", "nuc1", ["pi1", "Nuc1"], "Nuc1"],
    ["has a letter more", "nuc", ["nuc1"], "nuc1"],
    ["has a letter more in front", "uc1", ["nuc1"], "nuc1"],
    ["has a letter less", "nuc11", ["nuc1"], "nuc1"],
    ["has a letter less in front", "xnuc1", ["nuc1"], "nuc1"],
    ["has another letter", "muc1", ["nuc1"], "nuc1"],
    ["has another last letter", "nuc2", ["nuc1"], "nuc1"],
    ["has two neighbours swapped", "ncu1", ["nuc1"], "nuc1"],
    ["has the first two swapped", "unc1", ["nuc1"], "nuc1"],
    ["has the last two swapped", "nu1c", ["nuc1"], "nuc1"],
    ["may be one letter off a short one", "b", ["a"], "a"],
    ["may be one letter off where nothing was written", "", ["a"], "a"],
  ])("%s", (_, written, known, meant) => {
    expect(nearest(written, known)).toBe(meant);
  });

  test.each([
    ["is none where nothing is known", "nuc1", []],
    ["is none two letters off a short one", "nuc1", ["nap1"]],
    ["is none two letters away", "nuc", ["nuc12"]],
    ["is none with letters swapped that are no neighbours", "cun", ["nuc"]],
    ["is none with a swap of one letter alone", "nuc1", ["nxu1"]],
    ["is none with one letter moved and another changed", "nu12", ["nu2x"]],
    ["is none two letters off one of five", "nuc-1", ["nux-2"]],
    ["is none three letters off one of eight", "rack-pdu", ["sbck-pdv"]],
    ["is none four letters off one of nine", "rack-pdu1", ["sbcl-pdu2"]],
    ["is none where both are turned round", "abc", ["cba"]],
  ])("%s", (_, written, known) => {
    expect(nearest(written, known)).toBeUndefined();
  });

  test.each([
    ["nuc--1", "nux--2", 2],
    ["rack-pdu", "sack-pdv", 2],
    ["rack-pdu1", "sbck-pdu2", 3],
    ["rack-pdu1", "rakc-udp1", 3],
    ["rack-pdu1", "rack-pdu1-a2", 3],
    ["rack-pdu1", "ck-du1", 3],
  ])("may be a third of %s off: %s", (written, known) => {
    expect(nearest(written, [known])).toBe(known);
  });

  test("is the nearest of several wherever it stands, and the first of equals", () => {
    expect(nearest("rack-pdu1", ["rack-udp2", "rack-pdu2", "rack-xdu2"])).toBe("rack-pdu2");
    expect(nearest("rack-pdu1", ["rack-pdu2", "rack-pdu3"])).toBe("rack-pdu2");
    expect(nearest("rack-pdu1", ["rack-pdu3", "rack-pdu2", "rack-pdu1"])).toBe("rack-pdu1");
    expect(nearest("rack-12", ["sack-21", "rack-13"])).toBe("rack-13");
  });
});
