import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { sameData } from "../../src/power/same-data.ts";
import { Secret } from "../../src/power/secret.ts";

function noop(): void {}

describe("two values", () => {
  test.each<[string, unknown, unknown]>([
    ["numbers", 1, 1],
    ["no numbers", Number.NaN, Number.NaN],
    ["texts", "a", "a"],
    ["nothing", undefined, undefined],
    ["null", null, null],
    ["functions", noop, noop],
    ["empty objects", {}, {}],
    ["lists", [1, [2, "3"]], [1, [2, "3"]]],
    ["objects, whatever the order of their keys", { a: 1, b: { c: [] } }, { b: { c: [] }, a: 1 }],
    ["objects with a key for nothing", { a: undefined }, { a: undefined }],
    ["secrets", new Secret("s3"), new Secret("s3")],
    ["secrets inside", { password: new Secret("s3") }, { password: new Secret("s3") }],
  ])("hold the same: %s", (_, a, b) => {
    expect(sameData(a, b)).toBe(true);
    expect(sameData(b, a)).toBe(true);
  });

  test.each<[string, unknown, unknown]>([
    ["numbers", 1, 2],
    ["a number and its text", 1, "1"],
    ["null and nothing", null, undefined],
    ["null and an object", null, {}],
    ["a text and an object", "", {}],
    ["an object and a function", {}, noop],
    ["functions", noop, () => undefined],
    ["a list and an object", [], {}],
    ["a list and an object with its indices", ["a"], { 0: "a" }],
    ["lists of other lengths", [1, 2], [1]],
    ["lists in another order", [1, 2], [2, 1]],
    ["objects with another value", { a: 1, b: 2 }, { a: 1, b: 3 }],
    ["objects with one key more", { a: 1 }, { a: 1, b: undefined }],
    ["objects with another key for nothing", { a: undefined }, { b: undefined }],
    ["objects that differ deep inside", { a: [{ b: 1 }] }, { a: [{ b: 2 }] }],
    ["secrets", new Secret("s3"), new Secret("s4")],
    ["a secret and an empty object", new Secret("s3"), {}],
    ["a secret and its text", new Secret("s3"), "s3"],
    ["a secret inside and another", { password: new Secret("s3") }, { password: new Secret("s4") }],
  ])("do not hold the same: %s", (_, a, b) => {
    expect(sameData(a, b)).toBe(false);
    expect(sameData(b, a)).toBe(false);
  });
});

describe("a secret", () => {
  const secret = new Secret("hunter2");

  test("is told to the wire", () => {
    expect(secret.reveal()).toBe("hunter2");
  });

  test.each([
    ["a text", String(secret), "•••"],
    ["JSON", JSON.stringify({ password: secret }), '{"password":"•••"}'],
    ["an inspection", inspect({ password: secret }), "{ password: ••• }"],
  ])("is masked in %s", (_, printed, masked) => {
    expect(printed).toBe(masked);
  });
});
