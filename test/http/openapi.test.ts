import { writeFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { z } from "zod";
import { type Driver, defineDriver } from "../../src/power/driver.ts";
import { type ErrorCode, PowerError } from "../../src/power/errors.ts";
import type { OrderRecord } from "../../src/power/order.ts";
import type { Lab } from "../power/lab.ts";
import { type Asking, bearer, House, token } from "./house.ts";

const tokens = [
  token("otto", { role: "admin" }),
  token("eyes", { role: "viewer" }),
  token("elsewhere", { role: "admin", from: ["192.0.2.0/24"] }),
];
const admin = { as: bearer("otto") };

/** Everything it is asked fails in the same way. */
function failing(code: ErrorCode): Driver {
  const fail = () => Promise.reject(new PowerError(code, `it fails: ${code}`));
  return defineDriver({
    name: `fails-${code.replaceAll("_", "-")}`,
    title: "For tests",
    family: "Tests",
    summary: "Fails.",
    sources: [],
    examples: [],
    cuts: "vm",
    hub: z.object({}),
    outlet: z.object({}),
    on: fail,
    off: fail,
    query: fail,
    list: fail,
    examine: fail,
  });
}

/** A machine, and a hub, for each status that a failure has. */
const FAILURES: Readonly<Record<string, ErrorCode>> = {
  "fails-422": "unsupported",
  "fails-502": "refused",
  "fails-503": "unreachable",
  "fails-504": "timeout",
};

function machines(lab: Lab): void {
  const instant = { boot: "0s", shutdown: "0s" };
  lab.addMachine("nuc1", instant);
  lab.addMachine("stuck", { fault: "stuck" }, { verify: 20_000 });
  lab.addMachine("guarded", { ...instant, initial: "on" }, { protect: "all" });
  lab.addMachine("locked", instant);
  lab.addMachine("slow", { boot: "500s" }, { verify: 600_000 });
  for (const [name, code] of Object.entries(FAILURES)) {
    const outlet = lab.outlet(name, {}, failing(code));
    const stages = { on: [{ outlet, wait: 1_000 }], off: [], cycle: [], reset: [] };
    lab.add(name, { query: { kind: "one", outlet }, stages });
  }
}

/** What every route refuses in the same way, asked of every documented route. */
async function refusals(house: House): Promise<void> {
  const { paths } = (await house.described()).document;
  const throttled = "127.0.9.9";
  let callers = 0;
  for (let attempt = 0; attempt < 30; attempt++)
    await house.ask("/api/v1/status", { as: bearer(`wrong ${attempt}`), from: throttled });
  for (const [template, methods] of Object.entries(paths)) {
    const path = template.replaceAll(/\{\w+\}/g, "absent");
    for (const [lower, { responses }] of Object.entries(methods)) {
      const method = lower.toUpperCase();
      const open = template === "/api/v1/session" && method !== "GET";
      const ask = async (status: number, asked: string, asking: Asking) => {
        if (!(String(status) in responses)) return;
        const answer = await house.ask(asked, { method, ...asking });
        expect([method, asked, answer.status]).toEqual([method, asked, status]);
      };
      const session = (secret: string) => (open ? { body: { token: secret } } : { as: bearer(secret) });
      // From an address of its own each, so that none is turned away for having failed before.
      callers += 1;
      await ask(401, path, { ...session("nobody"), from: `127.0.2.${callers}` });
      await ask(429, path, { ...session("nobody"), from: throttled });
      if (method !== "DELETE" || !open) await ask(403, path, session("elsewhere"));
      if (method === "GET")
        await ask(400, template.includes("{") ? template.replace(/\{\w+\}/, "%zz") : `${path}?no=1`, admin);
      else await ask(400, path, { ...admin, body: "{" });
      await ask(413, path, { ...admin, body: JSON.stringify("x".repeat(600_000)) });
      await ask(414, template.replace(/\{\w+\}/, "x".repeat(300)), admin);
      await ask(415, path, { ...admin, body: "<a/>", headers: { "content-type": "text/xml" } });
      const body = path.endsWith("/lock") ? { reason: "x" } : undefined;
      if (template.includes("{")) await ask(404, path, { ...admin, ...(body && { body }) });
    }
  }
}

async function order(house: House, body: Record<string, unknown>): Promise<number> {
  const answer = await house.lab.run(house.ask("/api/v1/orders", { ...admin, method: "POST", body }));
  return answer.status;
}

async function orders(house: House): Promise<void> {
  expect(await order(house, { machine: "nuc1", verb: "on" })).toBe(200);
  expect(await order(house, { machine: "absent", verb: "on" })).toBe(404);
  expect(await order(house, { machine: "guarded", verb: "off" })).toBe(403);
  expect(await order(house, { machine: "fails-502", verb: "off" })).toBe(422);
  expect(await order(house, { machine: "fails-502", verb: "on" })).toBe(502);
  expect(await order(house, { machine: "fails-503", verb: "on" })).toBe(503);
  expect(await order(house, { machine: "stuck", verb: "on" })).toBe(504);
  await house.ask("/api/v1/machines/locked/lock", { ...admin, method: "POST", body: { reason: "disk swap" } });
  expect(await order(house, { machine: "locked", verb: "on" })).toBe(423);
  expect(await order(house, { machine: "slow", verb: "on", timeout_ms: 0 })).toBe(202);
  const superseded = house.ask("/api/v1/orders", { ...admin, method: "POST", body: { machine: "slow", verb: "on" } });
  // It joins what is under way, before that is overruled.
  await house.lab.wait(1_000);
  expect(await order(house, { machine: "slow", verb: "off", timeout_ms: 0 })).toBe(202);
  expect((await house.lab.run(superseded)).status).toBe(409);
  const bulk = { machines: ["nuc1", "absent", "locked"], verb: "on" };
  expect((await house.ask("/api/v1/orders/bulk", { ...admin, method: "POST", body: bulk })).status).toBe(202);
  const list = await house.ask("/api/v1/orders", admin);
  const known = list.json<{ orders: OrderRecord[] }>().orders;
  const of = (machine: string) => `/api/v1/orders/${known.find((listed) => listed.machine === machine)?.id}`;
  expect((await house.ask(of("nuc1"), admin)).status).toBe(200);
  expect((await house.ask(`${of("slow")}/cancel`, { ...admin, method: "POST" })).status).toBe(200);
  expect((await house.ask(`${of("stuck")}/cancel`, { ...admin, method: "POST" })).status).toBe(422);
}

/** Asks for all that is merely told, and what switches nothing. */
async function questions(house: House): Promise<void> {
  const get = [
    "status openapi.json configuration configuration/resolved drivers drivers/simulated tokens users session",
    "machines machines/nuc1 machines/nuc1/maas hubs hubs/nuc1 hubs/nuc1/outlets hubs/nuc1/traps events events/export events/export?format=json",
  ];
  for (const path of get.join(" ").split(" ")) {
    const { status } = await house.ask(`/api/v1/${path}`, admin);
    expect([path, status]).toEqual([path, 200]);
  }
  for (const [name] of Object.entries(FAILURES)) {
    const expected = Number(name.replace("fails-", ""));
    const queried = await house.lab.run(house.ask(`/api/v1/machines/${name}/query`, { ...admin, method: "POST" }));
    const listed = await house.lab.run(house.ask(`/api/v1/hubs/${name}/outlets`, admin));
    const examined = await house.lab.run(house.ask(`/api/v1/hubs/${name}/traps`, admin));
    expect([name, queried.status, listed.status, examined.status]).toEqual([name, expected, expected, expected]);
  }
  const post: readonly (readonly [string, unknown, number])[] = [
    ["machines/nuc1/query", undefined, 200],
    ["machines/nuc1/lock", { reason: "disk swap" }, 200],
    ["machines/nuc1/unlock", undefined, 200],
    ["hubs/nuc1/trust", undefined, 200],
    ["hubs/fails-502/trust", undefined, 422],
    ["configuration/reload", { dry_run: true }, 200],
    ["try", { machine: { driver: "assumed" } }, 200],
    ["probes", undefined, 200],
    ["tokens", { name: "made", role: "viewer" }, 201],
    ["users", { name: "made", role: "viewer", password: "a-long-enough-one" }, 201],
  ];
  for (const [path, body, status] of post) {
    const asking = { ...admin, method: "POST", ...(body !== undefined && { body }) };
    const answer = await house.lab.run(house.ask(`/api/v1/${path}`, asking));
    expect([path, answer.status, answer.text]).toEqual([path, status, answer.text]);
  }
  const { probe } = (await house.ask("/api/v1/probes", { ...admin, method: "POST" })).json<{ probe: string }>();
  expect((await house.ask(`/api/v1/probes/${probe}`, admin)).status).toBe(200);
  for (const kind of ["tokens", "users"])
    expect((await house.ask(`/api/v1/${kind}/made`, { ...admin, method: "DELETE" })).status).toBe(204);
}

async function streams(house: House): Promise<void> {
  for (const path of ["/api/v1/live", "/api/v1/events/stream"]) {
    const response = await house.send(path, admin);
    const { statusCode: status = 0, headers } = response;
    const type = headers["content-type"];
    const exchange = { method: "GET", path, sent: undefined, status, type, text: "" };
    const kept = (await house.described()).check(exchange);
    response.destroy();
    house.kept.add(kept ?? "");
  }
}

async function sessions(house: House): Promise<void> {
  const opened = await house.ask("/api/v1/session", { method: "POST", body: { token: "otto" } });
  expect(opened.status).toBe(200);
  const cookie = opened.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
  const leave = { method: "DELETE", headers: { cookie } };
  // Without what only a page of ours sends.
  expect((await house.ask("/api/v1/session", leave)).status).toBe(403);
  const ours = { ...leave, headers: { cookie, "x-mso-request": "1" } };
  expect((await house.ask("/api/v1/session", ours)).status).toBe(204);
}

/** While all is well, and with a credentials file that cannot be used. */
async function health(house: House): Promise<void> {
  expect((await house.ask("/healthz")).status).toBe(200);
  expect((await house.ask("/readyz")).status).toBe(200);
  writeFileSync(house.paths.credentials, "{ this is no JSON");
  house.credentials.refresh();
  expect((await house.ask("/readyz")).status).toBe(503);
  const made = { name: "made", role: "viewer" };
  for (const [kind, body] of [
    ["tokens", made],
    ["users", { ...made, password: "a-long-enough-one" }],
  ] as const) {
    const added = await house.ask(`/api/v1/${kind}`, { ...admin, method: "POST", body });
    const revoked = await house.ask(`/api/v1/${kind}/made`, { ...admin, method: "DELETE" });
    expect([kind, added.status, revoked.status]).toEqual([kind, 500, 500]);
  }
}

test("every route keeps every promise of the document: each status is answered as described, and no other", async () => {
  await using house = await House.open({ machines, tokens });
  await refusals(house);
  await questions(house);
  await orders(house);
  await streams(house);
  await sessions(house);
  await health(house);
  const { promises } = await house.described();
  expect(promises.length).toBeGreaterThan(200);
  expect(promises.filter((promise) => !house.kept.has(promise))).toEqual([]);
  expect(house.faults).toEqual([]);
  // Some four hundred requests, each on a connection of its own.
}, 60_000);

test("the document is OpenAPI 3.1 as its specification has it, and served as it is", async () => {
  await using house = await House.open({ tokens });
  const { document } = await house.described();
  expect(document).toMatchObject({ openapi: "3.1.0", servers: [{ url: "../.." }] });
  expect(await new Validator().validate({ ...structuredClone(document) })).toEqual({ valid: true });
  const served = await house.ask("/api/v1/openapi.json", { as: bearer("eyes") });
  expect(served.json()).toEqual(document);
});

test("the document tells of every operation what it is for, and names each once", async () => {
  await using house = await House.open({ tokens });
  const { paths } = (await house.described()).document;
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(operations.length);
  for (const { summary, tags } of operations)
    expect([summary, tags]).toEqual([expect.stringMatching(/^[A-Z]/), [expect.any(String)]]);
});

test("the page to browse it holds nothing inline, asks nobody else, and stands below any base path", async () => {
  await using house = await House.open({ tokens, front: { base: "/power" } });
  const first = await house.ask("/power/api/v1/docs", admin);
  expect([first.status, first.headers.location]).toEqual([302, "docs/"]);
  const page = await house.ask("/power/api/v1/docs/", admin);
  expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  const policy = page.headers["content-security-policy"] ?? "";
  expect(policy).toMatch(/default-src 'none'.*script-src 'self'/);
  expect(policy).not.toMatch(/unsafe|https?:/);
  expect(page.text).not.toMatch(/<script(?![^>]* src=)|\son\w+=|https?:/);
  const parts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part = ""]) => part);
  expect(parts.length).toBeGreaterThan(4);
  for (const part of parts) {
    expect(part).toMatch(/^\.\//);
    const { pathname } = new URL(part, "http://daemon/power/api/v1/docs/");
    const { status } = await house.ask(pathname, admin);
    expect([part, status]).toEqual([part, 200]);
  }
  const json = await house.ask("/power/api/v1/docs/json", admin);
  expect(json.json()).toMatchObject({ openapi: "3.1.0", servers: [{ url: "../../.." }] });
  expect((await house.ask("/power/api/v1/docs/", {})).status).toBe(401);
});
