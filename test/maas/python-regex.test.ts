import { describe, expect, test } from "vitest";
import { searches } from "./python-regex.ts";

const ON = String.raw`status.*\:.*running`;
const OFF = String.raw`status.*\:.*stopped`;

describe("a search with Python's meaning", () => {
  // What Python 3 itself answers to each of these.
  test.each([
    [ON, '{"status":"running"}', true],
    [ON, '{"status":"stopped"}', false],
    [OFF, '{"status":"stopped"}', true],
    [ON, '{"status":"stopped","message":"was running 5 s ago"}', true],
    [ON, '{\n  "status": "running"\n}', true],
    [ON, '{\n  "status":\n    "running"\n}', false],
    [ON, '{"status":\r"running"}', true],
    [ON, '{"status":\u2028"running"}', true],
    [ON, '{"STATUS":"RUNNING"}', false],
    [`(?i)${ON}`, '{"STATUS":"RUNNING"}', true],
    [`(?s)${ON}`, '"status":\n"running"', true],
    ["on$", "on\n", true],
    ["on$", "on\n\n", false],
    [String.raw`on\Z`, "on\n", false],
    [String.raw`\Aon`, "off\non", false],
    ["^on", "off\non", false],
    ["(?m)^on$", "off\non\noff", true],
    ["(?P<word>o)(?P=word)", "foo", true],
    [String.raw`[]\:]{2}`, "]:", true],
    ["[^]]n", "on", true],
    ["[[]", "[", true],
    [String.raw`\"on\"`, '"on"', true],
    [String.raw`a\-b\/c\d`, "a-b/c1", true],
    ["", "", true],
  ])("%j in %j: %s", (pattern, text, found) => {
    expect(searches(pattern, text)).toBe(found);
  });

  test("refuses what it does not understand", () => {
    expect(() => searches("(?x) a b", "ab")).toThrow(SyntaxError);
    expect(() => searches("(", "")).toThrow(SyntaxError);
  });
});
