import { mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hashPassword } from "../../src/http/password.ts";
import { Secret } from "../../src/power/secret.ts";
import { Credentials, generatedToken } from "../../src/store/credentials.ts";
import { keepMaasLogin, readMaasLogin } from "../../src/store/maas-login.ts";
import { pathsBeside, type StorePaths } from "../../src/store/paths.ts";
import { modeOf, OtherProcess, Shelf } from "./shelf.ts";

const GRANT = { role: "maas", machines: ["*"], from: [] } as const;
const PASSWORD_HASH = "scrypt:1024:8:1:c2FsdHNhbHRzYWx0c2FsdA==:NxheqC03Kq6y6MF1Ni36TkbiynSBfkym1GpETMHqiQ8=";

let shelf: Shelf;
let paths: StorePaths;

beforeEach(() => {
  shelf = new Shelf();
  paths = pathsBeside(shelf.path("maasochist.db"));
});
afterEach(() => shelf[Symbol.dispose]());

/** Names of the tokens and users that count for whoever opens the file now. */
function names(credentials = new Credentials(paths.credentials)): string[] {
  const { tokens, users } = credentials.rules;
  return [...tokens, ...users].map(({ name }) => name);
}

describe("credentials", () => {
  test("are kept as hashes alone, for their own account alone, and count until they are revoked", async () => {
    const credentials = new Credentials(paths.credentials);
    const token = await credentials.addToken({ name: "maas", ...GRANT, machines: ["nuc*"], from: ["10.0.0.0/8"] });
    expect(token).toMatch(/^mso_[A-Za-z0-9]{40}$/);
    await credentials.addUser({ name: "anna", ...GRANT, role: "admin", passwordHash: await hashPassword("geheim") });
    expect(readFileSync(paths.credentials, "utf8")).not.toMatch(new RegExp(`${token}|geheim`));
    expect(modeOf(paths.credentials)).toBe("600");
    const reopened = new Credentials(paths.credentials);
    expect(reopened.rules).toEqual(credentials.rules);
    expect(reopened.rules.tokens).toMatchObject([{ name: "maas", machines: ["nuc*"], from: ["10.0.0.0/8"] }]);

    expect(await reopened.revoke("users", "maas")).toBe(false);
    expect(await reopened.revoke("tokens", "maas")).toBe(true);
    expect(await reopened.revoke("users", "anna")).toBe(true);
    expect(names()).toEqual([]);
    expect(modeOf(paths.credentials)).toBe("600");
  });

  test("have names of their own, each once", async () => {
    const credentials = new Credentials(paths.credentials);
    const user = { name: "anna", ...GRANT, passwordHash: PASSWORD_HASH };
    await credentials.addToken({ name: "anna", ...GRANT });
    await credentials.addUser(user);
    await expect(credentials.addToken({ name: "anna", ...GRANT })).rejects.toThrow('there is a token "anna" already');
    await expect(credentials.addUser(user)).rejects.toThrow('there is a user "anna" already');
    await expect(credentials.addToken({ name: "generated", ...GRANT })).rejects.toThrow(
      "that the daemon makes by itself",
    );
    expect(names()).toEqual(["anna", "anna"]);
  });

  test("that a command changes are seen by a running daemon when it looks", async () => {
    const daemon = new Credentials(paths.credentials);
    expect(daemon.refresh()).toBe(false);
    const command = new Credentials(paths.credentials);
    await command.addToken({ name: "maas", ...GRANT });
    expect([daemon.refresh(), names(daemon)]).toEqual([true, ["maas"]]);
    expect(daemon.refresh()).toBe(false);
    await command.revoke("tokens", "maas");
    expect([daemon.refresh(), names(daemon)]).toEqual([true, []]);
  });

  test("stand while their file cannot be used, and nobody writes over it", async () => {
    const daemon = new Credentials(paths.credentials);
    await daemon.addToken({ name: "maas", ...GRANT });
    const whole = readFileSync(paths.credentials, "utf8");
    for (const damaged of [
      "",
      whole.slice(0, -20),
      '{"version":2}',
      "[]",
      "null",
      '{"version":1,"tokens":[],"users":[{"name":"root"}]}',
      whole.replace('"maas"', "7"),
      whole.replace(/[0-9a-f]{64}/, "secret"),
    ]) {
      writeFileSync(paths.credentials, damaged);
      expect([damaged, daemon.refresh(), names(daemon)]).toEqual([damaged, false, ["maas"]]);
      expect(daemon.problem).toContain(`${paths.credentials} cannot be used: it`);
      expect(daemon.problem).not.toContain("secret");
      await expect(daemon.addToken({ name: "new", ...GRANT })).rejects.toThrow("cannot be used");
      await expect(daemon.revoke("tokens", "maas")).rejects.toThrow("cannot be used");
      expect(readFileSync(paths.credentials, "utf8")).toBe(damaged);
      expect(new Credentials(paths.credentials).problem).toBe(daemon.problem);
    }
    writeFileSync(paths.credentials, whole);
    expect([daemon.refresh(), daemon.problem, names(daemon)]).toEqual([true, undefined, ["maas"]]);
  });

  test("stand while something else is in their file's place, and fall with the file", async () => {
    const daemon = new Credentials(paths.credentials);
    await daemon.addToken({ name: "maas", ...GRANT });
    rmSync(paths.credentials);
    mkdirSync(paths.credentials);
    daemon.refresh();
    expect([daemon.problem !== undefined, names(daemon)]).toEqual([true, ["maas"]]);
    rmdirSync(paths.credentials);
    daemon.refresh();
    expect([daemon.problem, names(daemon)]).toEqual([undefined, []]);
  });

  test("that several processes change at the same time are all kept", async () => {
    const others = ["a", "b", "c", "d"].map((name) => new OtherProcess("tokens", paths.credentials, name));
    const credentials = new Credentials(paths.credentials);
    await credentials.addToken({ name: "own", ...GRANT });
    expect(await Promise.all(others.map((other) => other.ended()))).toEqual([0, 0, 0, 0]);
    const kept = ["a", "b", "c", "d"].flatMap((name) => [`${name}-1`, `${name}-3`]);
    expect(names().sort()).toEqual([...kept, "own"]);
  });

  test("can be changed again after a command was killed in the middle of it", async () => {
    const lock = `${paths.credentials}.lock`;
    // No system gives a process so high a number.
    writeFileSync(lock, `${hostname()} ${2 ** 30} of-a-process-that-is-gone\n`);
    await new Credentials(paths.credentials).addToken({ name: "after", ...GRANT });
    expect(names()).toContain("after");
    expect(() => readFileSync(lock)).toThrow("ENOENT");
  });
});

describe("the token made on first start", () => {
  test("is kept over starts, for its own account alone", async () => {
    const token = await generatedToken(paths, new Credentials(paths.credentials));
    expect(readFileSync(paths.token, "utf8")).toBe(`${token}\n`);
    expect(modeOf(paths.token)).toBe("600");
    expect(await generatedToken(paths, new Credentials(paths.credentials))).toBe(token);
    expect(names()).toEqual(["generated"]);
  });

  test("is made anew where it was revoked or lost, and the old one counts no more", async () => {
    const credentials = new Credentials(paths.credentials);
    const first = await generatedToken(paths, credentials);
    await credentials.revoke("tokens", "generated");
    const second = await generatedToken(paths, credentials);
    rmSync(paths.token);
    const third = await generatedToken(paths, credentials);
    expect(new Set([first, second, third]).size).toBe(3);
    expect(names()).toEqual(["generated"]);
    expect(await generatedToken(paths, new Credentials(paths.credentials))).toBe(third);
  });
});

describe("a token that takes the place of another", () => {
  test("counts beside it until one is kept alone", async () => {
    const credentials = new Credentials(paths.credentials);
    await credentials.addToken({ name: "other", ...GRANT });
    const grant = { name: "maas:nuc1", ...GRANT, machines: ["nuc1"] };
    const first = await credentials.addAnotherToken(grant);
    const second = await credentials.addAnotherToken(grant);
    expect(second).not.toBe(first);
    expect(names()).toEqual(["other", "maas:nuc1", "maas:nuc1"]);
    const [, , newest] = credentials.rules.tokens;
    await credentials.keepTokens("maas:nuc1", ({ sha256 }) => sha256 === newest?.sha256);
    expect(new Credentials(paths.credentials).rules.tokens).toMatchObject([{ name: "other" }, newest]);
    expect(await credentials.revoke("tokens", "maas:nuc1")).toBe(true);
    expect(names()).toEqual(["other"]);
  });
});

describe("MAAS's address and key", () => {
  test("are kept for their own account alone, and a damaged file is told without being quoted", () => {
    expect(readMaasLogin(paths.maas)).toBeUndefined();
    keepMaasLogin(paths.maas, { url: "http://192.0.2.2:5240/MAAS", key: new Secret("a:b:c") });
    expect(modeOf(paths.maas)).toBe("600");
    const kept = readMaasLogin(paths.maas);
    expect([kept?.url, kept?.key.reveal()]).toEqual(["http://192.0.2.2:5240/MAAS", "a:b:c"]);
    for (const damaged of ["{ torn a:b:c", "null", '{"url":"a:b:c"}']) {
      writeFileSync(paths.maas, damaged);
      expect(() => readMaasLogin(paths.maas)).toThrow(`${paths.maas} is damaged`);
    }
  });
});
