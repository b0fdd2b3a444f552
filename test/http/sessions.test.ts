import { describe, expect, test } from "vitest";
import { basic, bearer } from "./house.ts";
import { ANNA, cookieOf, MEANT, open, QUICK, signedIn, signIn, user, who } from "./signing-in.ts";

const HOUR_MS = 3_600_000;
const ON = { method: "POST", body: { machine: "nuc1", verb: "on" } };

describe("signing in", () => {
  test("tells who one is and may, and gives a cookie that no script and no other site gets hold of", async () => {
    await using house = await open();
    const answer = await signIn(house);
    const session = {
      actor: { id: "user:anna", name: "anna", role: "admin", kind: "user" },
      can: { order: true, configure: true, force: true },
      version: "0.0.0",
    };
    expect([answer.status, answer.json()]).toEqual([200, session]);
    expect(answer.headers["set-cookie"]).toHaveLength(1);
    expect(answer.headers["set-cookie"]?.[0]).toMatch(/^mso_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(answer.headers["cache-control"]).toBe("no-store");
    const again = await house.ask("/api/v1/session", { headers: { cookie: cookieOf(answer) } });
    expect(again.json()).toEqual(session);
  });

  test("works with a token as well, and makes a person of who has MAAS's", async () => {
    await using house = await open();
    const headers = { ...(await signedIn(house, { token: "maas" })), ...MEANT };
    const { actor, can } = (await house.ask("/api/v1/session", { headers })).json<{ actor: object; can: object }>();
    expect(actor).toEqual({ id: "page:maas", name: "maas (page)", role: "operator", kind: "token" });
    expect(can).toEqual({ order: true, configure: false, force: false });
    await house.ask("/api/v1/orders", { ...ON, headers });
    expect(house.journal.orders({ limit: 9 }).map(({ actor }) => actor.id)).toEqual(["page:maas"]);
    // What its token may not, it may not: an operator could.
    const lock = { method: "POST", body: { reason: "disks" }, headers };
    expect((await house.ask("/api/v1/machines/nuc1/lock", lock)).status).toBe(403);
  });

  test("is told to anybody who sends a credential by header, or comes by none", async () => {
    await using house = await open();
    expect((await house.ask("/api/v1/session", { as: bearer("maas") })).json()).toMatchObject({
      actor: { id: "token:maas", role: "maas", kind: "token" },
    });
    expect((await house.ask("/api/v1/session")).status).toBe(401);
  });

  test("refuses what is wrong with 401, and never opens a browser's own window for it", async () => {
    await using house = await open();
    for (const body of [
      { name: "anna", password: "wrong" },
      { name: "nobody", password: "right" },
      { token: "wrong" },
    ]) {
      const answer = await signIn(house, body, { headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64)" } });
      expect([body, answer.status, answer.headers["set-cookie"]]).toEqual([body, 401, undefined]);
      expect(answer.headers["www-authenticate"]).toBe('Bearer realm="maasochist"');
      expect(answer.text).not.toMatch(/wrong|right/);
    }
    for (const body of [
      {},
      { name: "anna" },
      { ...ANNA, token: "maas" },
      { token: "" },
      { token: 5 },
      "x",
      [],
      { a: 1 },
    ])
      expect([body, (await signIn(house, body)).status]).toEqual([body, 400]);
  });

  test("slows down after failures as any other login does, and tells when to come back", async () => {
    await using house = await open();
    for (let time = 0; time < 6; time++) await signIn(house, { name: "anna", password: `wrong ${time}` });
    const answer = await signIn(house);
    expect([answer.status, answer.headers["retry-after"]]).toEqual([429, "1"]);
    expect((await signIn(house, { name: "otto", password: "right" })).status).toBe(200);
    expect((await signIn(house, ANNA, { from: "127.0.0.9" })).status).toBe(200);
    await house.lab.wait(1_000);
    expect((await signIn(house)).status).toBe(200);
  });

  test("looks at where the credential may be used from, then and later", async () => {
    await using house = await open({ users: [user("anna", { from: ["127.0.0.2"] })] });
    expect((await signIn(house)).status).toBe(403);
    const answer = await signIn(house, ANNA, { from: "127.0.0.2" });
    const headers = { cookie: cookieOf(answer) };
    expect((await house.ask("/api/v1/machines", { headers, from: "127.0.0.2" })).status).toBe(200);
    expect((await house.ask("/api/v1/machines", { headers, from: "127.0.0.3" })).status).toBe(403);
  });

  test("gives a new session every time: one that somebody else chose or knows is never taken over", async () => {
    await using house = await open();
    const planted = `mso_session=${"A".repeat(43)}`;
    const first = cookieOf(await signIn(house, ANNA, { headers: { cookie: planted, ...MEANT } }));
    expect(first).not.toBe(planted);
    expect(await who(house, { cookie: planted })).toBe(401);
    const second = cookieOf(
      await signIn(house, { name: "otto", password: "right" }, { headers: { cookie: first, ...MEANT } }),
    );
    expect(second).not.toBe(first);
    expect([await who(house, { cookie: first }), await who(house, { cookie: second })]).toEqual([401, "user:otto"]);
  });

  test("is kept in the journal, and shown to who may say who comes in", async () => {
    await using house = await open({ users: [user("anna", { role: "admin" }), user("otto")] });
    const { cookie } = await signedIn(house);
    await house.ask("/api/v1/session", { method: "DELETE", headers: { cookie, ...MEANT } });
    const events = async (name: string) => (await house.ask("/api/v1/events", { as: basic(name, "right") })).text;
    expect(await events("anna")).toMatch(/"session:opened".*"user:anna".*signed in from 127\.0\.0\.1.*"session:ended"/);
    expect(await events("otto")).not.toContain("session:");
  });
});

describe("a session", () => {
  test("names its owner in whatever it does", async () => {
    await using house = await open();
    const headers = { ...(await signedIn(house)), ...MEANT };
    await house.ask("/api/v1/orders", { ...ON, headers });
    await house.ask("/api/v1/machines/pi1/lock", { method: "POST", body: { reason: "disks" }, headers });
    expect(house.journal.orders({ limit: 9 })).toMatchObject([
      { actor: { id: "user:anna", name: "anna", role: "admin" } },
    ]);
    expect(house.lab.power.machine("pi1").lock).toMatchObject({ by: "anna" });
  });

  test("ends by signing out, at once and for good", async () => {
    await using house = await open();
    const { cookie } = await signedIn(house);
    const out = await house.ask("/api/v1/session", { method: "DELETE", headers: { cookie, ...MEANT } });
    expect([out.status, out.text]).toEqual([204, ""]);
    expect(out.headers["set-cookie"]?.[0]).toMatch(/^mso_session=; Path=\/; HttpOnly; SameSite=Strict; Max-Age=0$/);
    expect(await who(house, { cookie })).toBe(401);
    const twice = await house.ask("/api/v1/session", { method: "DELETE", headers: { cookie, ...MEANT } });
    expect(twice.status).toBe(204);
  });

  test("ends when nobody uses it, and in any case after a week", async () => {
    await using house = await open();
    const [idle, used] = [await signedIn(house), await signedIn(house)];
    for (let hours = 0; hours < 7 * 24; hours += 7) {
      expect(await who(house, used)).toBe("user:anna");
      await house.lab.wait(7 * HOUR_MS);
    }
    expect([await who(house, idle), await who(house, used)]).toEqual([401, 401]);
    const late = await signedIn(house);
    await house.lab.wait(7 * HOUR_MS);
    expect(await who(house, late)).toBe("user:anna");
    await house.lab.wait(8 * HOUR_MS);
    expect(await who(house, late)).toBe(401);
  });

  test("ends when its owner is removed, and when a role, a password or a limit changes", async () => {
    await using house = await open();
    const made = await house.credentials.addToken({ name: "wall", role: "viewer", machines: ["*"], from: [] });
    await house.credentials.addUser(user("eva"));
    const wall = await signedIn(house, { token: made });
    const eva = await signedIn(house, { name: "eva", password: "right" });
    expect([await who(house, wall), await who(house, eva)]).toEqual(["token:wall", "user:eva"]);
    await house.credentials.revoke("tokens", "wall");
    await house.credentials.revoke("users", "eva");
    expect([await who(house, wall), await who(house, eva)]).toEqual([401, 401]);
    for (const changed of [
      { role: "viewer" },
      { passwordHash: QUICK.replace("8:1", "8:2") },
      { machines: ["nuc1"] },
    ] as const) {
      await house.credentials.addUser(user("eva"));
      const before = await signedIn(house, { name: "eva", password: "right" });
      await house.credentials.revoke("users", "eva");
      await house.credentials.addUser(user("eva", changed));
      expect([changed, await who(house, before)]).toEqual([changed, 401]);
      await house.credentials.revoke("users", "eva");
    }
  });

  test("takes its streams along when it ends", async () => {
    await using house = await open();
    const { cookie } = await signedIn(house);
    const stream = await house.send("/api/v1/events/stream", { headers: { cookie } });
    expect(stream.statusCode).toBe(200);
    const ended = stream.toArray();
    await house.ask("/api/v1/session", { method: "DELETE", headers: { cookie, ...MEANT } });
    await house.lab.wait(16_000);
    expect(Buffer.concat((await ended) as Buffer[]).toString()).toContain("connected");
  });

  test("sees the machines alone that its owner is limited to", async () => {
    await using house = await open({ users: [user("anna", { role: "admin", machines: ["nuc*"] })] });
    const headers = { ...(await signedIn(house)), ...MEANT };
    for (const path of ["machines", "status", "orders", "events", "hubs", "configuration", "configuration/resolved"]) {
      const { text } = await house.ask(`/api/v1/${path}`, { headers });
      expect([path, text]).toEqual([path, expect.not.stringContaining("pi1")]);
    }
    for (const path of ["/api/v1/machines/pi1", "/api/v1/machines/pi1/maas"])
      expect((await house.ask(path, { headers })).status).toBe(404);
    // Who does not see all may not say who sees what.
    for (const path of ["/api/v1/tokens", "/api/v1/users"])
      expect((await house.ask(path, { headers })).status).toBe(403);
    const all = { name: "x", role: "admin" };
    expect((await house.ask("/api/v1/tokens", { method: "POST", body: all, headers })).status).toBe(403);
    expect(house.credentials.rules.tokens).toEqual([]);
  });

  test("never opens MAAS's webhooks", async () => {
    await using house = await open();
    const headers = { ...(await signedIn(house)), ...MEANT };
    expect((await house.ask("/maas/nuc1/on", { method: "POST", headers })).status).toBe(401);
    expect((await house.ask("/maas/nuc1/query", { headers })).status).toBe(401);
    expect(house.lab.commands("nuc1")).toEqual([]);
  });

  test("counts for less than a credential that is sent with it", async () => {
    await using house = await open();
    const headers = await signedIn(house);
    expect((await house.ask("/api/v1/session", { headers, as: bearer("maas") })).text).toContain("token:maas");
    expect((await house.ask("/api/v1/session", { headers, as: bearer("wrong") })).status).toBe(401);
  });
});

describe("a request that a browser was led to send", () => {
  test("changes nothing without the header that only a page of ours sets", async () => {
    await using house = await open();
    const headers = await signedIn(house);
    for (const value of [{}, { "x-mso-request": "0" }, { "x-mso-request": "" }]) {
      const answer = await house.ask("/api/v1/orders", { ...ON, headers: { ...headers, ...value } });
      expect([answer.status, answer.json()]).toMatchObject([403, { error: { code: "forbidden" } }]);
      const out = await house.ask("/api/v1/session", { method: "DELETE", headers: { ...headers, ...value } });
      expect(out.status).toBe(403);
    }
    expect(house.lab.commands("nuc1")).toEqual([]);
    expect(await who(house, headers)).toBe("user:anna");
  });

  test("changes nothing with it either, where the browser says that another site's page sent it", async () => {
    await using house = await open();
    const headers = { ...(await signedIn(house)), ...MEANT };
    const own = `http://127.0.0.1:${house.port}`;
    const foreign: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `http://127.0.0.1:${house.port + 1}` },
      { origin: `http://127.0.0.1:${house.port}.evil.example` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
      { origin: own, "sec-fetch-site": "cross-site" },
    ];
    for (const more of foreign) {
      expect([more, (await house.ask("/api/v1/orders", { ...ON, headers: { ...headers, ...more } })).status]).toEqual([
        more,
        403,
      ]);
      expect([more, (await signIn(house, ANNA, { headers: more })).status]).toEqual([more, 403]);
    }
    expect(house.lab.commands("nuc1")).toEqual([]);
    const ours = { ...headers, origin: own, "sec-fetch-site": "same-origin" };
    expect((await house.ask("/api/v1/orders", { ...ON, headers: ours })).status).toBe(200);
    expect(house.lab.commands("nuc1")).toEqual(["on"]);
  });

  test("gets no leave to read or write from elsewhere", async () => {
    await using house = await open();
    const headers = {
      origin: "https://evil.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "x-mso-request",
    };
    for (const method of ["OPTIONS", "GET"]) {
      const answer = await house.ask("/api/v1/orders", { method, headers });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });
});

describe("behind a proxy", () => {
  const front = { trustedProxies: ["127.0.0.1"] };

  test("that speaks TLS the cookie goes over TLS alone, and belongs to this host", async () => {
    await using house = await open({ front });
    const forwarded = {
      "x-forwarded-for": "192.0.2.7",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "power.example",
    };
    const answer = await signIn(house, ANNA, { headers: { ...forwarded, origin: "https://power.example" } });
    expect(answer.headers["set-cookie"]?.[0]).toMatch(
      /^__Host-mso_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    );
    const cookie = cookieOf(answer);
    expect(await who(house, { ...forwarded, cookie })).toBe("user:anna");
    // Set without TLS, anybody on the way could have set it.
    expect(await who(house, { ...forwarded, cookie: cookie.replace("__Host-", "") })).toBe(401);
    expect((await signIn(house, ANNA, { headers: { ...forwarded, origin: "http://power.example" } })).status).toBe(403);
    const { text } = await house.ask("/api/v1/events", { headers: { ...forwarded, cookie } });
    expect(text).toContain("signed in from 192.0.2.7");
  });

  test("that is not trusted nothing it says counts", async () => {
    await using house = await open({ front: { trustedProxies: ["127.0.0.9"] } });
    const headers = {
      "x-forwarded-for": "192.0.2.7",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "power.example",
    };
    expect((await signIn(house, ANNA, { headers })).headers["set-cookie"]?.[0]).toMatch(/^mso_session=.*Strict$/);
    expect((await signIn(house, ANNA, { headers: { ...headers, origin: "https://power.example" } })).status).toBe(403);
  });

  test("under a path of its own the cookie is for that path", async () => {
    await using house = await open({ front: { ...front, base: "/power" } });
    const plain = await house.ask("/power/api/v1/session", { method: "POST", body: ANNA });
    expect(plain.headers["set-cookie"]?.[0]).toMatch(
      /^mso_session=[\w-]{43}; Path=\/power; HttpOnly; SameSite=Strict$/,
    );
    const headers = { "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https" };
    const secure = await house.ask("/power/api/v1/session", { method: "POST", body: ANNA, headers });
    expect(secure.headers["set-cookie"]?.[0]).toMatch(/^__Secure-mso_session=[\w-]{43}; Path=\/power; .*; Secure$/);
    expect(await who(house, { ...headers, cookie: cookieOf(secure) })).toBe("user:anna");
  });
});
