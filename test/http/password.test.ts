import { describe, expect, test } from "vitest";
import { hashPassword, PasswordChecker } from "../../src/http/password.ts";

/** Of the password `right`, quick to check: scrypt with N = 1024, made by Python's hashlib. */
const QUICK = "scrypt:1024:8:1:c2FsdHNhbHRzYWx0c2FsdA==:NxheqC03Kq6y6MF1Ni36TkbiynSBfkym1GpETMHqiQ8=";

function attempt(password: string, user = "anna") {
  return { user, hash: QUICK, password };
}

describe("passwords", () => {
  test("are kept as scrypt with salt, and found right again, in any script", async () => {
    const password = "Grüße, 世界: a:b";
    const hash = await hashPassword(password);
    expect(hash).toMatch(/^scrypt:131072:8:1:[A-Za-z0-9+/]{22}==:[A-Za-z0-9+/]{43}=$/);
    const checker = new PasswordChecker(() => 0);
    expect(await checker.check({ user: "anna", hash, password }, "a")).toBe(true);
  });

  test("are found wrong by one character, and of a user who is not there always", async () => {
    const checker = new PasswordChecker(() => 0);
    expect(await checker.check(attempt("right"), "a")).toBe(true);
    for (const wrong of ["right ", "Right", "righ", ""]) expect(await checker.check(attempt(wrong), "a")).toBe(false);
    expect(await checker.check({ user: "otto", hash: undefined, password: "right" }, "a")).toBe(false);
  });

  test("are remembered right for a minute, and wrong for ten", async () => {
    let now = 0;
    const checker = new PasswordChecker(() => now);
    expect(checker.remembers(attempt("right"))).toBeUndefined();
    await checker.check(attempt("right"), "a");
    await checker.check(attempt("wrong"), "a");
    now = 59_999;
    expect([checker.remembers(attempt("right")), checker.remembers(attempt("wrong"))]).toEqual([true, false]);
    now = 60_000;
    expect([checker.remembers(attempt("right")), checker.remembers(attempt("wrong"))]).toEqual([undefined, false]);
    now = 600_000;
    expect(checker.remembers(attempt("wrong"))).toBeUndefined();
  });

  test("are remembered for their own user and hash alone", async () => {
    const checker = new PasswordChecker(() => 0);
    await checker.check(attempt("right"), "a");
    expect(checker.remembers(attempt("right", "otto"))).toBeUndefined();
    expect(checker.remembers({ ...attempt("right"), hash: `${QUICK.slice(0, -2)}9=` })).toBeUndefined();
    expect(checker.remembers({ ...attempt("right"), hash: undefined })).toBeUndefined();
  });

  test("stand in line, four of one source at most, and whoever comes then is sent away", async () => {
    const checker = new PasswordChecker(() => 0);
    const taken = Array.from({ length: 4 }, (_, number) => checker.check(attempt(`guess ${number}`), "a"));
    expect(checker.check(attempt("one more"), "a")).toBeUndefined();
    const other = checker.check(attempt("right"), "b");
    expect(await Promise.all([...taken, other])).toEqual([false, false, false, false, true]);
    expect(await checker.check(attempt("one more"), "a")).toBe(false);
  });

  test("are computed two at a time, with thirty-two more in line from everywhere", async () => {
    const checker = new PasswordChecker(() => 0);
    const checks = Array.from({ length: 50 }, (_, number) => checker.check(attempt(`guess ${number}`), `${number}`));
    expect(checks.filter((check) => check !== undefined).length).toBe(34);
    await Promise.all(checks.map(async (check) => check));
    expect(await checker.check(attempt("right"), "a")).toBe(true);
  });

  test("take one turn together where they are the same", async () => {
    const checker = new PasswordChecker(() => 0);
    const checks = Array.from({ length: 50 }, () => checker.check(attempt("right"), "a"));
    expect(new Set(await Promise.all(checks.map(async (check) => check)))).toEqual(new Set([true]));
  });
});
