/** Every route that the server really has, against every role, with and without what a request must carry. */
import { describe, expect, test } from "vitest";
import { type Right, ROLES, roleAllows } from "../../src/power/access.ts";
import type { Lab } from "../power/lab.ts";
import { type Answer, bearer, House, token } from "./house.ts";

/** What each route needs; `anybody`: no credential. A route that is not here fails the first test below. */
const NEEDS: Readonly<Record<string, Right | "anybody">> = {
  "GET /healthz": "anybody",
  "GET /readyz": "anybody",
  "GET /metrics": "read",
  "GET /api/v1/status": "read",
  "GET /api/v1/session": "read",
  "POST /api/v1/session": "anybody",
  "DELETE /api/v1/session": "anybody",
  "GET /api/v1/machines": "read",
  "GET /api/v1/machines/:name": "read",
  "GET /api/v1/machines/:name/maas": "read",
  "POST /api/v1/machines/:name/query": "read",
  "POST /api/v1/machines/:name/lock": "lock",
  "POST /api/v1/machines/:name/unlock": "lock",
  "GET /api/v1/orders": "read",
  "POST /api/v1/orders": "order",
  "POST /api/v1/orders/bulk": "order",
  "GET /api/v1/orders/:id": "read",
  "POST /api/v1/orders/:id/cancel": "order",
  "GET /api/v1/events": "read",
  "GET /api/v1/events/export": "read",
  "GET /api/v1/events/stream": "read",
  "GET /api/v1/live": "read",
  "GET /api/v1/hubs": "read",
  "GET /api/v1/hubs/:name": "read",
  "GET /api/v1/hubs/:name/outlets": "configure",
  "GET /api/v1/hubs/:name/traps": "configure",
  "POST /api/v1/hubs/:name/trust": "configure",
  "POST /api/v1/probes": "configure",
  "GET /api/v1/probes/:id": "configure",
  "GET /api/v1/drivers": "read",
  "GET /api/v1/drivers/:name": "read",
  "GET /api/v1/configuration": "read",
  "GET /api/v1/configuration/resolved": "configure",
  "POST /api/v1/configuration/reload": "configure",
  "POST /api/v1/try": "configure",
  "GET /api/v1/tokens": "configure",
  "POST /api/v1/tokens": "configure",
  "DELETE /api/v1/tokens/:name": "configure",
  "GET /api/v1/users": "configure",
  "POST /api/v1/users": "configure",
  "DELETE /api/v1/users/:name": "configure",
  "GET /api/v1/openapi.json": "read",
  "GET /api/v1/docs": "read",
  "GET /api/v1/docs/*": "read",
};

const BODIES: Readonly<Record<string, unknown>> = {
  "POST /api/v1/orders": { machine: "nuc1", verb: "on", wait: false },
  "POST /api/v1/orders/bulk": { machines: ["nuc1"], verb: "on" },
  "POST /api/v1/machines/:name/lock": { reason: "disks" },
  "POST /api/v1/configuration/reload": { dry_run: true },
  "POST /api/v1/try": { machine: { driver: "assumed" } },
  "POST /api/v1/tokens": { name: "made", role: "viewer" },
  "POST /api/v1/users": { name: "made", role: "viewer", password: "a-long-enough-one" },
};

const MEANT = { "x-mso-request": "1" };
const SECRETS = ROLES.map((role) => `the_token_of_${role}`);

const machines = (lab: Lab) => {
  lab.addMachine("nuc1", { boot: "0s", shutdown: "0s" });
};

function open(): Promise<House> {
  return House.open({
    machines,
    tokens: ROLES.map((role) => token(`the_token_of_${role}`, { role, name: role })),
  });
}

/** `GET` for `HEAD`, which Fastify adds to it. */
function needOf(route: string): Right | "anybody" | undefined {
  return NEEDS[route.replace(/^HEAD /, "GET ")];
}

/** Asks, and reads nothing of what does not end. */
async function call(house: House, route: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const [method = "", template = ""] = route.split(" ");
  const path = template.replace(":name", "nuc1").replace(":id", "none-1-abc").replace("*", "");
  const asking = { method, headers, ...(BODIES[route] !== undefined && { body: BODIES[route] }) };
  // Where the hardware is asked, time goes on by the lab's clock; passwords take real time.
  if (/\/(?:orders|bulk|query|outlets|traps|trust|try)$/.test(path)) return house.lab.run(house.ask(path, asking));
  if (!/\/(?:stream|live)$/.test(path)) return house.ask(path, asking);
  const response = await house.send(path, asking);
  const { statusCode: status = 0, headers: answered } = response;
  if (status === 200) response.destroy();
  else await response.toArray();
  return { status, headers: answered, text: "", json: <T>() => ({}) as T };
}

/** The cookie of somebody who signed in with the token of that role. */
async function cookieOf(house: House, role: string): Promise<string> {
  const body = { token: `the_token_of_${role}` };
  const { headers } = await house.ask("/api/v1/session", { method: "POST", body });
  return (headers["set-cookie"]?.[0] ?? "").split(";", 1)[0] ?? "";
}

function changes(route: string): boolean {
  return !/^(?:GET|HEAD) /.test(route);
}

describe("every route", () => {
  test("that the server has stands in the table of this test, and no other", async () => {
    await using house = await open();
    expect(house.routes.filter((route) => needOf(route) === undefined)).toEqual([]);
    expect(Object.keys(NEEDS).filter((route) => !house.routes.includes(route))).toEqual([]);
  });

  test("wants a credential, unless it is for anybody", async () => {
    await using house = await open();
    const isOpen = (route: string) => needOf(route) === "anybody";
    for (const route of house.routes.filter((known) => !isOpen(known))) {
      const { status, headers } = await call(house, route, MEANT);
      expect([route, status, headers["set-cookie"]]).toEqual([route, 401, undefined]);
    }
    for (const route of house.routes.filter(isOpen)) expect((await call(house, route, MEANT)).status).not.toBe(401);
  });

  test.each(ROLES)("lets a page of somebody with the role %s do what that may, and nothing else", async (role) => {
    await using house = await open();
    const headers = { ...MEANT, cookie: await cookieOf(house, role) };
    for (const route of house.routes) {
      // Of signing in and out the tests of sessions tell.
      const need = needOf(route);
      if (need === undefined || need === "anybody") continue;
      const { status } = await call(house, route, headers);
      const may = roleAllows(role, need);
      expect([route, may ? [401, 403].includes(status) : status]).toEqual([route, may ? false : 403]);
    }
    expect(house.lab.commands("nuc1")).toEqual(roleAllows(role, "order") ? ["on"] : []);
    expect(house.faults).toEqual([]);
  });

  test("that changes anything is closed to what another site's page can send with the cookie", async () => {
    await using house = await open();
    const cookie = await cookieOf(house, "admin");
    const own = `http://127.0.0.1:${house.port}`;
    const forged: Record<string, string>[] = [
      { cookie },
      { cookie, origin: own },
      { cookie, ...MEANT, origin: "https://evil.example" },
      { cookie, ...MEANT, origin: "null" },
      { cookie, ...MEANT, "sec-fetch-site": "cross-site" },
      { cookie, ...MEANT, origin: own, "sec-fetch-site": "same-site" },
    ];
    const changing = house.routes.filter((route) => changes(route) && route !== "POST /api/v1/session");
    expect(changing.length).toBeGreaterThan(10);
    for (const route of changing) {
      for (const headers of forged) {
        const { status } = await call(house, route, headers);
        expect([route, headers, status]).toEqual([route, headers, 403]);
      }
    }
    expect(house.lab.commands("nuc1")).toEqual([]);
    expect(house.credentials.rules).toMatchObject({ tokens: [], users: [] });
    expect((await house.ask("/api/v1/session", { headers: { cookie } })).status).toBe(200);
  });

  test("answers as data that no page of another site can use, and tells nothing of what it runs on", async () => {
    await using house = await open();
    const cookie = await cookieOf(house, "admin");
    for (const route of house.routes) {
      for (const headers of [{}, { ...MEANT, cookie }] as const) {
        if (route === "DELETE /api/v1/session") continue;
        const answer = await call(house, route, { ...headers, "user-agent": "Mozilla/5.0" });
        const got = answer.headers;
        expect([route, got["x-content-type-options"]]).toEqual([route, "nosniff"]);
        expect([route, got["content-security-policy"]]).toEqual([route, expect.stringContaining("default-src 'none'")]);
        expect([route, got["content-security-policy"]]).toEqual([
          route,
          expect.stringContaining("frame-ancestors 'none'"),
        ]);
        expect([route, got["referrer-policy"]]).toEqual([route, "no-referrer"]);
        expect([route, got["x-powered-by"], got.server]).toEqual([route, undefined, undefined]);
        expect([route, got["access-control-allow-origin"]]).toEqual([route, undefined]);
        // No window of the browser's own asks for a password that it would send along from then on.
        expect([route, got["www-authenticate"] ?? ""]).toEqual([route, expect.not.stringContaining("Basic")]);
      }
    }
  });
});

describe("MAAS's routes", () => {
  test("take no cookie of anybody, whatever is sent with it", async () => {
    await using house = await open();
    for (const role of ROLES) {
      const headers = { ...MEANT, cookie: await cookieOf(house, role) };
      for (const [method, verb] of [
        ["GET", "query"],
        ["POST", "on"],
        ["POST", "off"],
        ["POST", "cycle"],
        ["POST", "reset"],
      ] as const)
        expect((await house.ask(`/maas/nuc1/${verb}`, { method, headers })).status).toBe(401);
    }
    expect(house.lab.commands("nuc1")).toEqual([]);
  });
});

describe("what is too large or not meant well", () => {
  const admin = bearer("the_token_of_admin");

  test("is refused, and all goes on", async () => {
    await using house = await open();
    const post = (body: string, path = "/api/v1/orders") => house.ask(path, { method: "POST", as: admin, body });
    expect((await post(`"${"x".repeat(70_000)}"`)).status).toBe(413);
    expect((await post("[".repeat(30_000))).status).toBe(400);
    expect((await post("[".repeat(15_000) + "]".repeat(15_000))).status).toBe(400);
    expect((await post('{"machine":"nuc1","verb":"on","__proto__":{"force":true}}')).status).toBe(400);
    expect((await post('{"machine":"nuc1","verb":"on","constructor":{"prototype":{"force":true}}}')).status).toBe(400);
    expect((await post('{"machine":"nuc1","verb":"on"', "/api/v1/orders")).status).toBe(400);
    const long = await house.ask(`/api/v1/machines/${"x".repeat(10_000)}`, { as: admin });
    expect([long.status, long.text.length < 2_000]).toEqual([expect.any(Number), true]);
    expect(long.status).toBeGreaterThanOrEqual(400);
    expect((await house.ask("/api/v1/machines", { headers: { cookie: "mso_session=x; ".repeat(900) } })).status).toBe(
      401,
    );
    // It never came to the API.
    const large = await house.send("/api/v1/machines", { headers: { "x-large": "x".repeat(20_000) } });
    expect(large.statusCode).toBe(431);
    expect((await house.ask("/healthz")).status).toBe(200);
    expect(house.lab.commands("nuc1")).toEqual([]);
    expect(house.faults).toEqual([]);
  });
});

test("no secret that is sent comes back in an answer, nor stands in the journal", { timeout: 60_000 }, async () => {
  await using house = await open();
  const texts: string[] = [];
  const secrets = [...SECRETS, "a-password-of-eva", "mso_not_known_here", "a-wrong-password"];
  for (const role of ["admin", "viewer"]) {
    const cookie = await cookieOf(house, role);
    secrets.push(cookie.split("=")[1] ?? "");
    for (const route of house.routes.filter((known) => !/^HEAD|session$/.test(known)))
      texts.push((await call(house, route, { ...MEANT, cookie })).text);
  }
  const ask = async (path: string, body: unknown) =>
    texts.push((await house.ask(path, { method: "POST", as: bearer("the_token_of_admin"), body })).text);
  await ask("/api/v1/users", { name: "eva", role: "viewer", password: "a-password-of-eva" });
  await ask("/api/v1/users", { name: "eva", role: "viewer", password: "a-password-of-eva" });
  await ask("/api/v1/session", { token: "mso_not_known_here" });
  await ask("/api/v1/session", { name: "eva", password: "a-wrong-password" });
  await ask("/api/v1/session", { name: "eva", password: "a-wrong-password", more: "mso_not_known_here" });
  for (const path of ["events", "orders", "tokens", "users"])
    texts.push((await house.ask(`/api/v1/${path}`, { as: bearer("the_token_of_admin") })).text);
  texts.push(JSON.stringify(house.journal.events({ limit: 1_000 })));
  const all = texts.join("\n");
  expect(all.length).toBeGreaterThan(10_000);
  expect(secrets.every((secret) => secret.length > 10)).toBe(true);
  expect(secrets.filter((secret) => all.includes(secret))).toEqual([]);
});
