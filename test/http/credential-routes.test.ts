import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { basic, bearer } from "./house.ts";
import { MEANT, open, signedIn } from "./signing-in.ts";

describe("tokens and users", () => {
  test("are made, listed and revoked by who may, with a word in the journal, and work at once", async () => {
    await using house = await open();
    const headers = { ...(await signedIn(house)), ...MEANT };
    const ask = (path: string, method = "GET", body?: unknown) =>
      house.ask(`/api/v1/${path}`, { method, headers, ...(body !== undefined && { body }) });
    const made = await ask("tokens", "POST", { name: "rack", role: "maas", machines: ["nuc*"], from: ["127.0.0.0/8"] });
    expect([made.status, made.headers["cache-control"]]).toEqual([201, "no-store"]);
    const { token: secret } = made.json<{ token: string }>();
    expect(secret).toMatch(/^mso_[A-Za-z0-9]{40}$/);
    expect((await house.ask("/maas/nuc1/query", { as: bearer(secret) })).status).toBe(200);
    expect((await ask("users", "POST", { name: "eva", role: "viewer", password: "long enough" })).status).toBe(201);
    expect((await house.ask("/api/v1/machines", { as: basic("eva", "long enough") })).status).toBe(200);

    const [tokens, users] = [await ask("tokens"), await ask("users")];
    expect(tokens.json()).toEqual({
      tokens: [
        { name: "maas", role: "maas", machines: ["*"], from: [], origin: "configuration" },
        { name: "rack", role: "maas", machines: ["nuc*"], from: ["127.0.0.0/8"], origin: "made" },
      ],
    });
    expect(users.json()).toMatchObject({
      users: [{ name: "anna" }, { name: "otto" }, { name: "eva", origin: "made" }],
    });
    expect(tokens.text + users.text).not.toMatch(/scrypt|sha256|mso_|[0-9a-f]{64}/);

    expect((await ask("tokens/rack", "DELETE")).status).toBe(204);
    expect((await house.ask("/maas/nuc1/query", { as: bearer(secret) })).status).toBe(401);
    expect((await ask("users/eva", "DELETE")).status).toBe(204);
    const { text } = await ask("events");
    for (const what of ["token rack was added", "user eva was added", "token rack was revoked", "user eva was revoked"])
      expect(text).toContain(what);
    expect(text).not.toContain(secret);
  });

  test("of the configuration are changed there, and a name stands for one", async () => {
    await using house = await open();
    const headers = { ...(await signedIn(house)), ...MEANT };
    expect((await house.ask("/api/v1/tokens/maas", { method: "DELETE", headers })).status).toBe(404);
    expect((await house.ask("/api/v1/users/anna", { method: "DELETE", headers })).status).toBe(404);
    for (const [path, body] of [
      ["tokens", { name: "maas", role: "maas" }],
      ["tokens", { name: "generated", role: "maas" }],
      ["tokens", { name: "a b", role: "maas" }],
      ["tokens", { name: "x", role: "root" }],
      ["tokens", { name: "x", role: "maas", from: ["10.0.0.0/33"] }],
      ["users", { name: "anna", role: "admin", password: "long enough" }],
      ["users", { name: "x", role: "admin", password: "short" }],
    ] as const) {
      const answer = await house.ask(`/api/v1/${path}`, { method: "POST", body, headers });
      expect([body, answer.status]).toEqual([body, 400]);
    }
    expect(house.credentials.rules).toMatchObject({ tokens: [], users: [] });
    writeFileSync(house.paths.credentials, "{ damaged");
    const body = { name: "x", role: "maas" };
    const unkept = await house.ask("/api/v1/tokens", { method: "POST", body, headers });
    expect([unkept.status, unkept.json()]).toMatchObject([500, { error: { code: "config" } }]);
    expect(house.faults).toEqual([]);
  });
});
