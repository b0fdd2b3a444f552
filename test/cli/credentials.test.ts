import { readFileSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../expecting.ts";
import { type Failure, Place, PREPARATION_MS, type ServedPlace } from "./cli.ts";

/** Within a second the daemon knows of a change; a test machine may be slower (ms). */
const SOON_MS = 10_000;
const PASSWORD = "open sesame 42";

let place: ServedPlace;
beforeAll(async () => {
  place = await Place.serving('  "n[1-2]": { driver: simulated }\n');
}, PREPARATION_MS);
afterAll(() => place[Symbol.asyncDispose]());

/** Each question costs the daemon something, a wrong password most of all. */
const ASK_EVERY_MS = 250;

async function untilStatus(authorization: string, status: number, path?: string): Promise<void> {
  await until(async () => (await statusFor(authorization, path)) === status, SOON_MS, ASK_EVERY_MS);
}

async function statusFor(authorization: string, path = "/maas/n1/query"): Promise<number> {
  return (await fetch(`${place.url}${path}`, { headers: { authorization } })).status;
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

describe("token", { timeout: PREPARATION_MS }, () => {
  test("add prints a token that the daemon knows within a second; revoke takes it away", async () => {
    const { code, out, err } = await place.run("token", "add", "lab");
    expect(code).toBe(0);
    expect(out).toMatch(/^\w{20,}\n$/);
    expect(err).toContain("It is not shown again.");
    const bearer = `Bearer ${out.trim()}`;
    await untilStatus(bearer, 200);
    expect(await place.run("token", "revoke", "lab")).toMatchObject({ code: 0, out: "token lab is revoked\n" });
    await untilStatus(bearer, 401);
  });

  test("is kept as a hash, in a file for this account alone", async () => {
    const { token } = await place.json<{ token: string }>("token", "add", "hashed");
    const path = place.file("maasochist.credentials.json");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).not.toContain(token);
    const listed = await place.run("token", "list");
    expect(listed.out).toMatch(/\nhashed +maas +\* +anywhere\n/);
    expect(listed.out).not.toContain(token);
  });

  test("is limited to machines, networks and its role", async () => {
    const made = await place.json<{ token: string }>("token", "add", "one", "--role", "viewer", "--machines", "n1");
    const bearer = `Bearer ${made.token}`;
    await untilStatus(bearer, 200);
    // What it may not see it is told of no more than of what is not there.
    expect(await statusFor(bearer, "/maas/n2/query")).toBe(422);
    const far = await place.json<{ token: string }>("token", "add", "far", "--from", "192.0.2.0/24");
    await untilStatus(`Bearer ${far.token}`, 403);
    expect(await place.json("token", "list")).toMatchObject({
      code: 0,
      tokens: expect.arrayContaining([
        { name: "one", role: "viewer", machines: ["n1"], from: [] },
        { name: "far", role: "maas", machines: ["*"], from: ["192.0.2.0/24"] },
      ]) as unknown,
    });
  });

  test.each([
    [["token", "add", "x", "--role", "king"], 'there is no role "king"'],
    [["token", "add", "a b"], '"a b" is no name'],
    [["token", "add", "x", "--from", "home"], '"home" is no network'],
    [["token", "revoke", "nobody"], 'there is no token "nobody"'],
    [["user", "revoke", "nobody"], 'there is no user "nobody"'],
    [["user", "add", "x"], "there is nobody to ask for a password"],
  ])("%j ends with 2 and changes nothing", async (args, message) => {
    const before = readFileSync(place.file("maasochist.credentials.json"), "utf8");
    const { code, error } = await place.json<Failure>(...args);
    expect({ code, message: error.message }).toEqual({ code: 2, message });
    expect(readFileSync(place.file("maasochist.credentials.json"), "utf8")).toBe(before);
  });

  test("of a name that is taken is refused", async () => {
    await place.run("token", "add", "taken");
    const { code, error } = await place.json<Failure>("token", "add", "taken");
    expect(code).toBe(2);
    expect(error.message).toBe('there is a token "taken" already');
    expect(error.hint).toContain("maasochist token revoke taken");
  });
});

describe("user", { timeout: PREPARATION_MS }, () => {
  const add = (name: string, password: string, ...more: string[]) =>
    place.start(["user", "add", name, "--password-stdin", ...more], { input: `${password}\n` }).end();

  test("add takes a password from standard input, and the daemon knows it within a second", async () => {
    const { code, out, err } = await add("anna", PASSWORD);
    expect({ code, out }).toEqual({ code: 0, out: "user anna may switch; a running daemon knows within a second\n" });
    expect(out + err + readFileSync(place.file("maasochist.credentials.json"), "utf8")).not.toContain(PASSWORD);
    const machines = "/api/v1/machines";
    await untilStatus(basic("anna", PASSWORD), 200, machines);
    expect((await place.run("user", "list")).out).toMatch(/\nanna +operator +\* +anywhere\n/);
    expect(await place.json("user", "revoke", "anna")).toMatchObject({ code: 0, revoked: "anna" });
    await untilStatus(basic("anna", PASSWORD), 401, machines);
  });

  test("add refuses a short password", async () => {
    const { code, err } = await add("bob", "short");
    expect(code).toBe(2);
    expect(err).toBe("error: the password has fewer than 8 characters\n");
  });
});

describe("without a daemon", { timeout: PREPARATION_MS }, () => {
  test("tokens and users are made all the same, and count when it starts", async () => {
    await using apart = Place.with({
      "maasochist.yaml": "server: { listen: 127.0.0.1:0 }\nmachines: { a: { driver: simulated } }\n",
    });
    expect((await apart.run("token", "list")).out).toBe(
      "No tokens were made here. Make one: maasochist token add NAME\n",
    );
    const { token } = await apart.json<{ token: string }>("token", "add", "early");
    const daemon = await apart.serve();
    const { url } = JSON.parse(daemon.out) as { url: string };
    const answer = await fetch(`${url}/maas/a/query`, { headers: { authorization: `Bearer ${token}` } });
    expect(await answer.json()).toEqual({ status: "stopped" });
  });

  test("a damaged credentials file is told, and not written over", async () => {
    await using apart = Place.with({
      "maasochist.yaml": "machines: { a: { driver: simulated } }\n",
      "maasochist.credentials.json": "{ torn",
    });
    const { code, error } = await apart.json<Failure>("token", "add", "x");
    expect(code).toBe(1);
    expect(error.message).toContain("maasochist.credentials.json cannot be used");
    expect(error.hint).toContain("Restore it from a backup");
    expect(readFileSync(apart.file("maasochist.credentials.json"), "utf8")).toBe("{ torn");
  });
});
