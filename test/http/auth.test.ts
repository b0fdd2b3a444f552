import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { AccessError } from "../../src/http/access-error.ts";
import { Authenticator } from "../../src/http/auth.ts";
import type { Principal } from "../../src/http/principal.ts";
import type { AccessRules, UserGrant } from "../../src/power/access.ts";
import { basic, bearer, House, token } from "./house.ts";

/** Of the password `right`, quick to check: scrypt with N = 1024, made by Python's hashlib. */
const QUICK = "scrypt:1024:8:1:c2FsdHNhbHRzYWx0c2FsdA==:NxheqC03Kq6y6MF1Ni36TkbiynSBfkym1GpETMHqiQ8=";

function user(name: string, more: Partial<UserGrant> = {}): UserGrant {
  return { name, role: "operator", machines: ["*"], from: [], passwordHash: QUICK, ...more };
}

/** Whoever asks a daemon that knows these rules, at a time of the test's. */
class Door {
  now = 0;
  rules: AccessRules;
  readonly #authenticator = new Authenticator({ now: () => this.now, rules: () => [this.rules] });

  constructor(rules: Partial<AccessRules>) {
    this.rules = { tokens: [], users: [], ...rules };
  }

  async knock(authorization: string | undefined, address = "10.0.0.1"): Promise<Principal> {
    return this.#authenticator.authenticate(authorization, () => address);
  }

  /** The id of who was let in; the kind of the refusal where nobody was. */
  async hears(authorization: string | undefined, address?: string): Promise<string> {
    try {
      return (await this.knock(authorization, address)).actor.id;
    } catch (error) {
      if (error instanceof AccessError) return error.kind;
      throw error;
    }
  }

  async retryAfter(authorization: string, address?: string): Promise<number | undefined> {
    try {
      await this.knock(authorization, address);
    } catch (error) {
      if (error instanceof AccessError) return error.retryAfter;
    }
    return undefined;
  }
}

describe("credentials", () => {
  test("are tokens as Bearer, and as the password of any user, as MAAS sends its fields", async () => {
    const door = new Door({ tokens: [token("mso_secret", { name: "maas" })] });
    expect(await door.hears(bearer("mso_secret"))).toBe("token:maas");
    expect(await door.hears("bEaReR  mso_secret ")).toBe("token:maas");
    expect(await door.hears(basic("anybody", "mso_secret"))).toBe("token:maas");
    expect(await door.hears(basic("", "mso_secret"))).toBe("token:maas");
    expect(await door.hears(bearer("mso_secre"))).toBe("unauthenticated");
    expect(await door.hears(undefined)).toBe("unauthenticated");
  });

  test("may be in any script, in UTF-8 as MAAS sends them", async () => {
    const hash = (text: string) => createHash("sha256").update(text).digest("hex");
    const door = new Door({
      tokens: [{ ...token("maas"), sha256: hash("tokén–世界") }],
      users: [user("Jürgen 世界")],
    });
    expect(await door.hears(bearer("tokén–世界"))).toBe("token:maas");
    expect(await door.hears(basic("x", "tokén–世界"))).toBe("token:maas");
    expect(await door.hears(basic("Jürgen 世界", "right"))).toBe("user:Jürgen 世界");
    expect(await door.hears(basic("Jürgen 世界", "right:"))).toBe("unauthenticated");
  });

  test("are users with passwords, by their own name alone", async () => {
    const door = new Door({ users: [user("anna"), user("otto")] });
    expect(await door.hears(basic("anna", "right"))).toBe("user:anna");
    expect(await door.hears(basic("otto", "right"))).toBe("user:otto");
    expect(await door.hears(basic("anna", ""))).toBe("unauthenticated");
    expect(await door.hears(bearer("right"))).toBe("unauthenticated");
    expect(await door.hears("Basic YW5uYQ==")).toBe("unauthenticated");
  });

  test("say from where they may be used, whoever uses them", async () => {
    const from = ["10.0.0.0/24"];
    const door = new Door({ tokens: [token("t", { from })], users: [user("anna", { from })] });
    for (const credential of [bearer("t"), basic("x", "t"), basic("anna", "right")]) {
      expect(await door.hears(credential, "10.0.0.9")).toMatch(/^(token|user):/);
      expect(await door.hears(credential, "::ffff:10.0.0.9")).toMatch(/^(token|user):/);
      expect(await door.hears(credential, "10.0.1.9")).toBe("forbidden_network");
      expect(await door.hears(credential, "")).toBe("forbidden_network");
    }
  });

  test("tell what they allow: machines by pattern, rights by role", async () => {
    const door = new Door({
      tokens: [token("t", { role: "viewer", machines: ["nuc*", "pi?", "*-lab"] })],
      users: [user("anna", { role: "admin", machines: [] })],
    });
    const viewer = await door.knock(bearer("t"));
    expect(["nuc1", "nuc", "x-lab", "pi?"].filter((name) => viewer.sees(name))).toHaveLength(4);
    expect(["pi1", "NUC1", "anuc", "x-lab2"].filter((name) => viewer.sees(name))).toEqual([]);
    expect([viewer.may("read"), viewer.may("order"), viewer.may("configure")]).toEqual([true, false, false]);
    const admin = await door.knock(basic("anna", "right"));
    expect([admin.may("configure"), admin.sees("nuc1")]).toEqual([true, false]);
  });

  test("count as long as they stand, and no longer than they are the same", async () => {
    const door = new Door({ tokens: [token("t")], users: [user("anna")] });
    const held = [await door.knock(bearer("t")), await door.knock(basic("anna", "right"))];
    door.rules = { tokens: [token("t")], users: [user("anna")] };
    expect(held.map((principal) => principal.stands())).toEqual([true, true]);
    door.rules = { tokens: [token("t", { role: "viewer" })], users: [user("anna", { from: ["10.0.0.2"] })] };
    expect(held.map((principal) => principal.stands())).toEqual([false, false]);
    door.rules = { tokens: [], users: [] };
    expect(held.map((principal) => principal.stands())).toEqual([false, false]);
  });
});

describe("failed logins", () => {
  test("with tokens slow down by address, and lock out no right token from there", async () => {
    const door = new Door({ tokens: [token("right")] });
    for (let time = 0; time < 6; time++) expect(await door.hears(bearer(`wrong ${time}`))).toBe("unauthenticated");
    expect(await door.hears(bearer("wrong"))).toBe("throttled");
    expect(await door.retryAfter(bearer("wrong"))).toBe(1);
    expect(await door.hears(bearer("right"))).toBe("token:right");
    expect(await door.hears(basic("x", "right"))).toBe("token:right");
    expect(await door.hears(bearer("wrong"), "10.0.0.2")).toBe("unauthenticated");
    door.now += 1_000;
    expect(await door.hears(bearer("wrong"))).toBe("unauthenticated");
    expect(await door.retryAfter(bearer("wrong"))).toBe(2);
  });

  test("with passwords slow down by address and name", async () => {
    const door = new Door({ users: [user("anna"), user("otto")] });
    for (let time = 0; time < 6; time++) expect(await door.hears(basic("anna", `${time}`))).toBe("unauthenticated");
    expect(await door.hears(basic("anna", "next"))).toBe("throttled");
    expect(await door.hears(basic("anna", "right"))).toBe("throttled");
    expect(await door.hears(basic("otto", "right"))).toBe("user:otto");
    expect(await door.hears(basic("anna", "right"), "10.0.0.2")).toBe("user:anna");
    door.now += 1_000;
    expect(await door.hears(basic("anna", "right"))).toBe("user:anna");
  });

  test("slow down all of an IPv6 host's addresses together", async () => {
    const door = new Door({});
    for (let host = 0; host < 6; host++) await door.hears(bearer("wrong"), `2001:db8::${host}`);
    expect(await door.hears(bearer("wrong"), "2001:db8::ffff")).toBe("throttled");
    expect(await door.hears(bearer("wrong"), "2001:db8:0:1::1")).toBe("unauthenticated");
  });

  test("with one wrong password, sent again and again, lock out no right one of the same user and rack", async () => {
    const door = new Door({ users: [user("anna")] });
    for (let poll = 0; poll < 30; poll++) {
      expect(["unauthenticated", "throttled"]).toContain(await door.hears(basic("anna", "of the wrong machine")));
      door.now += 10_000;
    }
    expect(await door.hears(basic("anna", "right"))).toBe("user:anna");
    for (let time = 0; time < 20; time++) await door.hears(basic("anna", "of the wrong machine"));
    expect(await door.hears(basic("anna", "of the wrong machine"))).toBe("throttled");
    expect(await door.hears(basic("anna", "right"))).toBe("user:anna");
  });

  test("of nobody look like those of a user", async () => {
    const door = new Door({ users: [user("anna")] });
    const messages = await Promise.all(
      ["anna", "nobody"].map((name) => door.knock(basic(name, "wrong")).catch((error: Error) => error.message)),
    );
    expect(new Set(messages).size).toBe(1);
  });

  test("in a flood leave power control as it is, and turn away whom they cannot serve", async () => {
    await using house = await House.open({
      machines: (lab) => lab.addMachine("nuc1", { boot: "0s" }),
      tokens: [token("maas", { role: "maas" })],
      users: [user("anna")],
    });
    const flood = Array.from({ length: 60 }, (_, number) =>
      house.ask("/maas/nuc1/on", { method: "POST", as: basic("anna", `guess ${number}`) }),
    );
    const began = performance.now();
    expect((await house.ask("/maas/nuc1/query", { as: bearer("maas") })).text).toBe('{"status":"stopped"}');
    expect((await house.ask("/maas/nuc1/on", { method: "POST", as: bearer("maas") })).text).toBe('{"result":"done"}');
    expect(performance.now() - began).toBeLessThan(5_000);
    const answers = await Promise.all(flood);
    const crowded = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 401).length + crowded.length).toBe(60);
    expect(crowded.length).toBeGreaterThan(30);
    for (const { headers } of crowded) expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    expect(house.lab.commands("nuc1")).toEqual(["on"]);
  });
});
