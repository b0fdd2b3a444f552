import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Right } from "../../src/power/access.ts";
import { ROLES } from "../../src/power/access.ts";
import type { OrderRecord, Role } from "../../src/power/order.ts";
import type { Lab } from "../power/lab.ts";
import { type Answer, type Asking, basic, bearer, House, token } from "./house.ts";

interface Route {
  readonly method: string;
  /** `:machine` stands for a machine's name. */
  readonly path: string;
  readonly right: Right;
  readonly body?: (machine: string) => unknown;
  /** What is answered to who may, where it is not 200. */
  readonly status?: number;
}

/** Every route that asks for a credential. */
const ROUTES: readonly Route[] = [
  { method: "GET", path: "/maas/:machine/query", right: "read" },
  { method: "POST", path: "/maas/:machine/on", right: "order" },
  { method: "POST", path: "/maas/:machine/cycle", right: "order" },
  { method: "POST", path: "/maas/:machine/off", right: "order" },
  { method: "GET", path: "/api/v1/status", right: "read" },
  { method: "GET", path: "/api/v1/machines", right: "read" },
  { method: "GET", path: "/api/v1/machines/:machine", right: "read" },
  { method: "POST", path: "/api/v1/machines/:machine/query", right: "read" },
  {
    method: "POST",
    path: "/api/v1/orders",
    right: "order",
    body: (machine) => ({ machine, verb: "on" }),
  },
  {
    method: "POST",
    path: "/api/v1/orders",
    right: "configure",
    body: (machine) => ({ machine, verb: "off", force: true }),
  },
  {
    method: "POST",
    path: "/api/v1/orders/bulk",
    right: "order",
    body: (machine) => ({ machines: [machine], verb: "on" }),
    status: 202,
  },
  { method: "GET", path: "/api/v1/orders", right: "read" },
  { method: "GET", path: "/api/v1/orders/none-1-abc", right: "read", status: 404 },
  { method: "POST", path: "/api/v1/orders/none-1-abc/cancel", right: "order", status: 404 },
  { method: "GET", path: "/api/v1/events", right: "read" },
  { method: "GET", path: "/api/v1/events/export", right: "read" },
  { method: "GET", path: "/api/v1/events/stream", right: "read" },
  { method: "GET", path: "/api/v1/live", right: "read" },
  { method: "GET", path: "/api/v1/hubs", right: "read" },
  { method: "GET", path: "/api/v1/hubs/:machine", right: "read" },
  { method: "GET", path: "/api/v1/machines/:machine/maas", right: "read" },
  { method: "GET", path: "/api/v1/configuration", right: "read" },
  { method: "GET", path: "/api/v1/configuration/resolved", right: "configure" },
  { method: "POST", path: "/api/v1/try", right: "configure", body: () => ({ machine: { driver: "assumed" } }) },
  { method: "GET", path: "/api/v1/drivers", right: "read" },
  { method: "GET", path: "/api/v1/drivers/simulated", right: "read" },
  { method: "GET", path: "/api/v1/openapi.json", right: "read" },
  { method: "GET", path: "/api/v1/docs/", right: "read" },
  { method: "GET", path: "/api/v1/session", right: "read" },
  { method: "GET", path: "/api/v1/tokens", right: "configure" },
  {
    method: "POST",
    path: "/api/v1/tokens",
    right: "configure",
    body: () => ({ name: "made", role: "viewer" }),
    status: 201,
  },
  { method: "DELETE", path: "/api/v1/tokens/nobody", right: "configure", status: 404 },
  { method: "GET", path: "/api/v1/users", right: "configure" },
  {
    method: "POST",
    path: "/api/v1/users",
    right: "configure",
    body: () => ({ name: "made", role: "viewer", password: "a-long-enough-one" }),
    status: 201,
  },
  { method: "DELETE", path: "/api/v1/users/nobody", right: "configure", status: 404 },
  { method: "GET", path: "/api/v1/hubs/:machine/outlets", right: "configure" },
  { method: "GET", path: "/api/v1/hubs/:machine/traps", right: "configure" },
  { method: "POST", path: "/api/v1/probes", right: "configure", body: () => ({}) },
  { method: "GET", path: "/api/v1/probes/none-1-abc", right: "configure", status: 404 },
  { method: "POST", path: "/api/v1/machines/:machine/lock", right: "lock", body: () => ({ reason: "disk swap" }) },
  { method: "POST", path: "/api/v1/machines/:machine/unlock", right: "lock", body: () => ({}) },
  { method: "POST", path: "/api/v1/hubs/:machine/trust", right: "configure", body: () => ({}) },
  { method: "POST", path: "/api/v1/configuration/reload", right: "configure", body: () => ({ dry_run: true }) },
  // Last: an off soon after it is not believed.
  { method: "POST", path: "/maas/:machine/reset", right: "order" },
];

/** Those that name a machine, or a hub called like one. */
const OF_MACHINES = ROUTES.filter(
  ({ path, body }) => path.includes(":machine") || (path.startsWith("/api/v1/orders") && body),
);

const RIGHTS: Readonly<Record<Role, readonly Right[]>> = {
  maas: ["read", "order"],
  viewer: ["read"],
  operator: ["read", "order", "lock"],
  admin: ["read", "order", "lock", "configure"],
};

const machines = (lab: Lab) => {
  lab.addMachine("nuc1", { boot: "0s", shutdown: "0s" });
  lab.addMachine("pi1", { boot: "0s", shutdown: "0s" });
};

/** A house that knows a token of each role, named like it. */
function house(): Promise<House> {
  return House.open({ machines, tokens: ROLES.map((role) => token(role, { role })) });
}

/** Asks, and answers nothing but the head of what does not end. */
async function call(house: House, route: Route, asking: Asking & { readonly machine?: string }): Promise<Answer> {
  const { machine = "nuc1", ...rest } = asking;
  const path = route.path.replace(":machine", machine);
  const body = route.body?.(machine);
  const whole = { method: route.method, ...(body !== undefined && { body }), ...rest };
  if (!/\/(?:stream|live)$/.test(path)) return house.lab.run(house.ask(path, whole));
  const response = await house.send(path, whole);
  const { statusCode = 0, headers } = response;
  if (statusCode !== 200) {
    const text = Buffer.concat((await response.toArray()) as Buffer[]).toString();
    return { status: statusCode, headers, text, json: <T>() => JSON.parse(text) as T };
  }
  response.destroy();
  return { status: 200, headers, text: "", json: <T>() => ({}) as T };
}

function allCommands({ lab }: House): string[] {
  return ["nuc1", "pi1"].flatMap((name) => lab.commands(name));
}

/** The documented routes that ask for a credential. */
async function documented(house: House): Promise<string[]> {
  const { paths } = (await house.described()).document;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security?.length !== 0)
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  );
}

describe("access", () => {
  test("is tried below on every route there is", async () => {
    await using open = await house();
    const matches = (route: string) =>
      ROUTES.some(({ method, path }) =>
        new RegExp(`^${route.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(`${method} ${path}`),
      );
    const routes = await documented(open);
    expect(routes.length).toBeGreaterThan(25);
    expect(routes.filter((route) => !matches(route))).toEqual([]);
  });

  test.each(ROLES)("lets the role %s do what it may on every route, and nothing else", async (role) => {
    await using open = await house();
    const forbidden = ROUTES.filter((route) => !RIGHTS[role].includes(route.right));
    for (const route of forbidden) {
      const answer = await call(open, route, { as: bearer(role) });
      expect([route.path, answer.status]).toEqual([route.path, 403]);
      expect(answer.json()).toMatchObject({ error: { code: "forbidden", hint: expect.any(String) } });
    }
    expect(allCommands(open).filter(() => !RIGHTS[role].includes("order"))).toEqual([]);
    for (const route of ROUTES.filter((candidate) => !forbidden.includes(candidate))) {
      const { status } = await call(open, route, { as: bearer(role) });
      expect([route.path, status]).toEqual([route.path, route.status ?? 200]);
    }
    expect(open.faults).toEqual([]);
  });

  test("asks for a credential on every route, and switches nothing without one", async () => {
    await using open = await house();
    const credentials = [
      {},
      { as: "" },
      { as: "Bearer" },
      { as: "Bearer " },
      { as: bearer("operator x") },
      { as: "Digest username=operator" },
      { as: "Basic operator" },
      { as: "operator" },
    ];
    for (const [number, route] of ROUTES.entries()) {
      for (const credential of credentials) {
        // From an address of its own each, so that none is turned away for having failed before.
        const answer = await call(open, route, { ...credential, from: `127.0.1.${number + 1}` });
        expect([route.path, credential, answer.status]).toEqual([route.path, credential, 401]);
        expect(answer.headers["www-authenticate"]).toMatch(/^Bearer realm=.*Basic realm=/);
        expect(answer.json()).toMatchObject({ error: { code: "unauthenticated" } });
      }
    }
    expect(allCommands(open)).toEqual([]);
  });

  test("answers of a hidden machine what it answers of one that does not exist, to the byte", async () => {
    await using open = await House.open({
      machines,
      tokens: [token("nucs", { role: "admin", machines: ["nuc*"] })],
    });
    for (const route of OF_MACHINES) {
      const [hidden, absent] = await Promise.all(
        ["pi1", "zz9"].map(async (machine) => {
          const answer = await call(open, route, { machine, as: bearer("nucs") });
          const { date: _date, "x-request-id": _request, ...headers } = answer.headers;
          return { ...headers, status: answer.status, text: answer.text.replaceAll(machine, "NAME") };
        }),
      );
      expect(hidden).toEqual(absent);
      const status = route.path.startsWith("/maas") ? 422 : route.path.endsWith("/bulk") ? 202 : 404;
      expect([route.path, hidden?.status]).toEqual([route.path, status]);
    }
    expect(allCommands(open)).toEqual([]);
  });

  test("lets a credential be used from its networks alone, on every route", async () => {
    await using open = await House.open({
      machines,
      tokens: [token("rack", { role: "admin", from: ["127.0.0.2", "127.0.3.0/24"] })],
    });
    for (const route of ROUTES) {
      const answer = await call(open, route, { as: bearer("rack"), from: "127.0.0.3" });
      expect([route.path, answer.status]).toEqual([route.path, 403]);
      expect(answer.json()).toMatchObject({
        error: { code: "forbidden_network", message: "rack may not be used from 127.0.0.3" },
      });
    }
    expect(allCommands(open)).toEqual([]);
    expect((await open.ask("/api/v1/machines", { as: bearer("rack"), from: "127.0.0.2" })).status).toBe(200);
    expect((await open.ask("/maas/nuc1/query", { as: bearer("rack"), from: "127.0.3.9" })).status).toBe(200);
  });

  test("believes no header about where a caller is", async () => {
    await using open = await House.open({ machines, tokens: [token("rack", { from: ["127.0.0.2"] })] });
    const headers = {
      "x-forwarded-for": "127.0.0.2",
      "x-real-ip": "127.0.0.2",
      forwarded: "for=127.0.0.2",
      "x-local-user": "root",
    };
    for (const path of ["/api/v1/machines", "/maas/nuc1/query"])
      expect((await open.ask(path, { as: bearer("rack"), headers, from: "127.0.0.3" })).status).toBe(403);
  });

  test("shows and tells of the machines alone that a credential is limited to", async () => {
    await using open = await House.open({
      machines: (lab) => {
        machines(lab);
        lab.addMachine("pi-off", { fault: "unreachable" });
      },
      tokens: [token("all"), token("nucs", { role: "viewer", machines: ["nuc*"] })],
    });
    for (const machine of ["nuc1", "pi1", "pi-off"])
      await open.lab.run(
        open.ask("/api/v1/orders", { method: "POST", as: bearer("all"), body: { machine, verb: "on" } }),
      );
    const paths = ["machines", "orders", "events", "hubs", "status"].map((name) => `/api/v1/${name}`);
    for (const path of [...paths, "/api/v1/orders?machine=pi1", "/api/v1/events?machine=pi1"]) {
      const { status, text } = await open.ask(path, { as: bearer("nucs") });
      expect([path, status]).toEqual([path, 200]);
      expect(text).not.toMatch(/pi1|pi-off/);
      const all = await open.ask(path, { as: bearer("all") });
      expect(all.text).toMatch(/pi1|pi-off/);
    }
    const ofPi = (await open.ask("/api/v1/orders?machine=pi1", { as: bearer("all") })).json<{
      orders: OrderRecord[];
    }>();
    const id = ofPi.orders[0]?.id ?? "";
    const hidden = await open.ask(`/api/v1/orders/${id}`, { as: bearer("nucs") });
    expect(hidden.status).toBe(404);
    expect(hidden.text.replace(id, "none-1-abc")).toBe(
      (await open.ask("/api/v1/orders/none-1-abc", { as: bearer("nucs") })).text,
    );
  });

  test("names no neighbour in the failure of a shared hub, and lists a hub's outlets only to who sees all on it", async () => {
    await using open = await House.open({
      machines: (lab) => {
        const shared = (outlet: string, fault?: string) => lab.outlet("rack", { outlet, ...(fault && { fault }) });
        lab.add("nuc1", { query: { kind: "one", outlet: shared("one") } });
        const vault = shared("the-vault", "unreachable");
        const stages = { on: [{ outlet: vault, wait: 1_000 }], off: [], cycle: [], reset: [] };
        lab.add("secret", { query: { kind: "one", outlet: vault }, stages });
      },
      tokens: [token("all", { role: "admin" }), token("nucs", { role: "admin", machines: ["nuc*"] })],
    });
    // A command goes to one outlet alone, so its failure names it.
    const order = { machine: "secret", verb: "on", wait: false };
    await open.ask("/api/v1/orders", { method: "POST", as: bearer("all"), body: order });
    await open.lab.wait(1_000);
    expect((await open.ask("/api/v1/hubs", { as: bearer("all") })).text).toContain("the-vault");
    const hubs = await open.ask("/api/v1/hubs", { as: bearer("nucs") });
    expect(hubs.json()).toMatchObject({
      hubs: [{ name: "rack", machines: ["nuc1"], failing: { code: "unreachable" } }],
    });
    expect(hubs.text).not.toMatch(/vault|secret/);
    expect((await open.ask("/api/v1/hubs/rack/outlets", { as: bearer("nucs") })).status).toBe(403);
    expect((await open.ask("/api/v1/hubs/rack/outlets", { as: bearer("all") })).text).toContain("the-vault");
  });

  test("tells anybody whether it is well, and nothing else", async () => {
    await using open = await house();
    expect((await open.ask("/healthz")).text).toBe('{"ok":true}');
    expect((await open.ask("/readyz")).text).toBe('{"ok":true}');
    writeFileSync(open.paths.credentials, "{ this is no JSON");
    open.credentials.refresh();
    const unwell = await open.ask("/readyz");
    expect([unwell.status, unwell.text]).toEqual([503, '{"ok":false}']);
    expect((await open.ask("/healthz")).status).toBe(200);
  });

  test("lets no page of another site use what a browser knows", async () => {
    await using open = await house();
    const asking = { method: "POST", as: basic("anybody", "operator") };
    const orders = { ...asking, body: { machine: "nuc1", verb: "on" } };
    for (const origin of ["https://evil.example", "null", `http://127.0.0.1:${open.port + 1}`]) {
      const headers = { origin };
      expect((await open.ask("/api/v1/orders", { ...orders, headers })).status).toBe(403);
      expect((await open.ask("/maas/nuc1/on", { ...asking, headers })).status).toBe(403);
      expect((await open.ask("/api/v1/orders/none-1-abc/cancel", { ...asking, headers })).status).toBe(403);
    }
    expect(allCommands(open)).toEqual([]);
    const own = { origin: `http://127.0.0.1:${open.port}` };
    expect((await open.ask("/api/v1/orders", { ...orders, headers: own })).status).toBe(200);
    expect(allCommands(open)).toEqual(["on"]);
  });

  test("knows a token within a second of its making, and of its revoking", async () => {
    await using open = await house();
    const made = await open.credentials.addToken({ name: "new", role: "viewer", machines: ["*"], from: [] });
    expect((await open.ask("/maas/nuc1/query", { as: bearer(made) })).status).toBe(200);
    await open.credentials.revoke("tokens", "new");
    expect((await open.ask("/maas/nuc1/query", { as: bearer(made) })).status).toBe(401);
  });
});
