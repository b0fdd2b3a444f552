import { beforeAll, describe, expect, test } from "vitest";
import { hashPassword, PasswordChecker } from "../../src/http/password.ts";

const PASSWORD = "Grüße, 世界: a:b";
/** Cheap to check, as no `hashPassword` makes it: made with node:crypto's scrypt, N = 1024. */
const CHEAP = "scrypt:1024:8:1:c2FsdHNhbHRzYWx0c2FsdA==:HASH";

let hash = "";
beforeAll(async () => {
  hash = await hashPassword(PASSWORD);
});

describe("passwords", () => {
  test("are kept as scrypt with a salt of their own", async () => {
    expect(hash).toMatch(/^scrypt:131072:8:1:[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]{43}=$/);
    expect(await hashPassword(PASSWORD)).not.toBe(hash);
  });

  test("are found right and wrong, and a user who is not there is never right", async () => {
    const checker = new PasswordChecker(() => 0);
    const [right, wrong, nobody] = await Promise.all([
      checker.check({ user: "anna", hash, password: PASSWORD }, "a"),
      checker.check({ user: "anna", hash, password: `${PASSWORD} ` }, "a"),
      checker.check({ user: "otto", hash: undefined, password: PASSWORD }, "a"),
    ]);
    expect([right, wrong, nobody]).toEqual([true, false, false]);
  });
});
