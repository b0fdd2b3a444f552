/** People who sign in to a house: anna is an admin, otto an operator, and both have the password `right`. */
import { expect } from "vitest";
import type { UserGrant } from "../../src/power/access.ts";
import { type Answer, type Asking, House, type HouseOptions, token } from "./house.ts";

/** Of the password `right`, quick to check: scrypt with N = 1024, made by Python's hashlib. */
export const QUICK = "scrypt:1024:8:1:c2FsdHNhbHRzYWx0c2FsdA==:NxheqC03Kq6y6MF1Ni36TkbiynSBfkym1GpETMHqiQ8=";
/** What a page of ours sends beside the cookie. */
export const MEANT = { "x-mso-request": "1" };

export function user(name: string, more: Partial<UserGrant> = {}): UserGrant {
  return { name, role: "operator", machines: ["*"], from: [], passwordHash: QUICK, ...more };
}

export function open(options: Partial<HouseOptions> = {}): Promise<House> {
  return House.open({
    machines: (lab) => {
      lab.addMachine("nuc1", { boot: "0s", shutdown: "0s" });
      lab.addMachine("pi1", { boot: "0s", shutdown: "0s" });
    },
    users: [user("anna", { role: "admin" }), user("otto")],
    tokens: [token("maas", { role: "maas" })],
    ...options,
  });
}

export const ANNA = { name: "anna", password: "right" };

export function signIn(house: House, body: unknown = ANNA, asking: Asking = {}): Promise<Answer> {
  return house.ask("/api/v1/session", { method: "POST", body, ...asking });
}

/** The cookie that an answer sets, as a browser sends it back. */
export function cookieOf({ headers }: Answer): string {
  return (headers["set-cookie"]?.[0] ?? "").split(";", 1)[0] ?? "";
}

export async function signedIn(house: House, body: unknown = ANNA): Promise<{ readonly cookie: string }> {
  const answer = await signIn(house, body);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return { cookie: cookieOf(answer) };
}

export async function who(house: House, headers: Record<string, string>): Promise<string | number> {
  const answer = await house.ask("/api/v1/session", { headers });
  return answer.status === 200 ? answer.json<{ actor: { id: string } }>().actor.id : answer.status;
}
