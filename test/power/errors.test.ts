import { describe, expect, test } from "vitest";
import { ERROR_CODES, ERROR_TABLE, type ErrorCode, messageOf, PowerError } from "../../src/power/errors.ts";

/** Code, HTTP status, and whether the same request may succeed a moment later. */
const FACTS: readonly (readonly [ErrorCode, number, boolean])[] = [
  ["unreachable", 503, true],
  ["timeout", 504, true],
  ["auth", 502, false],
  ["refused", 502, false],
  ["protocol", 502, false],
  ["not_found", 422, false],
  ["busy", 503, true],
  ["wrong_device", 502, false],
  ["unproven", 504, false],
  ["superseded", 409, false],
  ["locked", 423, false],
  ["protected", 403, false],
  ["disabled", 403, false],
  ["unsupported", 422, false],
  ["config", 500, false],
];

describe("a failure", () => {
  test.each(FACTS)("%s has the status %i and may be repeated: %s", (code, http, retry) => {
    expect(ERROR_TABLE[code]).toMatchObject({ http, retry });
  });

  test.each(ERROR_CODES)("%s tells in a sentence what a person can do about it", (code) => {
    expect(ERROR_TABLE[code].hint).toMatch(/^[A-Z].{15,}\.$/);
  });

  test("is of one of the codes in the table", () => {
    expect(ERROR_CODES).toEqual(FACTS.map(([code]) => code));
  });

  test("has the hint and the status of the table, and cannot have acted, where the thrower knows no better", () => {
    const error = new PowerError("refused", "no");
    expect(error).toMatchObject({
      name: "PowerError",
      code: "refused",
      message: "no",
      hint: ERROR_TABLE.refused.hint,
      status: 502,
      mayHaveActed: false,
      hubAnswered: false,
    });
    expect(error).not.toHaveProperty("cause");
  });

  test("keeps what its thrower knows better", () => {
    const cause = new Error("socket closed");
    const options = { cause, hint: "Plug it in.", status: 418, mayHaveActed: true, hubAnswered: true };
    expect(new PowerError("unreachable", "gone", options)).toMatchObject(options);
  });

  test("known to have possibly acted is the same one with that said", () => {
    const options = { cause: new Error("reset"), hint: "Wait.", status: 500, hubAnswered: true };
    const error = new PowerError("timeout", "late", options);
    const acted = error.acted();
    expect(error.mayHaveActed).toBe(false);
    expect(acted).toMatchObject({ code: "timeout", message: "late", ...options, mayHaveActed: true });
    expect(acted.acted()).toBe(acted);
  });
});

describe("what was thrown", () => {
  test("is the failure itself where it is one", () => {
    const error = new PowerError("busy", "later");
    expect(PowerError.from(error)).toBe(error);
  });

  test("is a fault of the driver or of the answer where nobody classified it", () => {
    const cause = new TypeError("x is undefined");
    const error = PowerError.from(cause);
    expect(error).toMatchObject({ code: "protocol", message: "x is undefined", mayHaveActed: false });
    expect(error.cause).toBe(cause);
  });

  test.each([
    [new Error("words"), "words"],
    [{ message: 5 }, "5"],
    [{ reason: "none" }, "[object Object]"],
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [7, "7"],
  ])("%j is told in its own words", (thrown, words) => {
    expect(messageOf(thrown)).toBe(words);
  });
});
